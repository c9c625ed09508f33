#include "score/pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "core/range.hpp"
#include "core/start_thread.hpp"
#include "core/top_k.hpp"
#include "score/chunk_queue.hpp"

namespace lamella::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

// Adds the time from its making to its end to a sum.
class BusyTime {
 public:
  explicit BusyTime(double& seconds) : seconds_(seconds) {}
  BusyTime(const BusyTime&) = delete;
  BusyTime& operator=(const BusyTime&) = delete;
  ~BusyTime() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  double& seconds_;
  Clock::time_point start_ = Clock::now();
};

// A buffer that is not touched before it is used: a small file does not pay for large chunks.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::size_t rows, std::size_t columns)
      : values_(std::make_unique_for_overwrite<T[]>(rows * columns)), columns_(columns) {}
  [[nodiscard]] MatrixView<T> rows(std::size_t count) const {
    return {values_.get(), count, columns_};
  }

 private:
  std::unique_ptr<T[]> values_;
  std::size_t columns_ = 0;
};

struct Slot {
  std::uint64_t number = 0;  // of its chunk
  std::uint64_t first_row = 0;
  std::size_t rows = 0;  // in use
  Buffer<float> inputs;
  Buffer<float> outputs;      // where they are written or checked
  Buffer<RankedOutput> top;   // where the largest are written
  Buffer<float> top_columns;  // the same as columns of numbers
};

class Pipeline {
 public:
  Pipeline(io::RowReader& reader, Engine& engine, io::RowWriter& writer, const RowOutput& output,
           const PipelineOptions& options)
      : reader_(reader), engine_(engine), writer_(writer), output_(output), options_(options) {
    const std::size_t rows = options.chunk_rows;
    rows_total_ = reader.rows();
    std::size_t slots = slots_for(options.lanes);
    if (rows_total_) {
      slots = static_cast<std::size_t>(std::min<std::uint64_t>(*rows_total_ / rows + 1, slots));
    }
    slots_.resize(slots);
    for (Slot& slot : slots_) {
      slot.inputs = Buffer<float>(rows, engine.network().inputs());
      if (output.is_plain() || options.check) {
        slot.outputs = Buffer<float>(rows, engine.network().outputs());
      }
      if (!output.is_plain()) {
        slot.top = Buffer<RankedOutput>(rows, output.top());
        slot.top_columns = Buffer<float>(rows, output.columns());
      }
      free_.push(&slot);
    }
    for (std::size_t i = 0; options.lanes > 1 && i < options.lanes; ++i) {
      siblings_.push_back(engine.sibling(1));
    }
    computing_ = options.lanes;
  }

  ScoreReport run() {
    {
      std::vector<std::jthread> stages;
      // A thread that cannot be started stops those that were, as any failure does. The reader is
      // the last: it may have to wait for its input before it can stop.
      guarded([&] {
        stages.reserve(options_.lanes + 2);
        if (options_.check) {
          stages.push_back(start([this] { check_chunks(); }));
        }
        stages.push_back(start([this] { write_chunks(); }));
        for (std::size_t i = 1; i < siblings_.size(); ++i) {
          stages.push_back(start([this, i] { compute_chunks(*siblings_[i], {}); }));
        }
        stages.push_back(start([this] { read_chunks(); }));
        compute_chunks(siblings_.empty() ? engine_ : *siblings_[0], options_.on_progress);
      });
    }  // joined: from here on this thread is alone
    if (error_) {
      std::rethrow_exception(error_);
    }
    refuse_if_cancelled();
    if (options_.on_progress && rows_reported_ < report_.rows) {
      options_.on_progress({report_.rows, rows_total_});
    }
    {
      const BusyTime busy(report_.seconds_writing);
      writer_.finish();
    }
    return report_;
  }

 private:
  template <class Stage>
  std::jthread start(Stage stage) {
    return core::start_thread([this, stage] { guarded(stage); });
  }

  void read_chunks() {
    const std::size_t wanted = options_.chunk_rows;
    std::uint64_t first_row = 0;
    std::uint64_t number = 0;
    while (const auto slot = free_.pop()) {
      refuse_if_cancelled();
      std::size_t rows = 0;
      {
        const BusyTime busy(report_.seconds_reading);
        const core::Range range("read chunk", wanted);
        rows = reader_.read((*slot)->inputs.rows(wanted));
      }
      if (rows > 0) {
        (*slot)->rows = rows;
        (*slot)->first_row = first_row;
        (*slot)->number = number++;
        first_row += rows;
        filled_.push(*slot);
      }
      if (rows < wanted) {
        break;  // the end
      }
    }
    filled_.close();
  }

  void compute_chunks(Engine& engine,
                      const std::function<void(const ScoreProgress&)>& on_progress) {
    double seconds = 0;
    while (const auto slot = filled_.pop()) {
      refuse_if_cancelled();
      const std::size_t rows = (*slot)->rows;
      {
        const BusyTime busy(seconds);
        const core::Range range("compute chunk", rows);
        if (output_.is_plain() || options_.check) {
          engine.run((*slot)->inputs.rows(rows), (*slot)->outputs.rows(rows));
        } else {
          engine.run_top_k((*slot)->inputs.rows(rows), (*slot)->top.rows(rows));
        }
      }
      computed_.push(*slot, (*slot)->number);
      const std::uint64_t done = rows_done_ += rows;
      if (on_progress) {
        on_progress({done, rows_total_});
        rows_reported_ = done;
      }
    }
    const std::lock_guard lock(computing_mutex_);
    report_.seconds_computing += seconds / static_cast<double>(options_.lanes);
    if (--computing_ == 0) {
      report_.rows = rows_done_;
      computed_.close();
    }
  }

  void check_chunks() {
    while (const auto slot = computed_.pop()) {
      {
        const BusyTime busy(report_.seconds_verifying);
        const std::size_t rows = (*slot)->rows;
        const core::Range range("verify chunk", rows);
        options_.check((*slot)->first_row, (*slot)->inputs.rows(rows), (*slot)->outputs.rows(rows));
      }
      checked_.push(*slot);
    }
    checked_.close();
  }

  void write_chunks() {
    ChunkQueue<Slot*>& ready = options_.check ? checked_ : computed_;
    while (const auto slot = ready.pop()) {
      const std::size_t rows = (*slot)->rows;
      {
        const BusyTime busy(report_.seconds_writing);
        const core::Range range("write chunk", rows);
        MatrixView<float> values = (*slot)->outputs.rows(rows);
        if (!output_.is_plain()) {
          if (options_.check) {
            core::select_top_k(values, (*slot)->top.rows(rows));
          }
          output_.to_columns((*slot)->top.rows(rows), (*slot)->top_columns.rows(rows));
          values = (*slot)->top_columns.rows(rows);
        }
        writer_.write(values);
      }
      free_.push(*slot);
    }
  }

  // Runs a stage; the first exception of any stage is kept, and stops them all.
  template <class Stage>
  void guarded(const Stage& stage) noexcept {
    try {
      stage();
    } catch (...) {
      {
        const std::lock_guard lock(error_mutex_);
        if (!error_) {
          error_ = std::current_exception();
        }
      }
      free_.abort();
      filled_.abort();
      computed_.abort();
      checked_.abort();
    }
  }

  void refuse_if_cancelled() const {
    if (options_.cancelled != nullptr && options_.cancelled->load()) {
      throw CancelledError("cancelled before the last row; no output file is left");
    }
  }

  io::RowReader& reader_;
  Engine& engine_;
  io::RowWriter& writer_;
  const RowOutput& output_;
  const PipelineOptions& options_;

  std::optional<std::uint64_t> rows_total_;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<Engine>> siblings_;  // one for each lane, where there are several
  ChunkQueue<Slot*> free_;
  ChunkQueue<Slot*> filled_;
  ChunkQueue<Slot*> computed_;
  ChunkQueue<Slot*> checked_;  // where there is a check
  std::atomic<std::uint64_t> rows_done_ = 0;
  std::uint64_t rows_reported_ = 0;  // by the caller's thread
  std::mutex computing_mutex_;
  std::size_t computing_ = 0;  // lanes that have not ended
  std::mutex error_mutex_;
  std::exception_ptr error_;
  // Written by a stage's thread alone (of computing: under the mutex), and read when it has ended.
  ScoreReport report_;
};

std::uint64_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  return pages > 0 && page_bytes > 0
             ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes)
             : UINT64_MAX;
}

}  // namespace

std::size_t values_per_row(const Network& network, const RowOutput& output, bool checked) {
  constexpr std::size_t kRanked = sizeof(RankedOutput) / sizeof(float);
  return network.inputs() + (output.is_plain() || checked ? network.outputs() : 0) +
         (output.is_plain() ? 0 : kRanked * output.top() + output.columns());
}

Chunks choose_chunks(const ChunkWish& wish, std::size_t values_per_row,
                     std::optional<std::uint64_t> rows_total) {
  constexpr std::size_t kWholeBlocks = 256;  // so that engines see few ragged ends
  constexpr std::size_t kChunksOfALane = 4;  // at least, so that all end at about the same time
  const std::size_t slots = slots_for(wish.lanes);
  std::size_t rows = wish.rows;
  if (rows == 0) {
    const std::size_t memory = wish.memory_bytes == 0
                                   ? kDefaultMemory * static_cast<std::size_t>(wish.devices)
                                   : wish.memory_bytes;
    rows = memory / slots / sizeof(float) / std::max<std::size_t>(values_per_row, 1);
    if (rows == 0 && wish.lanes == 1 && wish.memory_bytes != 0) {
      throw OutOfMemoryError(fmt::format(
          "{} bytes do not hold the {} rows of {} values that are under way at least: give more "
          "with --memory",
          wish.memory_bytes, slots, values_per_row));
    }
    if (rows > kWholeBlocks) {
      rows -= rows % kWholeBlocks;
    }
  }
  const std::size_t least_chunks = wish.lanes * kChunksOfALane;
  const auto with_one_lane = [&] {
    ChunkWish one = wish;
    one.lanes = 1;
    return choose_chunks(one, values_per_row, rows_total);
  };
  if (wish.lanes > 1 && (rows == 0 || (rows_total && *rows_total / rows < least_chunks))) {
    return with_one_lane();
  }
  rows = std::max<std::size_t>(rows, 1);
  if (rows_total) {
    rows = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(*rows_total, 1, static_cast<std::uint64_t>(rows)));
  }
  const auto values = core::checked_product(rows, values_per_row);
  const auto bytes = values ? core::checked_product(*values, slots * sizeof(float)) : std::nullopt;
  if (!bytes || *bytes > physical_memory()) {
    if (wish.lanes > 1) {
      return with_one_lane();
    }
    throw OutOfMemoryError(fmt::format(
        "{} chunks of {} rows with {} values each do not fit this machine's memory: take fewer "
        "rows with --chunk-rows",
        slots, rows, values_per_row));
  }
  return {.rows = rows, .lanes = wish.lanes};
}

ScoreReport run_pipeline(io::RowReader& reader, Engine& engine, io::RowWriter& writer,
                         const RowOutput& output, const PipelineOptions& options) {
  std::unique_ptr<Pipeline> pipeline;
  try {
    pipeline = std::make_unique<Pipeline>(reader, engine, writer, output, options);
  } catch (const std::bad_alloc&) {
    throw OutOfMemoryError(
        fmt::format("{} chunks of {} rows do not fit the memory that is left: take fewer rows with "
                    "--chunk-rows",
                    slots_for(options.lanes), options.chunk_rows));
  }
  ScoreReport report = pipeline->run();
  report.chunk_rows = options.chunk_rows;
  return report;
}

}  // namespace lamella::pipeline
