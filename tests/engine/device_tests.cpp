#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/engine.hpp>
#include <lamella/error.hpp>

namespace lamella {
namespace {

TEST(Device, ReadsItsTextForms) {
  EXPECT_EQ(Device::parse("auto"), (Device{DeviceKind::kAuto, 0}));
  EXPECT_EQ(Device::parse("cpu"), (Device{DeviceKind::kCpu, 0}));
  EXPECT_EQ(Device::parse("cuda"), (Device{DeviceKind::kCuda, 0}));
  EXPECT_EQ(Device::parse("cuda:12"), (Device{DeviceKind::kCuda, 12}));
  EXPECT_EQ(Device::parse("cuda:all"), (Device{DeviceKind::kCuda, Device::kAllDevices}));
}

TEST(Device, WritesWhatItReads) {
  for (const char* text : {"auto", "cpu", "cuda:0", "cuda:3", "cuda:all"}) {
    EXPECT_EQ(to_string(Device::parse(text)), text);
  }
}

TEST(Device, RefusesOtherTextAndSaysWhatIsWanted) {
  for (const char* text : {"", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:+1", "cuda: 1", "cuda:1x",
                           "cuda:99999999999", "cuda1", "cpu ", "all", "cuda:all "}) {
    try {
      (void)Device::parse(text);
      ADD_FAILURE() << "'" << text << "' was taken";
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("auto, cpu, cuda, cuda:N or cuda:all"));
    }
  }
}

}  // namespace
}  // namespace lamella
