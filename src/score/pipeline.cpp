#include "score/pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/range.hpp"
#include "core/start_thread.hpp"
#include "core/top_k.hpp"
#include "score/schedule.hpp"

namespace lamella::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// An uninitialized buffer: pages are touched only when used, so a small file does not pay for large
// chunks.
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

// At most the chunk count; one more if only reading reveals the end.
std::size_t buffers_needed(const PipelineOptions& options, std::optional<std::uint64_t> rows_total,
                           std::optional<std::uint64_t> chunks) {
  const std::size_t buffers = buffers_for(options.workers, options.readers);
  if (!rows_total) {
    return buffers;
  }
  const std::uint64_t limit = chunks ? *chunks : *rows_total / options.chunk_rows + 1;
  return static_cast<std::size_t>(std::min<std::uint64_t>(limit, buffers));
}

// Several workers get one thread each: the system reads ahead and writes behind, so more threads
// would only compete for cores. A single worker, possibly a device, gets extra threads that read
// and write meanwhile, and one that checks. Each step holds a buffer, so threads beyond the buffer
// count would idle.
std::size_t threads_for(const PipelineOptions& options, std::size_t buffers) {
  const std::size_t threads =
      options.workers > 1 ? options.workers : options.readers + (options.check ? 3 : 2);
  return std::clamp<std::size_t>(buffers, 1, threads);
}

// The chunk count, if chunks can be read in any order.
std::optional<std::uint64_t> chunks_known(const io::RowReader& reader, std::size_t chunk_rows) {
  const auto rows = reader.rows();
  if (!rows || !reader.has_read_at()) {
    return std::nullopt;
  }
  return *rows / chunk_rows + (*rows % chunk_rows != 0 ? 1 : 0);
}

struct ChunkBuffers {
  std::uint64_t first_row = 0;
  std::size_t rows = 0;  // in use
  Buffer<float> inputs;
  Buffer<float> outputs;      // if written or checked
  Buffer<RankedOutput> top;   // if the largest are written
  Buffer<float> top_columns;  // the same as columns of numbers
};

class Pipeline {
 public:
  Pipeline(io::RowReader& reader, Engine& engine, io::RowWriter& writer, const RowOutput& output,
           const PipelineOptions& options)
      : reader_(reader),
        writer_(writer),
        output_(output),
        options_(options),
        rows_total_(reader.rows()),
        chunks_(chunks_known(reader, options.chunk_rows)),
        buffers_(buffers_needed(options, rows_total_, chunks_)),
        schedule_(buffers_.size(), options.workers, static_cast<bool>(options.check), chunks_) {
    const std::size_t rows = options.chunk_rows;
    for (ChunkBuffers& buffer : buffers_) {
      buffer.inputs = Buffer<float>(rows, engine.network().inputs());
      if (output.is_plain() || options.check) {
        buffer.outputs = Buffer<float>(rows, engine.network().outputs());
      }
      if (!output.is_plain()) {
        buffer.top = Buffer<RankedOutput>(rows, output.top());
        buffer.top_columns = Buffer<float>(rows, output.columns());
      }
    }
    for (std::size_t i = 0; options.workers > 1 && i < options.workers; ++i) {
      clones_.push_back(engine.clone(1));
      engines_.push_back(clones_.back().get());
    }
    if (engines_.empty()) {
      engines_.push_back(&engine);
    }
  }

  ScoreReport run() {
    {
      std::vector<std::jthread> helpers;
      guarded([&] {
        start_helpers(helpers);
        work(options_.on_progress);
      });
    }  // joined: no other thread runs from here on
    if (error_) {
      std::rethrow_exception(error_);
    }
    throw_if_cancelled();
    report_.seconds_computing /= static_cast<double>(options_.workers);
    report_progress(options_.on_progress);
    const auto start = Clock::now();
    writer_.finish();
    report_.seconds_writing += seconds_since(start);
    return report_;
  }

 private:
  // If a thread cannot be started, the others stop as after any failure. The mutex holds them back
  // until all are started: a running one might block on input before it can stop.
  void start_helpers(std::vector<std::jthread>& helpers) {
    const std::lock_guard lock(mutex_);
    const std::size_t threads = threads_for(options_, buffers_.size());
    helpers.reserve(threads - 1);
    for (std::size_t i = 1; i < threads; ++i) {
      helpers.push_back(core::start_thread([this] { guarded([this] { work({}); }); }));
    }
  }

  // Each thread's loop: takes the next step, whichever it is. No thread waits while there is work,
  // and a chunk tends to stay near the core that read it.
  void work(const std::function<void(const ScoreProgress&)>& on_progress) {
    while (const auto task = begin_next()) {
      const auto start = Clock::now();
      perform(*task);
      end(*task, seconds_since(start));
      report_progress(on_progress);
    }
  }

  // Waits for a task. Returns nullopt when everything is done or a step failed.
  std::optional<Task> begin_next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_ || schedule_.is_done() || schedule_.has_task(); });
    if (stopped_ || schedule_.is_done()) {
      changed_.notify_all();
      return std::nullopt;
    }
    const auto task = schedule_.begin();
    if (schedule_.has_task()) {
      changed_.notify_one();  // each thread wakes the next, so only as many wake as there are tasks
    }
    return task;
  }

  void end(const Task& task, double seconds) {
    const std::lock_guard lock(mutex_);
    const std::size_t rows = buffers_[task.buffer].rows;
    switch (task.step) {
      case Step::kRead:
        report_.seconds_reading += seconds;
        if (chunks_) {
          break;
        }
        rows_read_ += rows;
        if (rows < options_.chunk_rows) {
          schedule_.end_of_rows();
        }
        if (rows == 0) {
          schedule_.end_empty(task);
          return;
        }
        break;
      case Step::kCompute:
        report_.seconds_computing += seconds;
        report_.rows += rows;
        break;
      case Step::kCheck:
        report_.seconds_verifying += seconds;
        break;
      case Step::kWrite:
        report_.seconds_writing += seconds;
        break;
    }
    schedule_.end(task);
  }

  void perform(const Task& task) {
    ChunkBuffers& buffer = buffers_[task.buffer];
    switch (task.step) {
      case Step::kRead: {
        throw_if_cancelled();
        const core::Range range("read chunk", options_.chunk_rows);
        read(buffer, task.chunk);
        break;
      }
      case Step::kCompute: {
        throw_if_cancelled();
        const core::Range range("compute chunk", buffer.rows);
        compute(buffer, *engines_[task.worker]);
        break;
      }
      case Step::kCheck: {
        const core::Range range("verify chunk", buffer.rows);
        options_.check(buffer.first_row, buffer.inputs.rows(buffer.rows),
                       buffer.outputs.rows(buffer.rows));
        break;
      }
      case Step::kWrite: {
        const core::Range range("write chunk", buffer.rows);
        write(buffer);
        break;
      }
    }
  }

  void read(ChunkBuffers& buffer, std::uint64_t chunk) {
    if (!chunks_) {
      buffer.first_row = rows_read_;
      buffer.rows = reader_.read(buffer.inputs.rows(options_.chunk_rows));
      return;
    }
    buffer.first_row = chunk * options_.chunk_rows;
    buffer.rows = static_cast<std::size_t>(
        std::min<std::uint64_t>(options_.chunk_rows, *rows_total_ - buffer.first_row));
    reader_.read_at(buffer.first_row, buffer.inputs.rows(buffer.rows));
  }

  void compute(ChunkBuffers& buffer, Engine& engine) {
    if (output_.is_plain() || options_.check) {
      engine.run(buffer.inputs.rows(buffer.rows), buffer.outputs.rows(buffer.rows));
    } else {
      engine.run_top_k(buffer.inputs.rows(buffer.rows), buffer.top.rows(buffer.rows));
    }
  }

  void write(ChunkBuffers& buffer) {
    MatrixView<float> values = buffer.outputs.rows(buffer.rows);
    if (!output_.is_plain()) {
      if (options_.check) {
        core::select_top_k(values, buffer.top.rows(buffer.rows));
      }
      output_.to_columns(buffer.top.rows(buffer.rows), buffer.top_columns.rows(buffer.rows));
      values = buffer.top_columns.rows(buffer.rows);
    }
    writer_.write(values);
  }

  // Called on the caller's thread.
  void report_progress(const std::function<void(const ScoreProgress&)>& on_progress) {
    if (!on_progress) {
      return;
    }
    std::uint64_t rows = 0;
    {
      const std::lock_guard lock(mutex_);
      rows = report_.rows;
      if (schedule_.has_task()) {
        changed_.notify_one();  // the callback may keep this thread busy
      }
    }
    if (rows > rows_reported_) {
      rows_reported_ = rows;
      on_progress({rows, rows_total_});
    }
  }

  // Runs a thread's body. Keeps the first exception of any thread and stops them all.
  template <class Body>
  void guarded(const Body& body) noexcept {
    try {
      body();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) {
        error_ = std::current_exception();
      }
      stopped_ = true;
      changed_.notify_all();
    }
  }

  void throw_if_cancelled() const {
    if (options_.cancelled != nullptr && options_.cancelled->load()) {
      throw CancelledError("cancelled before the last row; no output file is left");
    }
  }

  io::RowReader& reader_;
  io::RowWriter& writer_;
  const RowOutput& output_;
  const PipelineOptions& options_;

  std::optional<std::uint64_t> rows_total_;
  std::optional<std::uint64_t> chunks_;  // if they are read in any order
  std::vector<ChunkBuffers> buffers_;
  std::vector<std::unique_ptr<Engine>> clones_;  // if there are several workers
  std::vector<Engine*> engines_;                 // by worker
  std::uint64_t rows_read_ = 0;                  // used only by the reading thread
  std::uint64_t rows_reported_ = 0;              // used only by the caller's thread

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by the mutex until the threads are joined.
  Schedule schedule_;
  ScoreReport report_;
  std::exception_ptr error_;
  bool stopped_ = false;
};

}  // namespace

ScoreReport run_pipeline(io::RowReader& reader, Engine& engine, io::RowWriter& writer,
                         const RowOutput& output, const PipelineOptions& options) {
  std::unique_ptr<Pipeline> pipeline;
  try {
    pipeline = std::make_unique<Pipeline>(reader, engine, writer, output, options);
  } catch (const std::bad_alloc&) {
    throw OutOfMemoryError(
        fmt::format("{} chunks of {} rows do not fit the memory that is left",
                    buffers_for(options.workers, options.readers), options.chunk_rows),
        Remedy::kFewerRows);
  }
  ScoreReport report = pipeline->run();
  report.chunk_rows = options.chunk_rows;
  return report;
}

}  // namespace lamella::pipeline
