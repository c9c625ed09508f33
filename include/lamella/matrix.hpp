// Row-major matrices: an owning one and a view. Rows are contiguous, without padding: element (r,
// c) is data()[r * columns() + c].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lamella/error.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// A non-owning view of rows x columns elements. Copying it copies the view, not the elements.
template <class T>
class MatrixView {
 public:
  constexpr MatrixView() = default;
  constexpr MatrixView(T* data, std::size_t rows, std::size_t columns)
      : data_(data), rows_(rows), columns_(columns) {}
  // A mutable view converts to a const view.
  template <class U>
  requires(std::is_same_v<const U, T> &&
           !std::is_same_v<U, T>) constexpr MatrixView(MatrixView<U> other)
      : data_(other.data()), rows_(other.rows()), columns_(other.columns()) {}

  [[nodiscard]] constexpr T* data() const { return data_; }
  [[nodiscard]] constexpr std::size_t rows() const { return rows_; }
  [[nodiscard]] constexpr std::size_t columns() const { return columns_; }
  [[nodiscard]] constexpr std::size_t size() const { return rows_ * columns_; }
  [[nodiscard]] constexpr std::span<T> row(std::size_t r) const {
    return {data_ + r * columns_, columns_};
  }
  // Rows [first, first + count).
  [[nodiscard]] constexpr MatrixView block(std::size_t first, std::size_t count) const {
    return {data_ + first * columns_, count, columns_};
  }
  constexpr T& operator()(std::size_t r, std::size_t c) const { return data_[r * columns_ + c]; }

 private:
  T* data_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
};

// Owns rows x columns floats, initialized to zero.
class Matrix {
 public:
  Matrix() = default;
  // Throws OutOfMemoryError where so many floats exceed the address space, std::bad_alloc where
  // they exceed the memory.
  Matrix(std::size_t rows, std::size_t columns)
      : values_(checked_size(rows, columns)), rows_(rows), columns_(columns) {}

  [[nodiscard]] float* data() { return values_.data(); }
  [[nodiscard]] const float* data() const { return values_.data(); }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  float& operator()(std::size_t r, std::size_t c) { return values_[r * columns_ + c]; }
  const float& operator()(std::size_t r, std::size_t c) const { return values_[r * columns_ + c]; }

  [[nodiscard]] MatrixView<float> view() { return {data(), rows_, columns_}; }
  [[nodiscard]] MatrixView<const float> view() const { return {data(), rows_, columns_}; }
  operator MatrixView<float>() { return view(); }
  operator MatrixView<const float>() const { return view(); }

 private:
  static std::size_t checked_size(std::size_t rows, std::size_t columns) {
    constexpr std::size_t kMaxSize = PTRDIFF_MAX / sizeof(float);
    if (columns != 0 && rows > kMaxSize / columns) {
      throw OutOfMemoryError("a matrix of " + std::to_string(rows) + " x " +
                             std::to_string(columns) + " floats exceeds the address space");
    }
    return rows * columns;
  }

  std::vector<float> values_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
};

}  // namespace lamella
#pragma GCC visibility pop
