// Lines of delimited text, out of a reused buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/byte_source.hpp"
#include "io/csv_record.hpp"

namespace lamella::io {

// Gives one record at a time: a line, or several where a quoted cell holds line breaks. The end of
// line (\n or \r\n) is not part of it.
class CsvLines {
 public:
  explicit CsvLines(std::unique_ptr<ByteSource> source);

  [[nodiscard]] const std::string& name() const { return source_->name(); }
  // Moves on to the next record; false at the end. Reads when there is no whole record in memory,
  // after which earlier records are gone. Throws FileError.
  bool next();
  // The same, but false instead of reading.
  bool next_in_memory();
  // Makes the next call of next() give the same record again.
  void repeat() { repeated_ = true; }
  // The record that was moved to last.
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
  std::size_t next_ = 0;    // where the next record begins
  std::size_t filled_ = 0;
  std::size_t quote_ =
      0;  // the first quote behind the last place looked at, or where there was none
  std::uint64_t line_ = 0;
  std::uint64_t next_line_ = 1;
  bool at_end_ = false;
  bool repeated_ = false;
};

}  // namespace lamella::io
