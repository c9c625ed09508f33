// Tests that need a CUDA device call LAMELLA_NEEDS_CUDA_DEVICE() first: without a device it skips
// the test with a reason, or fails it if LAMELLA_REQUIRE_GPU=1.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <lamella/engine.hpp>

namespace lamella::test {

// Why there is no CUDA device; empty if there is one.
inline const std::string& no_cuda_device() {
  static const std::string reason = list_devices().cuda_unavailable;
  return reason;
}

inline bool gpu_required() {
  const char* value = std::getenv("LAMELLA_REQUIRE_GPU");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace lamella::test

#define LAMELLA_NEEDS_CUDA_DEVICE()                                                \
  do {                                                                             \
    const std::string& reason_ = ::lamella::test::no_cuda_device();                \
    if (!reason_.empty() && ::lamella::test::gpu_required()) {                     \
      FAIL() << "LAMELLA_REQUIRE_GPU=1, but there is no CUDA device: " << reason_; \
    }                                                                              \
    if (!reason_.empty()) {                                                        \
      GTEST_SKIP() << "needs a CUDA device: " << reason_;                          \
    }                                                                              \
  } while (false)
