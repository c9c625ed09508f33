// The default number of threads: what limits it, and that the smallest limit decides.
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>

#include "core/cores.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella::core {
namespace {

std::string chosen(const CpuLimits& limits) {
  return describe(choose_thread_count(limits));
}

TEST(ThreadCount, IsTheSmallestLimitAndNamesIt) {
  EXPECT_EQ(chosen({.affinity = 2}), "2 threads (affinity)");
  EXPECT_EQ(chosen({.affinity = 8, .cgroup_quota = 2.5}), "3 threads (cgroup CPU quota 2.5)");
  EXPECT_EQ(chosen({.affinity = 8, .cgroup_quota = 3}), "3 threads (cgroup CPU quota 3)");
  EXPECT_EQ(chosen({.affinity = 8, .cgroup_quota = 0.1}), "1 thread (cgroup CPU quota 0.1)");
  EXPECT_EQ(chosen({.affinity = 8, .omp_num_threads = 1}), "1 thread (OMP_NUM_THREADS)");
  EXPECT_EQ(chosen({.affinity = 8, .cgroup_quota = 4.5, .omp_num_threads = 3}),
            "3 threads (OMP_NUM_THREADS)");
  EXPECT_EQ(chosen({.affinity = 8, .cgroup_quota = 1.5, .omp_num_threads = 6}),
            "2 threads (cgroup CPU quota 1.5)");
}

TEST(ThreadCount, IsNamedAfterTheAffinityUnlessAnotherLimitIsSmaller) {
  EXPECT_EQ(chosen({.affinity = 2, .cgroup_quota = 1.5, .omp_num_threads = 2}),
            "2 threads (affinity)");
  EXPECT_EQ(chosen({.affinity = 2, .cgroup_quota = 1e300, .omp_num_threads = 64}),
            "2 threads (affinity)");
}

TEST(ThreadCount, FollowsTheAffinityMaskOfTheThread) {
  std::thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(usable_cores(), 1);
    EXPECT_EQ(default_thread_count().count, 1);
  }).join();
}

TEST(OmpNumThreads, IsTheFirstNumberOfTheList) {
  EXPECT_EQ(parse_omp_num_threads("1"), 1);
  EXPECT_EQ(parse_omp_num_threads("16,4,2"), 16);
  EXPECT_EQ(parse_omp_num_threads(" 3 , 2"), 3);
  EXPECT_EQ(parse_omp_num_threads("\t3\t"), 3);
}

TEST(OmpNumThreads, IsIgnoredWhereItIsNoPositiveNumber) {
  for (const char* const text :
       {"", " ", ",", ",2", "0", "-1", "two", "2 3", "2x", "1e3", "2.5", "99999999999999999999"}) {
    EXPECT_EQ(parse_omp_num_threads(text), std::nullopt) << text;
  }
}

// A folder that stands for the file system's root.
class CgroupQuota : public testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = folder_.file(file);
    std::filesystem::create_directories(path.parent_path());
    test::write_file(path, text);
  }
  [[nodiscard]] std::optional<double> quota() const { return cgroup_cpu_quota(folder_.file("")); }

  static constexpr const char* kVersion2 =
      "22 28 0:21 / /proc rw,relatime shared:13 - proc proc rw\n"
      "35 28 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
  static constexpr const char* kVersion1 =
      "32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

 private:
  test::TemporaryFolder folder_;
};

TEST_F(CgroupQuota, IsNoneWithoutCgroups) {
  EXPECT_EQ(quota(), std::nullopt);
  write("proc/self/cgroup", "0::/job\n");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CgroupQuota, IsReadOfTheProcessesOwnCgroup) {
  write("proc/self/mountinfo", kVersion2);
  write("proc/self/cgroup", "0::/batch/job\n");
  write("sys/fs/cgroup/batch/job/cpu.max", "250000 100000\n");
  write("sys/fs/cgroup/batch/other/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), 2.5);
}

TEST_F(CgroupQuota, IsTheSmallestOfAllAncestors) {
  write("proc/self/mountinfo", kVersion2);
  write("proc/self/cgroup", "0::/batch/job/step\n");
  write("sys/fs/cgroup/batch/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/batch/job/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/batch/job/step/cpu.max", "400000 100000\n");
  EXPECT_EQ(quota(), 1.5);
  write("sys/fs/cgroup/cpu.max", "25000 50000\n");  // in a cgroup namespace the root has one
  EXPECT_EQ(quota(), 0.5);
}

TEST_F(CgroupQuota, IsNoneWhereItIsMaxOrMalformed) {
  write("proc/self/mountinfo", kVersion2);
  write("proc/self/cgroup", "0::/\n");
  for (const char* const text : {"max 100000\n", "", "0 100000\n", "-1 100000\n", "100000 0\n",
                                 "100000\n", "words of no meaning\n"}) {
    write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(quota(), std::nullopt) << text;
  }
}

TEST_F(CgroupQuota, IsFoundWhereAPartOfTheHierarchyIsMounted) {
  write("proc/self/mountinfo", "35 28 0:30 /pods/a /mnt/my\\040cgroup rw - cgroup2 cgroup2 rw\n");
  write("mnt/my cgroup/cpu.max", "300000 100000\n");
  write("mnt/my cgroup/job/cpu.max", "200000 100000\n");
  write("proc/self/cgroup", "0::/pods/a/job\n");
  EXPECT_EQ(quota(), 2);
  write("proc/self/cgroup", "0::/pods/a\n");
  EXPECT_EQ(quota(), 3);
  write("proc/self/cgroup", "0::/../elsewhere\n");  // outside of what is mounted
  EXPECT_EQ(quota(), 3);
}

TEST_F(CgroupQuota, IsReadInVersion1Too) {
  write("proc/self/mountinfo", kVersion1);
  write("proc/self/cgroup", "5:memory:/other\n4:cpu,cpuacct:/batch/job\n0::/\n");
  write("sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), std::nullopt);
  write("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us", "120000\n");
  write("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 1.2);
  write("sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us", "50000\n");
  EXPECT_EQ(quota(), 0.5);
}

}  // namespace
}  // namespace lamella::core
