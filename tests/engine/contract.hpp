// The engine under contract: every test of the contract is built once per device
// (LAMELLA_CONTRACT_DEVICE: "cpu" or "cuda", the latter simulated or real).
#pragma once

#include <cstdlib>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include <lamella/engine.hpp>

#include "tests/support/gpu.hpp"

namespace lamella::testing {

// LAMELLA_CONTRACT_PATH in the environment makes CUDA engines take that path.
inline std::unique_ptr<Engine> make_contract_engine(std::shared_ptr<const Network> network,
                                                    std::size_t max_rows = 0, int threads = 2) {
  const char* const path = std::getenv("LAMELLA_CONTRACT_PATH");
  return make_engine(std::move(network),
                     {.device = Device::parse(LAMELLA_CONTRACT_DEVICE),
                      .max_rows = max_rows,
                      .threads = threads,
                      .path = parse_cuda_path(path == nullptr ? "auto" : path)});
}

class EngineContract : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Device::parse(LAMELLA_CONTRACT_DEVICE).kind == DeviceKind::kCuda) {
      LAMELLA_NEEDS_CUDA_DEVICE();
    }
  }
};

}  // namespace lamella::testing
