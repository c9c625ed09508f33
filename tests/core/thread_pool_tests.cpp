#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>

#include "core/thread_pool.hpp"
#include "cpu/fma_peak.hpp"

namespace lamella::core {
namespace {

TEST(ThreadPool, DoesEveryBlockOnce) {
  ThreadPool pool(4);
  for (const std::size_t blocks : {0, 1, 2, 3, 1000}) {
    std::vector<int> done(blocks, 0);  // not atomic: no two workers may share a block
    pool.for_each(blocks, [&](std::size_t, std::size_t block) { ++done[block]; });
    EXPECT_EQ(done, std::vector<int>(blocks, 1));
  }
}

TEST(ThreadPool, GivesAWorkersNumberToOneThreadAtATime) {
  for (const int microseconds : {0, 20}) {
    const std::chrono::microseconds patience(microseconds);
    ThreadPool pool(2, patience);
    std::vector<std::size_t> work(2, 0);  // not atomic on purpose
    for (int repetition = 0; repetition < 200; ++repetition) {
      if (repetition % 50 == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));  // patience comes to its end
      }
      pool.for_each(20, [&](std::size_t worker, std::size_t) { ++work.at(worker); });
    }
    EXPECT_EQ(work[0] + work[1], 200U * 20U);
  }
}

TEST(ThreadPool, StartsNoThreadBeforeItIsNeeded) {
  ThreadPool pool(4);
  EXPECT_EQ(pool.started(), 0U);
  pool.for_each(1, [](std::size_t worker, std::size_t) { EXPECT_EQ(worker, 0U); });
  EXPECT_EQ(pool.started(), 0U);
  pool.for_each(3, [](std::size_t, std::size_t) {});
  EXPECT_EQ(pool.started(), 2U);
}

TEST(ThreadPool, WorksInParallel) {
  ThreadPool pool(2);
  std::atomic<int> inside = 0;
  std::atomic<bool> met = false;
  pool.for_each(2, [&](std::size_t, std::size_t) {
    ++inside;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!met && std::chrono::steady_clock::now() < end) {
      if (inside == 2) {
        met = true;
      }
      std::this_thread::yield();
    }
  });
  EXPECT_TRUE(met);
}

TEST(ThreadPool, TakesNoTimeOfTheCoreThatTheOtherThreadNeeds) {
  if (std::thread::hardware_concurrency() < 2) {
    GTEST_SKIP() << "a pool has no patience on one core";
  }
  // The call starts the pool's thread, which inherits that there is one core by then.
  std::thread([] {
    ThreadPool pool(2, std::chrono::seconds(20));
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    constexpr double kWork = 0.2;  // seconds of a core
    std::atomic<int> begun = 0;
    const auto before = cpu::thread_seconds();
    pool.for_each(2, [&](std::size_t worker, std::size_t) {
      ++begun;
      if (worker == 0) {
        while (begun < 2) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      } else {
        for (const auto start = cpu::thread_seconds(); cpu::thread_seconds() - start < kWork;) {
        }
      }
    });
    EXPECT_LT(cpu::thread_seconds() - before, kWork / 2);
  }).join();
}

TEST(ThreadPool, HandsAnExceptionToTheCallerAndGoesOn) {
  ThreadPool pool(3);
  for (int repetition = 0; repetition < 50; ++repetition) {
    EXPECT_THROW(pool.for_each(100,
                               [](std::size_t, std::size_t block) {
                                 if (block == 40) {
                                   throw std::runtime_error("block 40");
                                 }
                               }),
                 std::runtime_error);
    std::atomic<int> done = 0;
    pool.for_each(100, [&](std::size_t, std::size_t) { ++done; });
    EXPECT_EQ(done, 100);
  }
}

TEST(ThreadPool, BeginsNoBlockAfterAnException) {
  ThreadPool pool(1);
  int begun = 0;
  EXPECT_THROW(pool.for_each(10,
                             [&](std::size_t, std::size_t) {
                               ++begun;
                               throw std::runtime_error("first");
                             }),
               std::runtime_error);
  EXPECT_EQ(begun, 1);
}

}  // namespace
}  // namespace lamella::core
