// The engine under contract: every test of the contract runs once per device, that which
// LAMELLA_TEST_DEVICE in the environment names ("cuda", simulated or real) or else the CPU.
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

// LAMELLA_CONTRACT_PATH in the environment makes CUDA engines take that path.
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
