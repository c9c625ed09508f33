// Scoring a file of rows: reads it in chunks, sends them through an engine, writes the outputs.
// Reading, computing and writing overlap; memory is bounded by a few chunks whatever the file's
// size.
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

// What is written for each row.
enum class OutputKind {
  kOutputs,  // the network's outputs, one column each
  kArgmax,  // one column: the index of the largest output (the first of equals; NaN counts largest)
  kTop      // 2k columns: the k largest outputs, descending, as pairs index, value
};

// How far score() has come.
struct ScoreProgress {
  std::uint64_t rows_done = 0;
  std::optional<std::uint64_t> rows_total;  // where the input says how many it holds
};

// Which rows are scored, what is written for them, and in how much memory.
struct ScoreOptions {
  std::string input = {};                     // a path, or "-" for standard input
  std::string output = {};                    // a path, or "-" for standard output
  RowFormat input_format = RowFormat::kAuto;  // auto: from the extension; "-": from the first bytes
  RowFormat output_format = RowFormat::kAuto;  // auto: from the extension; "-": csv
  // Columns of a csv or tsv with a header, by name, or of any input by number from 0, in the order
  // that the network takes them; empty: all.
  std::vector<std::string> columns = {};
  // Rows in a chunk; 0: as many as keep all rows and outputs under way, a few chunks, within
  // memory_bytes (0: 16 MiB for each device that the engine spreads rows over). Beside them stand
  // the model, what the engine needs for one pass, and a few MiB for parsing and printing text.
  std::size_t chunk_rows = 0;
  std::size_t memory_bytes = 0;
  OutputKind output_kind = OutputKind::kOutputs;
  std::size_t top = 0;  // k of kTop
  // Scores this shard's rows alone, into shard_output_name(output, *shard) with a manifest beside
  // it, from which concat() knows it. Input and output must be files.
  std::optional<Shard> shard = {};
  // Rows to recompute in double precision while the others go on; 0: none. Evenly spread where the
  // input says how many it holds (all of them, if that is fewer); else all at first and then ever
  // fewer, half as many in each doubling of the rows.
  std::uint64_t verify_rows = 0;
  // Called on the caller's thread after steps of its own (it reads, computes and writes chunks
  // beside others), when more rows are computed than before; at the end with all. May be empty.
  std::function<void(const ScoreProgress&)> on_progress = {};
  const std::atomic<bool>* cancelled = nullptr;  // looked at between chunks; may be null
};

// What score() did.
struct ScoreReport {
  std::string output;  // what was written: with a shard, the part's file
  std::uint64_t rows = 0;
  // Where in the input they begin, and how many it holds in all; with a shard alone.
  std::uint64_t first_row = 0;
  std::optional<std::uint64_t> rows_total;
  std::size_t chunk_rows = 0;
  double seconds = 0;          // wall time of it all
  double seconds_reading = 0;  // busy time of each stage; they overlap, so they may add up to more
  double seconds_computing = 0;  // the mean, where each thread computes chunks of its own
  double seconds_writing = 0;
  double seconds_verifying = 0;
  std::uint64_t rows_verified = 0;
  // Of an output that was verified, as a share of what float32 arithmetic may be off there.
  double largest_error = 0;
};

// Output appears under its own name only when it is complete: it is written beside it and renamed.
// On any error, cancellation included, nothing is left. Throws FileError (the file at fault named),
// DeviceError, CancelledError; Error when an output that was verified is off by more than float32
// arithmetic can explain. The engine, or clones of it, are called from threads of score()'s own
// beside the caller's; each by one at a time.
ScoreReport score(Engine& engine, const ScoreOptions& options);

}  // namespace lamella
#pragma GCC visibility pop
