// What `lamella plan --paths` measures on a device, and how engines use the results.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/cuda_engine.hpp>

#include "cuda/path_timing.hpp"
#include "plan/tuning_cache.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella::cuda {
namespace {

using test::random_network;
using test::random_rows;
using testing::HasSubstr;

class TuningCache : public testing::Test {
 protected:
  void SetUp() override {
    LAMELLA_NEEDS_CUDA_DEVICE();
    ASSERT_EQ(setenv("LAMELLA_CACHE_DIR", folder_.file("").c_str(), 1), 0);
  }
  void TearDown() override { unsetenv("LAMELLA_CACHE_DIR"); }

  test::TemporaryFolder folder_;
};

TEST_F(TuningCache, DecideBetweenTheFusedKernelAndLayers) {
  const auto network = random_network({.widths = {20, 34, 7}});
  const std::string key = tuning_key(0).text(*network);
  plan::store_tuning_result(plan::tuning_cache_file(), key, {.layers = 1, .fused = 2});
  CudaEngine slower(network);
  EXPECT_NE(slower.info().path, "one fused kernel");
  EXPECT_THAT(slower.info().path_reason, testing::HasSubstr("by one fused kernel"));
  plan::store_tuning_result(plan::tuning_cache_file(), key, {.layers = 2, .fused = 1});
  EXPECT_EQ(CudaEngine(network).info().path, "one fused kernel");

  const PathReport report = measure_paths(network, 0, 300);
  ASSERT_EQ(report.paths.size(), 2U);
  EXPECT_EQ(report.paths[0].path, CudaPath::kLayers);
  EXPECT_EQ(report.paths[1].path, CudaPath::kFused);
  EXPECT_GE(report.paths[0].measured, 0);
  EXPECT_EQ(report.tuning_cache, "") << "other calls than those that decide";
  ASSERT_EQ(report.layers.size(), 2U);
  for (const LayerAlgorithms& layer : report.layers) {
    ASSERT_FALSE(layer.seconds.empty());
    EXPECT_EQ(layer.selected, plan::quickest(layer.seconds));
  }
  EXPECT_EQ(measure_paths(random_network({.widths = {20, 200}}), 0, 30).paths.size(), 1U);
}

std::vector<float> outputs_of(Engine& engine, const Matrix& rows) {
  Matrix outputs(rows.rows(), engine.network().outputs());
  engine.run(rows, outputs);
  return {outputs.data(), outputs.data() + outputs.size()};
}

// Another algorithm may sum in another order, but in the same order at every batch size.
TEST_F(TuningCache, DecideOnTheAlgorithmOfEachLayer) {
  const auto network = random_network({.widths = {200, 130, 150, 9}});
  const Matrix rows = random_rows(70, 200, 5);
  CudaEngine first(network);
  EXPECT_THAT(first.info().path_reason, testing::Not(HasSubstr("another algorithm")));
  plan::store_tuning_result(plan::tuning_cache_file(), tuning_key(0).text(*network),
                            {.layers = 1, .algorithms = {1, 0, 1}});
  CudaEngine second(network);
  const auto clone = second.clone();
  const std::vector<float> all = outputs_of(second, rows);
  EXPECT_EQ(test::mismatch(test::evaluate(*network, rows.view()),
                           MatrixView<const float>(all.data(), 70, 9)),
            "");
  EXPECT_EQ(outputs_of(*clone, rows), all);
  Matrix alone(1, 200);
  std::copy_n(&rows(33, 0), 200, alone.data());
  EXPECT_EQ(outputs_of(second, alone), std::vector(all.begin() + 33 * 9, all.begin() + 34 * 9));
#ifdef LAMELLA_CUDA_SIM  // where two algorithms have different orders
  EXPECT_THAT(second.info().path_reason, HasSubstr("another algorithm"));
  EXPECT_THAT(clone->info().path_reason, HasSubstr("another algorithm"));
  EXPECT_NE(all, outputs_of(first, rows));
#endif
  // An entry for a network with more layers is ignored.
  plan::store_tuning_result(plan::tuning_cache_file(), tuning_key(0).text(*network),
                            {.layers = 1, .algorithms = {1, 0, 1, 1}});
  CudaEngine third(network);
  EXPECT_EQ(outputs_of(third, rows), outputs_of(first, rows));
  // Tuning results do not apply to other precisions, or where algorithms are chosen freely.
  CudaEngine rounded(network, {.precision = Precision::kTf32});
  EXPECT_THAT(rounded.info().path_reason, testing::Not(HasSubstr("another algorithm")));
}

TEST_F(TuningCache, AreKeptWhereCallsAreThoseThatDecide) {
  const auto network = random_network({.widths = {2, 1}});
  const PathReport report = measure_paths(network, 0, kPathRows);
  EXPECT_EQ(report.tuning_cache, plan::tuning_cache_file().string());
  const auto kept =
      plan::find_tuning_result(plan::tuning_cache_file(), tuning_key(0).text(*network));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->layers, report.paths[0].measured);
  EXPECT_EQ(kept->fused, report.paths[1].measured);
  ASSERT_EQ(kept->algorithms.size(), 1U);
  EXPECT_EQ(kept->algorithms[0], report.layers[0].selected);
}

}  // namespace
}  // namespace lamella::cuda
