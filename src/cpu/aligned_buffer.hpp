// Memory for weights and activations, aligned to cache lines. Not initialized, so that each page is
// first touched by the thread that writes it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"

namespace lamella::cpu {

class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  AlignedBuffer() = default;
  // purpose names the memory in the error message. Throws OutOfMemoryError.
  AlignedBuffer(std::size_t bytes, std::string_view purpose) {
    const auto padded = core::checked_round_up(bytes, kAlignment);
    if (bytes != 0 && padded) {
      data_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, *padded)));
    }
    if (bytes != 0 && data_ == nullptr) {
      throw OutOfMemoryError(
          fmt::format("{} bytes of host memory for {} could not be had", bytes, purpose));
    }
  }

  // Allocates rows x width floats. Throws OutOfMemoryError, also if the size overflows std::size_t.
  static AlignedBuffer floats(std::size_t rows, std::size_t width, std::string_view purpose) {
    const auto count = core::checked_product(rows, width);
    const auto bytes = count ? core::checked_product(*count, sizeof(float)) : count;
    if (!bytes) {
      throw OutOfMemoryError(
          fmt::format("{} x {} floats for {} exceed the address space", rows, width, purpose));
    }
    return {*bytes, purpose};
  }

  [[nodiscard]] float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace lamella::cpu
