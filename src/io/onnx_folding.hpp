// The arithmetic of folding: scalers and normalizations around a matrix product become part of its
// weights and bias. All factors are multiplied in double; each weight and each bias is rounded to
// float32 once, when the layer is finished.
#pragma once

#include <optional>
#include <vector>

#include <lamella/network.hpp>

#include "io/onnx_graph.hpp"

namespace lamella::io {

// x * scale + shift, one number at a time; an empty list is nothing to do.
struct Affine {
  std::vector<double> scale;
  std::vector<double> shift;

  [[nodiscard]] bool empty() const { return scale.empty() && shift.empty(); }
  // Appends x + v, x - v, x * v or x / v; as many values each time.
  void apply(InputStep::Kind operation, const std::vector<double>& values);
};

// A layer that more may still be folded into: after(alpha * W before(x) + bias). The weights stay
// in the file until it is finished, so that a layer with nothing to fold costs nothing extra.
struct UnfinishedLayer {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::optional<OnnxConstant> weights;  // nothing: the identity
  bool weights_out_in = false;
  double alpha = 1;
  std::vector<double> bias;  // empty: none
  Affine before;
  Affine after;
  std::optional<Activation> activation;  // set: what follows belongs to another layer
  // Where the one output p of a sigmoid becomes [1 - p, p] or [p, 1 - p].
  enum class Pair { kNone, kComplementFirst, kComplementLast };
  Pair pair = Pair::kNone;

  // Throws Error.
  [[nodiscard]] Layer finish(OnnxGraph& graph) const;
};

}  // namespace lamella::io
