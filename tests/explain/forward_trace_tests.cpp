// A forward trace holds every value of the network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>

#include "io/layer_arrays.hpp"
#include "io/npz.hpp"
#include "tests/io/io_support.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using io::testing_support::read_text;
using io::testing_support::rejection;
using io::testing_support::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Activation> all_activations() {
  std::vector<Activation> all;
  for (int kind = 0; kind <= static_cast<int>(ActivationKind::kLogSoftmax); ++kind) {
    all.emplace_back(static_cast<ActivationKind>(kind));
  }
  all.emplace_back(ActivationKind::kClip, -0.25F, 0.5F);
  all.emplace_back(ActivationKind::kElu, 0.3F);
  return all;
}

TEST(ForwardTrace, OfTheNetworkDoneByHandIsWhatItsStepsSay) {
  const Layer first{
      3, 4, {0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0}, {0, 0, 0, -1}, ActivationKind::kRelu};
  const Layer second{4, 2, {1, 1, 0, 0, 0, 0, 1, 1}, {0, -1}, ActivationKind::kRelu};
  const Network network({first, second});
  const std::vector<float> rows = {2, 1, 3, 0, -3, 1};
  const ForwardTrace found = trace_forward(network, {rows.data(), 2, 3});
  EXPECT_THAT(found.inputs, ElementsAre(2, 1, 3, 0, -3, 1));
  EXPECT_THAT(found.layers[0].pre_activations, ElementsAre(4, 3, 5, 1, -2, -3, 1, -1));
  EXPECT_THAT(found.layers[0].activations, ElementsAre(4, 3, 5, 1, 0, 0, 1, 0));
  EXPECT_THAT(found.layers[1].pre_activations, ElementsAre(7, 5, 0, 0));
  EXPECT_THAT(found.layers[1].activations, ElementsAre(7, 5, 0, 0));
}

TEST(ForwardTrace, EndsWithTheReferencesOutputsForEveryActivation) {
  for (const Activation& activation : all_activations()) {
    const auto network = test::random_network(
        {.widths = {7, 9, 5},
         .hidden = activation.is_row_wise() ? Activation(ActivationKind::kTanh) : activation,
         .last = activation});
    const Matrix rows = test::random_rows(20, 7, 5, 3);
    const ForwardTrace found = trace_forward(*network, rows);
    const verify::Reference reference = verify::evaluate(*network, rows);
    ASSERT_EQ(found.layers.back().activations.size(), reference.values.size());
    for (std::size_t i = 0; i < reference.values.size(); ++i) {
      EXPECT_NEAR(found.layers.back().activations[i], reference.values[i], 1e-12)
          << to_string(activation);
    }
  }
}

TEST(ForwardTrace, BeginsBehindTheInputSteps) {
  using Kind = InputStep::Kind;
  const auto plain = test::random_network({.widths = {3, 2}});
  const auto network = test::with_input_steps(
      *plain, {Kind::kSubtract, Kind::kDivide, Kind::kMultiply, Kind::kAdd, Kind::kClip}, 4);
  const Matrix rows = test::random_rows(4, 3, 8);
  const ForwardTrace found = trace_forward(*network, rows);
  const auto steps = network->input_steps();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double x = rows.data()[i];
    const std::size_t c = i % 3;
    const double y =
        (x - steps[0].values[c]) / steps[1].values[c] * steps[2].values[c] + steps[3].values[c];
    EXPECT_DOUBLE_EQ(found.inputs[i], std::min(std::max(y, -0.5), 0.75));
  }
}

TEST(ForwardTrace, OfRowsOfAnotherWidthIsRejected) {
  const auto network = test::random_network({.widths = {3, 2}});
  EXPECT_THROW((void)trace_forward(*network, Matrix(1, 4)), ShapeError);
}

TEST(ForwardTrace, IsSavedAsNumpyReadsIt) {
  const TemporaryFolder folder;
  const auto network = test::random_network({.widths = {3, 4, 2}});
  const ForwardTrace found = trace_forward(*network, test::random_rows(5, 3, 1));
  const std::string file = folder.file("trace.npz");
  save_trace(found, *network, file);
  const std::string bytes = read_text(file);
  const io::TensorFile read = io::read_npz(io::testing_support::bytes_of(bytes));
  std::vector<std::string> names;
  for (const io::Tensor& tensor : read.tensors) {
    names.push_back(tensor.name);
    EXPECT_EQ(tensor.shape.front(), 5U);
  }
  EXPECT_THAT(names, ElementsAre("input", "pre_activation_1", "activation_1", "pre_activation_2",
                                 "activation_2"));
  const auto& last = read.tensors.back().data;
  ASSERT_EQ(last.size(), 10 * sizeof(double));
  EXPECT_EQ(std::memcmp(last.data(), found.layers[1].activations.data(), last.size()), 0);
  // compare --per-layer accepts the file.
  EXPECT_EQ(io::read_layer_arrays(file, *network).size(), 4U);
  EXPECT_THAT(rejection([&] { save_trace(found, *network, folder.file("trace.npy")); }),
              HasSubstr(".npz"));
  EXPECT_EQ(folder.count(), 1U);
}

}  // namespace
}  // namespace lamella
