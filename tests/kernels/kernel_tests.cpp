// Each kernel against its formula in double precision. Outputs lie between guard zones, at every
// alignment; the same tests run in the simulation and on a GPU.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include "kernels/bias_activation.hpp"
#include "kernels/convert.hpp"
#include "kernels/fill_uniform.hpp"
#include "kernels/input_steps.hpp"
#include "kernels/row_softmax.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::DeviceArray;

class Kernels : public testing::Test {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

std::vector<float> random_values(std::size_t count, std::uint32_t seed) {
  std::vector<float> values(count);
  test::fill_random(values, seed, 4);
  return values;
}

// act(y + bias) is a layer with the identity matrix, so the layer reference applies.
test::Reference reference(const std::vector<float>& y, const std::vector<float>& bias,
                          std::size_t rows, std::size_t width, const Activation& activation) {
  Layer layer{.inputs = width,
              .outputs = width,
              .weights = std::vector<float>(width * width),
              .bias = bias,
              .activation = activation};
  for (std::size_t i = 0; i < width; ++i) {
    layer.weights[i * width + i] = 1;
  }
  return test::evaluate(Network({layer}), MatrixView<const float>(y.data(), rows, width));
}

struct Case {
  std::size_t rows;
  std::size_t width;
  Activation activation;
  bool bias = true;
  std::size_t offset = 0;
};

void expect_right(const Case& c) {
  SCOPED_TRACE("[" + std::to_string(c.rows) + " x " + std::to_string(c.width) + "] " +
               to_string(c.activation) + (c.bias ? " with bias" : "") + ", offset " +
               std::to_string(c.offset));
  const auto seed = static_cast<std::uint32_t>(c.rows * 131 + c.width);
  const auto y = random_values(c.rows * c.width, seed);
  const auto bias = random_values(c.bias ? c.width : 0, seed + 1);
  DeviceArray device_y(y, c.offset);
  DeviceArray device_bias(bias);
  const float* const bias_pointer = c.bias ? device_bias.data() : nullptr;
  const auto kernel = c.activation.is_row_wise() ? kernels::row_softmax : kernels::bias_activation;
  ASSERT_EQ(kernel(device_y.data(), bias_pointer, c.rows, c.width, c.activation, nullptr),
            cudaSuccess);
  const auto found = device_y.download();
  EXPECT_EQ(test::mismatch(reference(y, bias, c.rows, c.width, c.activation),
                           MatrixView<const float>(found.data(), c.rows, c.width)),
            "");
  EXPECT_TRUE(device_y.intact()) << "the kernel wrote outside of its matrix";
}

TEST_F(Kernels, BiasActivationServesEveryWidthAndTail) {
  for (std::size_t width = 1; width <= 36; ++width) {
    for (const std::size_t rows : {1UL, 2UL, 3UL, 5UL, 33UL}) {
      expect_right({.rows = rows, .width = width, .activation = ActivationKind::kRelu});
    }
  }
  for (const std::size_t width : {63UL, 64UL, 127UL, 255UL, 256UL, 257UL, 510UL}) {
    expect_right({.rows = 7, .width = width, .activation = ActivationKind::kRelu});
  }
}

TEST_F(Kernels, BiasActivationServesEveryAlignment) {
  for (std::size_t offset = 0; offset < 8; ++offset) {
    for (const std::size_t width : {1UL, 4UL, 7UL, 12UL, 33UL}) {
      expect_right(
          {.rows = 9, .width = width, .activation = ActivationKind::kRelu, .offset = offset});
    }
  }
}

TEST_F(Kernels, BiasActivationStepsOverMoreThanItsThreads) {
  // More vectors than the kernel has threads, so that the unrolled steps, the single steps and the
  // tail all occur: 132 * 2048 threads of 4 elements.
  const std::size_t width = 5;
  const std::size_t rows = (132 * 2048 * 4 * 5 + 4242) / width;
  const auto y = random_values(rows * width, 1);
  const auto bias = random_values(width, 2);
  for (const std::size_t offset : {0UL, 1UL}) {
    DeviceArray device_y(y, offset);
    const DeviceArray device_bias(bias);
    ASSERT_EQ(kernels::bias_activation(device_y.data(), device_bias.data(), rows, width,
                                       ActivationKind::kRelu, nullptr),
              cudaSuccess);
    const auto found = device_y.download();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      wrong += found[i] == std::max(y[i] + bias[i % width], 0.0F) ? 0 : 1;
    }
    EXPECT_EQ(wrong, 0U);
    EXPECT_TRUE(device_y.intact());
  }
}

TEST_F(Kernels, BiasActivationKnowsEveryElementwiseKind) {
  for (int kind = 0; kind < static_cast<int>(ActivationKind::kSoftmax); ++kind) {
    const Activation activation(static_cast<ActivationKind>(kind));
    for (const bool bias : {true, false}) {
      expect_right({.rows = 19, .width = 10, .activation = activation, .bias = bias});
      expect_right({.rows = 19, .width = 10, .activation = activation, .bias = bias, .offset = 3});
    }
  }
}

// Packs 16-bit values into floats, two per float; after an odd count the last half stays 0.
template <class T>
std::vector<float> packed(const std::vector<float>& values) {
  std::vector<float> memory((values.size() + 1) / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T from_float = T(values[i]);
    std::memcpy(reinterpret_cast<char*>(memory.data()) + 2 * i, &from_float, 2);
  }
  return memory;
}
template <class T>
std::vector<float> unpacked(const std::vector<float>& memory, std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    T from_float;
    std::memcpy(static_cast<void*>(&from_float),
                reinterpret_cast<const char*>(memory.data()) + 2 * i, 2);
    values[i] = static_cast<float>(from_float);
  }
  return values;
}

template <class T>
void expect_right_in(core::DType dtype) {
  for (const std::size_t width : {1UL, 3UL, 8UL, 12UL, 17UL, 130UL}) {
    for (const std::size_t offset : {0UL, 1UL, 2UL, 3UL, 4UL}) {
      SCOPED_TRACE(std::to_string(width) + ", offset " + std::to_string(offset));
      const std::size_t count = 13 * width;
      const auto y = unpacked<T>(packed<T>(random_values(count, 1)), count);
      const auto bias = random_values(width, 2);
      DeviceArray device_y(packed<T>(y), offset);
      DeviceArray device_bias(bias);
      ASSERT_EQ(kernels::stored_bias_activation(device_y.data(), dtype, device_bias.data(), 13,
                                                width, ActivationKind::kRelu, nullptr),
                cudaSuccess);
      const auto found = unpacked<T>(device_y.download(), count);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const float exact = std::max(y[i] + bias[i % width], 0.0F);
        wrong += found[i] == static_cast<float>(T(exact)) ? 0 : 1;
      }
      EXPECT_EQ(wrong, 0U);
      EXPECT_TRUE(device_y.intact());
    }
  }
}

TEST_F(Kernels, BiasActivationRoundsOnceToANarrowerDType) {
  expect_right_in<__nv_bfloat16>(core::DType::kBfloat16);
  expect_right_in<__half>(core::DType::kFloat16);
}

template <class T>
void expect_conversion(core::DType dtype, float large) {
  // More elements than the grid has threads; values that overflow, underflow or lie halfway between
  // two results.
  const std::size_t count = 132 * 16 * 256 + 77;
  auto values = random_values(count, 1);
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> special = {
      1e38F,           -large,       large,    1e-9F,     1 + 0x1p-9F,
      1 + 3 * 0x1p-9F, 1 + 0x1p-12F, infinity, -infinity, std::numeric_limits<float>::quiet_NaN()};
  std::ranges::copy(special, values.end() - static_cast<std::ptrdiff_t>(special.size()));
  DeviceArray wide(values, 1);
  DeviceArray from_float(std::vector<float>((count + 1) / 2));
  DeviceArray back(count, 3);
  ASSERT_EQ(kernels::from_float(wide.data(), from_float.data(), dtype, count, nullptr),
            cudaSuccess);
  ASSERT_EQ(kernels::to_float(from_float.data(), dtype, back.data(), count, nullptr), cudaSuccess);
  const auto found = back.download();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto expected = static_cast<float>(T(values[i]));
    wrong += found[i] == expected || (std::isnan(found[i]) && std::isnan(expected)) ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(back.intact());
  (void)from_float.download();
  EXPECT_TRUE(from_float.intact());
}

TEST_F(Kernels, ConversionsRoundToNearestAndBack) {
  expect_conversion<__nv_bfloat16>(core::DType::kBfloat16, 3.4e38F);
  expect_conversion<__half>(core::DType::kFloat16, 65'519.0F);
}

TEST_F(Kernels, FillUniformIsAFunctionOfTheSeed) {
  const auto filled = [](std::uint64_t seed) {
    DeviceArray array(300'003);  // more than the grid has threads
    EXPECT_EQ(kernels::fill_uniform(array.data(), array.size(), seed, nullptr), cudaSuccess);
    auto values = array.download();
    EXPECT_TRUE(array.intact());
    return values;
  };
  const auto values = filled(1);
  double sum = 0;
  double squares = 0;
  for (const float v : values) {
    ASSERT_GE(v, -1.0F);
    ASSERT_LT(v, 1.0F);
    sum += v;
    squares += static_cast<double>(v) * v;
  }
  const double n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0, 0.006);  // five standard errors of the mean
  EXPECT_NEAR(squares / n, 1.0 / 3, 0.006);
  EXPECT_EQ(values, filled(1));
  EXPECT_NE(values, filled(2));
}

TEST_F(Kernels, RowSoftmaxServesEveryWidth) {
  for (const auto kind : {ActivationKind::kSoftmax, ActivationKind::kLogSoftmax}) {
    for (const std::size_t width :
         {1UL, 2UL, 3UL, 4UL, 5UL, 8UL, 9UL, 16UL, 17UL, 31UL, 32UL, 33UL, 100UL, 257UL}) {
      for (const std::size_t rows : {1UL, 2UL, 9UL, 70UL}) {
        expect_right({.rows = rows, .width = width, .activation = kind});
      }
      expect_right({.rows = 5, .width = width, .activation = kind, .bias = false, .offset = 1});
    }
  }
}

TEST_F(Kernels, RowSoftmaxStepsOverMoreRowsThanItsGrid) {
  const std::size_t rows = 132 * 16 * 64 + 77;  // blocks times groups per block, and some more
  const std::size_t width = 3;
  expect_right({.rows = rows, .width = width, .activation = ActivationKind::kSoftmax});
}

TEST_F(Kernels, RowSoftmaxDoesNotOverflow) {
  const std::vector<float> y = {1000, 1000, -1000, 88, 89, 90};
  DeviceArray device_y(y);
  ASSERT_EQ(kernels::row_softmax(device_y.data(), nullptr, 2, 3, ActivationKind::kSoftmax, nullptr),
            cudaSuccess);
  const auto found = device_y.download();
  EXPECT_EQ(found[0], 0.5F);
  EXPECT_EQ(found[1], 0.5F);
  EXPECT_EQ(found[2], 0.0F);
  EXPECT_NEAR(found[5], 0.66524096, 1e-6);
}

float stepped(InputStep::Kind kind, float x, float v) {
  switch (kind) {
    case InputStep::Kind::kSubtract:
      return x - v;
    case InputStep::Kind::kAdd:
      return x + v;
    case InputStep::Kind::kMultiply:
      return x * v;
    default:
      return x / v;
  }
}

TEST_F(Kernels, InputStepsAreOneRoundedOperationAtEveryWidth) {
  for (const auto kind : {InputStep::Kind::kSubtract, InputStep::Kind::kAdd,
                          InputStep::Kind::kMultiply, InputStep::Kind::kDivide}) {
    for (const std::size_t width : {1UL, 3UL, 17UL, 64UL, 300UL}) {
      for (const std::size_t rows : {1UL, 2UL, 33UL}) {
        const auto x = random_values(rows * width, 1);
        const auto values = random_values(width, 2);
        DeviceArray device_x(x, width % 4);
        const DeviceArray device_values(values);
        DeviceArray device_y(rows * width);
        // First out of place, then in place.
        ASSERT_EQ(kernels::input_step(device_x.data(), device_y.data(), device_values.data(), rows,
                                      width, kind, nullptr),
                  cudaSuccess);
        ASSERT_EQ(kernels::input_step(device_x.data(), device_x.data(), device_values.data(), rows,
                                      width, kind, nullptr),
                  cudaSuccess);
        const auto apart = device_y.download();
        const auto in_place = device_x.download();
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const float wanted = stepped(kind, x[i], values[i % width]);
          wrong += apart[i] == wanted && in_place[i] == wanted ? 0 : 1;
        }
        EXPECT_EQ(wrong, 0U) << "[" << rows << " x " << width << "]";
        EXPECT_TRUE(device_x.intact() && device_y.intact());
      }
    }
  }
}

TEST_F(Kernels, InputStepsStepOverMoreThanTheirThreads) {
  const std::size_t width = 7;
  const std::size_t rows = 132 * 2048 * 3 / width + 5;
  const auto x = random_values(rows * width, 3);
  const auto values = random_values(width, 4);
  DeviceArray device_x(x);
  const DeviceArray device_values(values);
  ASSERT_EQ(kernels::input_step(device_x.data(), device_x.data(), device_values.data(), rows, width,
                                InputStep::Kind::kSubtract, nullptr),
            cudaSuccess);
  const auto found = device_x.download();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    wrong += found[i] == x[i] - values[i % width] ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0U);
}

TEST_F(Kernels, InputClipKeepsNanAndOpenBounds) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {-2, 0.25F, 3, std::numeric_limits<float>::quiet_NaN(), kInf, -kInf};
  DeviceArray device_x(x);
  ASSERT_EQ(kernels::input_clip(device_x.data(), device_x.data(), -1, kInf, 2, 3, nullptr),
            cudaSuccess);
  const auto found = device_x.download();
  EXPECT_EQ(found[0], -1);
  EXPECT_EQ(found[1], 0.25F);
  EXPECT_EQ(found[2], 3);
  EXPECT_TRUE(std::isnan(found[3]));
  EXPECT_EQ(found[4], kInf);
  EXPECT_EQ(found[5], -1);
}

TEST_F(Kernels, NothingToDoLaunchesNothing) {
  EXPECT_EQ(kernels::bias_activation(nullptr, nullptr, 0, 5, ActivationKind::kRelu, nullptr),
            cudaSuccess);
  EXPECT_EQ(kernels::bias_activation(nullptr, nullptr, 7, 5, ActivationKind::kIdentity, nullptr),
            cudaSuccess);
  EXPECT_EQ(kernels::row_softmax(nullptr, nullptr, 0, 5, ActivationKind::kSoftmax, nullptr),
            cudaSuccess);
}

TEST_F(Kernels, KindsThatAreNotTheirsAreRejected) {
  EXPECT_EQ(kernels::from_float(nullptr, nullptr, core::DType::kFloat32, 1, nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(kernels::to_float(nullptr, core::DType::kFloat32, nullptr, 1, nullptr),
            cudaErrorInvalidValue);
  DeviceArray y(std::vector<float>(4));
  EXPECT_EQ(kernels::bias_activation(y.data(), nullptr, 2, 2, ActivationKind::kSoftmax, nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(kernels::row_softmax(y.data(), nullptr, 2, 2, ActivationKind::kRelu, nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(
      kernels::input_step(y.data(), y.data(), y.data(), 2, 2, InputStep::Kind::kClip, nullptr),
      cudaErrorInvalidValue);
}

}  // namespace
}  // namespace lamella
