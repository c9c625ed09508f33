// A matrix's values, for comparing them or copying them to a device.
#pragma once

#include <vector>

#include <lamella/matrix.hpp>

namespace lamella::test {

inline std::vector<float> values(MatrixView<const float> matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

}  // namespace lamella::test
