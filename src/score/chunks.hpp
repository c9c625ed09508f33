// How many rows go through the pipeline at a time, and how many chunks are computed at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <lamella/network.hpp>

#include "score/row_output.hpp"

namespace lamella::pipeline {

// A buffer for each chunk that is being computed, each that is being filled, one checked or
// written, and one between the stages, so that a stage that is slow for once does not stop the
// others.
[[nodiscard]] constexpr std::size_t buffers_for(std::size_t workers, std::size_t readers = 1) {
  return workers + readers + 2;
}

// Float32 values that a buffer holds for each row of its chunk. Outputs are held where they are
// written or checked; of the largest alone, the engine gives no more.
[[nodiscard]] std::size_t values_per_row(const Network& network, const RowOutput& output,
                                         bool checked);

// What is wanted of chunks; 0 leaves it open.
struct ChunkRequest {
  std::size_t rows = 0;
  std::size_t memory_bytes = 0;  // for all buffers together
  int devices = 1;               // that share a chunk's rows
  std::size_t workers = 1;       // at most
  std::size_t readers = 1;       // chunks that are filled at once, where there is one worker
};

struct Chunks {
  std::size_t rows = 1;  // in each
  std::size_t workers = 1;
  std::size_t readers = 1;
  bool operator==(const Chunks&) const = default;
};

// For all buffers together, in bytes.
inline constexpr std::size_t kDefaultMemory = std::size_t{16} << 20;

// How many rows a chunk has: as requested, or as many as let the buffers fit the requested memory,
// or kDefaultMemory for each device; no more than there are, at least 1. And how many workers there
// are: one where the chunks would be so few that some workers had nothing to do for long. Several
// workers have one reader, since each of their threads reads when nothing else is to be done.
// Throws OutOfMemoryError when the buffers would not fit this machine's memory, or one row in each
// of them the requested memory.
[[nodiscard]] Chunks choose_chunks(const ChunkRequest& request, std::size_t values_per_row,
                                   std::optional<std::uint64_t> rows_total);

}  // namespace lamella::pipeline
