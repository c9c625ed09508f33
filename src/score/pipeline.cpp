#include "score/pipeline.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

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
    const std::size_t slots = rows_total_ ? static_cast<std::size_t>(std::clamp<std::uint64_t>(
                                                *rows_total_ / rows + 1, 1, kSlots))
                                          : kSlots;
    for (std::size_t i = 0; i < slots; ++i) {
      slots_[i].inputs = Buffer<float>(rows, engine.network().inputs());
      if (output.is_plain() || options.check) {
        slots_[i].outputs = Buffer<float>(rows, engine.network().outputs());
      }
      if (!output.is_plain()) {
        slots_[i].top = Buffer<RankedOutput>(rows, output.top());
        slots_[i].top_columns = Buffer<float>(rows, output.columns());
      }
      free_.push(&slots_[i]);
    }
  }

  ScoreReport run() {
    {
      std::array<std::jthread, 3> stages;
      // A thread that cannot be started stops those that were, as any failure does. The reader is
      // the last: it may have to wait for its input before it can stop.
      guarded([&] {
        if (options_.check) {
          stages[0] = start(&Pipeline::check_chunks);
        }
        stages[1] = start(&Pipeline::write_chunks);
        stages[2] = start(&Pipeline::read_chunks);
        compute_chunks();
      });
    }  // joined: from here on this thread is alone
    if (error_) {
      std::rethrow_exception(error_);
    }
    refuse_if_cancelled();
    {
      const BusyTime busy(report_.seconds_writing);
      writer_.finish();
    }
    return report_;
  }

 private:
  std::jthread start(void (Pipeline::*stage)()) {
    return core::start_thread([this, stage] { guarded([&] { (this->*stage)(); }); });
  }

  void read_chunks() {
    const std::size_t wanted = options_.chunk_rows;
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
        filled_.push(*slot);
      }
      if (rows < wanted) {
        break;  // the end
      }
    }
    filled_.close();
  }

  void compute_chunks() {
    while (const auto slot = filled_.pop()) {
      refuse_if_cancelled();
      const std::size_t rows = (*slot)->rows;
      {
        const BusyTime busy(report_.seconds_computing);
        const core::Range range("compute chunk", rows);
        if (output_.is_plain() || options_.check) {
          engine_.run((*slot)->inputs.rows(rows), (*slot)->outputs.rows(rows));
        } else {
          engine_.run_top_k((*slot)->inputs.rows(rows), (*slot)->top.rows(rows));
        }
      }
      (*slot)->first_row = report_.rows;
      computed_.push(*slot);
      report_.rows += rows;
      if (options_.on_progress) {
        options_.on_progress({report_.rows, rows_total_});
      }
    }
    computed_.close();
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
  std::array<Slot, kSlots> slots_;
  ChunkQueue<Slot*> free_;
  ChunkQueue<Slot*> filled_;
  ChunkQueue<Slot*> computed_;
  ChunkQueue<Slot*> checked_;  // where there is a check
  std::mutex error_mutex_;
  std::exception_ptr error_;
  // Each of the times is written by its stage's thread alone, and read when it has ended.
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

std::size_t choose_chunk_rows(const ChunkWish& wish, std::size_t values_per_row,
                              std::optional<std::uint64_t> rows_total) {
  constexpr std::size_t kWholeBlocks = 256;  // so that engines see few ragged ends
  std::size_t rows = wish.rows;
  if (rows == 0) {
    const std::size_t memory = wish.memory_bytes == 0
                                   ? kDefaultMemory * static_cast<std::size_t>(wish.devices)
                                   : wish.memory_bytes;
    rows = memory / kSlots / sizeof(float) / std::max<std::size_t>(values_per_row, 1);
    if (rows == 0 && wish.memory_bytes != 0) {
      throw OutOfMemoryError(fmt::format(
          "{} bytes do not hold the {} rows of {} values that are under way at least: give more "
          "with --memory",
          wish.memory_bytes, kSlots, values_per_row));
    }
    rows = std::max<std::size_t>(rows, 1);
    if (rows > kWholeBlocks) {
      rows -= rows % kWholeBlocks;
    }
  }
  if (rows_total) {
    rows = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(*rows_total, 1, static_cast<std::uint64_t>(rows)));
  }
  const auto values = core::checked_product(rows, values_per_row);
  const auto bytes = values ? core::checked_product(*values, kSlots * sizeof(float)) : std::nullopt;
  if (!bytes || *bytes > physical_memory()) {
    throw OutOfMemoryError(fmt::format(
        "{} chunks of {} rows with {} values each do not fit this machine's memory: take fewer "
        "rows with --chunk-rows",
        kSlots, rows, values_per_row));
  }
  return rows;
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
                    kSlots, options.chunk_rows));
  }
  ScoreReport report = pipeline->run();
  report.chunk_rows = options.chunk_rows;
  return report;
}

}  // namespace lamella::pipeline
