// Copies by several threads: every byte exactly once, whichever caller has the threads.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cores.hpp"
#include "cuda/staging.hpp"
#include "tests/support/threads.hpp"

namespace lamella::cuda {
namespace {

constexpr std::size_t kOnePiece = std::size_t{256} << 10;
constexpr std::size_t kSizes[] = {0,
                                  1,
                                  4095,
                                  kOnePiece,
                                  2 * kOnePiece - 1,
                                  2 * kOnePiece,
                                  2 * kOnePiece + 1,
                                  5 * kOnePiece + 12345,
                                  16 * kOnePiece,
                                  33 * kOnePiece + 4};

std::vector<std::uint8_t> bytes_of(std::size_t count, unsigned seed) {
  std::vector<std::uint8_t> bytes(count);
  unsigned state = seed;
  for (std::uint8_t& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

TEST(Staging, CopiesEachByteAndTellsOfEachOnce) {
  const auto staging = Staging::get();
  for (const std::size_t size : kSizes) {
    const auto from = bytes_of(size, 1);
    std::vector<std::uint8_t> to(size + 1, 77);
    std::vector<int> told(size, 0);  // not atomic: no byte may be reported by two threads
    std::atomic<std::size_t> pieces = 0;
    staging->copy(to.data(), from.data(), size, [&](std::size_t first, std::size_t bytes) {
      ASSERT_LE(first + bytes, size);
      EXPECT_TRUE(std::equal(from.begin() + static_cast<std::ptrdiff_t>(first),
                             from.begin() + static_cast<std::ptrdiff_t>(first + bytes),
                             to.begin() + static_cast<std::ptrdiff_t>(first)));
      std::for_each_n(told.begin() + static_cast<std::ptrdiff_t>(first), bytes,
                      [](int& times) { ++times; });
      ++pieces;
    });
    EXPECT_EQ(pieces, Staging::pieces(size)) << size;
    EXPECT_EQ(told, std::vector<int>(size, 1)) << size;
    EXPECT_TRUE(std::equal(from.begin(), from.end(), to.begin())) << size;
    EXPECT_EQ(to.back(), 77);
  }
}

TEST(Staging, LittleIsOnePieceAndMuchNotManyMore) {
  EXPECT_EQ(Staging::pieces(0), 1U);
  EXPECT_EQ(Staging::pieces(2 * kOnePiece - 1), 1U);
  EXPECT_EQ(Staging::pieces(2 * kOnePiece), 2U);
  EXPECT_EQ(Staging::pieces(std::size_t{1} << 40), 16U);
}

TEST(Staging, OnePieceIsCopiedByTheCaller) {
  const auto from = bytes_of(2 * kOnePiece - 1, 2);
  std::vector<std::uint8_t> to(from.size());
  const std::thread::id caller = std::this_thread::get_id();
  Staging::get()->copy(to.data(), from.data(), from.size(), [&](std::size_t, std::size_t) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
  });
  EXPECT_EQ(to, from);
}

TEST(Staging, SeveralPiecesAreCopiedBySeveralThreads) {
  if (core::usable_cores() < 2) {
    GTEST_SKIP() << "needs two cores";
  }
  const auto from = bytes_of(4 * kOnePiece, 3);
  std::vector<std::uint8_t> to(from.size());
  std::mutex mutex;
  std::set<std::thread::id> threads;
  const auto met = [&] {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    return threads.size() > 1;
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Staging::get()->copy(to.data(), from.data(), from.size(), [&](std::size_t, std::size_t) {
    while (!met() && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
  });
  EXPECT_TRUE(met());
  EXPECT_EQ(to, from);
}

// The second caller finds the threads in use by the first, which waits for it.
TEST(Staging, ServesACallerWhileAnotherHasTheThreads) {
  const auto staging = Staging::get();
  const auto from = bytes_of(3 * kOnePiece, 4);
  std::vector<std::uint8_t> outer(from.size());
  std::once_flag once;
  std::vector<std::uint8_t> inner(from.size());
  staging->copy(outer.data(), from.data(), from.size(), [&](std::size_t, std::size_t) {
    std::call_once(once, [&] {
      std::jthread other([&] { staging->copy(inner.data(), from.data(), from.size()); });
    });
  });
  EXPECT_EQ(outer, from);
  EXPECT_EQ(inner, from);
}

TEST(Staging, ServesManyCallersAtOnce) {
  const auto said = test::on_threads(4, [](std::size_t thread) -> std::string {
    for (int life = 0; life < 3; ++life) {
      const auto staging = Staging::get();
      for (const std::size_t size : kSizes) {
        const auto from = bytes_of(size, static_cast<unsigned>(thread));
        std::vector<std::uint8_t> to(size);
        staging->copy(to.data(), from.data(), size);
        if (to != from) {
          return "other bytes";
        }
      }
    }
    return "";
  });
  EXPECT_THAT(said, testing::Each(""));
}

TEST(Staging, HandsAnExceptionToTheCallerAndGoesOn) {
  const auto staging = Staging::get();
  const auto from = bytes_of(8 * kOnePiece, 5);
  std::vector<std::uint8_t> to(from.size());
  EXPECT_THROW(staging->copy(to.data(), from.data(), from.size(),
                             [](std::size_t, std::size_t) { throw std::runtime_error("piece"); }),
               std::runtime_error);
  staging->copy(to.data(), from.data(), from.size());
  EXPECT_EQ(to, from);
}

TEST(Staging, IsOneForAllWhoHoldIt) {
  const auto held = Staging::get();
  EXPECT_EQ(Staging::get(), held);
  EXPECT_EQ(held.use_count(), 1) << "nobody else keeps its threads";
}

}  // namespace
}  // namespace lamella::cuda
