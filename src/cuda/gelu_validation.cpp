#include "cuda/gelu_validation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cuda/gemm_validation.hpp"
#include "verify/oracle.hpp"

namespace lamella::cuda {
namespace {

// The pre-activations to test at the largest weight; those of the other outputs are smaller.
std::vector<float> arguments() {
  std::vector<float> values = {0, std::numeric_limits<float>::quiet_NaN()};
  const auto add = [&](float value) {
    values.push_back(value);
    values.push_back(-value);
  };
  for (float x = 0.125F; x <= 8; x += 0.125F) {  // where GELU curves
    add(x);
  }
  for (int exponent = -126; exponent < 128; exponent += 6) {
    add(std::ldexp(1.0F, exponent));
  }
  add(std::numeric_limits<float>::infinity());
  return values;
}

}  // namespace

// Each row has one non-zero input. The other inputs add exact zeros to the sums, so the bound is
// that of a one-input layer, the tightest possible.
std::string gelu_mismatch(CublasLtGemm& gemm, const Layer& layer, const GemmProblem& problem,
                          const GemmResources& resources) {
  const auto largest =
      std::ranges::max_element(layer.weights, {}, [](float w) { return std::fabs(w); });
  const std::size_t input =
      static_cast<std::size_t>(largest - layer.weights.begin()) % layer.inputs;
  const float scale = *largest != 0 ? 1 / std::fabs(*largest) : 1;

  Layer column{1, layer.outputs, std::vector<float>(layer.outputs), layer.bias, layer.activation};
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    column.weights[o] = layer.weights[o * layer.inputs + input];
  }
  const std::vector<float> values = arguments();
  Matrix alone(values.size(), 1);
  std::ranges::transform(values, alone.data(), [&](float x) { return x * scale; });
  const verify::Reference reference =
      verify::evaluate(Network({column}, {}, {.allow_nonfinite = true}), alone,
                       problem.tf32 ? Precision::kTf32 : Precision::kFp32);

  Matrix rows(alone.rows(), layer.inputs);
  std::fill_n(rows.data(), rows.size(), 0.0F);
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    rows(r, input) = alone(r, 0);
  }
  Matrix outputs(rows.rows(), layer.outputs);
  compute(gemm, rows, outputs, problem, resources);
  return verify::mismatch(reference, outputs);
}

}  // namespace lamella::cuda
