// Opens lamella_cuda at run time. A program linked to cuBLAS pays for it at every start, also on
// machines without a GPU; so the library does not link it, but loads it when CUDA is first asked
// for, and only where the driver's library is there.
#pragma once

#include <string>

#include "cuda/plugin.hpp"

namespace lamella::engine {

struct CudaLibrary {
  const cuda::Plugin* plugin = nullptr;  // null: unavailable says why
  std::string unavailable;
};

// Opens it once per process; it is never closed. Safe to call from several threads.
[[nodiscard]] const CudaLibrary& cuda_library();

}  // namespace lamella::engine
