// Row files as streams of chunks: .npy, .csv, .tsv, standard input and output. The formats live in
// npy.*, csv.*; the score pipeline uses only this header.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/rows.hpp>

#include "io/written_file.hpp"

namespace lamella::io {

// Reads rows as float32, front to back, in bounded memory. Only read_at() is thread-safe; the
// reader may be used on another thread than the one that created it.
class RowReader {
 public:
  RowReader() = default;
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;
  virtual ~RowReader() = default;

  // Values per row that read() yields, after column selection.
  [[nodiscard]] virtual std::size_t columns() const = 0;
  // The total row count, if the file states it up front.
  [[nodiscard]] virtual std::optional<std::uint64_t> rows() const = 0;
  // This input's name in messages.
  [[nodiscard]] virtual const std::string& name() const = 0;
  // Fills the first rows of `into`, [any x columns()], and returns how many: all unless the input
  // ends, 0 at the end. Throws FileError with row, line and column.
  virtual std::size_t read(MatrixView<float> into) = 0;
  // Whether read_at() works: the file's size is known and rows are at fixed offsets.
  [[nodiscard]] virtual bool has_read_at() const { return false; }
  // Fills all of `into` with the rows from `first`, counted from the next row of read(). Requires
  // has_read_at() and that the rows exist. Thread-safe. Throws FileError.
  virtual void read_at(std::uint64_t first, MatrixView<float> into) const;
  // Skips up to `rows` rows without parsing their values and returns how many it skipped. Throws
  // FileError if it cannot find the rows' boundaries.
  virtual std::uint64_t skip(std::uint64_t rows) = 0;
};

struct RowReadOptions {
  RowFormat format = RowFormat::kAuto;
  std::vector<std::string> columns;  // as in ScoreOptions
  // The width the model takes; another width is rejected at once, with both widths named.
  std::size_t expected_columns = 0;  // 0: any
  bool are_outputs = false;          // for messages: the rows are model outputs, not inputs
  int threads = 1;                   // threads that parse text, including the caller's
  // Polled while open_rows or read waits for a pipe, a terminal or a FIFO; may be null. Once set,
  // CancelledError is thrown.
  const std::atomic<bool>* cancelled = nullptr;
};

// Opens a file, or standard input for "-". Throws FileError.
[[nodiscard]] std::unique_ptr<RowReader> open_rows(const std::string& path,
                                                   const RowReadOptions& options = {});

// Writes float32 rows. The output appears under its name only after finish(); destroying an
// unfinished writer removes what it wrote.
class RowWriter {
 public:
  RowWriter() = default;
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;
  virtual ~RowWriter() = default;

  // Appends rows, [any x columns]. Throws FileError (disk full, closed pipe).
  virtual void write(MatrixView<const float> rows) = 0;
  // Completes the file and renames it to its target. Throws FileError. Call once, last.
  virtual void finish() = 0;
};

struct RowWriteOptions {
  RowFormat format = RowFormat::kAuto;
  std::size_t columns = 0;
  std::vector<std::string> column_names;  // header line of csv or tsv; empty: none
  std::optional<std::uint64_t> rows;      // if known, a .npy is written in one pass
  int threads = 1;                        // threads that print text, including the caller's
  WrittenFile* written = nullptr;         // updated with every write; may be null
};

// kAuto unless the extension is .npy, .csv or .tsv.
[[nodiscard]] RowFormat format_by_extension(const std::string& path);

// The given format, else the one of the extension; csv for standard output. Throws FileError if
// neither determines it.
[[nodiscard]] RowFormat output_format(const std::string& path, RowFormat given);

// Creates an output file, or writes to standard output for "-". Throws FileError, also for an
// extension other than .npy, .csv or .tsv unless the format is given.
[[nodiscard]] std::unique_ptr<RowWriter> create_rows(const std::string& path,
                                                     const RowWriteOptions& options);

}  // namespace lamella::io
