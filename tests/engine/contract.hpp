// The engine under test: every contract test runs once per device, on the one that the environment
// variable LAMELLA_TEST_DEVICE names ("cuda", simulated or real), by default the CPU.
#pragma once

#include <cstdlib>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include <lamella/engine.hpp>

#include "tests/support/gpu.hpp"

namespace lamella::test {

inline Device contract_device() {
  const char* const device = std::getenv("LAMELLA_TEST_DEVICE");
  return Device::parse(device == nullptr ? "cpu" : device);
}

// The environment variable LAMELLA_CONTRACT_PATH sets the path of CUDA engines.
inline std::unique_ptr<Engine> make_contract_engine(std::shared_ptr<const Network> network,
                                                    std::size_t max_rows = 0, int threads = 2) {
  const char* const path = std::getenv("LAMELLA_CONTRACT_PATH");
  return make_engine(std::move(network),
                     {.device = contract_device(),
                      .max_rows = max_rows,
                      .threads = threads,
                      .path = parse_cuda_path(path == nullptr ? "auto" : path)});
}

class EngineContract : public testing::Test {
 protected:
  void SetUp() override {
    if (contract_device().kind == DeviceKind::kCuda) {
      LAMELLA_NEEDS_CUDA_DEVICE();
    }
  }
};

}  // namespace lamella::test
