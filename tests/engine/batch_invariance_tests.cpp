// A row's output bits depend only on the row: not on the other rows, their order, the sizes of
// calls, max_rows, the thread count, layer outputs, or the engine instance.
#include <algorithm>
#include <bit>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "tests/engine/contract.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::EngineContract;
using test::NetworkRecipe;
using test::random_network;
using test::random_rows;

std::size_t differing_bits(MatrixView<const float> a, MatrixView<const float> b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    count += static_cast<std::size_t>(std::popcount(std::bit_cast<std::uint32_t>(a.data()[i]) ^
                                                    std::bit_cast<std::uint32_t>(b.data()[i])));
  }
  return count;
}

class Draw {
 public:
  explicit Draw(std::uint32_t seed) : generator_(seed) {}
  std::size_t between(std::size_t low, std::size_t high) {
    return low + generator_() % (high - low + 1);
  }
  std::vector<std::size_t> order(std::size_t count) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), generator_);
    return order;
  }
  std::shared_ptr<const Network> network() {
    NetworkRecipe recipe{.widths = {between(1, 140)},
                         .seed = static_cast<std::uint32_t>(between(1, 99))};
    for (std::size_t layer = between(1, 4); layer > 0; --layer) {
      recipe.widths.push_back(between(1, 140));
    }
    // Mostly ReLU, as in practice; else any.
    const auto last_elementwise = static_cast<std::size_t>(ActivationKind::kClip);
    if (between(0, 2) == 0) {
      recipe.hidden = static_cast<ActivationKind>(between(0, last_elementwise));
    }
    recipe.last = static_cast<ActivationKind>(
        between(0, static_cast<std::size_t>(ActivationKind::kLogSoftmax)));
    recipe.bias = between(0, 3) != 0;
    const auto network = random_network(recipe);
    return between(0, 3) != 0
               ? network
               : test::with_input_steps(
                     *network, {InputStep::Kind::kSubtract, InputStep::Kind::kDivide}, recipe.seed);
  }

 private:
  std::mt19937 generator_;
};

class BatchInvariance : public EngineContract, public testing::WithParamInterface<std::uint32_t> {};

// The rows in another order, in calls of random sizes, some with layer outputs.
Matrix in_pieces(Engine& engine, const Matrix& rows, Draw& draw) {
  const std::vector<std::size_t> order = draw.order(rows.rows());
  const std::size_t width = engine.network().outputs();
  Matrix shuffled(rows.rows(), rows.columns());
  for (std::size_t r = 0; r < order.size(); ++r) {
    std::ranges::copy(rows.view().row(order[r]), shuffled.view().row(r).begin());
  }
  Matrix found(rows.rows(), width);
  for (std::size_t first = 0; first < rows.rows();) {
    const std::size_t count = draw.between(1, draw.between(1, rows.rows() - first));
    const std::size_t layer = draw.between(0, engine.network().layers().size() - 1);
    Matrix with_layer_outputs(count, engine.network().layers()[layer].outputs);
    std::vector<LayerOutput> layer_outputs;
    if (draw.between(0, 1) == 0) {
      layer_outputs.push_back({layer, draw.between(0, 1) == 0, with_layer_outputs.view()});
    }
    engine.run(shuffled.view().block(first, count), found.view().block(first, count),
               layer_outputs);
    first += count;
  }
  Matrix outputs(rows.rows(), width);
  for (std::size_t r = 0; r < order.size(); ++r) {
    std::ranges::copy(found.view().row(r), outputs.view().row(order[r]).begin());
  }
  return outputs;
}

TEST_P(BatchInvariance, OfARandomNetworkInAnyOrderAndSplit) {
  Draw draw(4000 + GetParam());
  const auto network = draw.network();
  const Matrix rows = random_rows(draw.between(1, 150), network->inputs(), GetParam(), 2);
  Matrix together(rows.rows(), network->outputs());
  {
    const auto engine = test::make_contract_engine(network);
    ASSERT_TRUE(engine->info().batch_invariant);
    engine->run(rows, together);
  }
  for (const std::size_t max_rows : {std::size_t{0}, draw.between(1, 8), draw.between(9, 70)}) {
    const auto engine =
        test::make_contract_engine(network, max_rows, static_cast<int>(draw.between(1, 3)));
    EXPECT_EQ(differing_bits(in_pieces(*engine, rows, draw), together), 0U)
        << engine->info().path << ", max_rows " << max_rows;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BatchInvariance, testing::Range(0U, 16U));

}  // namespace
}  // namespace lamella
