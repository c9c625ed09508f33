// Opens lamella_cuda at run time. Linking cuBLAS slows every start of a program, even on machines
// without a GPU; so the library does not link it, but loads it when CUDA is first requested and the
// driver's library is present.
#pragma once

#include <string>

#include "cuda/plugin.hpp"

namespace lamella::engine {

struct CudaLibrary {
  const cuda::Plugin* plugin = nullptr;  // null: see unavailable
  std::string unavailable;
};

// Opens the library once per process and never closes it. Thread-safe.
[[nodiscard]] const CudaLibrary& cuda_library();

}  // namespace lamella::engine
