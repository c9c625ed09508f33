// Arrays of float64 as an .npz file: a zip archive of .npy files, stored, as numpy.savez writes it.
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

// Appears under its name only when it is complete. Throws FileError, also when an array or the
// whole has 4 GiB or more (zip64 is not written).
void write_npz(const std::vector<NamedArray>& arrays, const std::string& path);

}  // namespace lamella::io
