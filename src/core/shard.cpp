#include <charconv>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/shard.hpp>

#include "core/checked.hpp"

namespace lamella {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  return error == std::errc() && end == last ? std::optional(number) : std::nullopt;
}

class Environment {
 public:
  explicit Environment(const EnvironmentLookup& lookup) : lookup_(lookup) {}

  [[nodiscard]] bool has(const char* name) const { return lookup_(name) != nullptr; }

  // Throws if the variable is not set or not a whole number.
  [[nodiscard]] std::uint64_t number(const char* name) const {
    const char* const text = lookup_(name);
    if (text == nullptr) {
      reject(fmt::format("{} is not set", name));
    }
    const auto number = parse_number(text);
    if (!number) {
      reject(fmt::format("{} is '{}', where a whole number is wanted", name, text));
    }
    return *number;
  }

  [[noreturn]] static void reject(const std::string& found) {
    throw UsageError(fmt::format("the environment names no shard: {}", found), Remedy::kShard);
  }

 private:
  const EnvironmentLookup& lookup_;
};

// Environment variables in which a launcher passes a process's rank and the process count.
struct Launcher {
  const char* marker;  // set only by this launcher
  const char* rank;
  const char* size;
};

// Under Slurm, mpirun starts its processes by srun, so the variables of MPI take precedence over
// Slurm's. SLURM_PROCID is also set in a batch script, which is one process whatever SLURM_NTASKS
// is; only a step of srun has SLURM_STEP_NUM_TASKS.
constexpr Launcher kLaunchers[] = {
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"PMI_RANK", "PMI_RANK", "PMI_SIZE"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"},
};

std::optional<Shard> rank_of_process(const Environment& environment) {
  for (const Launcher& launcher : kLaunchers) {
    if (!environment.has(launcher.marker)) {
      continue;
    }
    const Shard shard = {.index = environment.number(launcher.rank),
                         .count = environment.number(launcher.size)};
    if (shard.index >= shard.count) {
      Environment::reject(fmt::format("{} is {} and {} is {}, which do not go together",
                                      launcher.rank, shard.index, launcher.size, shard.count));
    }
    return shard;
  }
  return std::nullopt;
}

// Accepts only arrays of evenly spaced task numbers, from MIN to MAX; a list like 1,2,4 does not
// match its COUNT.
std::optional<Shard> task_of_array(const Environment& environment) {
  if (!environment.has("SLURM_ARRAY_TASK_ID")) {
    return std::nullopt;
  }
  const std::uint64_t id = environment.number("SLURM_ARRAY_TASK_ID");
  const std::uint64_t first = environment.number("SLURM_ARRAY_TASK_MIN");
  const std::uint64_t last = environment.number("SLURM_ARRAY_TASK_MAX");
  const std::uint64_t count = environment.number("SLURM_ARRAY_TASK_COUNT");
  const std::uint64_t step = environment.has("SLURM_ARRAY_TASK_STEP") && count != 1
                                 ? environment.number("SLURM_ARRAY_TASK_STEP")
                                 : 1;
  if (step == 0 || id < first || id > last || (id - first) % step != 0 ||
      (last - first) % step != 0 || (last - first) / step + 1 != count) {
    Environment::reject(
        fmt::format("SLURM_ARRAY_TASK_ID is {}, _MIN {}, _MAX {}, _STEP {} and _COUNT {}, which is "
                    "no array of evenly spaced tasks",
                    id, first, last, step, count));
  }
  return Shard{.index = (id - first) / step, .count = count};
}

}  // namespace

Shard parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto index = parse_number(text.substr(0, slash));
    const auto count = parse_number(text.substr(slash + 1));
    if (index && count && *index < *count) {
      return {.index = *index, .count = *count};
    }
  }
  throw UsageError(fmt::format(
      "shard '{}' is not known: I/N is wanted, I from 0 to N-1 (as 0/4, 1/4, 2/4, 3/4), or auto",
      text));
}

Shard shard_from_environment(const EnvironmentLookup& lookup) {
  const Environment environment(lookup);
  const std::optional<Shard> task = task_of_array(environment);
  const std::optional<Shard> rank = rank_of_process(environment);
  if (!task && !rank) {
    Environment::reject(
        "none of SLURM_ARRAY_TASK_ID (a Slurm array), OMPI_COMM_WORLD_RANK (Open MPI), PMI_RANK "
        "(MPICH, Intel MPI) and SLURM_STEP_NUM_TASKS (srun) is set");
  }
  if (task && rank && task->count > 1 && rank->count > 1) {
    Environment::reject(
        fmt::format("this is process {} of {} in task {} of {} of a Slurm array, and which of both "
                    "is the shard is open",
                    rank->index, rank->count, task->index, task->count));
  }
  return task && (!rank || rank->count == 1) ? *task : *rank;
}

RowRange rows_of(const Shard& shard, std::uint64_t rows) {
  const std::uint64_t first = core::scaled(rows, shard.index, shard.count);
  return {.first = first, .rows = core::scaled(rows, shard.index + 1, shard.count) - first};
}

std::string shard_output_name(const std::string& output, const Shard& shard) {
  const std::filesystem::path path(output);
  const std::size_t digits = std::to_string(shard.count - 1).size();
  return (path.parent_path() / fmt::format("{}.shard-{:0{}}-of-{}{}", path.stem().string(),
                                           shard.index, digits, shard.count,
                                           path.extension().string()))
      .string();
}

}  // namespace lamella
