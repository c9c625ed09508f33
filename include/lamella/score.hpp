// Scores a row file: reads it in chunks, runs them through an engine, writes the outputs. Reading,
// computing and writing overlap; memory is bounded by a few chunks whatever the file's size.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/rows.hpp>
#include <lamella/shard.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// What to write for each row.
enum class OutputKind {
  kOutputs,  // the network's outputs, one column each
  kArgmax,   // one column: the index of the largest output (the first of equals; NaN is largest)
  kTop       // 2k columns: the k largest outputs, descending, as pairs of index and value
};

// Progress of score().
struct ScoreProgress {
  std::uint64_t rows_done = 0;
  std::optional<std::uint64_t> rows_total;  // if the input states its row count
};

// The rows to score, what to write for them, and the memory limit.
struct ScoreOptions {
  std::string input = {};                      // a path, or "-" for standard input
  std::string output = {};                     // a path, or "-" for standard output
  RowFormat input_format = RowFormat::kAuto;   // auto: by the extension; for "-" by the first bytes
  RowFormat output_format = RowFormat::kAuto;  // auto: by the extension; for "-" csv
  // Columns to read, in the order of the network's inputs: by name in a csv or tsv with a header,
  // or by number from 0 in any input; empty: all.
  std::vector<std::string> columns = {};
  // Rows per chunk; 0: chosen so that all rows and outputs in flight, a few chunks, fit into
  // memory_bytes (0: 16 MiB for each device that the engine spreads rows over). The model, the
  // engine's memory for one pass, and a few MiB for parsing and formatting text come on top.
  std::size_t chunk_rows = 0;
  std::size_t memory_bytes = 0;
  OutputKind output_kind = OutputKind::kOutputs;
  std::size_t top = 0;  // k of kTop
  // Scores only this shard's rows, into shard_output_name(output, *shard), and writes the manifest
  // that concat() needs beside it. Input and output must be files.
  std::optional<Shard> shard = {};
  // Number of rows to recompute in double precision concurrently; 0: none. Evenly spaced if the
  // input states its row count (all rows if it has fewer); else all rows at first, then half as
  // many in each doubling of the row count.
  std::uint64_t verify_rows = 0;
  // Called on the caller's thread (which reads, computes and writes chunks like the other threads)
  // after a step of that thread, when the count of computed rows has grown; at the end with all
  // rows. May be empty.
  std::function<void(const ScoreProgress&)> on_progress = {};
  const std::atomic<bool>* cancelled = nullptr;  // polled between chunks; may be null
};

// Result of score().
struct ScoreReport {
  std::string output;  // the file written; with a shard, the shard output
  std::uint64_t rows = 0;
  // First row of the shard and row count of the whole input; only with a shard.
  std::uint64_t first_row = 0;
  std::optional<std::uint64_t> rows_total;
  std::size_t chunk_rows = 0;
  double seconds = 0;  // wall time of the call
  // Busy time of each stage; stages overlap, so the sum may exceed seconds.
  double seconds_reading = 0;
  double seconds_computing = 0;  // the mean over the threads that compute chunks
  double seconds_writing = 0;
  double seconds_verifying = 0;
  std::uint64_t rows_verified = 0;
  // Largest error of a verified output, relative to its derived float32 error bound.
  double largest_error = 0;
};

// Scores a file. The output appears under its name only when it is complete: it is written to a
// temporary file beside it and renamed. An error or cancellation leaves nothing behind. Throws
// FileError, which names the file at fault; DeviceError, CancelledError; Error if a verified output
// is off by more than float32 arithmetic can explain. Calls the engine, or clones of it, from the
// caller's thread and from score()'s own threads; each engine serves one thread at a time.
ScoreReport score(Engine& engine, const ScoreOptions& options);

}  // namespace lamella
#pragma GCC visibility pop
