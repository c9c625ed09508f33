// Data types in device memory. The rows and outputs of a call are always float32.
#pragma once

#include <cstddef>

#include <lamella/engine.hpp>

namespace lamella::core {

enum class DType { kFloat32, kBfloat16, kFloat16 };

[[nodiscard]] constexpr std::size_t bytes_of(DType dtype) {
  return dtype == DType::kFloat32 ? 4 : 2;
}

// The type of weights, and of activations between layers.
[[nodiscard]] constexpr DType dtype_of(Precision precision) {
  return precision == Precision::kBf16   ? DType::kBfloat16
         : precision == Precision::kFp16 ? DType::kFloat16
                                         : DType::kFloat32;
}

}  // namespace lamella::core
