#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>

#include "plan/fused_plan.hpp"
#include "plan/path_choice.hpp"
#include "plan/tuning_cache.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella::plan {
namespace {

using test::random_network;
using Family = FusedShape::Family;

constexpr std::size_t kKiB = 1024;
constexpr SharedMemoryLimits kSm75 = {64 * kKiB, 64 * kKiB, 0};
constexpr SharedMemoryLimits kSm80 = {163 * kKiB, 164 * kKiB, kKiB};
constexpr SharedMemoryLimits kSm86 = {99 * kKiB, 100 * kKiB, kKiB};
constexpr SharedMemoryLimits kSm90 = {227 * kKiB, 228 * kKiB, kKiB};

FusedPlan plan_of(const std::vector<std::size_t>& widths, const SharedMemoryLimits& device,
                  Activation last = ActivationKind::kIdentity) {
  return make_fused_plan(*random_network({.widths = widths, .last = last}), device);
}

TEST(FusedPlan, NarrowNetworksStayInRegisters) {
  const FusedShape four = plan_of({3, 4, 2}, kSm75).shape.value();
  EXPECT_EQ(four.family, Family::kThreadRows);
  EXPECT_EQ(four.width, 4U);
  // Two descriptions of eight words, a bias and four weights in, four out, twice.
  EXPECT_EQ(four.image.words, 2U * (8 + 5 * 4));
  EXPECT_EQ(four.shared_bytes, four.image.words * sizeof(float));
  EXPECT_EQ(plan_of({3, 5, 2}, kSm75).shape->width, 8U);
  // Softmax is computed in shared memory: four rows of four for each of 128 threads.
  EXPECT_EQ(plan_of({3, 4, 2}, kSm75, ActivationKind::kSoftmax).shape->shared_bytes,
            four.shared_bytes + 4U * 4 * 128 * sizeof(float));
  EXPECT_NE(plan_of({3, 9, 2}, kSm75).shape->family, Family::kThreadRows);
}

TEST(FusedPlan, EachWarpHasATileWhereEightFitBesideTheWeights) {
  const FusedShape shape = plan_of({64, 64, 64, 10}, kSm90).shape.value();
  EXPECT_EQ(shape.family, Family::kWarpTile);
  EXPECT_EQ(shape.width, 64U);
  EXPECT_TRUE(shape.resident);
  EXPECT_EQ(shape.image.words, 3U * 8 + 2 * 65 * 64 + 65 * 16);
  EXPECT_EQ(shape.shared_bytes, (shape.image.words + 8 * 64 * 68) * sizeof(float));
  EXPECT_EQ(plan_of({20, 17, 33, 10}, kSm86).shape->family, Family::kWarpTile);
  EXPECT_EQ(plan_of({64, 64, 64, 10}, kSm86).shape->family, Family::kBlockTile);
  EXPECT_EQ(plan_of({64, 65}, kSm90).shape->family, Family::kBlockTile);
  // Rows may be too wide where outputs are not.
  EXPECT_EQ(plan_of({108, 64}, kSm90).shape->family, Family::kBlockTile);
}

TEST(FusedPlan, WeightsStayWhereTwoBlocksFitThatWay) {
  const std::vector<std::size_t> digits = {64, 64, 64, 10};
  const FusedShape large = plan_of(digits, kSm80).shape.value();
  EXPECT_EQ(large.family, Family::kBlockTile);
  EXPECT_EQ(large.width, 64U);
  EXPECT_TRUE(large.resident);
  EXPECT_EQ(large.shared_bytes, (large.image.words + 64 * 132) * sizeof(float));
  const FusedShape small = plan_of(digits, kSm86).shape.value();
  EXPECT_FALSE(small.resident);
  EXPECT_EQ(small.shared_bytes, (2U * 16 * 64 + 64 * 132) * sizeof(float));
  EXPECT_LE(2 * (small.shared_bytes + kKiB), kSm86.per_multiprocessor);
  EXPECT_FALSE(plan_of({128, 128, 128, 128}, kSm90).shape->resident);
  EXPECT_EQ(plan_of({100, 65}, kSm90).shape->width, 128U);
  // Inputs may be wide where outputs are not.
  EXPECT_EQ(plan_of({120, 64}, kSm90).shape->width, 64U);
}

TEST(FusedPlan, AnyDepthIsCarried) {
  const std::vector<std::size_t> deep(2000, 8);
  const FusedShape shape = plan_of(deep, kSm86).shape.value();
  EXPECT_EQ(shape.family, Family::kBlockTile);
  EXPECT_FALSE(shape.resident);
  EXPECT_EQ(shape.image.layers, 1999U);
}

TEST(FusedPlan, SaysWhyANetworkIsNotEligible) {
  EXPECT_THAT(plan_of({20, 129, 3}, kSm90).reason, testing::HasSubstr("129 wide"));
  EXPECT_FALSE(plan_of({20, 129, 3}, kSm90).shape);
  EXPECT_FALSE(plan_of({128, 128}, kSm75).shape);
  EXPECT_THAT(plan_of({128, 128}, kSm75).reason, testing::HasSubstr("65536"));
  EXPECT_TRUE(plan_of({64, 64}, kSm75).shape);
}

template <class Record>
Record record_at(const std::vector<float>& image, std::size_t word) {
  Record record;
  std::memcpy(static_cast<void*>(&record), image.data() + word, sizeof record);
  return record;
}

TEST(FusedPlan, AnImageHoldsEveryNumberWhereItsDescriptionSays) {
  const auto bare = random_network({.widths = {5, 19, 33, 3},
                                    .hidden = Activation(ActivationKind::kLeakyRelu, 0.25F),
                                    .last = ActivationKind::kSoftmax});
  const auto network =
      test::with_input_steps(*bare, {InputStep::Kind::kMultiply, InputStep::Kind::kClip}, 3);
  const FusedShape shape = make_fused_plan(*network, kSm90).shape.value();
  const std::vector<float> image = pack_fused(*network, shape);
  ASSERT_EQ(image.size(), shape.image.words);
  EXPECT_EQ(shape.image.inputs, 5U);
  EXPECT_EQ(shape.image.outputs, 3U);

  std::size_t seen = 3 * 8 + 2 * 4;
  const auto step = record_at<core::FusedStep>(image, 3 * 8);
  EXPECT_EQ(step.kind, InputStep::Kind::kMultiply);
  EXPECT_EQ(step.values, seen);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(image[step.values + i], network->input_steps()[0].values[i]);
  }
  const auto clip = record_at<core::FusedStep>(image, 3 * 8 + 4);
  EXPECT_EQ(clip.kind, InputStep::Kind::kClip);
  EXPECT_EQ(clip.low, -0.5F);
  EXPECT_EQ(clip.high, 0.75F);
  seen += 8;

  const std::size_t widths[] = {32, 48, 16};
  for (std::size_t i = 0; i < 3; ++i) {
    const Layer& layer = network->layers()[i];
    const auto record = record_at<core::FusedLayer>(image, 8 * i);
    EXPECT_EQ(record.parameters, seen) << i;
    EXPECT_EQ(record.parameters % 4, 0U);
    EXPECT_EQ(record.inputs, layer.inputs);
    EXPECT_EQ(record.inputs_padded, (layer.inputs + 3) / 4 * 4);
    EXPECT_EQ(record.outputs, layer.outputs);
    ASSERT_EQ(record.width, widths[i]);
    EXPECT_EQ(record.kind, layer.activation.kind);
    EXPECT_EQ(record.a, layer.activation.a);
    for (std::size_t o = 0; o < record.width; ++o) {
      EXPECT_EQ(image[seen + o], o < layer.outputs ? layer.bias[o] : 0);
      for (std::size_t k = 0; k < record.inputs_padded; ++k) {
        EXPECT_EQ(image[seen + (1 + k) * record.width + o],
                  o < layer.outputs && k < layer.inputs ? layer.weights[o * layer.inputs + k] : 0);
      }
    }
    seen += (1 + record.inputs_padded) * record.width;
  }
  EXPECT_EQ(seen, image.size());
}

constexpr DeviceRoofline kH100 = {.flops = 66.9e12, .bytes = 3.35e12};

TEST(PathChoice, TakesTheFusedKernelWhereBytesOrLaunchesDecide) {
  for (const std::vector<std::size_t>& widths :
       std::vector<std::vector<std::size_t>>{{3, 4, 2}, {64, 64, 64, 10}, {128, 128}}) {
    const auto network = random_network({.widths = widths});
    for (const std::size_t rows : {1UL, 1'000'000UL}) {
      const PathTimes times = predict_paths(*network, rows, kH100);
      EXPECT_LT(times.fused, times.layers) << widths.size() << " widths, " << rows << " rows";
      EXPECT_TRUE(choose_path(*network, kH100).fused);
    }
  }
  const PathChoice unknown = choose_path(*random_network({.widths = {3, 4, 2}}), {});
  EXPECT_TRUE(unknown.fused);
  EXPECT_FALSE(unknown.reason.empty());
}

TEST(PathChoice, PredictsFromBytesAndOperations) {
  const auto network = random_network({.widths = {3, 4, 2}});
  // 20 bytes a row, so far below the peak that nothing else counts.
  EXPECT_NEAR(predict_paths(*network, 100'000'000, kH100).fused, 100e6 * 20 / 3.35e12, 1e-5);
  const auto wide = random_network({.widths = {128, 128, 128, 128, 128}});
  // On a device whose memory is no limit, arithmetic is: both paths then take the same.
  const PathTimes times = predict_paths(*wide, 1'000'000, {.flops = 1e12, .bytes = 1e18});
  EXPECT_NEAR(times.fused, 1e6 * 4 * 2 * 128 * 128 / 0.6e12, 1e-3);
  EXPECT_NEAR(times.layers, times.fused, 1e-3);
  // What was measured counts for more.
  const auto narrow = random_network({.widths = {3, 4, 2}});
  const PathChoice slow = choose_path(*narrow, kH100, PathTimes{.layers = 1e-3, .fused = 2e-3});
  EXPECT_FALSE(slow.fused);
  EXPECT_EQ(slow.reason, "65536 rows took 1e+03 us so, 2e+03 us by one fused kernel");
}

TEST(Quickest, IsTheFirstOfThoseThatHardlyDiffer) {
  EXPECT_EQ(quickest({3}), 0U);
  EXPECT_EQ(quickest({3, 1, 2}), 1U);
  EXPECT_EQ(quickest({1.01, 1, 2}), 0U);
  EXPECT_EQ(quickest({1.03, 1.01, 1}), 1U);
  EXPECT_EQ(quickest({0, 0}), 0U);
}

TEST(PathCache, KeepsWhatWasMeasuredAndSurvivesAnyFile) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.file("deeper/tuning.json");
  const auto network = random_network({.widths = {3, 4, 2}});
  const TuningKey key{.device = "a card", .driver = 13000, .rows = kPathRows};
  const std::string text = key.text(*network);
  EXPECT_FALSE(find_tuning_result(file, text));
  EXPECT_FALSE(find_tuning_result({}, text));
  store_tuning_result(file, "another", {.layers = 3, .fused = 4});
  store_tuning_result(file, text, {.layers = 1, .fused = 2});
  ASSERT_TRUE(find_tuning_result(file, text));
  EXPECT_EQ(find_tuning_result(file, text)->layers, 1);
  EXPECT_EQ(find_tuning_result(file, text)->fused, 2);
  EXPECT_THAT(find_tuning_result(file, text)->algorithms, testing::IsEmpty());
  store_tuning_result(file, text, {.layers = 1, .algorithms = {0, 3}});
  EXPECT_EQ(find_tuning_result(file, text)->fused, 0) << "there is no such path";
  EXPECT_THAT(find_tuning_result(file, text)->algorithms, testing::ElementsAre(0, 3));
  EXPECT_TRUE(find_tuning_result(file, "another"));
  // Another shape, activation or version of a library has to be measured anew.
  EXPECT_NE(key.text(*random_network({.widths = {3, 4, 2}, .bias = false})), text);
  EXPECT_NE(key.text(*random_network({.widths = {3, 4, 2}, .last = ActivationKind::kTanh})), text);
  EXPECT_NE((TuningKey{.device = "a card", .driver = 13010, .rows = kPathRows}.text(*network)),
            text);
  for (const char* const damaged :
       {"", "[]", "{", R"({"another": {"fused_seconds": 1}})",
        R"({"another": {"layers_seconds": -1, "fused_seconds": 1}})",
        R"({"another": {"layers_seconds": "1", "fused_seconds": 1}})", R"({"another": 3})"}) {
    std::ofstream(file) << damaged;
    EXPECT_FALSE(find_tuning_result(file, "another")) << damaged;
    EXPECT_NO_THROW(store_tuning_result(file, text, {.layers = 1, .fused = 2}));
    EXPECT_TRUE(find_tuning_result(file, text));
  }
  std::ofstream(file) << R"({"another": {"layers_seconds": 1, "algorithms": ["x", -1, 2.5, 3]}})";
  EXPECT_THAT(find_tuning_result(file, "another")->algorithms, testing::ElementsAre(0, 0, 0, 3));
  EXPECT_THROW(store_tuning_result("/dev/null/tuning.json", text, {.layers = 1, .fused = 2}),
               FileError);
}

TEST(PathCache, LosesNothingOfWhatThreadsAddAtTheSameTime) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.file("tuning.json");
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  const auto key = [](int thread, int i) {
    return std::to_string(i) + " of thread " + std::to_string(thread);
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        store_tuning_result(file, key(t, i), {.layers = 1.0 + i});
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kEach; ++i) {
      const auto found = find_tuning_result(file, key(t, i));
      ASSERT_TRUE(found) << key(t, i);
      EXPECT_EQ(found->layers, 1.0 + i);
    }
  }
  EXPECT_THAT(folder.entries(), testing::ElementsAre("tuning.json"));
}

}  // namespace
}  // namespace lamella::plan
