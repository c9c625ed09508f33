#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include <lamella/error.hpp>

#include "score/chunks.hpp"

namespace lamella::pipeline {
namespace {

TEST(ChunkRows, MakeAFewMebibytesInWholeBlocks) {
  EXPECT_EQ(choose_chunks({}, 74, std::nullopt).rows, 14080U);
  EXPECT_EQ(choose_chunks({}, 74, 450).rows, 450U);
  EXPECT_EQ(choose_chunks({}, std::size_t{1} << 22, std::nullopt).rows, 1U);
  EXPECT_EQ(choose_chunks({}, 5, 0).rows, 1U);
}

TEST(ChunkRows, FollowTheRequestUpToTheRowsThereAre) {
  EXPECT_EQ(choose_chunks({.rows = 7}, 74, std::nullopt).rows, 7U);
  EXPECT_EQ(choose_chunks({.rows = 7}, 74, 5).rows, 5U);
  EXPECT_EQ(choose_chunks({.rows = SIZE_MAX}, 74, 5).rows, 5U);
}

TEST(ChunkRows, KeepAllBuffersWithinTheRequestedMemory) {
  for (const std::size_t memory :
       {std::size_t{100'000}, std::size_t{1} << 20, std::size_t{1} << 28}) {
    const std::size_t rows = choose_chunks({.memory_bytes = memory}, 74, std::nullopt).rows;
    EXPECT_LE(rows * 74 * sizeof(float) * buffers_for(1), memory);
    EXPECT_GT((rows + 256) * 74 * sizeof(float) * buffers_for(1), memory);
  }
  EXPECT_THROW((void)choose_chunks({.memory_bytes = 1000}, 74, std::nullopt).rows,
               OutOfMemoryError);
}

TEST(ChunkRows, ThatDoNotFitMemoryAreRejected) {
  EXPECT_THROW((void)choose_chunks({.rows = SIZE_MAX}, 74, std::nullopt).rows, OutOfMemoryError);
  EXPECT_THROW((void)choose_chunks({.rows = std::size_t{1} << 50}, 74, std::nullopt).rows,
               OutOfMemoryError);
}

TEST(Chunks, HaveWorkersWhereThereAreManyAndElseOne) {
  EXPECT_EQ(choose_chunks({.workers = 2}, 74, std::nullopt), (Chunks{.rows = 3328, .workers = 2}));
  EXPECT_EQ(choose_chunks({.workers = 2}, 74, 8 * 3328), (Chunks{.rows = 3328, .workers = 2}));
  EXPECT_EQ(choose_chunks({.workers = 2}, 74, 8 * 3328 - 1), (Chunks{.rows = 14080, .workers = 1}));
  EXPECT_EQ(choose_chunks({.rows = 7, .workers = 3}, 74, 84), (Chunks{.rows = 7, .workers = 3}));
  EXPECT_EQ(choose_chunks({.rows = 7, .workers = 3}, 74, 83), (Chunks{.rows = 7, .workers = 1}));
  EXPECT_EQ(choose_chunks({.workers = 2, .readers = 3}, 74, 8 * 3328),
            (Chunks{.rows = 3328, .workers = 2}));
  EXPECT_EQ(choose_chunks({.readers = 3}, 74, std::nullopt), (Chunks{.rows = 9216, .readers = 3}));
  // Enough memory for one row in each of four buffers, but not of nine.
  EXPECT_EQ(choose_chunks({.memory_bytes = 2000, .workers = 6}, 74, std::nullopt),
            (Chunks{.rows = 1, .workers = 1}));
}

}  // namespace
}  // namespace lamella::pipeline
