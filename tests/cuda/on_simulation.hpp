// Tests on simulated devices.
#pragma once

#include <gtest/gtest.h>

#include "cuda_sim.hpp"

namespace lamella::test {

// Begins with the simulation as it is by itself. At the end nothing may have been reported or be
// left on a device.
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
