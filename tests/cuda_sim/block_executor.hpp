// Runs kernels block by block. Internal to the runtime.
#pragma once

#include "hooks.hpp"

namespace cuda_sim {

/// Runs a whole grid in the context of the running stream. Device memory must be open.
void run_kernel(const KernelCall& call);

}  // namespace cuda_sim
