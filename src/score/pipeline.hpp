// Runs reader, engine and writer concurrently over a few reused chunk buffers. Independent of files
// and devices.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <lamella/engine.hpp>
#include <lamella/score.hpp>

#include "io/rows.hpp"
#include "score/chunks.hpp"
#include "score/row_output.hpp"

namespace lamella::pipeline {

// Checks the engine's outputs for the rows from first_row; throws if they are wrong.
using ChunkCheck = std::function<void(std::uint64_t first_row, MatrixView<const float> inputs,
                                      MatrixView<const float> outputs)>;

struct PipelineOptions {
  std::size_t chunk_rows = 1;
  // Chunks computed at once. More than one: each by a single-threaded clone of the engine, with one
  // thread per worker, and each thread does whichever step is next.
  std::size_t workers = 1;
  // Chunks read at once if there is a single worker, such as a device, that several threads feed.
  std::size_t readers = 1;
  // Runs before the chunk is written, on any thread, one chunk at a time; may be empty.
  ChunkCheck check = {};
  std::function<void(const ScoreProgress&)> on_progress = {};
  const std::atomic<bool>* cancelled = nullptr;
};

// Sends every row of `reader` through `engine` to `writer` and finishes `writer`. The caller's
// thread and helper threads share the steps. Only one thread at a time uses the writer, each
// engine, and the reader unless its rows can be read in any order. When a step throws, the others
// stop after their current chunk, the threads are joined, and the exception is rethrown; the writer
// is left unfinished. The same holds if a thread cannot be started (Error). Fills the report except
// for total seconds and verification results.
ScoreReport run_pipeline(io::RowReader& reader, Engine& engine, io::RowWriter& writer,
                         const RowOutput& output, const PipelineOptions& options);

}  // namespace lamella::pipeline
