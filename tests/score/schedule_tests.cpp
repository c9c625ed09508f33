#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "score/schedule.hpp"

namespace lamella::pipeline {
namespace {

Task begun(Schedule& schedule, Step step) {
  const auto task = schedule.begin();
  EXPECT_TRUE(task);
  EXPECT_EQ(task->step, step);
  return *task;
}

TEST(Schedule, OneChunkGoesThroughAllSteps) {
  for (const bool checked : {false, true}) {
    Schedule schedule(2, 1, checked);
    const Task read = begun(schedule, Step::kRead);
    EXPECT_FALSE(schedule.has_task()) << "one thread reads at a time";
    EXPECT_EQ(schedule.begin(), std::nullopt);
    schedule.end_of_rows();
    schedule.end(read);
    for (const Step step : {Step::kCompute, Step::kCheck, Step::kWrite}) {
      if (step != Step::kCheck || checked) {
        EXPECT_FALSE(schedule.is_done());
        const Task task = begun(schedule, step);
        EXPECT_EQ(task.buffer, read.buffer);
        EXPECT_EQ(task.chunk, 0U);
        EXPECT_FALSE(schedule.has_task());
        schedule.end(task);
      }
    }
    EXPECT_TRUE(schedule.is_done());
  }
}

TEST(Schedule, AnEmptyReadingUsesNoBuffer) {
  Schedule schedule(1, 1, false);
  const Task read = begun(schedule, Step::kRead);
  schedule.end_of_rows();
  EXPECT_FALSE(schedule.is_done());
  schedule.end_empty(read);
  EXPECT_TRUE(schedule.is_done());
}

TEST(Schedule, WritesInTheOrderOfReadingWhateverIsComputedFirst) {
  Schedule schedule(2, 2, false);
  schedule.end(begun(schedule, Step::kRead));
  const Task first = begun(schedule, Step::kCompute);
  schedule.end(begun(schedule, Step::kRead));
  const Task second = begun(schedule, Step::kCompute);
  EXPECT_NE(first.worker, second.worker);
  EXPECT_NE(first.buffer, second.buffer);
  schedule.end(second);
  EXPECT_FALSE(schedule.has_task()) << "the second was to be written before the first";
  schedule.end(first);
  const Task write = begun(schedule, Step::kWrite);
  EXPECT_EQ(write.chunk, 0U);
  EXPECT_FALSE(schedule.has_task()) << "one thread writes at a time";
  schedule.end(write);
  EXPECT_EQ(begun(schedule, Step::kWrite).chunk, 1U);
}

TEST(Schedule, ReadsSeveralChunksAtOnceWhereItIsKnownHowManyThereAre) {
  Schedule schedule(3, 1, false, 2);
  const Task first = begun(schedule, Step::kRead);
  const Task second = begun(schedule, Step::kRead);
  EXPECT_NE(first.buffer, second.buffer);
  EXPECT_FALSE(schedule.has_task()) << "there is no third";
  schedule.end(second);
  EXPECT_FALSE(schedule.has_task()) << "the second was to be computed before the first";
  schedule.end(first);
  EXPECT_EQ(begun(schedule, Step::kCompute).chunk, 0U);
  EXPECT_FALSE(schedule.is_done());
  EXPECT_TRUE(Schedule(1, 1, false, 0).is_done());
}

// Starts and ends tasks in random order. No two running tasks may share a buffer or a worker; at
// most one checks, one writes and, if the chunk count is unknown, one reads; and nothing stops
// early.
TEST(Schedule, AnyOrderOfEventsKeepsTheRulesAndEnds) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const std::size_t buffers = 1 + random() % 6;
    const std::size_t workers = 1 + random() % 4;
    const bool checked = random() % 2 == 0;
    const std::size_t chunks = random() % 30;
    const bool known = random() % 2 == 0;
    Schedule schedule(buffers, workers, checked,
                      known ? std::optional<std::uint64_t>(chunks) : std::nullopt);
    std::vector<Task> under_way;
    std::vector<std::uint64_t> written;
    std::map<std::uint64_t, int> steps;
    while (!schedule.is_done()) {
      if (random() % 2 == 0 && schedule.has_task()) {
        const auto task = schedule.begin();
        ASSERT_TRUE(task);
        for (const Task& other : under_way) {
          ASSERT_NE(task->buffer, other.buffer);
          ASSERT_TRUE(task->step != other.step || (task->step == Step::kRead && known) ||
                      (task->step == Step::kCompute && task->worker != other.worker));
        }
        under_way.push_back(*task);
        continue;
      }
      ASSERT_TRUE(!under_way.empty() || schedule.has_task()) << "stuck in round " << round;
      if (under_way.empty()) {
        continue;
      }
      const std::size_t which = random() % under_way.size();
      const Task task = under_way[which];
      under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
      ++steps[task.chunk];
      if (task.step == Step::kRead && task.chunk >= chunks) {
        schedule.end_of_rows();
        schedule.end_empty(task);
        steps.erase(task.chunk);
        continue;
      }
      if (task.step == Step::kWrite) {
        written.push_back(task.chunk);
      }
      schedule.end(task);
    }
    EXPECT_TRUE(under_way.empty());
    ASSERT_EQ(written.size(), chunks);
    for (std::size_t i = 0; i < chunks; ++i) {
      EXPECT_EQ(written[i], i);
      EXPECT_EQ(steps[i], checked ? 4 : 3);
    }
  }
}

}  // namespace
}  // namespace lamella::pipeline
