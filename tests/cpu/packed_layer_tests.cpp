#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpu/epilogue.hpp"
#include "cpu/packed_chain.hpp"
#include "cpu/packed_layer.hpp"
#include "tests/cpu/engines.hpp"
#include "tests/cpu/reference.hpp"

namespace lamella::cpu {
namespace {

// The sum that PackedLayer documents, product by product.
float expected(const Layer& layer, const float* x, std::size_t output, Isa isa) {
  float sum = 0;
  for (std::size_t i = 0; i < layer.inputs; ++i) {
    const float weight = layer.weights[output * layer.inputs + i];
    if (isa == Isa::kBaseline) {
      const volatile float product = x[i] * weight;  // not fused
      sum += product;
    } else {
      sum = std::fma(x[i], weight, sum);
    }
  }
  return layer.has_bias() ? sum + layer.bias[output] : sum;
}

// All K-blocks of the micro-panels [first, first + count), with whole row tiles packed or not.
void run(const PackedLayer& layer, const PackedLayer::Block& block, std::size_t first,
         std::size_t count, bool relu) {
  const std::size_t tiles = layer.packed_tiles(block.rows);
  std::vector<float> packed_rows(tiles * layer.packed_tile_floats());
  Prefetch prefetch;
  for (std::size_t k_block = 0; k_block < layer.k_blocks(); ++k_block) {
    layer.pack(block, k_block, tiles / 2, tiles - tiles / 2, packed_rows.data());
    layer.pack(block, k_block, 0, tiles / 2, packed_rows.data());
    layer.run(block, k_block, tiles > 0 ? packed_rows.data() : nullptr, first, count, relu,
              prefetch);
  }
}

TEST(PackedLayer, SumsInTheOrderOfTheInputsForAnyNumberOfRowsAndPanels) {
  constexpr float kUntouched = -7;
  for (const Isa isa : test::usable_isas()) {
    // Part of a K-block, exactly one, and one with a remainder; the widest layers pack their rows.
    for (const std::size_t inputs : {1, 7, 1024, 1030}) {
      for (const std::size_t outputs : {1, 16, 37, 60, 120, 1030}) {
        if (inputs == 1024 && outputs == 1030) {
          continue;  // 1030 inputs cover a whole K-block too
        }
        const auto network = test::random_chain({inputs, outputs}, ActivationKind::kIdentity,
                                                ActivationKind::kIdentity, 3);
        Layer layer = network->layers()[0];
        if (inputs == 7) {
          layer.bias.clear();
        }
        const PackedLayer packed(layer, isa);
        const std::size_t stride = packed.padded_outputs() + 3;
        const Matrix rows = test::random_rows(29, inputs, 4);
        std::vector<float> sums(rows.rows() * outputs);
        for (std::size_t i = 0; i < sums.size(); ++i) {
          sums[i] = expected(layer, rows.data() + i / outputs * inputs, i % outputs, isa);
        }
        for (const std::size_t count : {1, 2, 3, 4, 5, 6, 7, 8, 13, 23, 29}) {
          std::vector<float> y(count * stride, kUntouched);
          const std::size_t first = packed.panels() / 3;  // the rest in a second call
          const PackedLayer::Block block{rows.data(), inputs, count, y.data(), stride};
          run(packed, block, first, packed.panels() - first, false);
          run(packed, block, 0, first, false);
          std::vector<float> relu(count * stride, kUntouched);
          run(packed, {rows.data(), inputs, count, relu.data(), stride}, 0, packed.panels(), true);
          for (std::size_t r = 0; r < count; ++r) {
            for (std::size_t o = 0; o < stride; ++o) {
              const float wanted = o < outputs                   ? sums[r * outputs + o]
                                   : o < packed.padded_outputs() ? 0.0F
                                                                 : kUntouched;
              ASSERT_EQ(y[r * stride + o], wanted)
                  << inputs << " x " << outputs << ", " << count << " rows, row " << r
                  << ", output " << o << ", instruction set " << static_cast<int>(isa);
              ASSERT_EQ(relu[r * stride + o],
                        o < packed.padded_outputs() ? std::max(wanted, 0.0F) : kUntouched);
            }
          }
        }
      }
    }
  }
}

TEST(PackedLayer, PrefetchesALittleWithEachTile) {
  constexpr std::size_t kRows = 24;  // whole tiles
  for (const Isa isa : test::usable_isas()) {
    const auto network =
        test::random_chain({70, 192}, ActivationKind::kIdentity, ActivationKind::kIdentity, 3);
    const PackedLayer packed(network->layers()[0], isa);
    const Matrix rows = test::random_rows(kRows, 70, 4);
    Matrix y(kRows, 192);
    const PackedLayer::Block block{rows.data(), 70, kRows, y.data(), 192};
    const std::size_t lines = packed.tile_count(kRows) * 2;
    const std::vector<float> memory(lines * Prefetch::kLine);
    Prefetch prefetch{memory.data(), lines, 2};
    packed.run(block, 0, nullptr, 0, 6, false, prefetch);
    EXPECT_EQ(prefetch.next, memory.data() + memory.size() / 2);
    EXPECT_EQ(prefetch.lines_left, lines / 2);
    packed.run(block, 0, nullptr, 6, 6, false, prefetch);
    EXPECT_EQ(prefetch.next, memory.data() + memory.size());
    EXPECT_EQ(prefetch.lines_left, 0U);
    packed.run(block, 0, nullptr, 0, 12, false, prefetch);
    EXPECT_EQ(prefetch.next, memory.data() + memory.size()) << "and for nothing behind it";
  }
}

TEST(PackedLayer, ReluIsThatOfTheEpilogue) {
  const Layer layer =
      test::random_chain({3, 40}, ActivationKind::kIdentity, ActivationKind::kIdentity, 3)
          ->layers()[0];
  Matrix rows = test::random_rows(13, 3, 4);
  rows(2, 1) = std::numeric_limits<float>::quiet_NaN();
  rows(4, 0) = std::numeric_limits<float>::infinity();
  for (const Isa isa : test::usable_isas()) {
    const PackedLayer packed(layer, isa);
    const std::size_t stride = packed.padded_outputs();
    std::vector<float> wanted(13 * stride);
    std::vector<float> y(wanted.size());
    run(packed, {rows.data(), 3, 13, wanted.data(), stride}, 0, packed.panels(), false);
    apply_elementwise(ActivationKind::kRelu, wanted.data(), wanted.size(), isa);
    run(packed, {rows.data(), 3, 13, y.data(), stride}, 0, packed.panels(), true);
    ASSERT_TRUE(std::isnan(wanted[2 * stride]));
    EXPECT_EQ(std::memcmp(y.data(), wanted.data(), y.size() * sizeof(float)), 0);
  }
}

TEST(PackedChain, GivesARowTheSameBitsHoweverItsCallIsCutUp) {
  for (const Isa isa : test::usable_isas()) {
    for (const auto& [hidden_kind, last] : {std::pair(ActivationKind::kGelu, ActivationKind::kRelu),
                                            {ActivationKind::kRelu, ActivationKind::kSoftmax},
                                            {ActivationKind::kRelu, ActivationKind::kRelu}}) {
      const auto network = test::random_chain({70, 1100, 33, 1030, 20}, hidden_kind, last, 5);
      PackedChain chain(PackedChain::pack(*network, isa), *network, 48, 2, isa);
      const Matrix rows = test::random_rows(100, network->inputs(), 6);
      Matrix together(100, network->outputs());
      Matrix hidden(100, 33);
      const std::vector<LayerOutput> layer_outputs{{1, false, hidden}};
      chain.run(0, rows, together, layer_outputs, 48);
      Matrix without_layer_outputs(100, network->outputs());
      chain.run(0, rows, without_layer_outputs, {}, 48);
      ASSERT_EQ(std::memcmp(without_layer_outputs.data(), together.data(),
                            together.size() * sizeof(float)),
                0);
      for (const std::size_t r : {0, 47, 48, 99}) {
        const test::Expected wanted = test::reference_row(*network, rows.view().row(r).data());
        for (std::size_t o = 0; o < network->outputs(); ++o) {
          ASSERT_NEAR(together.view().row(r)[o], wanted.values[o], wanted.bounds[o]);
        }
      }
      core::ThreadPool pool(2);
      for (const std::size_t count : {1, 5, 12, 48}) {
        Matrix part(count, network->outputs());
        Matrix part_hidden(count, 33);
        for (std::size_t first = 0; first + count <= rows.rows(); first += 17) {
          chain.run_shared(pool, rows.view().block(first, count), part,
                           std::vector<LayerOutput>{{1, false, part_hidden}});
          ASSERT_EQ(std::memcmp(part.data(), together.view().row(first).data(),
                                part.size() * sizeof(float)),
                    0);
          ASSERT_EQ(std::memcmp(part_hidden.data(), hidden.view().row(first).data(),
                                part_hidden.size() * sizeof(float)),
                    0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace lamella::cpu
