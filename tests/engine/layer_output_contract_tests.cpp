// Contract of layer outputs: their values on every engine, and that requesting them changes nothing
// else.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/engine.hpp>
#include <lamella/error.hpp>

#include "tests/engine/contract.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/names.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::EngineContract;
using test::GuardedMatrix;
using test::make_contract_engine;
using test::random_network;
using test::random_rows;
using testing::AllOf;
using testing::HasSubstr;

using LayerOutputs = EngineContract;

bool same_bits(MatrixView<const float> a, MatrixView<const float> b) {
  return a.rows() == b.rows() && a.columns() == b.columns() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

std::vector<Layer> layers_of(const Network& network, std::size_t first, std::size_t count) {
  const auto layers = network.layers().subspan(first, count);
  return {layers.begin(), layers.end()};
}

// The reference's values for a layer output.
test::Reference reference_at(const Network& network, const LayerOutput& layer_output,
                             MatrixView<const float> rows) {
  std::vector<Layer> layers = layers_of(network, 0, layer_output.layer + 1);
  if (layer_output.pre_activation) {
    layers.back().activation = ActivationKind::kIdentity;
  }
  return test::evaluate(Network(std::move(layers), {}, {},
                                {network.input_steps().begin(), network.input_steps().end()}),
                        rows);
}

// The reference's activations for a layer's given pre-activations.
test::Reference reference_activation(const Activation& activation, MatrixView<const float> values) {
  if (!activation.is_row_wise()) {
    const Network one({Layer{1, 1, {1}, {}, activation}});
    auto reference = test::evaluate(one, {values.data(), values.size(), 1});
    reference.rows = values.rows();
    reference.outputs = values.columns();
    return reference;
  }
  const std::size_t width = values.columns();
  Layer identity{width, width, std::vector<float>(width * width), {}, activation};
  for (std::size_t i = 0; i < width; ++i) {
    identity.weights[i * width + i] = 1;
  }
  return test::evaluate(Network({identity}), values);
}

// Buffers for layer outputs, deliberately misaligned, between guard zones.
class LayerOutputSet {
 public:
  LayerOutputSet(const Network& network, std::size_t rows) : network_(network), rows_(rows) {}

  void add(std::size_t layer, bool pre_activation) {
    memory_.push_back(std::make_unique<GuardedMatrix>(rows_, network_.layers()[layer].outputs,
                                                      memory_.size() % 4));
    layer_outputs_.push_back({layer, pre_activation, memory_.back()->view()});
  }
  void add_all() {
    for (std::size_t layer = 0; layer < network_.layers().size(); ++layer) {
      add(layer, true);
      add(layer, false);
    }
  }
  void shuffle(std::uint32_t seed) {
    std::shuffle(layer_outputs_.begin(), layer_outputs_.end(), std::mt19937(seed));
  }

  [[nodiscard]] const std::vector<LayerOutput>& layer_outputs() const { return layer_outputs_; }
  [[nodiscard]] bool intact() const {
    return std::all_of(memory_.begin(), memory_.end(), [](const auto& m) { return m->intact(); });
  }
  [[nodiscard]] const LayerOutput* find(std::size_t layer, bool pre_activation) const {
    const auto found = std::find_if(
        layer_outputs_.begin(), layer_outputs_.end(), [&](const LayerOutput& layer_output) {
          return layer_output.layer == layer && layer_output.pre_activation == pre_activation;
        });
    return found == layer_outputs_.end() ? nullptr : &*found;
  }

 private:
  const Network& network_;
  std::size_t rows_;
  std::vector<std::unique_ptr<GuardedMatrix>> memory_;
  std::vector<LayerOutput> layer_outputs_;
};

// Compares every layer output with what precedes it and with what follows from it.
void expect_consistent(const LayerOutputSet& set, const Network& network,
                       MatrixView<const float> rows) {
  for (const LayerOutput& layer_output : set.layer_outputs()) {
    SCOPED_TRACE(testing::Message()
                 << (layer_output.pre_activation ? "pre-activation" : "activation") << " of layer "
                 << layer_output.layer + 1);
    EXPECT_EQ(test::mismatch(reference_at(network, layer_output, rows), layer_output.values), "");
    const Layer& layer = network.layers()[layer_output.layer];
    const LayerOutput* const before =
        layer_output.layer == 0 ? nullptr : set.find(layer_output.layer - 1, false);
    const LayerOutput* const sum = set.find(layer_output.layer, true);
    if (layer_output.pre_activation && before != nullptr) {
      Layer product = layer;
      product.activation = ActivationKind::kIdentity;
      EXPECT_EQ(
          test::mismatch(test::evaluate(Network({product}), before->values), layer_output.values),
          "")
          << "from the activations before";
    }
    if (!layer_output.pre_activation && sum != nullptr) {
      EXPECT_EQ(
          test::mismatch(reference_activation(layer.activation, sum->values), layer_output.values),
          "")
          << "from the pre-activations";
    }
    const LayerOutput* const first = set.find(layer_output.layer, layer_output.pre_activation);
    EXPECT_TRUE(same_bits(layer_output.values, first->values)) << "requested twice, it differs";
  }
}

// Whether the layers after a layer output take the same execution path alone as in the whole
// network: the outputs are then the same bit for bit.
bool on_the_same_path(const Engine& whole, const Engine& rest) {
  return whole.info().device.kind == DeviceKind::kCpu &&
         whole.info().path.substr(0, 6) == rest.info().path.substr(0, 6);
}

// Running the later layers on each requested activation gives the outputs.
void expect_outputs_after(const LayerOutputSet& set, const Engine& engine,
                          MatrixView<const float> outputs) {
  const Network& network = engine.network();
  for (const LayerOutput& layer_output : set.layer_outputs()) {
    const std::size_t next = layer_output.layer + 1;
    if (layer_output.pre_activation) {
      continue;
    }
    if (next == network.layers().size()) {
      EXPECT_TRUE(same_bits(layer_output.values, outputs)) << "of the last layer";
      continue;
    }
    const auto rest =
        std::make_shared<const Network>(layers_of(network, next, network.layers().size() - next));
    EXPECT_EQ(test::mismatch(test::evaluate(*rest, layer_output.values), outputs), "")
        << "behind layer " << next;
    const auto again = make_contract_engine(rest);
    if (on_the_same_path(engine, *again)) {
      Matrix repeated(outputs.rows(), outputs.columns());
      again->run(layer_output.values, repeated);
      EXPECT_TRUE(same_bits(repeated, outputs)) << "behind layer " << next;
    }
  }
}

// Runs the rows without the layer outputs, then with them.
void expect_layer_outputs(Engine& engine, MatrixView<const float> rows, const LayerOutputSet& set) {
  const std::size_t width = engine.network().outputs();
  Matrix plain(rows.rows(), width);
  engine.run(rows, plain);
  GuardedMatrix outputs(rows.rows(), width, 1);
  engine.run(rows, outputs.view(), set.layer_outputs());
  EXPECT_TRUE(same_bits(outputs.view(), plain)) << "the layer outputs changed the outputs";
  EXPECT_TRUE(outputs.intact());
  EXPECT_TRUE(set.intact()) << "the engine wrote outside of the layer outputs";
  expect_consistent(set, engine.network(), rows);
  expect_outputs_after(set, engine, plain);
  engine.run(rows, outputs.view());
  EXPECT_TRUE(same_bits(outputs.view(), plain))
      << "the layer outputs have changed what comes after";
}

void expect_all_layer_outputs(const std::shared_ptr<const Network>& network, std::size_t count,
                              std::size_t max_rows = 0) {
  const auto engine = make_contract_engine(network, max_rows);
  const Matrix rows = random_rows(count, network->inputs(), 5, 2);
  LayerOutputSet set(*network, count);
  set.add_all();
  expect_layer_outputs(*engine, rows.view(), set);
}

class LayerOutputsOfEveryActivation : public EngineContract,
                                      public testing::WithParamInterface<const char*> {};

TEST_P(LayerOutputsOfEveryActivation, ShowBothSidesOfIt) {
  const Activation activation = parse_activation(GetParam());
  for (const std::size_t width : {9UL, 33UL}) {
    expect_all_layer_outputs(
        random_network({.widths = {7, width, width, 5},
                        .hidden = activation.is_row_wise() ? Activation() : activation,
                        .last = activation}),
        70);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LayerOutputsOfEveryActivation,
                         testing::Values("identity", "relu", "leaky_relu:-0.5", "elu:1.5", "selu",
                                         "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "softplus",
                                         "hard_sigmoid", "hard_swish", "clip:-0.5:0.75", "softmax",
                                         "log_softmax"),
                         [](const auto& instance) { return test::test_name(instance.param); });

class LayerOutputsOfEveryRowCount : public EngineContract,
                                    public testing::WithParamInterface<std::size_t> {};

TEST_P(LayerOutputsOfEveryRowCount, OfATinyNetwork) {
  expect_all_layer_outputs(random_network({.widths = {3, 4, 2}, .last = ActivationKind::kRelu}),
                           GetParam());
}

TEST_P(LayerOutputsOfEveryRowCount, OfAWiderOne) {
  expect_all_layer_outputs(random_network({.widths = {20, 33, 17}}), GetParam());
}

TEST_P(LayerOutputsOfEveryRowCount, InPassesOfMaxRows) {
  for (const std::size_t width : {8UL, 21UL}) {
    expect_all_layer_outputs(random_network({.widths = {10, width, 7, width}}), GetParam(), 16);
  }
}

INSTANTIATE_TEST_SUITE_P(Counts, LayerOutputsOfEveryRowCount,
                         testing::Values(0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 1001),
                         testing::PrintToStringParamName());

TEST_F(LayerOutputs, OfManyRowsOnSeveralThreads) {
  expect_all_layer_outputs(random_network({.widths = {3, 4, 2}}), 20'011);
  expect_all_layer_outputs(random_network({.widths = {64, 64, 64, 10}}), 1203);
}

TEST_F(LayerOutputs, OfLayersWithoutBias) {
  for (const char* last : {"identity", "relu", "softmax"}) {
    for (const std::size_t width : {9UL, 70UL}) {
      expect_all_layer_outputs(
          random_network({.widths = {width, 20, 6}, .last = parse_activation(last), .bias = false}),
          50);
    }
  }
}

TEST_F(LayerOutputs, BehindInputSteps) {
  using Kind = InputStep::Kind;
  for (const std::size_t width : {6UL, 40UL}) {
    expect_all_layer_outputs(
        test::with_input_steps(*random_network({.widths = {width, 12, 5}}),
                               {Kind::kSubtract, Kind::kDivide, Kind::kClip}, 3),
        67, 16);
  }
}

// Some layer outputs of a random network, in any order, some twice. One test per draw, for the
// simulator's sake (see EveryDraw).
class LayerOutputsOfEveryDraw : public EngineContract,
                                public testing::WithParamInterface<std::uint32_t> {};

TEST_P(LayerOutputsOfEveryDraw, ShowWhatTheNetworkComputes) {
  std::mt19937 generator(4711 + GetParam());
  const auto draw = [&](unsigned low, unsigned high) {
    return low + static_cast<unsigned>(generator() % (high - low + 1));
  };
  const unsigned widest = GetParam() % 2 == 0 ? 16 : 140;
  test::NetworkRecipe recipe{.widths = {draw(1, widest)}, .seed = GetParam() + 1};
  for (unsigned layer = draw(1, 5); layer > 0; --layer) {
    recipe.widths.push_back(draw(1, widest));
  }
  const auto softmax = static_cast<unsigned>(ActivationKind::kSoftmax);
  recipe.hidden = static_cast<ActivationKind>(draw(0, softmax - 1));
  recipe.last = static_cast<ActivationKind>(draw(0, softmax + 1));
  recipe.bias = draw(0, 3) != 0;
  const auto network = random_network(recipe);
  const std::size_t count = draw(1, 200);
  LayerOutputSet set(*network, count);
  for (unsigned layer_outputs = draw(1, 8); layer_outputs > 0; --layer_outputs) {
    set.add(draw(0, static_cast<unsigned>(network->layers().size()) - 1), draw(0, 1) == 0);
  }
  set.shuffle(GetParam());
  const auto engine = make_contract_engine(network, draw(0, 1) * draw(1, 64));
  expect_layer_outputs(*engine, random_rows(count, network->inputs(), GetParam()).view(), set);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LayerOutputsOfEveryDraw, testing::Range(0U, 40U));

TEST_F(LayerOutputs, ThatDoNotFitAreRejectedBeforeAnythingIsComputed) {
  const auto network = random_network({.widths = {3, 4, 2}});
  const auto engine = make_contract_engine(network);
  const Matrix rows = random_rows(5, 3, 1);
  Matrix outputs(5, 2);
  Matrix values(6, 9);
  const auto rejection = [&](LayerOutput layer_output) -> std::string {
    try {
      engine->run(rows, outputs,
                  std::vector<LayerOutput>{{0, false, {values.data(), 5, 4}}, layer_output});
      return "nothing";
    } catch (const ShapeError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(rejection({2, false, {values.data(), 5, 2}}),
              AllOf(HasSubstr("index 2"), HasSubstr("2 layers")));
  EXPECT_THAT(rejection({1, true, {values.data(), 5, 4}}),
              AllOf(HasSubstr("layer 2"), HasSubstr("[5 x 4]"), HasSubstr("[5 x 2]")));
  EXPECT_THAT(rejection({0, false, {values.data(), 6, 4}}),
              AllOf(HasSubstr("layer 1"), HasSubstr("[6 x 4]"), HasSubstr("[5 x 4]")));
  EXPECT_THAT(rejection({0, false, {}}), HasSubstr("[0 x 0]"));
  EXPECT_TRUE(same_bits(outputs, Matrix(5, 2)));
  EXPECT_TRUE(same_bits(values, Matrix(6, 9)));
  EXPECT_THROW(engine->run({rows.data(), 0, 3}, {outputs.data(), 0, 2},
                           std::vector<LayerOutput>{{0, false, {values.data(), 5, 4}}}),
               ShapeError);
}

TEST_F(LayerOutputs, ShowANanWhereItBeginsAndNoFurther) {
  for (const std::size_t width : {5UL, 30UL}) {
    const auto network = random_network({.widths = {width, width, width, 4}});
    Matrix rows = random_rows(40, width, 4);
    rows(13, 2) = std::numeric_limits<float>::quiet_NaN();
    LayerOutputSet set(*network, 40);
    set.add_all();
    Matrix outputs(40, 4);
    make_contract_engine(network)->run(rows, outputs, set.layer_outputs());
    for (const LayerOutput& layer_output : set.layer_outputs()) {
      for (std::size_t r = 0; r < 40; ++r) {
        EXPECT_EQ(std::isnan(layer_output.values(r, 0)), r == 13)
            << layer_output.layer << ", row " << r;
      }
    }
  }
}

}  // namespace
}  // namespace lamella
