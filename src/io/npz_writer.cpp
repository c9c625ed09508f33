#include "io/npz_writer.hpp"

#include <cstdint>
#include <limits>

#include <fmt/format.h>
#include <zlib.h>

#include <lamella/error.hpp>

#include "io/atomic_file.hpp"

namespace lamella::io {
namespace {

// Appends a little-endian integer, as in all zip fields.
template <class T>
void append(std::string& text, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    text += static_cast<char>((value >> (8 * i)) & 0xFFU);
  }
}

// NumPy's format, version 1.0:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
std::string npy_header(const NamedArray& array) {
  std::string dictionary = fmt::format(
      "{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}", array.rows, array.columns);
  constexpr std::size_t kPreamble = 10;
  constexpr std::size_t kAlignment = 64;
  const std::size_t size =
      (kPreamble + dictionary.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  dictionary.resize(size - kPreamble - 1, ' ');
  std::string header("\x93NUMPY\x01\x00", 8);
  append(header, static_cast<std::uint16_t>(size - kPreamble));
  return header + dictionary + "\n";
}

// The fields common to an entry's local and central headers (APPNOTE.TXT 4.4).
struct Entry {
  std::string name;
  std::uint32_t crc = 0;
  std::uint32_t size = 0;
  std::uint32_t offset = 0;

  [[nodiscard]] std::string fields() const {
    std::string text;
    append(text, std::uint16_t{20});          // version needed
    append(text, std::uint16_t{0});           // flags
    append(text, std::uint16_t{0});           // stored
    append(text, std::uint32_t{0x00210000});  // 1980-01-01, for reproducible files
    append(text, crc);
    append(text, size);
    append(text, size);
    append(text, static_cast<std::uint16_t>(name.size()));
    append(text, std::uint16_t{0});  // extra fields
    return text;
  }
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

void write_npz(const std::vector<NamedArray>& arrays, const std::string& path) {
  AtomicFile file(path);
  std::uint64_t written = 0;
  const auto write = [&](std::span<const std::byte> bytes) {
    file.write(bytes);
    written += bytes.size();
  };
  std::string directory;
  for (const NamedArray& array : arrays) {
    const std::string header = npy_header(array);
    const auto values = std::as_bytes(array.values);
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
    if (values.size() > kMax - header.size() || written + values.size() + header.size() > kMax) {
      throw FileError(path, "would be 4 GiB or more; take fewer rows");
    }
    Entry entry{.name = array.name + ".npy",
                .size = static_cast<std::uint32_t>(header.size() + values.size()),
                .offset = static_cast<std::uint32_t>(written)};
    uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(header.data()), header.size());
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(values.data()), values.size());
    entry.crc = static_cast<std::uint32_t>(crc);
    write(bytes_of("PK\x03\x04" + entry.fields() + entry.name + header));
    write(values);
    directory += "PK\x01\x02";
    append(directory, std::uint16_t{20});  // version made by
    directory += entry.fields();
    directory.append(10, '\0');  // no comment, one disk, no attributes
    append(directory, entry.offset);
    directory += entry.name;
  }
  const auto begin = static_cast<std::uint32_t>(written);
  const auto size = static_cast<std::uint32_t>(directory.size());
  directory += "PK\x05\x06";
  append(directory, std::uint32_t{0});  // disks
  append(directory, static_cast<std::uint16_t>(arrays.size()));
  append(directory, static_cast<std::uint16_t>(arrays.size()));
  append(directory, size);
  append(directory, begin);
  append(directory, std::uint16_t{0});  // no comment
  write(bytes_of(directory));
  file.finish();
}

}  // namespace lamella::io
