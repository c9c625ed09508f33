// Reader, engine and writer at work at the same time over a few chunk buffers that are used again
// and again. Knows nothing of files and devices.
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

// Looks at what the engine gave for the rows from first_row on, and throws when it is wrong.
using ChunkCheck = std::function<void(std::uint64_t first_row, MatrixView<const float> inputs,
                                      MatrixView<const float> outputs)>;

struct PipelineOptions {
  std::size_t chunk_rows = 1;
  // Chunks that are computed at once: where it is more than one, each by a clone of the engine
  // that has one thread. There are then as many threads, and each does whichever step is next.
  std::size_t workers = 1;
  // Chunks that are read at once where one worker, as of a device, is served by several threads.
  std::size_t readers = 1;
  ChunkCheck check =
      {};  // before the chunk is written, on any thread, one chunk at a time; may be empty
  std::function<void(const ScoreProgress&)> on_progress = {};
  const std::atomic<bool>* cancelled = nullptr;
};

// Sends every row of reader through the engine to writer, and finishes writer. The caller's thread
// and others share the steps: writer and each engine serve one thread at a time, and so does the
// reader where its rows cannot be had in any order. Whichever
// step throws first, the others stop after the chunk that they hold, the threads are joined, and
// its exception goes to the caller; the writer is then left unfinished. So it is when a thread
// cannot be started (Error). Fills everything in the report but seconds and what was verified.
ScoreReport run_pipeline(io::RowReader& reader, Engine& engine, io::RowWriter& writer,
                         const RowOutput& output, const PipelineOptions& options);

}  // namespace lamella::pipeline
