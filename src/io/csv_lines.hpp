// Lines of delimited text, out of a reused buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "io/byte_source.hpp"

namespace lamella::io {

// Gives one record at a time: a line, or several where a quoted cell holds line breaks. The end of
// line (\n or \r\n) is not part of it.
class CsvLines {
 public:
  explicit CsvLines(std::unique_ptr<ByteSource> source);

  [[nodiscard]] const std::string& name() const { return source_->name(); }
  // Moves on to the next record; false at the end. Throws FileError.
  bool next();
  // Makes the next call of next() give the same record again.
  void repeat() { repeated_ = true; }
  // The record; it stays until next() is called.
  [[nodiscard]] std::string_view record() const { return {buffer_.data() + begin_, length_}; }
  // The number of its first line, from 1.
  [[nodiscard]] std::uint64_t line() const { return line_; }

 private:
  bool fill();
  void skip_byte_order_mark();
  std::size_t find_end();

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;   // of the record
  std::size_t length_ = 0;  // of the record
  std::size_t next_ = 0;    // where the next record begins
  std::size_t filled_ = 0;
  std::uint64_t line_ = 0;
  std::uint64_t next_line_ = 1;
  bool at_end_ = false;
  bool repeated_ = false;
};

}  // namespace lamella::io
