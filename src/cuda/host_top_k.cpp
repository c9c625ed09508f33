#include "cuda/host_top_k.hpp"

#include "cuda/check.hpp"
#include "kernels/row_top_k.hpp"

namespace lamella::cuda {
namespace {

// HostTransfer moves 32-bit words.
constexpr std::size_t kWords = sizeof(RankedOutput) / sizeof(float);
static_assert(sizeof(RankedOutput) == kWords * sizeof(float));

}  // namespace

HostTopK::HostTopK(std::size_t inputs, std::size_t outputs, std::size_t k, std::size_t buffer_rows,
                   bool allow_zero_copy, const std::shared_ptr<DeviceMemoryResource>& memory)
    : width_(outputs),
      k_(k),
      outputs_(
          allocate_device(buffer_rows * outputs * sizeof(float), "a chunk of outputs", memory)),
      transfer_(inputs, kWords * k, buffer_rows, allow_zero_copy, memory) {}

void HostTopK::run(MatrixView<const float> rows, MatrixView<RankedOutput> top,
                   const HostTransfer::Compute& compute) {
  auto* const outputs = static_cast<float*>(outputs_.get());
  transfer_.run(
      rows, {reinterpret_cast<float*>(top.data()), top.rows(), kWords * k_},
      [&](const float* device_rows, std::size_t n, float* device_top, cudaStream_t stream) {
        compute(device_rows, n, outputs, stream);
        LAMELLA_CUDA_CHECK(kernels::row_top_k(outputs, n, width_, k_,
                                              reinterpret_cast<RankedOutput*>(device_top), stream));
      },
      true);
}

}  // namespace lamella::cuda
