// Which rows are recomputed, and what happens if one is wrong.
#include <algorithm>
#include <atomic>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/score.hpp>

#include "score/verification.hpp"
#include "tests/support/faulty_engine.hpp"
#include "tests/support/npy_file.hpp"
#include "tests/support/random.hpp"

namespace lamella::pipeline {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::uint64_t> sampled(std::uint64_t rows, std::uint64_t wanted,
                                   std::optional<std::uint64_t> total) {
  std::vector<std::uint64_t> found;
  for (std::uint64_t row = 0; row < rows; ++row) {
    if (is_sampled(row, wanted, total)) {
      found.push_back(row);
    }
  }
  return found;
}

TEST(VerificationSample, OfAKnownTotalIsExactlyWhatIsWantedAndEvenlySpread) {
  for (const std::uint64_t total : {1, 2, 7, 100, 450, 10'007}) {
    for (const std::uint64_t wanted : {1, 2, 3, 64, 100, 1000}) {
      const auto rows = sampled(total, wanted, total);
      ASSERT_EQ(rows.size(), std::min(total, wanted)) << total << ", " << wanted;
      std::uint64_t min = total;
      std::uint64_t limit = 0;
      for (std::size_t i = 1; i < rows.size(); ++i) {
        min = std::min(min, rows[i] - rows[i - 1]);
        limit = std::max(limit, rows[i] - rows[i - 1]);
      }
      EXPECT_LE(limit, min + 1) << total << ", " << wanted;
    }
  }
  // A naive 64-bit product would overflow.
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;
  EXPECT_TRUE(is_sampled(kHuge - 1, 100, kHuge));
  EXPECT_FALSE(is_sampled(kHuge - 2, 100, kHuge));
}

TEST(VerificationSample, OfAnUnknownTotalThinsOut) {
  EXPECT_THAT(sampled(33, 4, std::nullopt), ElementsAre(0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32));
  const auto rows = sampled(1'000'000, 100, std::nullopt);
  EXPECT_LT(rows.size(), 900U);
  EXPECT_GT(rows.back(), 980'000U);
}

ScoreReport verified_run(Engine& engine, const test::TemporaryFolder& folder, std::uint64_t wanted,
                         std::size_t chunk_rows, const std::string& rows = "rows.npy") {
  ScoreOptions options;
  options.input = folder.file(rows);
  options.output = folder.file("out.npy");
  options.verify_rows = wanted;
  options.chunk_rows = chunk_rows;
  return score(engine, options);
}

class VerifiedRun : public testing::Test {
 protected:
  VerifiedRun() {
    const Matrix rows = test::random_rows(kRows, 5, 3);
    const std::vector<float> values(rows.data(), rows.data() + rows.size());
    test::write_file(folder_.file("rows.npy"), test::make_npy(values, 5));
  }

  static constexpr std::size_t kRows = 200;
  test::TemporaryFolder folder_;
  std::shared_ptr<const Network> network_ =
      test::random_network({.widths = {5, 7, 3}, .last = ActivationKind::kSigmoid});
};

TEST_F(VerifiedRun, ReportsHowManyRowsAndHowFarOff) {
  test::FaultyEngine engine(network_, SIZE_MAX, 0);
  for (const std::size_t chunk_rows : {1, 7, 1000}) {
    const ScoreReport report = verified_run(engine, folder_, 40, chunk_rows);
    EXPECT_EQ(report.rows, kRows);
    EXPECT_EQ(report.rows_verified, 40U);
    EXPECT_GT(report.largest_error, 0);
    EXPECT_LE(report.largest_error, 1);
  }
  EXPECT_EQ(verified_run(engine, folder_, 0, 7).rows_verified, 0U);
}

TEST_F(VerifiedRun, AWrongRowFailsTheRunAndLeavesNoOutput) {
  for (const std::size_t chunk_rows : {1, 7, 1000}) {
    test::FaultyEngine engine(network_, 123, 2);
    try {
      verified_run(engine, folder_, kRows, chunk_rows);
      FAIL() << "the wrong row was not noticed";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("row 123 of"), HasSubstr("rows.npy"),
                                      HasSubstr("output 2"), HasSubstr("verification failed")));
    }
    EXPECT_THAT(folder_.entries(), ElementsAre("rows.npy"));
  }
}

TEST_F(VerifiedRun, LooksAtTheRowsOfItsSampleAlone) {
  const std::uint64_t wanted = 10;
  const auto rows = sampled(kRows, wanted, kRows);
  for (const std::uint64_t row : {std::uint64_t{0}, rows[0], rows[4], rows[9]}) {
    test::FaultyEngine engine(network_, row, 0);
    const bool in_sample = std::find(rows.begin(), rows.end(), row) != rows.end();
    if (in_sample) {
      EXPECT_THROW(verified_run(engine, folder_, wanted, 16), Error) << row;
    } else {
      EXPECT_EQ(verified_run(engine, folder_, wanted, 16).rows_verified, wanted) << row;
    }
  }
}

// Not only between chunks: verifying a chunk can take long.
TEST_F(VerifiedRun, StopsBetweenTwoRowsWhenCancelled) {
  std::atomic<bool> cancelled = false;
  Verification verification(*network_, "rows", kRows, kRows, 0, Precision::kFp32, &cancelled);
  Matrix outputs(1, network_->outputs());
  const Matrix rows = test::random_rows(1, network_->inputs(), 1);
  make_engine(network_, {.device = Device::parse("cpu")})->run(rows, outputs);
  verification.check(0, rows, outputs);
  cancelled = true;
  EXPECT_THROW(verification.check(1, rows, outputs), CancelledError);
  EXPECT_EQ(verification.rows(), 1U);
}

}  // namespace
}  // namespace lamella::pipeline
