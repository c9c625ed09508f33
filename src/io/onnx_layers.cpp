// Turns a chain of ONNX steps into layers: assigns steps to layers and tracks the shape of a row.
// See onnx_folding.hpp for the folding arithmetic.
#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <lamella/error.hpp>

#include "io/onnx_chain.hpp"
#include "io/onnx_folding.hpp"

namespace lamella::io {
namespace {

using Kind = OnnxStep::Kind;

class Builder {
 public:
  Builder(OnnxGraph& graph, OnnxChain& chain, bool fold)
      : graph_(graph), chain_(chain), fold_(fold) {
    const auto first_dense =
        std::find_if(chain.steps.begin(), chain.steps.end(),
                     [](const OnnxStep& step) { return step.kind == Kind::kDense; });
    if (first_dense == chain.steps.end()) {
      throw Error("holds no Gemm and no MatMul with a matrix of its own, so no dense layer");
    }
    const auto shape = first_dense->weights.tensor == nullptr ? std::vector<std::size_t>{0, 0}
                                                              : first_dense->weights.tensor->shape;
    width_ = shape[first_dense->weights_out_in ? 1 : 0];
    set_input_shape();
  }

  void build() {
    for (std::size_t i = 0; i < chain_.steps.size(); ++i) {
      OnnxStep& step = chain_.steps[i];
      switch (step.kind) {
        case Kind::kDense:
          dense(step);
          break;
        case Kind::kElement:
          element(step);
          break;
        case Kind::kActivation:
          activation(step);
          break;
        case Kind::kPair:
          pair(step);
          break;
        case Kind::kShape:
          reshape(step, i + 1 == chain_.steps.size());
          break;
      }
    }
    if (!before_.empty()) {
      begin_identity();
    }
    finish();
  }

  OnnxLayers result;

 private:
  void set_input_shape() {
    const OnnxValueInfo& input = *chain_.input;
    shape_ = {width_};
    if (!input.has_shape || input.shape.size() < 2) {
      return;
    }
    std::vector<std::size_t> shape;
    std::size_t size = 1;
    for (std::size_t i = 1; i < input.shape.size(); ++i) {
      if (!input.shape[i] || __builtin_mul_overflow(size, *input.shape[i], &size)) {
        return;
      }
      shape.push_back(*input.shape[i]);
    }
    if (size != width_) {
      throw ShapeError(
          fmt::format("its input {} has {} values a row, but its first layer takes {} inputs",
                      std::string(input.name), size, width_));
    }
    shape_ = std::move(shape);
  }

  void need_flat(const OnnxStep& step) const {
    if (shape_.size() != 1) {
      throw_unsupported(*step.node,
                        fmt::format("works on rows of shape [{}]; a Flatten before it is wanted",
                                    fmt::join(shape_, ", ")));
    }
  }

  // Expands the step's values to one per element of a row, by ONNX's broadcasting rules.
  std::vector<double> spread(const OnnxStep& step) {
    graph_.charge(width_, sizeof(double));
    if (step.values.size() == 1) {
      return std::vector<double>(width_, step.values[0]);
    }
    if (step.per_channel) {
      need_flat(step);
    }
    std::vector<std::size_t> shape = step.values_shape;
    if (shape.size() == shape_.size() + 1 && shape[0] == 1) {
      shape.erase(shape.begin());
    }
    shape.insert(shape.begin(), shape_.size() > shape.size() ? shape_.size() - shape.size() : 0, 1);
    bool fits = shape.size() == shape_.size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
      fits = shape[i] == 1 || shape[i] == shape_[i];
    }
    if (!fits) {
      throw_unsupported(*step.node,
                        fmt::format("has a tensor of shape [{}] for rows of shape [{}], which do "
                                    "not match",
                                    fmt::join(step.values_shape, ", "), fmt::join(shape_, ", ")));
    }
    std::vector<double> values(width_);
    for (std::size_t i = 0; i < width_; ++i) {
      std::size_t rest = i;
      std::size_t at = 0;
      std::size_t stride = 1;
      for (std::size_t d = shape.size(); d-- > 0;) {
        at += shape[d] == 1 ? 0 : rest % shape_[d] * stride;
        rest /= shape_[d];
        stride *= shape[d];
      }
      values[i] = step.values[at];
    }
    return values;
  }

  void element(const OnnxStep& step) {
    const std::vector<double> values = spread(step);
    if (!fold_ && !open_ && result.layers.empty()) {
      add_input_step(step.operation, {values.begin(), values.end()});
    } else {
      (can_fold_behind() ? open_->after : before_).apply(step.operation, values);
    }
  }

  [[nodiscard]] bool can_fold_behind() const { return open_ && !open_->activation; }

  void finish() {
    if (!open_) {
      return;
    }
    if (result.layers.empty()) {
      unfold(*open_);
    }
    result.layers.push_back(std::exchange(open_, std::nullopt)->finish(graph_));
  }

  static bool any_but(const std::vector<double>& values, double neutral) {
    return std::ranges::any_of(values, [neutral](double v) { return v != neutral; });
  }

  // Keeps what the file states of the scalers before the first layer, and leaves it to an input
  // step to subtract the last one's centre: folded too, it would cost digits.
  void unfold(UnfinishedLayer& first) {
    Affine scaler = std::exchange(first.before, {});
    if (!scaler.empty()) {
      unfolded_step(scaler);
    }
    if (!has_scaler_) {
      result.unfolded_input.reset();
      return;
    }
    Layer stated = first.finish(graph_);
    if (any_but(scaler.shift, 0)) {
      scaler = subtract_centre(scaler);
    }
    first.before = std::move(scaler);
    result.unfolded_input->weights = std::move(stated.weights);
    result.unfolded_input->bias = std::move(stated.bias);
  }

  UnfoldedInput& unfolded() {
    if (result.unfolded_input == nullptr) {
      result.unfolded_input = std::make_shared<UnfoldedInput>();
    }
    return *result.unfolded_input;
  }

  void unfolded_step(const Affine& scaler) {
    has_scaler_ = true;
    graph_.charge(width_, 2 * sizeof(double));
    unfolded().steps.push_back(
        {.scale = scaler.scale.empty() ? std::vector<double>(scaler.shift.size(), 1) : scaler.scale,
         .shift =
             scaler.shift.empty() ? std::vector<double>(scaler.scale.size(), 0) : scaler.shift});
  }

  // Adds the input step; what is left to do with its result.
  Affine subtract_centre(const Affine& scaler) {
    std::vector<float> centre = scaler.centre();
    Affine about = scaler.about(centre);
    add_input_step(InputStep::Kind::kSubtract, std::move(centre));
    return about;
  }

  void add_input_step(InputStep::Kind kind, std::vector<float> values) {
    result.input_steps.push_back({.kind = kind, .values = std::move(values)});
  }

  // Scalers in front of a clip, as input steps.
  void finish_scaler() {
    if (before_.empty()) {
      return;
    }
    Affine scaler = std::exchange(before_, {});
    unfolded_step(scaler);
    if (any_but(scaler.shift, 0)) {
      scaler = subtract_centre(scaler);
    }
    if (any_but(scaler.scale, 1)) {
      add_input_step(InputStep::Kind::kMultiply, {scaler.scale.begin(), scaler.scale.end()});
    }
    if (any_but(scaler.shift, 0)) {
      add_input_step(InputStep::Kind::kAdd, {scaler.shift.begin(), scaler.shift.end()});
    }
  }

  void clip(float low, float high) {
    finish_scaler();
    if (fold_) {
      unfolded().steps.push_back({.scale = {}, .shift = {}, .low = low, .high = high});
    }
    add_input_step(InputStep::Kind::kClip, {low, high});
  }

  // Begins an identity layer for steps with no matrix product to fold into.
  void begin_identity() {
    finish();
    open_.emplace();
    open_->inputs = open_->outputs = width_;
    open_->before = std::exchange(before_, {});
  }

  void dense(const OnnxStep& step) {
    need_flat(step);
    finish();
    const auto stored = step.weights.tensor == nullptr ? std::vector<std::size_t>{0, 0}
                                                       : step.weights.tensor->shape;
    const std::size_t inputs = stored[step.weights_out_in ? 1 : 0];
    const std::size_t outputs = stored[step.weights_out_in ? 0 : 1];
    if (inputs != width_ || shape_[0] != width_) {
      throw ShapeError(
          fmt::format("{} takes {} inputs, but {} values reach it: layers do not chain",
                      describe(*step.node), inputs, shape_[0]));
    }
    open_ = UnfinishedLayer{.inputs = inputs,
                            .outputs = outputs,
                            .weights = step.weights,
                            .weights_out_in = step.weights_out_in,
                            .alpha = step.alpha,
                            .bias = step.bias ? bias(step, outputs) : std::vector<double>(),
                            .before = std::exchange(before_, {}),
                            .after = {},
                            .activation = {}};
    width_ = outputs;
    shape_ = {outputs};
  }

  std::vector<double> bias(const OnnxStep& step, std::size_t outputs) {
    const auto shape = step.bias->shape();
    std::vector<double> values = graph_.numbers(*step.bias);
    const bool row = shape.size() < 2 || (shape.size() == 2 && shape[0] == 1);
    if (!row || (values.size() != 1 && values.size() != outputs)) {
      throw ShapeError(fmt::format("{} has a bias of shape [{}] for {} outputs",
                                   describe(*step.node), fmt::join(shape, ", "), outputs));
    }
    graph_.charge(outputs, sizeof(double));
    if (values.size() == 1) {
      values.resize(outputs, values[0]);
    }
    for (double& value : values) {
      value *= step.beta;
    }
    return values;
  }

  void activation(const OnnxStep& step) {
    if (step.activation.is_row_wise()) {
      need_flat(step);
    }
    if (!open_) {
      if (step.activation.kind == ActivationKind::kClip) {
        clip(step.activation.a, step.activation.b);
      } else if (step.activation.kind == ActivationKind::kRelu) {
        clip(0, std::numeric_limits<float>::infinity());
      } else {
        throw_unsupported(*step.node, "is an activation before the first layer");
      }
      return;
    }
    if (open_->activation) {
      begin_identity();
    }
    open_->activation = step.activation;
  }

  void pair(const OnnxStep& step) {
    if (!open_ || !before_.empty() || width_ != 1 || !open_->activation ||
        open_->activation->kind != ActivationKind::kSigmoid) {
      throw_unsupported(*step.node, "joins p and 1 - p where p is not one sigmoid");
    }
    open_->pair = step.complement_first ? UnfinishedLayer::Pair::kComplementFirst
                                        : UnfinishedLayer::Pair::kComplementLast;
    width_ = 2;
    shape_ = {2};
  }

  void reshape(const OnnxStep& step, bool last) {
    if (last && width_ > 1 && step.target == std::vector<std::int64_t>{-1, 1}) {
      chain_.notes.push_back({fmt::format(
          "{} would write the {} outputs of all rows below each other; they are given as columns",
          describe(*step.node), width_)});
      return;
    }
    const auto& input = chain_.input->shape;
    auto shape = reshaped_row(shape_, step.target, input.empty() ? std::nullopt : input[0]);
    if (!shape) {
      throw_unsupported(*step.node,
                        fmt::format("gives the shape [{}], which does not keep the {} values of "
                                    "each row together",
                                    fmt::join(step.target, ", "), width_));
    }
    shape_ = std::move(*shape);
  }

  OnnxGraph& graph_;
  OnnxChain& chain_;
  bool fold_;
  bool has_scaler_ = false;  // in front of the first layer
  std::size_t width_ = 0;
  std::vector<std::size_t> shape_;  // of a row, excluding the batch dimension
  std::optional<UnfinishedLayer> open_;
  Affine before_;  // to be folded into the next layer
};

}  // namespace

OnnxLayers build_layers(OnnxGraph& graph, OnnxChain& chain, bool fold) {
  Builder builder(graph, chain, fold);
  builder.build();
  return std::move(builder.result);
}

}  // namespace lamella::io
