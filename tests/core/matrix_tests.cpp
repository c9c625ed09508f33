// A matrix has the size it was asked for, or is an error.
#include <cstdint>

#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/matrix.hpp>

namespace lamella {
namespace {

TEST(Matrix, HasRowsTimesColumnsZeros) {
  const Matrix matrix(3, 2);
  EXPECT_EQ(matrix.size(), 6U);
  EXPECT_EQ(matrix(2, 1), 0);
  EXPECT_EQ(Matrix(0, SIZE_MAX).size(), 0U);
  EXPECT_EQ(Matrix(SIZE_MAX, 0).size(), 0U);
}

TEST(Matrix, LargerThanTheAddressSpaceIsAnError) {
  try {
    const Matrix matrix(std::size_t{1} << 62, 4);
    ADD_FAILURE() << "has " << matrix.size() << " elements";
  } catch (const OutOfMemoryError& error) {
    EXPECT_STREQ(error.what(),
                 "a matrix of 4611686018427387904 x 4 floats exceeds the address space");
  }
  EXPECT_THROW(Matrix(SIZE_MAX, SIZE_MAX), OutOfMemoryError);
  EXPECT_THROW(Matrix(SIZE_MAX / 4, 1), OutOfMemoryError);
}

}  // namespace
}  // namespace lamella
