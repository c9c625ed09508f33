// Folds scalers and normalizations around a matrix product into its weights and bias. Multiplies
// all factors in double and rounds each weight and bias to float32 once, when the layer is
// finished.
#pragma once

#include <optional>
#include <vector>

#include <lamella/network.hpp>

#include "io/onnx_graph.hpp"

namespace lamella::io {

// x * scale + shift, elementwise; an empty list means no operation.
struct Affine {
  std::vector<double> scale;
  std::vector<double> shift;

  [[nodiscard]] bool empty() const { return scale.empty() && shift.empty(); }
  // The nearest floats to -shift / scale, 0 where there are none: x - centre has the digits that
  // x * scale + shift needs, however far x lies from zero.
  [[nodiscard]] std::vector<float> centre() const;
  // The same operation on x - centre.
  [[nodiscard]] Affine about(const std::vector<float>& centre) const;
  // Appends x + v, x - v, x * v or x / v; every call passes the same number of values.
  void apply(InputStep::Kind operation, const std::vector<double>& values);
};

// A layer that accepts further folding: after(alpha * W before(x) + bias). Its weights stay in the
// file until it is finished, so a layer with nothing to fold costs no extra memory.
struct UnfinishedLayer {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::optional<OnnxConstant> weights;  // nullopt: the identity
  bool weights_out_in = false;
  double alpha = 1;
  std::vector<double> bias;  // empty: none
  Affine before;
  Affine after;
  std::optional<Activation> activation;  // if set, later steps belong to the next layer
  // Whether a sigmoid's single output p becomes [1 - p, p] or [p, 1 - p].
  enum class Pair { kNone, kComplementFirst, kComplementLast };
  Pair pair = Pair::kNone;

  // Throws Error.
  [[nodiscard]] Layer finish(OnnxGraph& graph) const;
};

}  // namespace lamella::io
