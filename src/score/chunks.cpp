#include "score/chunks.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "core/physical_memory.hpp"

namespace lamella::pipeline {
std::size_t values_per_row(const Network& network, const RowOutput& output, bool checked) {
  constexpr std::size_t kRanked = sizeof(RankedOutput) / sizeof(float);
  return network.inputs() + (output.is_plain() || checked ? network.outputs() : 0) +
         (output.is_plain() ? 0 : kRanked * output.top() + output.columns());
}

Chunks choose_chunks(const ChunkRequest& request, std::size_t values_per_row,
                     std::optional<std::uint64_t> rows_total) {
  constexpr std::size_t kWholeBlocks = 256;                   // keeps ragged tails rare
  constexpr std::size_t kWorkerBytes = std::size_t{1} << 20;  // fits a core's cache
  constexpr std::size_t kManyBlocks = 4 * kWholeBlocks;       // amortizes per-chunk costs
  constexpr std::size_t kChunksPerWorker = 4;  // at least, so that workers finish together
  const std::size_t readers = request.workers > 1 ? 1 : request.readers;
  const std::size_t buffers = buffers_for(request.workers, readers);
  std::size_t rows = request.rows;
  if (rows == 0) {
    const std::size_t memory = request.memory_bytes == 0
                                   ? kDefaultMemory * static_cast<std::size_t>(request.devices)
                                   : request.memory_bytes;
    rows = memory / buffers / sizeof(float) / std::max<std::size_t>(values_per_row, 1);
    if (rows == 0 && request.workers == 1 && request.memory_bytes != 0) {
      throw OutOfMemoryError(
          fmt::format("{} bytes do not hold the {} rows of {} values that are under way at least",
                      request.memory_bytes, buffers, values_per_row),
          Remedy::kMoreMemory);
    }
    if (request.workers > 1) {
      rows = std::min(rows, std::max(kManyBlocks, kWorkerBytes / sizeof(float) /
                                                      std::max<std::size_t>(values_per_row, 1)));
    }
    if (rows > kWholeBlocks) {
      rows -= rows % kWholeBlocks;
    }
  }
  const std::size_t min_chunks = request.workers * kChunksPerWorker;
  const auto with_one_worker = [&] {
    ChunkRequest one = request;
    one.workers = 1;
    return choose_chunks(one, values_per_row, rows_total);
  };
  if (request.workers > 1 && (rows == 0 || (rows_total && *rows_total / rows < min_chunks))) {
    return with_one_worker();
  }
  rows = std::max<std::size_t>(rows, 1);
  if (rows_total) {
    rows = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(*rows_total, 1, static_cast<std::uint64_t>(rows)));
  }
  const auto values = core::checked_product(rows, values_per_row);
  const auto bytes =
      values ? core::checked_product(*values, buffers * sizeof(float)) : std::nullopt;
  if (!bytes || *bytes > core::physical_memory()) {
    if (request.workers > 1) {
      return with_one_worker();
    }
    throw OutOfMemoryError(
        fmt::format("{} chunks of {} rows with {} values each do not fit this machine's memory",
                    buffers, rows, values_per_row),
        Remedy::kFewerRows);
  }
  return {.rows = rows, .workers = request.workers, .readers = readers};
}

}  // namespace lamella::pipeline
