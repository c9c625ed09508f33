#include "cuda/host_taps.hpp"

#include <cuda_runtime_api.h>

#include "core/taps.hpp"
#include "cuda/check.hpp"

namespace lamella::cuda {

HostTaps::HostTaps(std::span<const Tap> taps, std::size_t chunk_rows,
                   const std::shared_ptr<DeviceMemoryResource>& memory)
    : taps_(taps) {
  for (const Tap& tap : taps) {
    memory_.push_back(allocate_device(chunk_rows * tap.values.columns() * sizeof(float),
                                      "the values of a tap, for a chunk of rows", memory));
  }
}

std::vector<Tap> HostTaps::on_device(std::size_t rows) const {
  std::vector<Tap> taps(taps_.begin(), taps_.end());
  for (std::size_t i = 0; i < taps.size(); ++i) {
    taps[i].values = {static_cast<float*>(memory_[i].get()), rows, taps[i].values.columns()};
  }
  return taps;
}

void HostTaps::copy_out(std::size_t rows, cudaStream_t stream) {
  const std::vector<Tap> from = on_device(rows);
  const std::vector<Tap> to = core::tap_block(taps_, copied_, rows);
  for (std::size_t i = 0; i < from.size(); ++i) {
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(to[i].values.data(), from[i].values.data(),
                                       to[i].values.size() * sizeof(float), cudaMemcpyDeviceToHost,
                                       stream));
  }
  copied_ += rows;
}

}  // namespace lamella::cuda
