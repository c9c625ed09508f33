// Reader, engine and writer at work at the same time over a few chunk slots that are used again and
// again. Knows nothing of files and devices.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include <lamella/engine.hpp>
#include <lamella/score.hpp>

#include "io/rows.hpp"
#include "score/row_output.hpp"

namespace lamella::pipeline {

// One slot is being filled, one computed, one checked or written, and one lies between the stages,
// so that a stage that is slow for once does not stop the others.
inline constexpr std::size_t kSlots = 4;

// Looks at what the engine gave for the rows from first_row on, and throws when it is wrong.
using ChunkCheck = std::function<void(std::uint64_t first_row, MatrixView<const float> inputs,
                                      MatrixView<const float> outputs)>;

struct PipelineOptions {
  std::size_t chunk_rows = 1;
  ChunkCheck check = {};  // on a thread of its own, before the chunk is written; may be empty
  std::function<void(const ScoreProgress&)> on_progress = {};
  const std::atomic<bool>* cancelled = nullptr;
};

// Float32 values that a slot holds for each row of its chunk. Outputs are held where they are
// written or checked; of the largest alone, the engine gives no more.
[[nodiscard]] std::size_t values_per_row(const Network& network, const RowOutput& output,
                                         bool checked);

// What is wanted of chunks; 0 leaves it open.
struct ChunkWish {
  std::size_t rows = 0;
  std::size_t memory_bytes = 0;  // for all slots together
  int devices = 1;               // that share a chunk's rows
};

// How many rows a chunk has: as wished, or as many as let the slots fit the memory that is wished,
// or kDefaultMemory for each device; no more than there are, at least 1. Throws OutOfMemoryError
// when the slots would not fit this machine's memory, or one row in each of them the memory that is
// wished.
inline constexpr std::size_t kDefaultMemory = std::size_t{16} << 20;
[[nodiscard]] std::size_t choose_chunk_rows(const ChunkWish& wish, std::size_t values_per_row,
                                            std::optional<std::uint64_t> rows_total);

// Sends every row of reader through the engine, on the caller's thread, to writer, and finishes
// writer. More threads read, check and write. Whichever stage throws first, the others stop after
// the chunk that they hold, the threads are joined, and its exception goes to the caller; the
// writer is then left unfinished. So it is when a thread cannot be started (Error). Fills
// everything in the report but seconds and what was verified.
ScoreReport run_pipeline(io::RowReader& reader, Engine& engine, io::RowWriter& writer,
                         const RowOutput& output, const PipelineOptions& options);

}  // namespace lamella::pipeline
