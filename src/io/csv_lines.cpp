#include "io/csv_lines.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/bytes.hpp"

namespace lamella::io {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::size_t kLongestRecord = std::size_t{64} << 20;

}  // namespace

CsvLines::CsvLines(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {
  // A small file needs no more than its size, and one byte to see its end.
  const std::uint64_t size = source_->size().value_or(kBlock);
  buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size + 1, kBlock)));
  skip_byte_order_mark();
}

void CsvLines::skip_byte_order_mark() {
  fill();
  const std::string_view text(buffer_.data(), filled_);
  if (text.starts_with("\xEF\xBB\xBF")) {
    next_ = 3;
  } else if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw FileError(name(), "is UTF-16 text; save it as UTF-8");
  } else if (text.starts_with("\x93NUMPY")) {
    throw FileError(name(), "is a .npy file, not text; name it so, or give its format");
  } else if (text.starts_with("PK\x03\x04")) {
    throw FileError(name(), "is a zip archive, not text; rows are read from .npy, .csv and .tsv");
  }
}

// Reads more behind what is there; false at the end of the source.
bool CsvLines::fill() {
  if (at_end_) {
    return false;
  }
  if (next_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + next_, filled_ - next_);
    filled_ -= next_;
    next_ = 0;
  }
  if (filled_ == buffer_.size()) {
    if (buffer_.size() >= kLongestRecord) {
      throw FileError(
          name(),
          fmt::format("line {} is longer than {} bytes, or a quoted cell in it is not closed",
                      next_line_, kLongestRecord));
    }
    buffer_.resize(buffer_.size() * 2);
  }
  const std::size_t got =
      source_->read(std::as_writable_bytes(std::span(buffer_).subspan(filled_)));
  filled_ += got;
  at_end_ = got == 0;
  return !at_end_;
}

// The length of the record that begins at next_, up to the \n that ends it or to the end of the
// source; counts the lines in it.
std::size_t CsvLines::find_end() {
  std::size_t searched = 0;
  bool quoted = false;
  for (;;) {
    const char* from = buffer_.data() + next_ + searched;
    const std::size_t rest = filled_ - next_ - searched;
    const auto* newline =
        rest == 0 ? nullptr : static_cast<const char*>(std::memchr(from, '\n', rest));
    const std::size_t length = newline != nullptr ? static_cast<std::size_t>(newline - from) : rest;
    if (length > 0 && std::memchr(from, '"', length) != nullptr) {
      quoted = quoted != (std::count(from, from + length, '"') % 2 != 0);
    }
    searched += length;
    if (newline != nullptr) {
      ++next_line_;
      if (!quoted) {
        return searched;
      }
      ++searched;
    } else if (!fill()) {
      if (quoted) {
        throw FileError(name(),
                        fmt::format("line {}: a quoted cell is not closed before the end", line_));
      }
      return searched;
    }
  }
}

bool CsvLines::next() {
  if (repeated_) {
    repeated_ = false;
    return true;
  }
  line_ = next_line_;
  if (next_ == filled_ && !fill()) {
    return false;
  }
  length_ = find_end();
  begin_ = next_;
  next_ = std::min(begin_ + length_ + 1, filled_);
  if (length_ > 0 && buffer_[begin_ + length_ - 1] == '\r') {
    --length_;
  }
  return true;
}

}  // namespace lamella::io
