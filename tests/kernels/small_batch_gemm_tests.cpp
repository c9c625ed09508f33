// The small-batch GEMM gives the bits of FMA chains, which the host can compute too.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/small_batch_gemm.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::DeviceArray;

struct Shape {
  std::size_t rows;
  std::size_t inputs;
  std::size_t outputs;
};

class SmallBatchGemm : public testing::Test {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

std::vector<float> random_floats(std::size_t count, std::uint32_t seed) {
  std::vector<float> floats(count);
  test::fill_random(floats, seed, 4);
  return floats;
}

float expected(const float* x, const float* w, std::size_t inputs, const float* bias, bool relu) {
  float sum = 0;
  for (std::size_t k = 0; k < inputs; ++k) {
    sum = std::fma(x[k], w[k], sum);
  }
  sum += 0.0F;  // changes -0 to 0
  const float z = bias == nullptr ? sum : sum + *bias;
  return relu && z <= 0 ? 0 : z;
}

bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// Checks each output, the guard zones around the outputs, and the outputs of calls with fewer rows.
void expect_chains(const Shape& s, const std::vector<float>& x, const std::vector<float>& w,
                   bool with_bias, bool relu, std::size_t offset) {
  SCOPED_TRACE(testing::Message() << s.rows << " rows, " << s.inputs << " to " << s.outputs
                                  << (with_bias ? ", bias" : "") << (relu ? ", ReLU" : "")
                                  << ", offset " << offset);
  const std::vector<float> bias = random_floats(with_bias ? s.outputs : 0, 3);
  DeviceArray device_x(x, offset);
  DeviceArray device_w(w);
  DeviceArray device_bias(bias);
  DeviceArray y(s.rows * s.outputs, offset);
  ASSERT_EQ(kernels::small_batch_gemm({.x = device_x.data(),
                                       .w = device_w.data(),
                                       .bias = with_bias ? device_bias.data() : nullptr,
                                       .y = y.data(),
                                       .rows = s.rows,
                                       .inputs = s.inputs,
                                       .outputs = s.outputs,
                                       .relu = relu},
                                      nullptr),
            cudaSuccess);
  const std::vector<float> found = y.download();
  for (std::size_t r = 0; r < s.rows; ++r) {
    for (std::size_t o = 0; o < s.outputs; ++o) {
      const float wanted = expected(&x[r * s.inputs], &w[o * s.inputs], s.inputs,
                                    with_bias ? &bias[o] : nullptr, relu);
      ASSERT_TRUE(same_bits(found[r * s.outputs + o], wanted))
          << r << ", " << o << ": " << found[r * s.outputs + o] << ", wanted " << wanted;
    }
  }
  EXPECT_TRUE(y.intact()) << "the kernel wrote outside of its matrix";
}

TEST_F(SmallBatchGemm, AreChainsOfMultiplyAddsForEverySize) {
  std::uint32_t seed = 1;
  for (const std::size_t inputs : {1U, 2U, 3U, 4U, 7U, 64U, 255U, 256U, 257U, 259U, 512U, 784U}) {
    for (const Shape& s : {Shape{1, inputs, 1}, Shape{1, inputs, 9}, Shape{15, inputs, 8},
                           Shape{17, inputs, 7}, Shape{32, inputs, 20}}) {
      const std::vector<float> x = random_floats(s.rows * s.inputs, ++seed);
      const std::vector<float> w = random_floats(s.outputs * s.inputs, ++seed);
      expect_chains(s, x, w, seed % 4 != 0, seed % 3 == 0, seed % 4);
    }
  }
}

// Enough blocks that two or four sums per thread in each direction are the better choice, with row
// and output counts that no tile size divides.
TEST_F(SmallBatchGemm, LargerTilesAreTheSameChains) {
  std::uint32_t seed = 100;
  for (const Shape& s :
       {Shape{63, 131, 1030}, Shape{255, 70, 1030}, Shape{1024, 67, 77}, Shape{200, 258, 333}}) {
    const std::vector<float> x = random_floats(s.rows * s.inputs, ++seed);
    const std::vector<float> w = random_floats(s.outputs * s.inputs, ++seed);
    expect_chains(s, x, w, true, seed % 3 == 0, seed % 4);
    expect_chains(s, x, w, false, false, 0);
  }
}

TEST_F(SmallBatchGemm, KeepNanAndInfinityOfTheirRowAndHaveOneZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float min = std::numeric_limits<float>::denorm_min();
  const Shape s{6, 21, 9};
  std::vector<float> x = random_floats(s.rows * s.inputs, 1);
  x[1 * s.inputs + 20] = std::numeric_limits<float>::quiet_NaN();
  x[2 * s.inputs] = infinity;
  x[3 * s.inputs + 4] = -infinity;
  x[3 * s.inputs + 5] = infinity;
  std::fill_n(&x[4 * s.inputs], s.inputs, -min);  // products that round to -0
  std::fill_n(&x[5 * s.inputs], s.inputs, -0.0F);
  std::vector<float> w = random_floats(s.outputs * s.inputs, 2);
  std::fill_n(w.data(), s.inputs, 0.25F);
  for (const bool relu : {false, true}) {
    expect_chains(s, x, w, false, relu, 0);
    expect_chains(s, x, w, true, relu, 1);
  }
}

TEST_F(SmallBatchGemm, NoRowsAreNoLaunch) {
  EXPECT_EQ(kernels::small_batch_gemm({.inputs = 3, .outputs = 2}, nullptr), cudaSuccess);
}

}  // namespace
}  // namespace lamella
