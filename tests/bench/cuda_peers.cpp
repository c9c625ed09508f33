#include "tests/bench/cuda_peers.hpp"

#include <cstdint>

#include <cuda_runtime_api.h>

#include <lamella/error.hpp>

#include "cuda/check.hpp"
#include "cuda/enqueue_gemm.hpp"
#include "plan/cuda_plan.hpp"

namespace lamella::bench {
namespace {

constexpr std::size_t kWorkspaceBytes = plan::kCublasWorkspaceBytes;

cuda::DeviceMemory upload(std::span<const float> values, const char* what) {
  cuda::DeviceMemory memory = cuda::allocate_device(values.size_bytes(), what);
  if (memory != nullptr) {
    LAMELLA_CUDA_CHECK(
        cudaMemcpy(memory.get(), values.data(), values.size_bytes(), cudaMemcpyHostToDevice));
  }
  return memory;
}

template <class Value>
void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, Value value) {
  LAMELLA_CUDA_CHECK(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof(value)));
}

}  // namespace

DeviceNetwork::DeviceNetwork(const Network& network, std::size_t max_rows)
    : network_(network), max_rows_(max_rows) {
  for (const Layer& layer : network.layers()) {
    weights_.push_back(upload(layer.weights, "weights"));
    biases_.push_back(upload(layer.bias, "a bias"));
  }
  for (auto& buffer : buffers_) {
    buffer = cuda::allocate_device(max_rows * network.max_width() * sizeof(float), "activations");
  }
  LAMELLA_CUDA_CHECK(cudaDeviceSynchronize());
}

BareGemms::BareGemms(const DeviceNetwork& network)
    : network_(network),
      handle_(cuda::make_cublas_handle()),
      workspace_(cuda::allocate_device(kWorkspaceBytes, "cuBLAS")) {}

void BareGemms::enqueue(const float* rows, std::size_t count, float* outputs, cudaStream_t stream) {
  LAMELLA_CUDA_CHECK(cublasSetStream(handle_.get(), stream));
  LAMELLA_CUDA_CHECK(cublasSetWorkspace(handle_.get(), workspace_.get(), kWorkspaceBytes));
  network_.for_each_layer(
      rows, count, outputs, [&](std::size_t i, const float* x, float* y, std::size_t n) {
        const Layer& layer = network_.network().layers()[i];
        cuda::enqueue_gemm(
            handle_.get(),
            {.inputs = layer.inputs, .outputs = layer.outputs, .w = network_.weights(i)}, x, y, n);
      });
}

LtNetwork::LtNetwork(const DeviceNetwork& network)
    : network_(network), workspace_(cuda::allocate_device(kWorkspaceBytes, "cuBLASLt")) {
  for (const Layer& layer : network.network().layers()) {
    const ActivationKind kind = layer.activation.kind;
    if (!layer.has_bias() || (kind != ActivationKind::kRelu && kind != ActivationKind::kIdentity)) {
      throw UsageError("cuBLASLt's epilogues are used here for bias, with and without ReLU, alone");
    }
  }
  cublasLtHandle_t handle = nullptr;
  LAMELLA_CUDA_CHECK(cublasLtCreate(&handle));
  handle_.reset(handle);
}

// Row-major Y [rows x out] = X [rows x in] . W^T is, column-major, Y^T = W X^T: W and X, as they
// lie, are the column-major [in x out] and [in x rows], and the first is transposed.
const LtNetwork::Product& LtNetwork::product(std::size_t layer, std::size_t rows) {
  const auto known = products_.find({layer, rows});
  if (known != products_.end()) {
    return known->second;
  }
  const Layer& l = network_.network().layers()[layer];
  Product product{};
  cublasLtMatmulDesc_t operation = nullptr;
  LAMELLA_CUDA_CHECK(cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  product.operation.reset(operation);
  set(operation, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  set(operation, CUBLASLT_MATMUL_DESC_EPILOGUE,
      l.activation.kind == ActivationKind::kRelu ? CUBLASLT_EPILOGUE_RELU_BIAS
                                                 : CUBLASLT_EPILOGUE_BIAS);
  set(operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(network_.bias(layer)));
  const auto layout = [](Owned<cublasLtMatrixLayout_t>& owner, std::size_t height,
                         std::size_t width) {
    cublasLtMatrixLayout_t made = nullptr;
    LAMELLA_CUDA_CHECK(cublasLtMatrixLayoutCreate(&made, CUDA_R_32F, height, width,
                                                  static_cast<std::int64_t>(height)));
    owner.reset(made);
  };
  layout(product.w, l.inputs, l.outputs);
  layout(product.x, l.inputs, rows);
  layout(product.y, l.outputs, rows);
  cublasLtMatmulPreference_t made = nullptr;
  LAMELLA_CUDA_CHECK(cublasLtMatmulPreferenceCreate(&made));
  const Owned<cublasLtMatmulPreference_t> preference(made);
  LAMELLA_CUDA_CHECK(cublasLtMatmulPreferenceSetAttribute(
      made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes, sizeof(kWorkspaceBytes)));
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  LAMELLA_CUDA_CHECK(cublasLtMatmulAlgoGetHeuristic(handle_.get(), operation, product.w.get(),
                                                    product.x.get(), product.y.get(),
                                                    product.y.get(), made, 1, &result, &found));
  if (found == 0) {
    throw DeviceError("cuBLASLt knows no algorithm for a layer");
  }
  product.algorithm = result.algo;
  return products_.emplace(std::pair{layer, rows}, std::move(product)).first->second;
}

void LtNetwork::enqueue(const float* rows, std::size_t count, float* outputs, cudaStream_t stream) {
  network_.for_each_layer(
      rows, count, outputs, [&](std::size_t i, const float* x, float* y, std::size_t n) {
        constexpr float kOne = 1;
        constexpr float kZero = 0;
        const Product& p = product(i, n);
        LAMELLA_CUDA_CHECK(cublasLtMatmul(handle_.get(), p.operation.get(), &kOne,
                                          network_.weights(i), p.w.get(), x, p.x.get(), &kZero, y,
                                          p.y.get(), y, p.y.get(), &p.algorithm, workspace_.get(),
                                          kWorkspaceBytes, stream));
      });
}

}  // namespace lamella::bench
