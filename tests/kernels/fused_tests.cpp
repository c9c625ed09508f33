// The fused kernels, on images packed by the plan, against the double-precision reference. At most
// two blocks serve every tile launch, so that each carries several tiles; the same tests run in the
// simulation and on a GPU.
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "kernels/fused_block_tile.hpp"
#include "kernels/fused_row_per_block.hpp"
#include "kernels/fused_thread_rows.hpp"
#include "kernels/fused_warp_tile.hpp"
#include "plan/fused_plan.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using plan::FusedShape;
using test::DeviceArray;
using test::random_network;
using test::random_rows;

using NetworkPointer = std::shared_ptr<const Network>;

constexpr std::size_t kKiB = 1024;

// The minimum shared memory of the devices that CUDA 13 supports, other than sm_75, whose 64 KiB
// matter only for the widest networks.
constexpr plan::SharedMemoryLimits kAmple = {99 * kKiB, 100 * kKiB, kKiB};

// Shared memory for the tile and the panels only.
plan::SharedMemoryLimits tight(const Network& network) {
  const std::size_t columns = (network.max_width() + 3) / 4 * 4;
  const std::size_t width = network.max_width() > 64 ? 128 : 64;
  const std::size_t bytes =
      sizeof(float) * (columns * core::kFusedTileStride + 2 * core::kFusedPanelInputs * width);
  return {bytes, bytes + kKiB, kKiB};
}

// A data-center GPU, whose shared memory holds the tiles of eight warps, 64 wide.
constexpr plan::SharedMemoryLimits kLarge = {227 * kKiB, 228 * kKiB, kKiB};

// The kernel under test.
enum class KernelUnderTest { kPlanned, kWarpTile, kBlockTile, kStreamed, kRowPerBlock };

plan::SharedMemoryLimits facts_for(const Network& network, KernelUnderTest way) {
  if (way == KernelUnderTest::kWarpTile) {
    return kLarge;
  }
  if (way == KernelUnderTest::kStreamed) {
    return tight(network);
  }
  plan::SharedMemoryLimits facts = kAmple;
  const FusedShape large = plan::make_fused_plan(network, kLarge).shape.value();
  if (way == KernelUnderTest::kBlockTile && large.family == FusedShape::Family::kWarpTile) {
    facts.per_block = std::min(facts.per_block, large.shared_bytes - 1);
  }
  return facts;
}

bool device_has(std::size_t shared_bytes) {
  int limit = 0;
  test::require(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0),
                "attribute");
  return shared_bytes <= static_cast<std::size_t>(limit);
}

class Fused {
 public:
  explicit Fused(NetworkPointer network, KernelUnderTest way = KernelUnderTest::kPlanned)
      : network_(std::move(network)),
        few_(way == KernelUnderTest::kRowPerBlock),
        shape(plan::make_fused_plan(*network_, facts_for(*network_, way)).shape.value()) {
    const std::vector<float> packed = plan::pack_fused(*network_, shape);
    image_ = std::make_unique<DeviceArray>(packed);
    const auto allowed = static_cast<int>(shape.shared_bytes);
    int blocks = 0;
    test::require(from_float()
                      ? kernels::prepare_fused_thread_rows(thread_rows_variant(), allowed, blocks)
                  : warps() ? kernels::prepare_fused_warp_tile(shape.shared_bytes, allowed, blocks)
                            : kernels::prepare_fused_block_tile(tile_variant(), allowed, blocks),
                  "prepare");
    EXPECT_GE(blocks, 1);
  }

  // Returns the outputs. The offsets, in floats, move rows and outputs off an aligned address.
  std::vector<float> run(const Matrix& rows, std::size_t offset = 0, std::size_t output_offset = 0,
                         const kernels::FusedLayerOutputs& layer_outputs = {}) {
    const DeviceArray device_rows({rows.data(), rows.data() + rows.size()}, offset);
    return run(device_rows.data(), rows.rows(), output_offset, layer_outputs);
  }

  std::vector<float> run(const float* rows, std::size_t count, std::size_t output_offset = 0,
                         const kernels::FusedLayerOutputs& layer_outputs = {}) {
    DeviceArray outputs(count * network_->outputs(), output_offset);
    const kernels::FusedCall call{.rows = rows,
                                  .count = count,
                                  .outputs = outputs.data(),
                                  .image = image_->data(),
                                  .shape = shape.image,
                                  .layer_outputs = layer_outputs};
    EXPECT_EQ(few_ ? kernels::fused_row_per_block(call, network_->max_width() > 64, nullptr)
              : from_float() ? kernels::fused_thread_rows(call, thread_rows_variant(), 2, nullptr)
              : warps()      ? kernels::fused_warp_tile(call, shape.shared_bytes, 2, nullptr)
                             : kernels::fused_block_tile(call, tile_variant(), 2, nullptr),
              cudaSuccess);
    auto found = outputs.download();
    EXPECT_TRUE(outputs.intact()) << "the kernel wrote outside of its outputs";
    return found;
  }

  [[nodiscard]] std::string mismatch(const Matrix& rows, const std::vector<float>& found) {
    return test::mismatch(test::evaluate(*network_, rows.view()),
                          MatrixView<const float>(found.data(), rows.rows(), network_->outputs()));
  }

 private:
  NetworkPointer network_;
  bool few_;

 public:
  const FusedShape shape;

 private:
  [[nodiscard]] bool from_float() const { return shape.family == FusedShape::Family::kThreadRows; }
  [[nodiscard]] bool warps() const { return shape.family == FusedShape::Family::kWarpTile; }
  [[nodiscard]] kernels::FusedThreadRowsVariant thread_rows_variant() const {
    return {.width = shape.width, .shared_bytes = shape.shared_bytes};
  }
  [[nodiscard]] kernels::FusedBlockTileVariant tile_variant() const {
    return {
        .wide = shape.width > 64, .resident = shape.resident, .shared_bytes = shape.shared_bytes};
  }

  std::unique_ptr<DeviceArray> image_;
};

class FusedKernels : public testing::Test {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

// One network for each kernel and weight placement.
struct Variant {
  const char* name;
  std::vector<std::size_t> widths;
  KernelUnderTest way = KernelUnderTest::kPlanned;
};
const std::vector<Variant> kVariants = {
    {"narrow 4", {3, 4, 2}},
    {"narrow 8", {7, 5, 8, 6}},
    {"warps", {20, 17, 33, 10}, KernelUnderTest::kWarpTile},
    {"tile 64", {20, 17, 33, 10}, KernelUnderTest::kBlockTile},
    {"tile 64 streamed", {21, 60, 50, 9}, KernelUnderTest::kStreamed},
    {"tile 128", {30, 65, 24}},
    {"tile 128 streamed", {44, 100, 90}, KernelUnderTest::kStreamed},
    {"few 64", {20, 17, 33, 10}, KernelUnderTest::kRowPerBlock},
    {"few 128", {30, 65, 24}, KernelUnderTest::kRowPerBlock}};

Fused fused(const Variant& variant, const NetworkPointer& network) {
  Fused made(network, variant.way);
  EXPECT_EQ(made.shape.resident, variant.way != KernelUnderTest::kStreamed) << variant.name;
  EXPECT_EQ(made.shape.family == FusedShape::Family::kBlockTile,
            variant.way == KernelUnderTest::kBlockTile ||
                variant.way == KernelUnderTest::kStreamed || network->max_width() > 64)
      << variant.name;
  return made;
}

TEST_F(FusedKernels, RandomNetworksStayWithinTheBound) {
  std::mt19937 random(11);
  const auto below = [&random](std::size_t n) { return random() % n; };
  for (std::uint32_t seed = 1; seed <= 24; ++seed) {
    const std::size_t widest = seed % 3 == 0 ? 8 : seed % 3 == 1 ? 64 : 128;
    const std::size_t depth = 1 + below(widest == 128 ? 3 : 8);
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i <= depth; ++i) {
      widths.push_back(1 + below(widest));
    }
    const auto any = [&](int kinds) {
      return Activation(static_cast<ActivationKind>(below(static_cast<std::size_t>(kinds))));
    };
    const auto network = random_network({.widths = widths,
                                         .hidden = any(14),
                                         .last = any(16),
                                         .bias = seed % 4 != 0,
                                         .seed = seed});
    Fused kernel(network, widest > 8 && seed % 2 == 0 ? KernelUnderTest::kStreamed
                                                      : KernelUnderTest::kPlanned);
    const std::size_t counts[] = {1, 2, 3, 127, 128, 129};
    const Matrix rows = random_rows(counts[below(6)], widths[0], seed);
    std::string text = std::to_string(rows.rows()) + " rows,";
    for (const std::size_t width : widths) {
      text += " " + std::to_string(width);
    }
    const auto found = kernel.run(rows, below(4), below(4));
    EXPECT_EQ(kernel.mismatch(rows, found), "")
        << text << ", hidden " << to_string(network->layers()[0].activation) << ", last "
        << to_string(network->layers().back().activation);
  }
}

TEST_F(FusedKernels, EveryActivationAfterEveryLayer) {
  for (int kind = 0; kind <= static_cast<int>(ActivationKind::kLogSoftmax); ++kind) {
    const Activation activation(static_cast<ActivationKind>(kind));
    const Activation hidden = activation.is_row_wise() ? ActivationKind::kRelu : activation;
    for (const std::vector<std::size_t>& widths :
         std::vector<std::vector<std::size_t>>{{6, 7, 5}, {12, 17, 10}}) {
      const auto network = random_network({.widths = widths, .hidden = hidden, .last = activation});
      Fused kernel(network);
      const Matrix rows = random_rows(9, widths[0], 1, 4);
      EXPECT_EQ(kernel.mismatch(rows, kernel.run(rows)), "") << to_string(activation);
    }
  }
}

TEST_F(FusedKernels, EveryPaddedWidthAndAlignment) {
  for (const std::size_t width : {16UL, 32UL, 48UL, 64UL, 96UL, 128UL}) {
    const auto network = random_network({.widths = {12, width, width - 3}});
    for (const KernelUnderTest way : {KernelUnderTest::kWarpTile, KernelUnderTest::kStreamed}) {
      Fused kernel(network, way);
      if (!device_has(kernel.shape.shared_bytes)) {
        continue;
      }
      const Matrix rows = random_rows(130, 12, 1);
      const auto found = kernel.run(rows);
      EXPECT_EQ(kernel.mismatch(rows, found), "") << width;
      EXPECT_EQ(kernel.run(rows, width / 16 % 3 + 1, 0), found) << width;
      EXPECT_EQ(kernel.run(rows, 0, width / 16 % 3 + 1), found) << width;
    }
  }
  for (std::size_t width = 1; width <= 8; ++width) {
    const auto network = random_network({.widths = {width, 4, 9 - width}});
    Fused kernel(network);
    const Matrix rows = random_rows(4 * 128 + 7, width, 1);
    const auto found = kernel.run(rows);
    EXPECT_EQ(kernel.mismatch(rows, found), "") << width;
    EXPECT_EQ(kernel.run(rows, 1, 2), found) << width;
  }
}

TEST_F(FusedKernels, ReadsNothingBehindTheRows) {
  // The rows end where their memory ends, with and without 16-byte alignment.
  for (const std::vector<std::size_t>& widths : std::vector<std::vector<std::size_t>>{
           {4, 4}, {3, 4}, {8, 4}, {12, 10}, {13, 10}, {44, 10}, {45, 70}}) {
    const auto network = random_network({.widths = widths});
    Fused kernel(network);
    const Matrix rows = random_rows(5, widths[0], 1);
    const std::size_t bytes = rows.size() * sizeof(float);
    const std::size_t allocated = (bytes + 255) / 256 * 256;
    void* memory = nullptr;
    test::require(cudaMalloc(&memory, allocated), "cudaMalloc");
    auto* const at = reinterpret_cast<float*>(static_cast<char*>(memory) + allocated - bytes);
    test::require(cudaMemcpy(at, rows.data(), bytes, cudaMemcpyHostToDevice), "upload");
    EXPECT_EQ(kernel.mismatch(rows, kernel.run(at, rows.rows())), "") << widths[0];
    test::require(cudaFree(memory), "cudaFree");
  }
}

TEST_F(FusedKernels, ARowsBitsDependOnTheRowAlone) {
  for (const Variant& variant : kVariants) {
    const auto network = random_network({.widths = variant.widths,
                                         .hidden = ActivationKind::kTanh,
                                         .last = ActivationKind::kSoftmax});
    Fused kernel = fused(variant, network);
    // More than two blocks carry at once.
    const bool many = variant.widths[0] < 8 || variant.way == KernelUnderTest::kWarpTile;
    const std::size_t count = many ? 4 * 128 * 2 + 77 : 128 * 2 + 77;
    const std::size_t inputs = network->inputs();
    const std::size_t outputs = network->outputs();
    const Matrix rows = random_rows(count, inputs, 5);
    const auto all = kernel.run(rows);
    ASSERT_EQ(kernel.mismatch(rows, all), "") << variant.name;

    Matrix reversed(count, inputs);
    for (std::size_t r = 0; r < count; ++r) {
      std::copy_n(rows.data() + r * inputs, inputs, reversed.data() + (count - 1 - r) * inputs);
    }
    const auto turned = kernel.run(reversed);
    std::size_t different = 0;
    for (std::size_t r = 0; r < count; ++r) {
      different +=
          std::equal(all.begin() + static_cast<std::ptrdiff_t>(r * outputs),
                     all.begin() + static_cast<std::ptrdiff_t>((r + 1) * outputs),
                     turned.begin() + static_cast<std::ptrdiff_t>((count - 1 - r) * outputs))
              ? 0
              : 1;
    }
    EXPECT_EQ(different, 0U) << variant.name;

    for (const auto& [first, part] :
         {std::pair<std::size_t, std::size_t>{0, 1}, {101, 30}, {3, 200}}) {
      Matrix some(part, inputs);
      std::copy_n(rows.data() + first * inputs, part * inputs, some.data());
      const std::vector<float> wanted(
          all.begin() + static_cast<std::ptrdiff_t>(first * outputs),
          all.begin() + static_cast<std::ptrdiff_t>((first + part) * outputs));
      EXPECT_EQ(kernel.run(some, first % 4), wanted) << variant.name << " from row " << first;
    }
  }
}

TEST_F(FusedKernels, NanAndInfinityStayInTheirRow) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const Variant& variant : kVariants) {
    for (const auto last : {ActivationKind::kRelu, ActivationKind::kSoftmax}) {
      // After tanh, infinities are finite again, unless padding took part in the sums.
      const Activation hidden =
          last == ActivationKind::kRelu ? ActivationKind::kTanh : ActivationKind::kRelu;
      const auto network =
          random_network({.widths = variant.widths, .hidden = hidden, .last = last});
      Fused kernel = fused(variant, network);
      Matrix rows = random_rows(9, network->inputs(), 3);
      const auto clean = kernel.run(rows);
      rows(2, 1) = std::numeric_limits<float>::quiet_NaN();
      rows(4, 0) = kInf;
      rows(5, 2) = -kInf;
      const auto found = kernel.run(rows);
      EXPECT_EQ(kernel.mismatch(rows, found), "") << variant.name;
      const std::size_t outputs = network->outputs();
      for (std::size_t i = 0; i < found.size(); ++i) {
        const std::size_t row = i / outputs;
        if (row != 2 && row != 4 && row != 5) {
          EXPECT_EQ(found[i], clean[i]) << variant.name << ", row " << row;
        }
      }
    }
  }
}

// Bitwise equal, except that all NaN compare equal.
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(a, b, [](float x, float y) {
    return (std::isnan(x) && std::isnan(y)) ||
           std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

TEST_F(FusedKernels, AllKernelsGiveTheSameBits) {
  std::mt19937 random(12);
  const auto below = [&random](std::size_t n) { return random() % n; };
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (std::uint32_t seed = 1; seed <= 48; ++seed) {
    std::vector<std::size_t> widths{9 + below(seed % 2 == 0 ? 56 : 120)};
    for (std::size_t depth = 1 + below(4); depth > 0; --depth) {
      widths.push_back(1 + below(seed % 2 == 0 ? 64 : 128));
    }
    const auto any = [&](std::size_t kinds) {
      return Activation(static_cast<ActivationKind>(below(kinds)));
    };
    const auto bare = random_network({.widths = widths,
                                      .hidden = any(14),
                                      .last = any(16),
                                      .bias = seed % 5 != 0,
                                      .seed = seed});
    const auto network =
        seed % 3 != 0 ? bare
                      : test::with_input_steps(
                            *bare, {InputStep::Kind::kSubtract, InputStep::Kind::kDivide}, seed);
    Matrix rows = random_rows(7, widths[0], seed, 3);
    rows(1, below(widths[0])) = std::numeric_limits<float>::quiet_NaN();
    rows(2, below(widths[0])) = kInf;
    rows(3, below(widths[0])) = -kInf;
    for (std::size_t c = 0; c < widths[0]; ++c) {
      rows(4, c) = c % 2 == 0 ? -0.0F : 0.0F;
    }
    const auto tiles = Fused(network, KernelUnderTest::kBlockTile).run(rows);
    EXPECT_TRUE(same_bits(Fused(network, KernelUnderTest::kRowPerBlock).run(rows), tiles))
        << "seed " << seed;
    Fused warps(network, KernelUnderTest::kWarpTile);
    if (device_has(warps.shape.shared_bytes)) {
      EXPECT_TRUE(same_bits(warps.run(rows), tiles)) << "seed " << seed;
    }
  }
}

// A sum of -0 stays -0, unless padding takes part: zero times zero makes it 0.
TEST_F(FusedKernels, NegativeZerosAreTheSameForAllKernels) {
  for (const std::size_t inputs : {12UL, 13UL, 14UL, 68UL}) {
    for (const std::size_t outputs : {3UL, 10UL}) {
      const auto layer = [](std::size_t from, std::size_t to) {
        return Layer{.inputs = from,
                     .outputs = to,
                     .weights = std::vector<float>(from * to, 0.5F),
                     .bias = std::vector<float>(to, -0.0F),
                     .activation = ActivationKind::kIdentity};
      };
      const auto network =
          std::make_shared<const Network>(std::vector{layer(inputs, outputs), layer(outputs, 5)});
      Matrix rows(2, inputs);
      std::fill_n(rows.data(), inputs, -0.0F);
      const auto tiles = Fused(network, KernelUnderTest::kBlockTile).run(rows);
      EXPECT_TRUE(same_bits(Fused(network, KernelUnderTest::kRowPerBlock).run(rows), tiles))
          << inputs << ", " << outputs;
      EXPECT_TRUE(same_bits(Fused(network).run(rows), tiles)) << inputs << ", " << outputs;
    }
  }
}

TEST_F(FusedKernels, LogSoftmaxDoesNotOverflow) {
  Layer identity{.inputs = 3,
                 .outputs = 3,
                 .weights = {1, 0, 0, 0, 1, 0, 0, 0, 1},
                 .bias = {},
                 .activation = ActivationKind::kLogSoftmax};
  const auto network = std::make_shared<const Network>(std::vector{identity});
  Fused kernel(network);
  Matrix rows(1, 3);
  rows(0, 0) = 1000, rows(0, 1) = 1000, rows(0, 2) = -1000;
  const auto found = kernel.run(rows);
  EXPECT_FLOAT_EQ(found[0], -0.69314718F);
  EXPECT_EQ(found[2], -2000 - 0.69314718F);
}

TEST_F(FusedKernels, InputStepsAreRoundedOneByOne) {
  using Kind = InputStep::Kind;
  for (const Variant& variant : kVariants) {
    const auto bare = random_network({.widths = variant.widths});
    for (const std::vector<Kind>& kinds :
         {std::vector<Kind>{Kind::kMultiply, Kind::kAdd, Kind::kClip},
          {Kind::kSubtract, Kind::kDivide}}) {
      const auto network = test::with_input_steps(*bare, kinds, 7);
      Fused kernel = fused(variant, network);
      const Matrix rows = random_rows(131, network->inputs(), 2, 2);
      const auto found = kernel.run(rows);
      EXPECT_EQ(kernel.mismatch(rows, found), "") << variant.name;
      // Bitwise the outputs that the network without steps gives for stepped rows.
      Matrix stepped = rows;
      for (std::size_t i = 0; i < stepped.size(); ++i) {
        float& x = stepped.data()[i];
        for (const InputStep& step : network->input_steps()) {
          if (step.kind == Kind::kClip) {
            x = std::clamp(x, step.values[0], step.values[1]);
            continue;
          }
          const float v = step.values[i % network->inputs()];
          volatile const float y = step.kind == Kind::kMultiply   ? x * v
                                   : step.kind == Kind::kAdd      ? x + v
                                   : step.kind == Kind::kSubtract ? x - v
                                                                  : x / v;
          x = y;
        }
      }
      EXPECT_EQ(fused(variant, bare).run(stepped), found) << variant.name;
    }
  }
}

TEST_F(FusedKernels, LayerOutputsChangeNoBitOfTheOutputs) {
  for (const Variant& variant : kVariants) {
    for (const auto last : {ActivationKind::kRelu, ActivationKind::kLogSoftmax}) {
      const auto network = random_network({.widths = variant.widths, .last = last});
      Fused kernel = fused(variant, network);
      const std::size_t count = 140;
      const Matrix rows = random_rows(count, network->inputs(), 4);
      kernels::FusedLayerOutputs layer_outputs;
      std::vector<std::unique_ptr<DeviceArray>> memory;
      for (std::size_t i = 0; i < network->layers().size(); ++i) {
        for (const std::uint32_t pre_activation : {1U, 0U}) {
          memory.push_back(std::make_unique<DeviceArray>(count * network->layers()[i].outputs,
                                                         memory.size() % 3));
          layer_outputs.layer_outputs[layer_outputs.count++] = {
              memory.back()->data(), static_cast<std::uint32_t>(i), pre_activation};
        }
      }
      const auto plain = kernel.run(rows);
      EXPECT_EQ(kernel.run(rows, 0, 0, layer_outputs), plain) << variant.name;
      for (std::size_t t = 0; t < memory.size(); ++t) {
        const auto layers = network->layers();
        std::vector<Layer> first(layers.begin(),
                                 layers.begin() + layer_outputs.layer_outputs[t].layer + 1);
        if (layer_outputs.layer_outputs[t].pre_activation != 0) {
          first.back().activation = ActivationKind::kIdentity;
        }
        const Network part(std::move(first));
        const auto found = memory[t]->download();
        EXPECT_EQ(test::mismatch(test::evaluate(part, rows.view()),
                                 MatrixView<const float>(found.data(), count, part.outputs())),
                  "")
            << variant.name << ", layer output " << t;
        EXPECT_TRUE(memory[t]->intact()) << variant.name << ", layer output " << t;
      }
    }
  }
}

TEST_F(FusedKernels, NoRowsLaunchNothing) {
  EXPECT_EQ(kernels::fused_row_per_block({}, false, nullptr), cudaSuccess);
  EXPECT_EQ(kernels::fused_block_tile({}, {}, 1, nullptr), cudaSuccess);
  EXPECT_EQ(kernels::fused_warp_tile({}, 0, 1, nullptr), cudaSuccess);
  EXPECT_EQ(kernels::fused_thread_rows({}, {}, 1, nullptr), cudaSuccess);
}

}  // namespace
}  // namespace lamella
