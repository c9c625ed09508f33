// The pipeline between fakes: its results, and its state after a stage fails.
#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>

#include "score/pipeline.hpp"
#include "tests/score/fakes.hpp"

namespace lamella::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

const RowOutput kPlain(OutputKind::kOutputs, 0, 3);
constexpr Reading kReadings[] = {Reading::kSequential, Reading::kUnknownCount,
                                 Reading::kInAnyOrder};

std::vector<float> expected_outputs(std::size_t rows) {
  std::vector<float> values;
  for (std::size_t r = 0; r < rows; ++r) {
    const auto x = static_cast<float>(r);
    values.insert(values.end(), {2 * x, 0, -2 * x});
  }
  return values;
}

ScoreReport run(FakeReader&& reader, FakeEngine& engine, FakeWriter& writer,
                PipelineOptions options, const RowOutput& output = kPlain) {
  return run_pipeline(reader, engine, writer, output, options);
}

// The message of the exception that a run throws.
std::string failure(FakeReader&& reader, FakeEngine&& engine, FakeWriter& writer,
                    const PipelineOptions& options = {.chunk_rows = 2}) {
  try {
    run_pipeline(reader, engine, writer, kPlain, options);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no failure";
}

TEST(Pipeline, WritesEveryRowInOrderWhateverTheChunkSize) {
  for (const std::size_t rows : {1, 2, 7, 8, 9, 100}) {
    for (const std::size_t chunk : {1, 3, 8, 1000}) {
      for (const Reading reading : kReadings) {
        FakeEngine engine;
        FakeWriter writer;
        const ScoreReport report =
            run(FakeReader(rows, reading), engine, writer, {.chunk_rows = chunk});
        EXPECT_EQ(writer.values, expected_outputs(rows)) << rows << " rows by " << chunk;
        EXPECT_TRUE(writer.finished);
        EXPECT_EQ(report.rows, rows);
        EXPECT_EQ(report.chunk_rows, chunk);
      }
    }
  }
}

TEST(Pipeline, FinishesAnOutputOfNoRowsWithoutTheEngine) {
  for (const Reading reading : kReadings) {
    FakeEngine engine;
    FakeWriter writer;
    const ScoreReport report = run(FakeReader(0, reading), engine, writer, {.chunk_rows = 4});
    EXPECT_EQ(report.rows, 0U);
    EXPECT_THAT(writer.values, IsEmpty());
    EXPECT_TRUE(writer.finished);
    EXPECT_THAT(engine.chunk_sizes, IsEmpty());
  }
}

TEST(Pipeline, SendsFullChunksAndTheRest) {
  FakeEngine engine;
  FakeWriter writer;
  run(FakeReader(10), engine, writer, {.chunk_rows = 4});
  EXPECT_THAT(engine.chunk_sizes, ElementsAre(4, 4, 2));
}

TEST(Pipeline, WritesASelectionOfTheOutputs) {
  FakeEngine engine;
  FakeWriter writer;
  // Outputs 2r, 0, -2r: the first is the largest; in row 0 all are equal and the first wins.
  run(FakeReader(5), engine, writer, {.chunk_rows = 2}, RowOutput(OutputKind::kArgmax, 0, 3));
  EXPECT_THAT(writer.values, ElementsAre(0, 0, 0, 0, 0));

  FakeWriter top_writer;
  run(FakeReader(2), engine, top_writer, {.chunk_rows = 2}, RowOutput(OutputKind::kTop, 2, 3));
  EXPECT_THAT(top_writer.values, ElementsAre(0, 0, 1, 0, 0, 2, 1, 0));
  EXPECT_EQ(engine.top_k_calls, 4U) << "three chunks and one";
}

TEST(Pipeline, SelectsFromAllOutputsWhereTheyAreCheckedAndWritesTheSame) {
  FakeEngine engine;
  FakeWriter writer;
  std::size_t checked = 0;
  const auto check = [&](std::uint64_t, MatrixView<const float>, MatrixView<const float> outputs) {
    checked += outputs.size();
  };
  run(FakeReader(2), engine, writer, {.chunk_rows = 2, .check = check},
      RowOutput(OutputKind::kTop, 2, 3));
  EXPECT_THAT(writer.values, ElementsAre(0, 0, 1, 0, 0, 2, 1, 0));
  EXPECT_EQ(checked, 6U);
  EXPECT_EQ(engine.top_k_calls, 0U);
}

TEST(Pipeline, KeepsOrderWhicheverStageIsSlow) {
  for (int slow = 0; slow < 3; ++slow) {
    const StageCallback sleeps = takes(milliseconds(3));
    FakeEngine engine(slow == 1 ? sleeps : StageCallback());
    FakeWriter writer(slow == 2 ? sleeps : StageCallback());
    run(FakeReader(30, Reading::kSequential, slow == 0 ? sleeps : StageCallback()), engine, writer,
        {.chunk_rows = 2});
    EXPECT_EQ(writer.values, expected_outputs(30));
  }
}

TEST(Pipeline, StagesWorkAtTheSameTimeAndReportTheirBusyTime) {
  FakeEngine engine(takes(milliseconds(10)));
  FakeWriter writer(takes(milliseconds(10)));
  const auto start = std::chrono::steady_clock::now();
  const ScoreReport report = run(FakeReader(20, Reading::kSequential, takes(milliseconds(10))),
                                 engine, writer, {.chunk_rows = 1});
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  EXPECT_GE(report.seconds_reading, 0.2);
  EXPECT_GE(report.seconds_computing, 0.2);
  EXPECT_GE(report.seconds_writing, 0.2);
  // Sequential stages would take the whole sum.
  EXPECT_LT(wall.count(),
            0.8 * (report.seconds_reading + report.seconds_computing + report.seconds_writing));
}

TEST(Pipeline, ReadsNoFurtherAheadThanItsBuffers) {
  std::atomic<std::size_t> read = 0;
  std::atomic<std::size_t> written = 0;
  std::atomic<std::size_t> furthest = 0;
  FakeEngine engine;
  FakeWriter writer([&](std::size_t) {
    std::this_thread::sleep_for(milliseconds(1));
    ++written;
  });
  run(FakeReader(50, Reading::kSequential,
                 [&](std::size_t n) {
                   read = n;
                   furthest = std::max(furthest.load(), n - std::min(n, written.load()));
                 }),
      engine, writer, {.chunk_rows = 1});
  EXPECT_EQ(read, 50U);
  EXPECT_LT(furthest, buffers_for(1));
}

// Workers finish their chunks out of order: every third call is slow, beginning with the first.
TEST(Pipeline, WorkersWriteEveryRowInOrder) {
  for (const std::size_t rows : {1, 7, 8, 9, 100}) {
    const Reading reading = kReadings[rows % 3];
    std::atomic<int> slow = 0;
    FakeEngine engine([&](std::size_t) {
      if (++slow % 3 == 1) {
        std::this_thread::sleep_for(milliseconds(1));
      }
    });
    FakeWriter writer;
    const auto caller = std::this_thread::get_id();
    std::vector<std::uint64_t> reported;
    const ScoreReport report =
        run(FakeReader(rows, reading), engine, writer,
            {.chunk_rows = 2, .workers = 3, .on_progress = [&](const ScoreProgress& progress) {
               EXPECT_EQ(std::this_thread::get_id(), caller);
               reported.push_back(progress.rows_done);
             }});
    EXPECT_EQ(writer.values, expected_outputs(rows));
    EXPECT_TRUE(writer.finished);
    EXPECT_EQ(report.rows, rows);
    EXPECT_THAT(engine.chunk_sizes, IsEmpty()) << "its clones compute";
    ASSERT_FALSE(reported.empty());
    EXPECT_TRUE(std::is_sorted(reported.begin(), reported.end()));
    EXPECT_EQ(reported.back(), rows);
  }
}

// Each read waits until another is in progress.
TEST(Pipeline, ReadsSeveralChunksAtOnceWhereTheyCanBeHadInAnyOrder) {
  std::atomic<int> reading = 0;
  std::atomic<bool> met = false;
  FakeEngine engine;
  FakeWriter writer;
  const auto meets = [&](std::size_t) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    if (++reading >= 2) {
      met = true;
    }
    while (!met && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    --reading;
  };
  std::vector<std::uint64_t> firsts;
  const auto check = [&](std::uint64_t first, MatrixView<const float> inputs,
                         MatrixView<const float>) {
    EXPECT_EQ(inputs(0, 0), static_cast<float>(first));
    firsts.push_back(first);
  };
  run(FakeReader(21, Reading::kInAnyOrder, meets), engine, writer,
      {.chunk_rows = 4, .readers = 3, .check = check});
  EXPECT_EQ(writer.values, expected_outputs(21));
  EXPECT_TRUE(met);
  EXPECT_THAT(firsts, ElementsAre(0, 4, 8, 12, 16, 20));
}

TEST(Pipeline, AFailingWorkerStopsItAndItsErrorIsThrown) {
  for (const int fails : {1, 2, 9}) {
    std::atomic<int> chunks = 0;
    FakeWriter writer;
    EXPECT_EQ(failure(FakeReader(1000, Reading::kUnknownCount), FakeEngine([&](std::size_t) {
                        if (++chunks == fails) {
                          throw std::runtime_error("lost");
                        }
                      }),
                      writer, {.chunk_rows = 2, .workers = 3}),
              "lost");
    EXPECT_FALSE(writer.finished);
    EXPECT_LT(writer.values.size(), 3000U);
  }
}

TEST(Pipeline, AFailingReaderStopsItAndItsErrorIsThrown) {
  for (const std::size_t chunk : {0, 1, 6}) {
    for (const Reading reading : kReadings) {
      FakeWriter writer;
      EXPECT_EQ(failure(FakeReader(100, reading, fails_at(chunk, "line 7")), FakeEngine(), writer),
                "line 7");
      EXPECT_FALSE(writer.finished);
    }
  }
}

TEST(Pipeline, AFailingEngineStopsItAndItsErrorIsThrown) {
  for (const std::size_t chunk : {0, 1, 49}) {
    FakeWriter writer;
    EXPECT_EQ(failure(FakeReader(100), FakeEngine(fails_at(chunk, "device lost")), writer),
              "device lost");
    EXPECT_FALSE(writer.finished);
  }
}

TEST(Pipeline, AFailingWriterStopsItAndItsErrorIsThrown) {
  for (const std::size_t chunk : {0, 1, 49}) {
    FakeWriter writer(fails_at(chunk, "disk full"));
    EXPECT_EQ(failure(FakeReader(100), FakeEngine(), writer), "disk full");
    EXPECT_FALSE(writer.finished);
  }
}

TEST(Pipeline, AFailureToFinishIsThrown) {
  FakeWriter writer;
  writer.fails_to_finish = true;
  EXPECT_EQ(failure(FakeReader(3), FakeEngine(), writer), "cannot finish");
}

TEST(Pipeline, TheFirstOfSeveralErrorsWins) {
  FakeWriter writer([](std::size_t) {
    std::this_thread::sleep_for(milliseconds(50));
    throw std::runtime_error("second");
  });
  EXPECT_EQ(
      failure(FakeReader(100, Reading::kSequential, fails_at(2, "first")), FakeEngine(), writer),
      "first");
}

TEST(Pipeline, ReportsProgressOnTheCallersThread) {
  std::vector<std::uint64_t> done;
  std::vector<std::thread::id> threads;
  PipelineOptions options{.chunk_rows = 4};
  options.on_progress = [&](const ScoreProgress& progress) {
    done.push_back(progress.rows_done);
    threads.push_back(std::this_thread::get_id());
    EXPECT_EQ(progress.rows_total, 10U);
  };
  FakeEngine engine;
  FakeWriter writer;
  run(FakeReader(10), engine, writer, options);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  ASSERT_FALSE(done.empty());
  EXPECT_EQ(done.back(), 10U);
  EXPECT_THAT(threads, Each(std::this_thread::get_id()));
}

// The callback waits until everything else is done: sleeping threads must be woken before it.
TEST(Pipeline, OthersGoOnWhileTheProgressCallbackTakesItsTime) {
  for (const std::size_t workers : {1, 2}) {
    std::atomic<std::size_t> written = 0;
    PipelineOptions options{.chunk_rows = 1, .workers = workers};
    options.on_progress = [&](const ScoreProgress& /*progress*/) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (written < 40 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(milliseconds(1));
      }
      EXPECT_EQ(written, 40U) << workers;
    };
    FakeEngine engine(takes(milliseconds(1)));
    FakeWriter writer([&](std::size_t) { ++written; });
    run(FakeReader(40), engine, writer, options);
  }
}

TEST(Pipeline, AChunkAloneStartsNoThread) {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
  };
  const auto before = threads();  // threads of other tests may still be exiting
  FakeEngine engine([&](std::size_t) { EXPECT_LE(threads(), before); });
  FakeWriter writer;
  run(FakeReader(4, Reading::kInAnyOrder), engine, writer, {.chunk_rows = 4, .readers = 3});
  EXPECT_EQ(writer.values, expected_outputs(4));
}

TEST(Pipeline, AnErrorOfTheProgressCallbackIsThrown) {
  PipelineOptions options{.chunk_rows = 4};
  options.on_progress = [](const ScoreProgress&) { throw std::runtime_error("callback"); };
  FakeWriter writer;
  EXPECT_EQ(failure(FakeReader(10), FakeEngine(), writer, options), "callback");
  EXPECT_FALSE(writer.finished);
}

TEST(Pipeline, CancellationStopsItUnfinished) {
  std::atomic<bool> cancelled = false;
  PipelineOptions options{.chunk_rows = 1};
  options.cancelled = &cancelled;
  options.on_progress = [&](const ScoreProgress& progress) {
    if (progress.rows_done >= 5) {
      cancelled = true;
    }
  };
  FakeEngine engine(takes(milliseconds(1)));
  FakeWriter writer;
  EXPECT_THROW(run(FakeReader(1000), engine, writer, options), CancelledError);
  EXPECT_FALSE(writer.finished);
  EXPECT_GE(engine.chunk_sizes.size(), 5U);
  EXPECT_LT(engine.chunk_sizes.size(), 1000U);
}

TEST(Pipeline, CancellationAfterTheLastChunkStillCounts) {
  std::atomic<bool> cancelled = false;
  PipelineOptions options{.chunk_rows = 10};
  options.cancelled = &cancelled;
  FakeEngine engine;
  FakeWriter writer([&](std::size_t) { cancelled = true; });
  EXPECT_THROW(run(FakeReader(10), engine, writer, options), CancelledError);
  EXPECT_FALSE(writer.finished);
}

}  // namespace
}  // namespace lamella::pipeline
