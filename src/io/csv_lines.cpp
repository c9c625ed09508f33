#include "io/csv_lines.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/bytes.hpp"

namespace lamella::io {
namespace {

constexpr std::size_t kLongestRecord = std::size_t{64} << 20;

}  // namespace

CsvLines::CsvLines(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {
  // A small file needs a buffer of its size plus one byte to detect the end.
  const std::uint64_t size = source_->size().value_or(kReadBlock);
  buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size + 1, kReadBlock)));
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

// Reads more bytes after those in the buffer. Returns false at the end of the source.
bool CsvLines::fill() {
  if (at_end_) {
    return false;
  }
  if (next_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + next_, filled_ - next_);
    filled_ -= next_;
    next_ = 0;
    quote_ = 0;
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

// Whether [begin, end) of the buffer holds a quote. Called with increasing ranges, it scans each
// byte once, however short the lines.
bool CsvLines::has_quote(std::size_t begin, std::size_t end) {
  if (quote_ < begin || (quote_ < filled_ && buffer_[quote_] != '"')) {
    const std::size_t from = std::max(quote_, begin);
    const auto* found =
        static_cast<const char*>(std::memchr(buffer_.data() + from, '"', filled_ - from));
    quote_ = found == nullptr ? filled_ : static_cast<std::size_t>(found - buffer_.data());
  }
  return quote_ < end;
}

// The length of the record at next_, up to its final \n or the end of the source; counts its lines.
// Returns nullopt if it would have to read but must not.
std::optional<std::size_t> CsvLines::find_end(bool may_read) {
  std::size_t searched = 0;
  bool quoted = false;
  std::uint64_t lines = 0;
  for (;;) {
    const std::size_t at = next_ + searched;
    const char* from = buffer_.data() + at;
    const std::size_t rest = filled_ - at;
    const auto* newline =
        rest == 0 ? nullptr : static_cast<const char*>(std::memchr(from, '\n', rest));
    const std::size_t length = newline != nullptr ? static_cast<std::size_t>(newline - from) : rest;
    if (has_quote(at, at + length)) {
      quoted = quoted != (std::count(from, from + length, '"') % 2 != 0);
    }
    searched += length;
    if (newline != nullptr) {
      ++lines;
      if (!quoted) {
        next_line_ += lines;
        return searched;
      }
      ++searched;
      continue;
    }
    if (!may_read && !at_end_) {
      quote_ = 0;  // the next call scans this record again
      return std::nullopt;
    }
    if (!fill()) {
      if (quoted) {
        throw FileError(name(),
                        fmt::format("line {}: a quoted cell is not closed before the end", line_));
      }
      next_line_ += lines;
      return searched;
    }
  }
}

bool CsvLines::next() {
  return move_on(true);
}

bool CsvLines::next_in_memory() {
  return move_on(false);
}

bool CsvLines::move_on(bool may_read) {
  if (repeated_) {
    repeated_ = false;
    return true;
  }
  if (next_ == filled_ && (!may_read || !fill())) {
    return false;
  }
  const std::uint64_t line = std::exchange(line_, next_line_);
  const std::optional<std::size_t> length = find_end(may_read);
  if (!length) {
    line_ = line;
    return false;
  }
  length_ = *length;
  begin_ = next_;
  next_ = std::min(begin_ + length_ + 1, filled_);
  if (length_ > 0 && buffer_[begin_ + length_ - 1] == '\r') {
    --length_;
  }
  return true;
}

}  // namespace lamella::io
