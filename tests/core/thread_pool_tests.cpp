#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>

#include "core/cores.hpp"
#include "core/thread_pool.hpp"
#include "cpu/fma_peak.hpp"

namespace lamella::core {
namespace {

TEST(ThreadPool, RunsEveryChunkOnce) {
  ThreadPool pool(4);
  for (const std::size_t chunks : {0, 1, 2, 3, 1000}) {
    std::vector<int> runs(chunks, 0);  // not atomic: no two workers may run the same chunk
    pool.for_each(chunks, [&](std::size_t, std::size_t chunk) { ++runs[chunk]; });
    EXPECT_EQ(runs, std::vector<int>(chunks, 1));
  }
}

TEST(ThreadPool, GivesAWorkerIndexToOneThreadAtATime) {
  for (const int spin_microseconds : {0, 20}) {
    ThreadPool pool(2, std::chrono::microseconds(spin_microseconds));
    std::vector<std::size_t> chunks_run(2, 0);  // not atomic on purpose
    for (int call = 0; call < 200; ++call) {
      if (call % 50 == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));  // the workers stop spinning
      }
      pool.for_each(20, [&](std::size_t worker, std::size_t) { ++chunks_run.at(worker); });
    }
    EXPECT_EQ(chunks_run[0] + chunks_run[1], 200U * 20U);
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

bool stay_on_one_core() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  return sched_setaffinity(0, sizeof one, &one) == 0;
}

TEST(ThreadPool, DoesNotSpinWithMoreThreadsThanUsableCores) {
  std::thread([] {
    ASSERT_TRUE(stay_on_one_core());
    constexpr std::chrono::milliseconds kSpin{20};
    EXPECT_EQ(ThreadPool(1, kSpin).spin_duration(), kSpin);
    EXPECT_EQ(ThreadPool(2, kSpin).spin_duration(), std::chrono::nanoseconds{0});
  }).join();
}

TEST(ThreadPool, DoesNotSpinOnTheCoreThatAWorkerComputesOn) {
  if (usable_cores() < 2) {
    GTEST_SKIP() << "on one core a pool of two threads never spins";
  }
  // The pool is made with two cores; the thread that its first call starts inherits one.
  std::thread([] {
    ThreadPool pool(2, std::chrono::seconds(20));
    ASSERT_TRUE(stay_on_one_core());
    constexpr double kWork = 0.2;  // seconds of a core
    std::atomic<int> started = 0;
    const auto before = cpu::thread_seconds();
    pool.for_each(2, [&](std::size_t worker, std::size_t) {
      ++started;
      if (worker == 0) {
        while (started < 2) {
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

TEST(ThreadPool, RethrowsAnExceptionToTheCallerAndStaysUsable) {
  ThreadPool pool(3);
  for (int call = 0; call < 50; ++call) {
    EXPECT_THROW(pool.for_each(100,
                               [](std::size_t, std::size_t chunk) {
                                 if (chunk == 40) {
                                   throw std::runtime_error("chunk 40");
                                 }
                               }),
                 std::runtime_error);
    std::atomic<int> done = 0;
    pool.for_each(100, [&](std::size_t, std::size_t) { ++done; });
    EXPECT_EQ(done, 100);
  }
}

TEST(ThreadPool, StartsNoChunkAfterAnException) {
  ThreadPool pool(1);
  int started = 0;
  EXPECT_THROW(pool.for_each(10,
                             [&](std::size_t, std::size_t) {
                               ++started;
                               throw std::runtime_error("first");
                             }),
               std::runtime_error);
  EXPECT_EQ(started, 1);
}

}  // namespace
}  // namespace lamella::core
