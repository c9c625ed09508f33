#include "core/cores.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sched.h>

#include "core/log.hpp"

namespace lamella::core {
namespace {

namespace fs = std::filesystem;

int affinity() {
  // On machines with more cores than a cpu_set_t holds the call fails; then all of them count.
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return std::max(CPU_COUNT(&allowed), 1);
  }
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

bool list_contains(std::string_view list, std::string_view entry) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == entry) {
      return true;
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// Where the process stands in a cgroup hierarchy, by a line of /proc/self/cgroup:
// "0::/a/b" in version 2, "4:cpu,cpuacct:/a/b" in version 1.
std::optional<std::string> cgroup_path(const fs::path& root, bool version2) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t controllers = line.find(':') + 1;  // 0 where there is none
    const std::size_t path = line.find(':', controllers) + 1;
    if (controllers == 0 || path == 0) {
      continue;
    }
    const std::string list = line.substr(controllers, path - 1 - controllers);
    if (version2 ? line.starts_with("0::") : list_contains(list, "cpu")) {
      return line.substr(path);
    }
  }
  return std::nullopt;
}

// Undoes the octal escapes of /proc/self/mountinfo: "\040" is a space.
std::string unescaped(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size();
    result += escape ? static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8))
                     : text[i];
    i += escape ? 3 : 0;
  }
  return result;
}

struct Mount {
  std::string cgroup;  // the cgroup that appears at point
  fs::path point;
};

// A line of mountinfo: "41 31 0:38 CGROUP POINT OPTIONS [FIELDS...] - TYPE SOURCE SUPER_OPTIONS".
std::optional<Mount> cgroup_mount(const fs::path& root, bool version2) {
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.find(" - cgroup") == std::string::npos) {
      continue;  // there may be hundreds
    }
    std::istringstream words(line);
    std::string skipped;
    std::string cgroup;
    std::string point;
    words >> skipped >> skipped >> skipped >> cgroup >> point;
    while (words >> skipped && skipped != "-") {
    }
    std::string type;
    std::string super_options;
    words >> type >> skipped >> super_options;
    if (version2 ? type == "cgroup2" : type == "cgroup" && list_contains(super_options, "cpu")) {
      return Mount{unescaped(cgroup), root / fs::path(unescaped(point)).relative_path()};
    }
  }
  return std::nullopt;
}

// The folder of the process's cgroup below the mount, relative to it. A cgroup outside of what is
// mounted, as in some containers, is taken for the mounted one itself.
fs::path below_mount(const std::string& path, const Mount& mount) {
  const fs::path relative = fs::path(path).lexically_relative(mount.cgroup);
  return relative.empty() || *relative.begin() == ".." ? fs::path(".") : relative;
}

std::vector<double> numbers(const fs::path& path) {
  std::vector<double> found;
  std::ifstream file(path);
  for (double number = 0; file >> number;) {
    found.push_back(number);
  }
  return found;
}

// cpu.max holds "QUOTA PERIOD", of which QUOTA may be "max"; cpu.cfs_quota_us may be -1.
std::optional<double> quota_of(const fs::path& cgroup, bool version2) {
  std::vector<double> values;
  if (version2) {
    values = numbers(cgroup / "cpu.max");
  } else {
    values = numbers(cgroup / "cpu.cfs_quota_us");
    const std::vector<double> period = numbers(cgroup / "cpu.cfs_period_us");
    values.insert(values.end(), period.begin(), period.end());
  }
  if (values.size() != 2 || values[0] <= 0 || values[1] <= 0) {
    return std::nullopt;
  }
  return values[0] / values[1];
}

void keep_min(std::optional<double>& min, std::optional<double> value) {
  if (value && (!min || *value < *min)) {
    min = value;
  }
}

struct Environment {
  std::optional<double> cgroup_quota = cgroup_cpu_quota();
  std::optional<int> omp_num_threads;
  std::string ignored;  // an OMP_NUM_THREADS that means nothing

  Environment() {
    if (const char* const text = std::getenv("OMP_NUM_THREADS"); text != nullptr) {
      omp_num_threads = parse_omp_num_threads(text);
      ignored = omp_num_threads ? "" : text;
    }
  }
};

const Environment& environment() {
  static const Environment once;
  return once;
}

}  // namespace

ThreadCount choose_thread_count(const CpuLimits& limits) {
  ThreadCount chosen{.count = std::max(limits.affinity, 1), .reason = "affinity"};
  if (limits.cgroup_quota) {
    const double cores = std::max(std::ceil(*limits.cgroup_quota), 1.0);
    if (cores < chosen.count) {
      chosen = {.count = static_cast<int>(cores),
                .reason = fmt::format("cgroup CPU quota {:.4g}", *limits.cgroup_quota)};
    }
  }
  if (limits.omp_num_threads && *limits.omp_num_threads < chosen.count) {
    chosen = {.count = std::max(*limits.omp_num_threads, 1), .reason = "OMP_NUM_THREADS"};
  }
  return chosen;
}

std::optional<int> parse_omp_num_threads(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  text = text.substr(0, text.find(','));
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  int count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc() || end != last || count < 1) {
    return std::nullopt;
  }
  return count;
}

std::optional<double> cgroup_cpu_quota(const fs::path& root) {
  std::optional<double> min;
  for (const bool version2 : {true, false}) {
    const std::optional<std::string> path = cgroup_path(root, version2);
    const std::optional<Mount> mount = path ? cgroup_mount(root, version2) : std::nullopt;
    if (!mount) {
      continue;
    }
    fs::path cgroup = mount->point;
    keep_min(min, quota_of(cgroup, version2));
    for (const fs::path& name : below_mount(*path, *mount)) {
      cgroup /= name;
      keep_min(min, quota_of(cgroup, version2));
    }
  }
  return min;
}

ThreadCount default_thread_count() {
  const Environment& found = environment();
  if (!found.ignored.empty()) {
    static std::atomic<bool> logged = false;
    if (is_logging() && !logged.exchange(true)) {
      log(LogSeverity::kDebug, "OMP_NUM_THREADS is '{}', no positive whole number: ignored",
          found.ignored);
    }
  }
  return choose_thread_count({.affinity = affinity(),
                              .cgroup_quota = found.cgroup_quota,
                              .omp_num_threads = found.omp_num_threads});
}

int usable_cores() {
  return choose_thread_count({.affinity = affinity(), .cgroup_quota = environment().cgroup_quota})
      .count;
}

std::string describe(const ThreadCount& threads) {
  return fmt::format("{} thread{} ({})", threads.count, threads.count == 1 ? "" : "s",
                     threads.reason);
}

}  // namespace lamella::core
