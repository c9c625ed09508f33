// Splits delimited text into records in a reused buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/byte_source.hpp"
#include "io/csv_record.hpp"

namespace lamella::io {

// Yields one record at a time: one line, or several if a quoted cell holds line breaks. Excludes
// the line ending (\n or \r\n).
class CsvLines {
 public:
  explicit CsvLines(std::unique_ptr<ByteSource> source);

  [[nodiscard]] const std::string& name() const { return source_->name(); }
  // Advances to the next record; false at the end. Reading more input invalidates earlier records.
  // Throws FileError.
  bool next();
  // Like next(), but returns false instead of reading.
  bool next_in_memory();
  // Makes the next call to next() return the same record.
  void repeat() { repeated_ = true; }
  // The current record.
  [[nodiscard]] CsvRecord record() const { return {{buffer_.data() + begin_, length_}, line_}; }

 private:
  bool fill();
  void skip_byte_order_mark();
  bool has_quote(std::size_t begin, std::size_t end);
  bool move_on(bool may_read);
  std::optional<std::size_t> find_end(bool may_read);

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;   // of the record
  std::size_t length_ = 0;  // of the record
  std::size_t next_ = 0;    // start of the next record
  std::size_t filled_ = 0;
  std::size_t quote_ = 0;  // the next quote, or the end of the scanned bytes
  std::uint64_t line_ = 0;
  std::uint64_t next_line_ = 1;
  bool at_end_ = false;
  bool repeated_ = false;
};

}  // namespace lamella::io
