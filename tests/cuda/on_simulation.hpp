// Tests on simulated devices.
#pragma once

#include <gtest/gtest.h>

#include "cuda_sim.hpp"

namespace lamella::test {

// Starts with the simulation's defaults. At the end no error may have been reported and nothing may
// be left on a device.
class OnSimulation : public testing::Test {
 protected:
  void SetUp() override { cuda_sim::configure({}); }
  void TearDown() override {
    EXPECT_EQ(cuda_sim::reports(), 0) << cuda_sim::last_report();
    EXPECT_EQ(cuda_sim::live().total(), 0) << "something was not released";
    cuda_sim::configure({});
  }
};

}  // namespace lamella::test
