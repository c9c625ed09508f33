// The header is a Python dict literal with three known keys. Parses the subset of Python that it
// uses: strings, True and False, tuples of integers.
#include "io/npy.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "io/bytes.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

Encoding parse_descr(std::string_view descr) {
  constexpr std::array<std::pair<std::string_view, ElementType>, 12> kTypes = {{
      {"f2", ElementType::kF16},
      {"f4", ElementType::kF32},
      {"f8", ElementType::kF64},
      {"i1", ElementType::kI8},
      {"i2", ElementType::kI16},
      {"i4", ElementType::kI32},
      {"i8", ElementType::kI64},
      {"u1", ElementType::kU8},
      {"u2", ElementType::kU16},
      {"u4", ElementType::kU32},
      {"u8", ElementType::kU64},
      {"b1", ElementType::kBool},
  }};
  std::string_view code = descr;
  bool big_endian = false;
  if (!code.empty() && std::string_view("<>=|").find(code.front()) != std::string_view::npos) {
    big_endian = code.front() == '>';
    code.remove_prefix(1);
  }
  for (const auto& [name, type] : kTypes) {
    if (name == code) {
      return {.type = type, .big_endian = big_endian};
    }
  }
  if (code == "?") {
    return {.type = ElementType::kBool};
  }
  if (code.starts_with('O')) {
    throw Error(
        "holds Python objects (dtype object, a pickle), which are not read; save it as numbers, "
        "e.g. with "
        "array.astype('float32')");
  }
  throw Error(
      fmt::format("has elements of type {}; f2, f4, f8, i1 to i8, u1 to u8 and b1 are understood",
                  in_quotes(descr)));
}

class DictParser {
 public:
  explicit DictParser(std::string_view text) : text_(text) {}

  void parse(NpyHeader& header) {
    expect('{');
    bool have_descr = false;
    bool have_order = false;
    bool have_shape = false;
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !std::exchange(have_descr, true)) {
        header.encoding = descr();
      } else if (key == "fortran_order" && !std::exchange(have_order, true)) {
        header.fortran_order = boolean();
      } else if (key == "shape" && !std::exchange(have_shape, true)) {
        header.shape = tuple();
      } else {
        throw Error(fmt::format(
            "has a .npy header with the key {}, which is unknown or there twice", in_quotes(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (position_ != text_.size()) {
      fail("nothing more");
    }
    if (!have_descr || !have_order || !have_shape) {
      throw Error("has a .npy header that lacks one of 'descr', 'fortran_order' and 'shape'");
    }
  }

 private:
  [[noreturn]] void fail(std::string_view wanted) const {
    throw Error(fmt::format(
        "has a malformed .npy header: {} was wanted at byte {} of its dict, found {}", wanted,
        position_, position_ < text_.size() ? in_quotes(text_.substr(position_)) : "its end"));
  }

  void skip_space() {
    while (position_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos) {
      ++position_;
    }
  }

  bool accept(char c) {
    skip_space();
    if (position_ < text_.size() && text_[position_] == c) {
      ++position_;
      return true;
    }
    return false;
  }

  void expect(char c) {
    if (!accept(c)) {
      fail(std::string_view(&c, 1));
    }
  }

  bool accept_word(std::string_view word) {
    if (text_.substr(position_).starts_with(word)) {
      position_ += word.size();
      return true;
    }
    return false;
  }

  std::string_view string() {
    skip_space();
    const char quote = position_ < text_.size() ? text_[position_] : '\0';
    if (quote != '\'' && quote != '"') {
      fail("a string");
    }
    const std::size_t begin = position_ + 1;
    const std::size_t end = text_.find_first_of(quote == '"' ? "\"\\\n" : "'\\\n", begin);
    if (end == std::string_view::npos || text_[end] != quote) {
      fail("a plain string");
    }
    position_ = end + 1;
    return text_.substr(begin, end - begin);
  }

  Encoding descr() {
    skip_space();
    if (position_ < text_.size() && (text_[position_] == '[' || text_[position_] == '(')) {
      throw Error(
          "has a structured type (several fields in each element); an array of plain numbers is "
          "wanted");
    }
    return parse_descr(string());
  }

  bool boolean() {
    skip_space();
    if (accept_word("True")) {
      return true;
    }
    if (!accept_word("False")) {
      fail("True or False");
    }
    return false;
  }

  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> numbers;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::size_t number = 0;
      const char* begin = text_.data() + position_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
      if (error == std::errc::result_out_of_range) {
        fail("a shape that fits into 64 bits");
      }
      if (error != std::errc()) {
        fail("a whole number of the shape");
      }
      position_ += static_cast<std::size_t>(end - begin);
      accept_word("L");  // the suffix of Python 2's long integers
      numbers.push_back(number);
      if (numbers.size() > kMaxDimensions) {
        fail("a shape of at most 32 dimensions");
      }
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return numbers;
  }

  static constexpr std::size_t kMaxDimensions = 32;  // NumPy 1's limit
  std::string_view text_;
  std::size_t position_ = 0;
};

void count_elements(NpyHeader& header) {
  // A zero size makes the array empty, but the other sizes must still be valid.
  std::optional<std::size_t> product = header.encoding.size();
  bool empty = false;
  for (const std::size_t size : header.shape) {
    empty = empty || size == 0;
    product = product ? core::checked_product(*product, size == 0 ? 1 : size) : product;
  }
  if (!product) {
    throw Error(fmt::format("has the shape {}, which is more bytes than 64 bits count",
                            shape_text(header.shape)));
  }
  header.data_bytes = empty ? 0 : *product;
  header.elements = header.data_bytes / header.encoding.size();
}

// The dict's offset: after the magic, the version and a 2- or 4-byte length.
std::size_t dict_offset(std::span<const std::byte> preamble) {
  return preamble[6] == std::byte{1} ? 10 : 12;
}

}  // namespace

std::size_t npy_data_offset(std::span<const std::byte> preamble) {
  if (preamble.empty()) {
    throw Error("is empty (0 bytes), not a .npy file");
  }
  if (!begins_with(preamble, kMagic)) {
    throw Error("is not a .npy file: the magic \\x93NUMPY is missing at its start");
  }
  const ByteView view(preamble);
  const auto major = view.number<std::uint8_t>(6);
  if (!major || !view.number<std::uint32_t>(8)) {
    throw Error(fmt::format("is truncated: {} bytes, which is shorter than a .npy header",
                            preamble.size()));
  }
  if (*major < 1 || *major > 3) {
    throw Error(
        fmt::format("is a .npy file of version {}; versions 1 to 3 are understood", *major));
  }
  const std::size_t length =
      *major == 1 ? *view.number<std::uint16_t>(8) : *view.number<std::uint32_t>(8);
  if (length > kNpyHeaderLimit) {
    throw Error(fmt::format("has a .npy header of {} bytes; {} are the most that is read", length,
                            kNpyHeaderLimit));
  }
  return dict_offset(preamble) + length;
}

NpyHeader parse_npy_header(std::span<const std::byte> bytes) {
  NpyHeader header;
  header.data_offset = npy_data_offset(bytes.first(std::min(bytes.size(), kNpyPreambleSize)));
  if (bytes.size() < header.data_offset) {
    throw Error(fmt::format("is truncated: its .npy header says {} bytes, {} are there",
                            header.data_offset, bytes.size()));
  }
  const std::size_t begin = dict_offset(bytes);
  DictParser(as_text(bytes.subspan(begin, header.data_offset - begin))).parse(header);
  count_elements(header);
  return header;
}

NpyHeader read_npy_header(ByteSource& source) {
  try {
    const std::size_t length = npy_data_offset(source.peek(kNpyPreambleSize));
    std::vector<std::byte> bytes(length);
    bytes.resize(source.read(bytes));
    return parse_npy_header(bytes);
  } catch (const FileError&) {
    throw;
  } catch (const Error& error) {
    throw FileError(source.name(), error.what(), error.remedy());
  }
}

std::string npy_header(std::uint64_t rows, std::size_t columns) {
  constexpr std::size_t kDictSize = kNpyWrittenHeaderSize - 10;
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(kDictSize), '\x00'};
  header +=
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  header.resize(kNpyWrittenHeaderSize - 1, ' ');
  return header + '\n';
}

std::string shape_text(std::span<const std::size_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, " x "));
}

}  // namespace lamella::io
