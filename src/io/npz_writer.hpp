// Writes float64 arrays as an .npz file: an uncompressed zip archive of .npy files, like
// numpy.savez.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lamella::io {

struct NamedArray {
  std::string name;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::span<const double> values;  // [rows x columns]
};

// The file appears under its name only once complete. Throws FileError, also if an array or the
// file would reach 4 GiB (zip64 is not written).
void write_npz(const std::vector<NamedArray>& arrays, const std::string& path);

}  // namespace lamella::io
