// How numbers lie in a device's memory, apart from the rows and outputs of a call, which are
// float32.
#pragma once

#include <cstddef>

#include <lamella/engine.hpp>

namespace lamella::core {

enum class Storage { kFloat32, kBfloat16, kFloat16 };

[[nodiscard]] constexpr std::size_t bytes_of(Storage storage) {
  return storage == Storage::kFloat32 ? 4 : 2;
}

// Of weights, and of what one layer hands to the next.
[[nodiscard]] constexpr Storage storage_of(Precision precision) {
  return precision == Precision::kBf16   ? Storage::kBfloat16
         : precision == Precision::kFp16 ? Storage::kFloat16
                                         : Storage::kFloat32;
}

}  // namespace lamella::core
