// The header of NumPy's .npy format, versions 1 to 3 (numpy.lib.format), for row files and .npz
// entries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/byte_source.hpp"
#include "io/element_types.hpp"

namespace lamella::io {

struct NpyHeader {
  Encoding encoding;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
  std::size_t data_offset = 0;  // offset of the first element
  std::size_t elements = 0;     // the product of shape
  std::size_t data_bytes = 0;   // element count times element size
};

inline constexpr std::size_t kNpyPreambleSize = 12;  // magic, version, header length
inline constexpr std::size_t kNpyHeaderLimit = std::size_t{1} << 20;

// The data's offset, from the first kNpyPreambleSize bytes of a file (or all of a shorter file).
// Throws Error.
[[nodiscard]] std::size_t npy_data_offset(std::span<const std::byte> preamble);

// Parses a header; `bytes` holds at least npy_data_offset bytes. Throws Error, also for element
// types that are not numeric.
[[nodiscard]] NpyHeader parse_npy_header(std::span<const std::byte> bytes);

// Reads the header at the source's current position. Throws FileError.
[[nodiscard]] NpyHeader read_npy_header(ByteSource& source);

// Makes a version 1.0 header of kNpyWrittenHeaderSize bytes for [rows x columns] little-endian
// float32 in C order. The length is fixed, so the row count can be changed later.
inline constexpr std::size_t kNpyWrittenHeaderSize = 128;
[[nodiscard]] std::string npy_header(std::uint64_t rows, std::size_t columns);

// "[4 x 3]"; "[]" for a scalar.
[[nodiscard]] std::string shape_text(std::span<const std::size_t> shape);

}  // namespace lamella::io
