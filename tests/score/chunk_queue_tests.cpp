#include <thread>

#include <gtest/gtest.h>

#include "score/chunk_queue.hpp"

namespace lamella::pipeline {
namespace {

TEST(ChunkQueue, GivesItemsInTheOrderTheyCame) {
  ChunkQueue<int> queue;
  queue.push(1);
  queue.push(2);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
}

TEST(ChunkQueue, GivesWhatIsLeftAfterClosingAndThenNothing) {
  ChunkQueue<int> queue;
  queue.push(1);
  queue.close();
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(ChunkQueue, GivesNothingAfterAbortion) {
  ChunkQueue<int> queue;
  queue.push(1);
  queue.abort();
  queue.push(2);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(ChunkQueue, WakesAWaitingThreadOnClosingAndAbortion) {
  for (const bool close : {true, false}) {
    ChunkQueue<int> queue;
    std::optional<int> got = 7;
    {
      const std::jthread waiting([&] { got = queue.pop(); });
      if (close) {
        queue.close();
      } else {
        queue.abort();
      }
    }
    EXPECT_EQ(got, std::nullopt);
  }
}

}  // namespace
}  // namespace lamella::pipeline
