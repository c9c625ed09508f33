// What is made of times that are known.
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/bench.hpp>
#include <lamella/error.hpp>

#include "tests/support/random.hpp"
#include "timing/call_times.hpp"

namespace lamella {
namespace {

TEST(CallTimes, AreQuantilesOfWhatWasMeasured) {
  std::vector<double> seconds(100);
  std::iota(seconds.rbegin(), seconds.rend(), 1);  // 100, 99, ... 1
  const CallTimes times = timing::summarize(seconds, 3);
  EXPECT_EQ(times.calls, 300U);
  EXPECT_EQ(times.min, 1);
  EXPECT_EQ(times.median, 50);
  EXPECT_EQ(times.p90, 90);
  EXPECT_EQ(times.p99, 99);
  EXPECT_EQ(times.max, 100);
}

TEST(CallTimes, OfOneCallAreThatCall) {
  const CallTimes times = timing::summarize({0.25}, 1);
  EXPECT_EQ(times.min, 0.25);
  EXPECT_EQ(times.p99, 0.25);
  EXPECT_EQ(times.variation, 0);
}

// Means of ten parts, so that single slow calls do not count as a change of the machine.
TEST(CallTimes, VaryByTheMeansOfTenParts) {
  EXPECT_EQ(timing::summarize(std::vector<double>(50, 2.0), 1).variation, 0);
  std::vector<double> alternating;
  for (int i = 0; i < 200; ++i) {
    alternating.push_back(i % 2 == 0 ? 1 : 3);
  }
  EXPECT_EQ(timing::summarize(alternating, 1).variation, 0);
  std::vector<double> slower(100, 1.0);
  std::fill(slower.begin() + 50, slower.end(), 3.0);
  // Five means of 1 and five of 3: the deviation is sqrt(10 / 9), the mean 2.
  EXPECT_NEAR(timing::summarize(slower, 1).variation, std::sqrt(10.0 / 9) / 2, 1e-12);
}

TEST(CallTimer, CountsEveryCallThatItMeasures) {
  std::uint64_t calls = 0;
  timing::CallTimer timer([&] { ++calls; });
  timer.warm_up(0);
  const std::uint64_t before = calls;
  timer.measure(0.001);
  timer.measure(0);
  EXPECT_EQ(timer.times().calls, calls - before);
  EXPECT_GT(timer.times().min, 0.0);
}

TEST(LayerWork, IsThatOfTheLayer) {
  const Layer layer{3, 4, std::vector<float>(12), std::vector<float>(4), ActivationKind::kRelu};
  const LayerWork work = work_of(layer, 10);
  EXPECT_EQ(work.flops, 10U * (2 * 12 + 4));
  EXPECT_EQ(work.bytes, 4U * (10 * (3 + 4) + 12 + 4));
  EXPECT_EQ(work.min_seconds({.flops = 280, .bytes = 1e9}), 1);
  EXPECT_EQ(work.min_seconds({.flops = 1e9, .bytes = 172}), 2);
  EXPECT_EQ(work.min_seconds({}), 0);
}

TEST(DeviceTimes, AreBoundByTheSlowestPart) {
  EXPECT_EQ((DeviceTimes{.copy_in = 1, .compute = 3, .copy_out = 2, .layers = {9}}).bound(), 3);
  EXPECT_EQ((DeviceTimes{.copy_in = 4, .compute = 3, .copy_out = 2, .layers = {}}).bound(), 4);
  EXPECT_EQ((DeviceTimes{.copy_in = 4, .compute = 3, .copy_out = 5, .layers = {}}).bound(), 5);
  const DeviceTimes times{.copy_in = 1, .compute = 3, .copy_out = 2, .layers = {}};
  EXPECT_EQ(times.share_of(6), 0.5);
  EXPECT_EQ(times.share_of(0), 0);
}

TEST(Benchmark, TimesEveryLayerAndItsGemm) {
  const auto network =
      test::random_network({.widths = {5, 20, 3}, .last = ActivationKind::kSoftmax});
  const BenchReport report =
      benchmark(network, {.device = {DeviceKind::kCpu, 0}, .max_rows = 0, .threads = 1},
                {.rows = 9, .seconds = 0.01, .warm_up_seconds = 0});
  EXPECT_EQ(report.rows, 9U);
  EXPECT_EQ(report.engine.device.kind, DeviceKind::kCpu);
  EXPECT_GT(report.network.calls, 0U);
  ASSERT_EQ(report.layers.size(), 2U);
  for (const LayerTimes& layer : report.layers) {
    EXPECT_GT(layer.standalone.median, 0);
    EXPECT_GT(layer.gemm.median, 0);
  }
  const Roofline roofline = measure_roofline(report.engine);
  EXPECT_GT(roofline.flops, 0);
  EXPECT_GT(roofline.bytes, 0);
}

TEST(Benchmark, StopsWhenItIsCancelled) {
  const std::atomic<bool> cancelled = true;
  BenchOptions options;
  options.cancelled = &cancelled;
  EXPECT_THROW(
      (void)benchmark(test::random_network({.widths = {2, 2}}),
                      {.device = {DeviceKind::kCpu, 0}, .max_rows = 0, .threads = 1}, options),
      CancelledError);
}

}  // namespace
}  // namespace lamella
