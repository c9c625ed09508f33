// A system that grants no more threads: what can be done with fewer is done, the rest is an error,
// and nobody waits for a thread that never came.
#include <atomic>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/lamella.hpp>

#include "core/thread_pool.hpp"
#include "tests/faults/host_faults.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella {
namespace {

using test::fail_thread;
using test::random_network;
using test::thread_failed;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ThreadFaults, APoolWorksWithTheThreadsItHas) {
  for (const long nth : {1, 2, 3}) {
    for (const bool lasting : {true, false}) {
      core::ThreadPool pool(4);
      fail_thread(nth, lasting);
      for (int call = 0; call < 2; ++call) {
        std::vector<int> done(100, 0);
        pool.for_each(100, [&](std::size_t, std::size_t block) { ++done[block]; });
        EXPECT_EQ(done, std::vector<int>(100, 1));
      }
      EXPECT_TRUE(thread_failed());
      EXPECT_EQ(pool.started(), lasting ? static_cast<std::size_t>(nth - 1) : 3U);
      fail_thread(0);
    }
  }
}

TEST(ThreadFaults, AScoredFileIsCompleteOrAbsent) {
  const test::TemporaryFolder inputs;
  const auto network = random_network({.widths = {3, 4, 2}});
  std::string csv;
  for (int r = 0; r < 100; ++r) {
    csv += std::to_string(r) + ",0.5,-1\n";
  }
  test::write_file(inputs.file("rows.csv"), csv);
  std::string wanted;
  for (const int threads : {1, 4}) {
    int rejected = 0;
    for (long nth = 0;; ++nth) {
      const test::TemporaryFolder folder;
      const std::string out = folder.file("out.csv");
      const auto engine =
          make_engine(network, {.device = Device::parse("cpu"), .threads = threads});
      const ScoreOptions options{
          .input = inputs.file("rows.csv"), .output = out, .chunk_rows = 3, .verify_rows = 5};
      fail_thread(nth, true);
      try {
        score(*engine, options);
        wanted = wanted.empty() ? test::file_content(out) : wanted;
        EXPECT_EQ(test::file_content(out), wanted);
      } catch (const Error& error) {
        ++rejected;
        EXPECT_THAT(error.what(), HasSubstr("a thread cannot be started"));
        EXPECT_THAT(folder.entries(), IsEmpty());
      }
      const bool failed = thread_failed();
      fail_thread(0);
      if (nth > 0) {
        score(*engine, options);
        EXPECT_EQ(test::file_content(out), wanted) << "with the threads back";
      }
      if (nth > 0 && !failed) {
        break;
      }
    }
    EXPECT_EQ(rejected, 3) << "beside the caller's: for one lane and its check, and for four lanes";
  }
}

TEST(ThreadFaults, RooflineIsMeasuredCompletelyOrNotAtAll) {
  for (const long nth : {1, 2}) {
    fail_thread(nth);
    EXPECT_THROW((void)measure_roofline({.device = Device::parse("cpu"), .threads = 2}), Error);
    EXPECT_TRUE(thread_failed());
    fail_thread(0);
  }
}

}  // namespace
}  // namespace lamella
