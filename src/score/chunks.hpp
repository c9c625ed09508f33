// Chooses the row count of a chunk and how many chunks are computed at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <lamella/network.hpp>

#include "score/row_output.hpp"

namespace lamella::pipeline {

// One buffer for each chunk being computed and each being filled, one for the chunk being checked
// or written, and one between the stages, so that a briefly slow stage does not stall the others.
[[nodiscard]] constexpr std::size_t buffers_for(std::size_t workers, std::size_t readers = 1) {
  return workers + readers + 2;
}

// Float32 values that a buffer holds per row of its chunk. It holds the outputs if they are written
// or checked; if only the largest are written, the engine returns only those.
[[nodiscard]] std::size_t values_per_row(const Network& network, const RowOutput& output,
                                         bool checked);

// Requested chunk parameters; 0 means unspecified.
struct ChunkRequest {
  std::size_t rows = 0;
  std::size_t memory_bytes = 0;  // for all buffers together
  int devices = 1;               // devices that share a chunk's rows
  std::size_t workers = 1;       // limit
  std::size_t readers = 1;       // chunks filled at once if there is one worker
};

struct Chunks {
  std::size_t rows = 1;  // per chunk
  std::size_t workers = 1;
  std::size_t readers = 1;
  bool operator==(const Chunks&) const = default;
};

// In bytes, for all buffers together.
inline constexpr std::size_t kDefaultMemory = std::size_t{16} << 20;

// Chooses rows per chunk: the requested count, or as many as fit the requested memory, or
// kDefaultMemory per device; at least 1 and at most `rows_total`. Chooses workers: one if there
// would be too few chunks to keep several busy. Several workers get one reader, because each of
// their threads reads when it has nothing else to do. Throws OutOfMemoryError if the buffers exceed
// this machine's memory, or one row per buffer exceeds the requested memory.
[[nodiscard]] Chunks choose_chunks(const ChunkRequest& request, std::size_t values_per_row,
                                   std::optional<std::uint64_t> rows_total);

}  // namespace lamella::pipeline
