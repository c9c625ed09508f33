#include "cuda/layer_step.hpp"

#include <utility>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "core/layer_outputs.hpp"
#include "core/log.hpp"
#include "core/range.hpp"
#include "cuda/check.hpp"
#include "cuda/cublas_gemm.hpp"
#include "cuda/gelu_validation.hpp"
#include "cuda/gemm_validation.hpp"
#include "cuda/small_batch_gemm.hpp"
#include "kernels/bias_activation.hpp"
#include "kernels/convert.hpp"
#include "kernels/row_softmax.hpp"

namespace lamella::cuda {

LayerStep::LayerStep(const Layer& layer, std::size_t index, const GemmProblem& problem,
                     const GemmResources& resources, AlgorithmPolicy policy, std::size_t rank)
    : layer_(&layer),
      index_(index),
      range_name_(fmt::format("layer {}: {} to {}, {}", index + 1, layer.inputs, layer.outputs,
                              to_string(layer.activation))),
      problem_(problem),
      policy_(policy),
      rank_(rank) {
  choose_cublaslt(resources);
  if (gemm_ != nullptr) {
    return;
  }
  rank_ = 0;
  if (policy == AlgorithmPolicy::kFastest) {
    gemm_ = std::make_unique<CublasGemm>(problem, resources.handle);
    return;
  }
  core::log(LogSeverity::kInfo,
            "layer {}: cuBLASLt offers no algorithm that sums an output in one piece, serves every "
            "batch size and agrees with the reference; cuBLAS computes in blocks of {} rows",
            index_ + 1, resources.block_rows);
  gemm_ = std::make_unique<FixedHeightGemm>(problem, resources);
}

// Moves as much of the layer into cuBLASLt as validation allows, down to the bare GEMM.
void LayerStep::choose_cublaslt(const GemmResources& resources) {
  // The epilogue takes a bias of the inputs' data type; ours is float32.
  const bool float32 = problem_.input == core::DType::kFloat32;
  if (float32 && layer_->activation.kind == ActivationKind::kRelu) {
    if (auto gemm = make_lt(resources, Epilogue::kRelu)) {
      if (gemm->keeps_nan()) {
        use(std::move(gemm), resources);
        return;
      }
      core::log(LogSeverity::kInfo,
                "layer {}: cuBLASLt's ReLU loses NaN on this device; a kernel of our own follows "
                "the GEMM",
                index_ + 1);
    }
  }
  if (float32 && layer_->activation.kind == ActivationKind::kGeluTanh) {
    if (auto gemm = make_lt(resources, Epilogue::kGelu)) {
      const std::string mismatch = gelu_mismatch(*gemm, *layer_, problem_, resources);
      if (mismatch.empty()) {
        use(std::move(gemm), resources);
        return;
      }
      core::log(
          LogSeverity::kInfo,
          "layer {}: cuBLASLt's GELU is not used, since its validation failed: {}; a kernel of our "
          "own follows the GEMM",
          index_ + 1, mismatch);
    }
  }
  if (float32 && layer_->activation.kind == ActivationKind::kIdentity) {
    if (auto gemm = make_lt(resources, Epilogue::kBias)) {
      use(std::move(gemm), resources);
      return;
    }
  }
  if (auto gemm = make_lt(resources, Epilogue::kNone)) {
    use(std::move(gemm), resources);
  }
}

// The GEMM for the largest batch size.
std::unique_ptr<CublasLtGemm> LayerStep::make_lt(const GemmResources& resources,
                                                 Epilogue epilogue) {
  return CublasLtGemm::make(problem_, epilogue, resources,
                            {.may_split = policy_ == AlgorithmPolicy::kFastest, .rank = rank_},
                            [&](CublasLtGemm& gemm) { return agrees(gemm, resources); });
}

bool LayerStep::agrees(CublasLtGemm& gemm, const GemmResources& resources) const {
  const std::string mismatch = gemm_mismatch(gemm, *layer_, problem_, resources);
  if (!mismatch.empty()) {
    core::log(
        LogSeverity::kWarning,
        "layer {}: an algorithm of cuBLASLt is not used, since in validation it was not what it "
        "should be: {}",
        index_ + 1, mismatch);
  }
  return mismatch.empty();
}

void LayerStep::use(std::unique_ptr<CublasLtGemm> gemm, const GemmResources& resources) {
  const Epilogue epilogue = gemm->epilogue();
  adds_bias_ = epilogue != Epilogue::kNone;
  activates_ = epilogue == Epilogue::kRelu || epilogue == Epilogue::kGelu;
  rank_ = gemm->rank();
  CublasLtGemm& largest = *gemm;
  auto dispatch = std::make_unique<GemmDispatch>(
      std::move(gemm), policy_ == AlgorithmPolicy::kFastest
                           ? "cuBLASLt with the best algorithm for each batch size"
                           : "cuBLASLt with one order of sums for any batch size");
  if (policy_ != AlgorithmPolicy::kSingleAlgorithm) {
    add_buckets(*dispatch, largest, resources);
  }
  gemm_ = std::move(dispatch);
}

void LayerStep::add_buckets(GemmDispatch& dispatch, CublasLtGemm& largest,
                            const GemmResources& resources) const {
  const bool by_shape = policy_ == AlgorithmPolicy::kFastest;
  // With 16-bit outputs too few sums reveal their summation order in their bits.
  if (!by_shape &&
      (problem_.output != core::DType::kFloat32 || !is_order_sensitive(*layer_, problem_.input))) {
    return;
  }
  std::string numbers;
  const auto add = [&](std::unique_ptr<Gemm> gemm) {
    numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", gemm->max_rows());
    dispatch.add(std::move(gemm));
  };
  const auto same_bits = [&](Gemm& other, const CublasLtGemm::Configuration& which) {
    return gives_same_bits(largest, other, which, *layer_, problem_, resources);
  };
  if (!problem_.tf32 && largest.epilogue() != Epilogue::kGelu &&
      problem_.input == core::DType::kFloat32) {
    auto small = std::make_unique<SmallBatchGemm>(problem_, largest.epilogue());
    if (small->max_rows() > 0 && (by_shape || same_bits(*small, {}))) {
      add(std::move(small));
    }
  }
  for (const CublasLtGemm::Choice& choice : dispatch_choices(by_shape)) {
    auto gemm = CublasLtGemm::make(
        problem_, largest.epilogue(), resources, choice, [&](CublasLtGemm& candidate) {
          if (!by_shape) {
            return same_bits(candidate, candidate.configuration());
          }
          return agrees(candidate, resources) &&
                 (candidate.epilogue() != Epilogue::kRelu || candidate.keeps_nan()) &&
                 (candidate.epilogue() != Epilogue::kGelu ||
                  gelu_mismatch(candidate, *layer_, problem_, resources).empty());
        });
    if (gemm != nullptr) {
      add(std::move(gemm));
    }
  }
  core::log(LogSeverity::kDebug, "layer {}: GEMMs of their own for up to {} rows", index_ + 1,
            numbers.empty() ? "no" : numbers);
}

bool LayerStep::is_fused() const {
  return adds_bias_ && (activates_ || layer_->activation.kind == ActivationKind::kIdentity);
}

void LayerStep::enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream,
                        std::span<const LayerOutput> layer_outputs) {
  const core::Range range(range_name_.c_str(), rows);
  if (activates_) {
    write_pre_activations(x, y, rows, stream, layer_outputs);
    gemm_->enqueue(x, y, rows, stream);
  } else {
    gemm_->enqueue(x, y, rows, stream);
    write_pre_activations(x, y, rows, stream, layer_outputs);
  }
  apply_rest(y, rows, stream);
  core::for_each_layer_output(layer_outputs, index_, false,
                              [&](MatrixView<float> values) { copy_out(y, values, stream); });
}

void LayerStep::copy_out(const void* y, MatrixView<float> values, cudaStream_t stream) const {
  if (problem_.output == core::DType::kFloat32) {
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(values.data(), y, values.size() * sizeof(float),
                                       cudaMemcpyDefault, stream));
  } else {
    LAMELLA_CUDA_CHECK(kernels::to_float(y, problem_.output, values.data(), values.size(), stream));
  }
}

// If the GEMM applies the activation, it first runs without it; the later GEMM overwrites y.
// Otherwise y holds the bare GEMM, and a missing bias is added to the copy. Either way y ends as it
// would without layer outputs.
void LayerStep::write_pre_activations(const void* x, void* y, std::size_t rows, cudaStream_t stream,
                                      std::span<const LayerOutput> layer_outputs) {
  bool computed = !activates_;
  core::for_each_layer_output(layer_outputs, index_, true, [&](MatrixView<float> values) {
    if (!computed) {
      gemm_->enqueue_pre_activation(x, y, rows, stream);
      computed = true;
    }
    copy_out(y, values, stream);
    if (!adds_bias_) {
      LAMELLA_CUDA_CHECK(kernels::bias_activation(values.data(), problem_.bias, values.rows(),
                                                  values.columns(), ActivationKind::kIdentity,
                                                  stream));
    }
  });
}

// Applies the bias and activation that the GEMM has not applied.
void LayerStep::apply_rest(void* y, std::size_t rows, cudaStream_t stream) {
  const float* const bias = adds_bias_ ? nullptr : problem_.bias;
  const Activation activation =
      activates_ ? Activation(ActivationKind::kIdentity) : layer_->activation;
  if (activation.is_row_wise()) {
    LAMELLA_CUDA_CHECK(kernels::row_softmax(static_cast<float*>(y), bias, rows, layer_->outputs,
                                            activation, stream));
  } else {
    LAMELLA_CUDA_CHECK(kernels::stored_bias_activation(y, problem_.output, bias, rows,
                                                       layer_->outputs, activation, stream));
  }
}

}  // namespace lamella::cuda
