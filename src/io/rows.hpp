// Row files as streams of chunks: .npy, .csv, .tsv, standard input and output. The formats live in
// npy.*, csv.*; this header is all that the score pipeline sees of them.
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

// Reads rows as float32, front to back, in bounded memory. Not thread-safe but for read_at(); may
// be used from another thread than the one that made it.
class RowReader {
 public:
  RowReader() = default;
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;
  virtual ~RowReader() = default;

  // The number of values in each row that read() gives (after a selection of columns).
  [[nodiscard]] virtual std::size_t columns() const = 0;
  // How many rows there are in all, where the file says so up front.
  [[nodiscard]] virtual std::optional<std::uint64_t> rows() const = 0;
  // The name to use in messages about this input.
  [[nodiscard]] virtual const std::string& name() const = 0;
  // Fills the first rows of into, which is [any x columns()], and returns how many it filled: all
  // of them, unless the end was reached; 0 at the end. Throws FileError with row, line and column.
  virtual std::size_t read(MatrixView<float> into) = 0;
  // Whether rows can be had in any order, by read_at(): of a file whose size is known and whose
  // rows stand at known places.
  [[nodiscard]] virtual bool has_read_at() const { return false; }
  // Fills into, all of it, with the rows from first on, counted from where read() would go on. Only
  // where has_read_at() and all of these rows are there; by several threads at once. Throws
  // FileError.
  virtual void read_at(std::uint64_t first, MatrixView<float> into) const;
  // Passes over so many rows, or all that are left, without looking at their values, and returns
  // how many there were. Throws FileError where rows cannot be told apart.
  virtual std::uint64_t skip(std::uint64_t rows) = 0;
};

struct RowReadOptions {
  RowFormat format = RowFormat::kAuto;
  std::vector<std::string> columns;  // as in ScoreOptions
  // The width that the model takes: a wider or narrower file is rejected at once, both widths
  // named.
  std::size_t expected_columns = 0;  // 0: any
  bool are_outputs = false;          // for messages: what the model gives, not takes
  int threads = 1;                   // how many parse text, the caller's included
  // Looked at while waiting for a pipe, a terminal or a FIFO, in open_rows and in read; may be
  // null. Once set, CancelledError is thrown.
  const std::atomic<bool>* cancelled = nullptr;
};

// Opens a file, or standard input for "-". Throws FileError.
[[nodiscard]] std::unique_ptr<RowReader> open_rows(const std::string& path,
                                                   const RowReadOptions& options = {});

// Writes float32 rows. Nothing appears under the output's own name before finish(); destroying an
// unfinished writer removes what it wrote.
class RowWriter {
 public:
  RowWriter() = default;
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;
  virtual ~RowWriter() = default;

  // Appends rows, [any x columns]. Throws FileError (disk full, closed pipe).
  virtual void write(MatrixView<const float> rows) = 0;
  // Completes the file and gives it its name. Throws FileError. Call once, last.
  virtual void finish() = 0;
};

struct RowWriteOptions {
  RowFormat format = RowFormat::kAuto;
  std::size_t columns = 0;
  std::vector<std::string> column_names;  // a csv or tsv header line where not empty
  std::optional<std::uint64_t> rows;      // where known, a .npy is written in one go
  int threads = 1;                        // how many print text, the caller's included
  WrittenFile* written = nullptr;         // follows what is written; may be null
};

// kAuto where the extension is none of .npy, .csv and .tsv.
[[nodiscard]] RowFormat format_by_extension(const std::string& path);

// The format of an output file: the one given, else by its extension; of standard output csv.
// Throws FileError where neither says it.
[[nodiscard]] RowFormat output_format(const std::string& path, RowFormat given);

// Creates an output file, or writes to standard output for "-". Throws FileError; an extension that
// is not .npy, .csv or .tsv is rejected unless the format is given.
[[nodiscard]] std::unique_ptr<RowWriter> create_rows(const std::string& path,
                                                     const RowWriteOptions& options);

}  // namespace lamella::io
