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

TEST(Device, RejectsOtherTextAndSaysWhatIsWanted) {
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

TEST(PrecisionNames, AreReadAndWritten) {
  for (const char* text : {"fp32", "tf32", "bf16", "fp16"}) {
    EXPECT_EQ(to_string(parse_precision(text)), text);
  }
  for (const char* text : {"", "fp64", "FP32", "half"}) {
    EXPECT_THROW((void)parse_precision(text), UsageError) << text;
  }
}

TEST(PrecisionNames, TheCpuEngineComputesInFp32Alone) {
  const auto network = std::make_shared<const Network>(
      std::vector{Layer{.inputs = 1, .outputs = 1, .weights = {2}, .bias = {}, .activation = {}}});
  for (const Precision precision : {Precision::kTf32, Precision::kBf16, Precision::kFp16}) {
    try {
      (void)make_engine(network, {.device = {DeviceKind::kCpu, 0}, .precision = precision});
      ADD_FAILURE() << to_string(precision) << " was taken";
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(),
                  testing::HasSubstr("precision " + to_string(precision) + " needs a CUDA"));
    }
  }
  EXPECT_NO_THROW((void)make_engine(network, {.device = {DeviceKind::kCpu, 0}, .fast = true}));
}

TEST(Enqueue, IsRejectedByTheCpuWhichHasNoStream) {
  const auto network = std::make_shared<const Network>(
      std::vector{Layer{.inputs = 1, .outputs = 1, .weights = {2}, .bias = {}, .activation = {}}});
  const EngineOptions options{.device = {DeviceKind::kCpu, 0}};
  EXPECT_EQ(workspace_bytes(*network, options), 0U);
  const auto engine = make_engine(network, options);
  const float row = 3;
  float output = 7;
  try {
    engine->enqueue(&row, 1, &output, nullptr);
    ADD_FAILURE() << "it was taken";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("this engine is of cpu"));
  }
  EXPECT_EQ(output, 7);
}

}  // namespace
}  // namespace lamella
