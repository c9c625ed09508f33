// Gradient descent and its gradients as text.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cli/explain_text.hpp"
#include "cli/matrix_text.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

constexpr std::size_t kShownSize = 16;  // largest matrix side that is shown in full

const char* formula_of(LossKind kind) {
  return kind == LossKind::kSquaredError ? "squared error, 1/2 sum (y - t)^2"
                                         : "cross-entropy, -sum t log y";
}

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

bool shows_whole(const AdjustableLayer& layer) {
  return layer.outputs <= kShownSize && layer.inputs <= kShownSize;
}

std::string gradient_text(const GradientDescent& descent, std::size_t n) {
  const AdjustableLayer& layer = descent.layers()[n];
  const LayerGradient& gradient = descent.gradients()[n];
  const std::size_t number = n + 1;
  const bool last = number == descent.layers().size();
  const std::string activation = to_string(layer.activation);
  const std::string delta =
      !last ? fmt::format("W{}^T · delta{} * {}'(z{})", number + 1, number + 1, activation, number)
      : descent.loss_kind() == LossKind::kCrossEntropy
          ? fmt::format("softmax(z{}) sum(t) - t", number)
          : fmt::format("(y - t) * {}'(z{})", activation, number);
  std::string text =
      fmt::format("layer {}: delta{} = {}{}\n", number, number, delta,
                  descent.trace().rows > 1 && last ? ", over the number of rows" : "");
  if (!shows_whole(layer) || descent.trace().rows > kShownSize) {
    return text + fmt::format("  largest |dL/dW{}| = {}, largest |dL/db{}| = {}\n\n", number,
                              number_text(largest_of(gradient.weights)), number,
                              number_text(largest_of(gradient.bias)));
  }
  std::vector<Block> blocks = {
      transposed_block(fmt::format("delta{}", number), gradient.deltas, descent.trace().rows,
                       layer.outputs),
      matrix_block(fmt::format("dL/dW{} = delta{} · {}^T", number, number,
                               n == 0 ? std::string("x") : fmt::format("h{}", n)),
                   gradient.weights, layer.outputs, layer.inputs)};
  if (!layer.bias.empty()) {
    blocks.push_back(matrix_block(fmt::format("dL/db{}", number), gradient.bias, layer.outputs, 1));
  }
  return text + side_by_side(blocks) + "\n";
}

std::string change_text(std::span<const AdjustableLayer> before,
                        std::span<const AdjustableLayer> after) {
  std::string text;
  for (std::size_t n = 0; n < before.size(); ++n) {
    const AdjustableLayer& old = before[n];
    if (!shows_whole(old)) {
      double largest = 0;
      for (std::size_t i = 0; i < old.weights.size(); ++i) {
        largest = std::max(largest, std::fabs(after[n].weights[i] - old.weights[i]));
      }
      text += fmt::format("  W{} changes by at most {}\n\n", n + 1, number_text(largest));
      continue;
    }
    std::vector<Block> blocks = {
        matrix_block(fmt::format("W{} before", n + 1), old.weights, old.outputs, old.inputs),
        matrix_block("after", after[n].weights, old.outputs, old.inputs)};
    if (!old.bias.empty()) {
      blocks.push_back(matrix_block(fmt::format("b{} before", n + 1), old.bias, old.outputs, 1));
      blocks.push_back(matrix_block("after", after[n].bias, old.outputs, 1));
    }
    text += side_by_side(blocks) + "\n";
  }
  return text;
}

// The losses after each step; of many steps, a selection.
std::string curve_text(const std::vector<double>& losses) {
  constexpr std::size_t kLines = 20;
  constexpr std::size_t kWidth = 40;
  const double limit = *std::max_element(losses.begin(), losses.end());
  const std::size_t stride = (losses.size() - 1 + kLines - 1) / kLines;
  std::string text = "  step          loss\n";
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (i % stride != 0 && i + 1 != losses.size()) {
      continue;
    }
    const double share = limit > 0 && std::isfinite(limit) ? losses[i] / limit : 0;
    const auto bar = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kWidth);
    const std::string line =
        fmt::format("{:>6}  {:>12}  {}", i, number_text(losses[i]), std::string(bar, '#'));
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

Training train(const Network& network, MatrixView<const float> rows,
               MatrixView<const float> targets, double learning_rate, std::size_t steps) {
  GradientDescent descent(network, rows, targets);
  Training training{.start = descent,
                    .learning_rate = learning_rate,
                    .losses = {descent.loss()},
                    .after_first = {},
                    .after_last = {}};
  for (std::size_t i = 0; i < steps; ++i) {
    descent.step(learning_rate);
    training.losses.push_back(descent.loss());
    if (i == 0) {
      training.after_first.assign(descent.layers().begin(), descent.layers().end());
    }
  }
  training.after_last.assign(descent.layers().begin(), descent.layers().end());
  return training;
}

std::string training_text(const Training& training, MatrixView<const float> targets,
                          TextStyle style) {
  const GradientDescent& start = training.start;
  const std::vector<double> target(targets.data(), targets.data() + targets.size());
  const std::string title =
      fmt::format("loss: {}{}", formula_of(start.loss_kind()),
                  targets.rows() > 1 ? fmt::format(", mean over {} rows", targets.rows()) : "");
  std::string text = (style.colour ? "\x1b[1m" + title + "\x1b[0m" : title) + "\n\n";
  const std::size_t outputs = targets.columns();
  if (outputs <= kShownSize && targets.rows() <= kShownSize) {
    text += side_by_side(
        {transposed_block("y", start.trace().layers.back().activations, targets.rows(), outputs),
         transposed_block("t", target, targets.rows(), outputs)});
  } else {
    text += fmt::format("  {} rows of {} targets\n", targets.rows(), outputs);
  }
  text += fmt::format("  L = {}\n\n", number_text(start.loss()));
  for (std::size_t n = start.layers().size(); n-- > 0;) {
    text += gradient_text(start, n);
  }
  const std::string rate = number_text(training.learning_rate);
  text += fmt::format("one step of gradient descent: W - {} dL/dW, b - {} dL/db\n\n", rate, rate);
  text += change_text(start.layers(), training.after_first);
  text += fmt::format("  L before {}, after {}\n", number_text(training.losses[0]),
                      number_text(training.losses[1]));
  if (training.losses.size() > 2) {
    text += "\n" + curve_text(training.losses);
  }
  return text;
}

}  // namespace lamella::cli
