// One of N processes that score a file of rows together: which rows are its own, and what its part
// of the output is called. docs/clusters.md shows the whole way, <lamella/concat.hpp> joins shard
// outputs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)
namespace lamella {

// One of count processes.
struct Shard {
  std::uint64_t index = 0;  // from 0 to count - 1
  std::uint64_t count = 1;
  bool operator==(const Shard&) const = default;
};

// Rows that follow each other.
struct RowRange {
  std::uint64_t first = 0;
  std::uint64_t rows = 0;
  bool operator==(const RowRange&) const = default;
};

// Reads "I/N". Throws UsageError.
[[nodiscard]] Shard parse_shard(std::string_view text);

// The value of an environment variable, null where it is not set, as std::getenv.
using EnvironmentLookup = std::function<const char*(const char* name)>;
// What a launcher says about this process: a Slurm array, mpirun of Open MPI, a launcher that
// speaks PMI (MPICH, Intel MPI), or srun, in this order. Throws UsageError when none of them says
// it, or what is said makes no sense.
[[nodiscard]] Shard shard_from_environment(const EnvironmentLookup& lookup);

// The shard's own rows of so many: from rows * index / count on, up to where the next shard begins.
// None, where there are fewer rows than shards.
[[nodiscard]] RowRange rows_of(const Shard& shard, std::uint64_t rows);

// scores.npy of shard 3 of 16 is scores.shard-03-of-16.npy.
[[nodiscard]] std::string shard_output_name(const std::string& output, const Shard& shard);

}  // namespace lamella
#pragma GCC visibility pop
