// Failure injection for the engines on the simulated CUDA: every call that they make fails once.
#pragma once

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <lamella/error.hpp>

#include "cuda_sim.hpp"

namespace lamella::testing {

// Runs the body once for each CUDA or cuBLAS call that it makes, with that call failing: it must
// throw a DeviceError, release everything, and throw nothing when no call fails any more. Returns
// how many calls failed.
inline int sweep_faults(const std::function<void()>& body) {
  int injected = 0;
  for (long n = 1;; ++n) {
    cuda_sim::reset();
    cuda_sim::fail_call(n);
    bool thrown = false;
    std::string message;
    try {
      body();
    } catch (const DeviceError& error) {
      thrown = true;
      message = error.what();
    }
    const bool fired = cuda_sim::fail_fired();
    cuda_sim::fail_call(0);
    EXPECT_EQ(cuda_sim::live().total(), 0) << "leaked when call " << n << " failed: " << message;
    if (!fired) {
      EXPECT_FALSE(thrown) << message;
      return injected;
    }
    ++injected;
  }
}

}  // namespace lamella::testing
