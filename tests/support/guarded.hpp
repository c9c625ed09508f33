// An output buffer between two guard zones that detect out-of-bounds writes.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include <lamella/matrix.hpp>

namespace lamella::test {

class GuardedMatrix {
 public:
  // The matrix starts `offset` floats after a 64-byte boundary.
  GuardedMatrix(std::size_t rows, std::size_t columns, std::size_t offset = 0)
      : rows_(rows),
        columns_(columns),
        storage_(rows * columns + 2 * kGuard + kBoundary + offset, kSentinel) {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    const std::size_t misaligned = (address / sizeof(float)) % kBoundary;
    begin_ = kGuard + (misaligned == 0 ? 0 : kBoundary - misaligned) + offset;
  }

  [[nodiscard]] MatrixView<float> view() { return {storage_.data() + begin_, rows_, columns_}; }

  // Whether the guard zones are untouched.
  [[nodiscard]] bool intact() const {
    const auto untouched = [](float v) {
      return std::bit_cast<std::uint32_t>(v) == std::bit_cast<std::uint32_t>(kSentinel);
    };
    const auto begin = storage_.begin() + static_cast<std::ptrdiff_t>(begin_);
    return std::all_of(storage_.begin(), begin, untouched) &&
           std::all_of(begin + static_cast<std::ptrdiff_t>(rows_ * columns_), storage_.end(),
                       untouched);
  }

 private:
  static constexpr std::size_t kGuard = 64;
  static constexpr std::size_t kBoundary = 16;
  static constexpr float kSentinel = -1.2345678e33F;

  std::size_t rows_;
  std::size_t columns_;
  std::vector<float> storage_;
  std::size_t begin_ = 0;
};

}  // namespace lamella::test
