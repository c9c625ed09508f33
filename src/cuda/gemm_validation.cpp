#include "cuda/gemm_validation.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include <cuda_fp16.h>
#include <cuda_runtime_api.h>

#include "core/dtype.hpp"
#include "cuda/check.hpp"
#include "cuda/validation_cache.hpp"
#include "verify/oracle.hpp"

namespace lamella::cuda {
namespace {

using core::DType;

// More than one tile of most algorithms, and a multiple of no tile size.
constexpr std::size_t kMaxRows = 133;
// The minimum count of outputs compared bit by bit, and the limits of the row count. One row holds
// an infinity, one a NaN, and one is so small that its sums may round to -0.
constexpr std::size_t kBitOutputs = 256;
constexpr std::size_t kMinBitRows = 12;
constexpr std::size_t kMaxBitRows = 64;
// How many of the kMaxRows rows, and how many outputs of each, are compared with the reference,
// which is slow.
constexpr std::size_t kComparedRows = 16;
constexpr std::size_t kComparedOutputs = 64;

// Everything that selects the code that runs.
using GemmKey = std::tuple<int, std::size_t, std::size_t, DType, DType, bool, std::size_t,
                           std::size_t, bool, Epilogue, CublasLtGemm::Configuration>;

GemmKey key_of(const CublasLtGemm& gemm, const GemmProblem& m) {
  int device = 0;
  LAMELLA_CUDA_CHECK(cudaGetDevice(&device));
  return {device,
          m.inputs,
          m.outputs,
          m.input,
          m.output,
          m.tf32,
          m.x_alignment,
          m.y_alignment,
          m.bias != nullptr,
          gemm.epilogue(),
          gemm.configuration()};
}

std::uint16_t to_16_bits(float x, DType dtype) {
  return dtype == DType::kBfloat16
             ? static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16)
             : std::bit_cast<std::uint16_t>(__float2half_rn(x));
}

float widened(std::uint16_t bits, DType dtype) {
  return dtype == DType::kBfloat16 ? std::bit_cast<float>(std::uint32_t{bits} << 16)
                                   : __half2float(std::bit_cast<__half>(bits));
}

std::vector<std::byte> to_bytes(MatrixView<const float> values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * core::bytes_of(dtype));
  if (dtype == DType::kFloat32) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = to_16_bits(values.data()[i], dtype);
    std::memcpy(bytes.data() + i * sizeof bits, &bits, sizeof bits);
  }
  return bytes;
}

void load(const std::vector<std::byte>& bytes, DType dtype, MatrixView<float> values) {
  if (dtype == DType::kFloat32) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * sizeof bits, sizeof bits);
    values.data()[i] = widened(bits, dtype);
  }
}

// Up to limit indices from [0, count), evenly spread, including the first and the last.
std::vector<std::size_t> spread(std::size_t count, std::size_t limit) {
  std::vector<std::size_t> chosen;
  const std::size_t selected = std::min(count, limit);
  for (std::size_t i = 0; i < selected; ++i) {
    chosen.push_back(selected < 2 ? 0 : i * (count - 1) / (selected - 1));
  }
  return chosen;
}

// The part of the layer that the GEMM computes, restricted to the given outputs.
Layer part_of(const Layer& layer, const std::vector<std::size_t>& outputs, Epilogue epilogue) {
  Layer part{.inputs = layer.inputs,
             .outputs = outputs.size(),
             .activation =
                 epilogue == Epilogue::kRelu ? ActivationKind::kRelu : ActivationKind::kIdentity};
  for (const std::size_t o : outputs) {
    const auto row = layer.weights.begin() + static_cast<std::ptrdiff_t>(o * layer.inputs);
    part.weights.insert(part.weights.end(), row, row + static_cast<std::ptrdiff_t>(layer.inputs));
    if (layer.has_bias() && epilogue != Epilogue::kNone) {
      part.bias.push_back(layer.bias[o]);
    }
  }
  return part;
}

// An identity layer. Appended, it keeps the tested layer from being the last, so that the reference
// stores its outputs in 16 bits.
Layer copy_of(std::size_t width) {
  Layer copy{.inputs = width, .outputs = width, .weights = std::vector<float>(width * width)};
  for (std::size_t i = 0; i < width; ++i) {
    copy.weights[i * width + i] = 1;
  }
  return copy;
}

// The exponent of a scale for the rows that keeps sums from overflowing and underflowing.
int row_exponent(float largest, DType dtype) {
  int exponent = largest > 0 ? -std::ilogb(largest) : 0;
  if (dtype == DType::kFloat16) {
    exponent = std::clamp(exponent, -14, 10);
  }
  return std::clamp(exponent, -100, 100);
}

bool is_finite(const Layer& layer) {
  return std::ranges::all_of(layer.weights, [](float w) { return std::isfinite(w); });
}

float largest_weight(const Layer& layer) {
  float largest = 0;
  for (const float w : layer.weights) {
    largest = std::max(largest, std::fabs(w));
  }
  return largest;
}

// Values with few significant bits, exact in every data type, scaled so that sums neither overflow
// nor underflow.
Matrix random_rows(std::size_t rows, const Layer& layer, DType dtype) {
  const int exponent = row_exponent(largest_weight(layer), dtype);
  Matrix matrix(rows, layer.inputs);
  std::mt19937 generator(1);
  std::generate_n(matrix.data(), matrix.size(), [&] {
    return std::ldexp(static_cast<float>(generator() % 32) - 15.5F, exponent - 4);
  });
  return matrix;
}

// Values that use the data type's full significand; half of them are zero, as after ReLU.
Matrix rows_of_all_bits(std::size_t rows, const Layer& layer, DType dtype) {
  const float scale = std::ldexp(1.0F, row_exponent(largest_weight(layer), dtype));
  Matrix matrix(rows, layer.inputs);
  std::mt19937 generator(2);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::generate_n(matrix.data(), matrix.size(), [&] {
    const float x = uniform(generator);
    return generator() % 2 == 0 ? x : 0.0F;
  });
  return matrix;
}

bool same_bits(Gemm& one, Gemm& other, const Layer& layer, const GemmProblem& problem,
               const GemmResources& resources) {
  const std::size_t count = std::clamp(kBitOutputs / layer.outputs, kMinBitRows, kMaxBitRows);
  Matrix rows = rows_of_all_bits(count, layer, problem.input);
  std::fill_n(&rows(count - 3, 0), layer.inputs, -std::numeric_limits<float>::denorm_min());
  rows(count - 2, layer.inputs / 2) = std::numeric_limits<float>::infinity();
  rows(count - 1, layer.inputs / 2) = std::numeric_limits<float>::quiet_NaN();
  Matrix outputs[2] = {Matrix(count, layer.outputs), Matrix(count, layer.outputs)};
  compute(one, rows, outputs[0], problem, resources);
  compute(other, rows, outputs[1], problem, resources);
  return std::equal(outputs[0].data(), outputs[0].data() + outputs[0].size(), outputs[1].data(),
                    [](float a, float b) {
                      return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
                             (std::isnan(a) && std::isnan(b));
                    });
}

std::string validate_rows(CublasLtGemm& gemm, const Layer& layer, const GemmProblem& problem,
                          const GemmResources& resources) {
  const std::size_t count = std::min({resources.block_rows, kMaxRows, gemm.max_rows()});
  const Matrix rows = random_rows(count, layer, problem.input);
  Matrix all(rows.rows(), layer.outputs);
  compute(gemm, rows, all, problem, resources, gemm.epilogue() == Epilogue::kGelu);
  const std::vector<std::size_t> some_rows = spread(rows.rows(), kComparedRows);
  const std::vector<std::size_t> some_outputs = spread(layer.outputs, kComparedOutputs);
  Matrix compared(some_rows.size(), layer.inputs);
  Matrix outputs(some_rows.size(), some_outputs.size());
  for (std::size_t r = 0; r < some_rows.size(); ++r) {
    std::copy_n(&rows(some_rows[r], 0), layer.inputs, &compared(r, 0));
    for (std::size_t i = 0; i < some_outputs.size(); ++i) {
      outputs(r, i) = all(some_rows[r], some_outputs[i]);
    }
  }
  std::vector<Layer> layers{part_of(layer, some_outputs, gemm.epilogue())};
  if (problem.output != DType::kFloat32) {
    layers.push_back(copy_of(some_outputs.size()));
  }
  const Precision precision = problem.tf32                        ? Precision::kTf32
                              : problem.input == DType::kBfloat16 ? Precision::kBf16
                              : problem.input == DType::kFloat16  ? Precision::kFp16
                                                                  : Precision::kFp32;
  return verify::mismatch(
      verify::evaluate(Network(std::move(layers), {}, {.allow_nonfinite = true}), compared,
                       precision),
      outputs);
}

}  // namespace

void compute(Gemm& gemm, MatrixView<const float> rows, MatrixView<float> outputs,
             const GemmProblem& problem, const GemmResources& resources, bool pre_activation) {
  const std::size_t limit = std::min(resources.block_rows, gemm.max_rows());
  for (std::size_t first = 0; first < rows.rows(); first += limit) {
    const std::size_t count = std::min(limit, rows.rows() - first);
    const std::vector<std::byte> x = to_bytes(rows.block(first, count), problem.input);
    std::vector<std::byte> y(count * problem.outputs * core::bytes_of(problem.output));
    LAMELLA_CUDA_CHECK(
        cudaMemcpyAsync(resources.block_x, x.data(), x.size(), cudaMemcpyHostToDevice, nullptr));
    if (pre_activation) {
      gemm.enqueue_pre_activation(resources.block_x, resources.block_y, count, nullptr);
    } else {
      gemm.enqueue(resources.block_x, resources.block_y, count, nullptr);
    }
    LAMELLA_CUDA_CHECK(
        cudaMemcpyAsync(y.data(), resources.block_y, y.size(), cudaMemcpyDeviceToHost, nullptr));
    LAMELLA_CUDA_CHECK(cudaStreamSynchronize(nullptr));
    load(y, problem.output, outputs.block(first, count));
  }
}

std::string gemm_mismatch(CublasLtGemm& gemm, const Layer& layer, const GemmProblem& problem,
                          const GemmResources& resources) {
  if (!is_finite(layer)) {
    return {};
  }
  static ValidationCache<GemmKey> known;
  return known.find_or(key_of(gemm, problem),
                       [&] { return validate_rows(gemm, layer, problem, resources); });
}

// Sums a few rows and outputs forwards and backwards. At least a quarter must differ.
bool is_order_sensitive(const Layer& layer, DType dtype) {
  constexpr std::size_t kRows = 4;
  constexpr std::size_t kOutputs = 16;
  if (!is_finite(layer)) {
    return false;  // NaN differs from itself
  }
  const Matrix rows = rows_of_all_bits(kRows, layer, dtype);
  const std::vector<std::size_t> outputs = spread(layer.outputs, kOutputs);
  std::size_t different = 0;
  for (const std::size_t o : outputs) {
    for (std::size_t r = 0; r < kRows; ++r) {
      float forwards = 0;
      float backwards = 0;
      for (std::size_t k = 0; k < layer.inputs; ++k) {
        const std::size_t last = layer.inputs - 1 - k;
        forwards = std::fma(rows(r, k), layer.weights[o * layer.inputs + k], forwards);
        backwards = std::fma(rows(r, last), layer.weights[o * layer.inputs + last], backwards);
      }
      different += forwards != backwards ? 1 : 0;
    }
  }
  return 4 * different >= kRows * outputs.size();
}

bool gives_same_bits(CublasLtGemm& first, Gemm& other, const CublasLtGemm::Configuration& which,
                     const Layer& layer, const GemmProblem& problem,
                     const GemmResources& resources) {
  if (first.configuration() == which) {
    return true;
  }
  static ValidationCache<std::pair<GemmKey, CublasLtGemm::Configuration>> known;
  return known
      .find_or({key_of(first, problem), which},
               [&] {
                 return same_bits(first, other, layer, problem, resources) ? std::string()
                                                                           : "other bits";
               })
      .empty();
}

}  // namespace lamella::cuda
