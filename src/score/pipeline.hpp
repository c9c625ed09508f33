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

// A slot for each chunk that is being computed, one that is being filled, one checked or written,
// and one between the stages, so that a stage that is slow for once does not stop the others.
[[nodiscard]] constexpr std::size_t slots_for(std::size_t lanes) {
  return lanes + 3;
}

// Looks at what the engine gave for the rows from first_row on, and throws when it is wrong.
using ChunkCheck = std::function<void(std::uint64_t first_row, MatrixView<const float> inputs,
                                      MatrixView<const float> outputs)>;

struct PipelineOptions {
  std::size_t chunk_rows = 1;
  // Chunks that are computed at once: where it is more than one, each by a sibling of the engine
  // that has one thread. There are then as many threads, and each does whichever step is next.
  std::size_t lanes = 1;
  ChunkCheck check =
      {};  // before the chunk is written, on any thread, one chunk at a time; may be empty
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
  std::size_t lanes = 1;         // at most
};

struct Chunks {
  std::size_t rows = 1;  // in each
  std::size_t lanes = 1;
  bool operator==(const Chunks&) const = default;
};

// How many rows a chunk has: as wished, or as many as let the slots fit the memory that is wished,
// or kDefaultMemory for each device; no more than there are, at least 1. And how many lanes there
// are: one where the chunks would be so few that some lanes had nothing to do for long. Throws
// OutOfMemoryError when the slots would not fit this machine's memory, or one row in each of them
// the memory that is wished.
inline constexpr std::size_t kDefaultMemory = std::size_t{16} << 20;
[[nodiscard]] Chunks choose_chunks(const ChunkWish& wish, std::size_t values_per_row,
                                   std::optional<std::uint64_t> rows_total);

// Sends every row of reader through the engine to writer, and finishes writer. The caller's thread
// and others share the steps: reader, writer and each engine serve one thread at a time. Whichever
// step throws first, the others stop after the chunk that they hold, the threads are joined, and
// its exception goes to the caller; the writer is then left unfinished. So it is when a thread
// cannot be started (Error). Fills everything in the report but seconds and what was verified.
ScoreReport run_pipeline(io::RowReader& reader, Engine& engine, io::RowWriter& writer,
                         const RowOutput& output, const PipelineOptions& options);

}  // namespace lamella::pipeline
