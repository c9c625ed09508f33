// How many cores this process may use, and how many threads it computes with by default.
//
// Three facts limit them: the affinity mask (taskset, a batch scheduler), the CPU quota of the
// process's cgroup (containers), and OMP_NUM_THREADS (Ray, Spark and Dask set it for their
// workers). The last one limits threads alone: the cores stay usable.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace lamella::core {

struct CpuLimits {
  int affinity = 1;                         // cores in the affinity mask
  std::optional<double> cgroup_quota = {};  // in cores: 2.5 is 250 ms of CPU time every 100 ms
  std::optional<int> omp_num_threads = {};  // at least 1
};

struct ThreadCount {
  int count = 1;
  std::string reason;  // the limit that decided: "affinity", "cgroup CPU quota 2.5", ...
};

// The smallest of the limits, a quota rounded up, and at least 1. Of equal limits the first of
// CpuLimits decides.
[[nodiscard]] ThreadCount choose_thread_count(const CpuLimits& limits);

// Reads OpenMP's grammar, a comma-separated list of which the first number counts. Returns nothing
// unless that is a positive whole number.
[[nodiscard]] std::optional<int> parse_omp_num_threads(std::string_view text);

// The smallest CPU quota, in cores, of this process's cgroup and its ancestors, in version 2
// (cpu.max) and version 1 (cpu.cfs_quota_us); nothing where none is set. root is where /proc and
// the cgroup file systems are found.
[[nodiscard]] std::optional<double> cgroup_cpu_quota(const std::filesystem::path& root = "/");

// The default number of threads of this process. Quota and environment are read once, the affinity
// mask anew. Logs an OMP_NUM_THREADS that it ignores, once; so no lock may be held.
[[nodiscard]] ThreadCount default_thread_count();

// Cores that this process may keep busy by its affinity mask and quota; at least 1.
[[nodiscard]] int usable_cores();

// "2 threads (affinity)"
[[nodiscard]] std::string describe(const ThreadCount& threads);

}  // namespace lamella::core
