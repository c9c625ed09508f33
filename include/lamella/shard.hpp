// Splits a row file over N processes: which rows a shard scores, and the name of its output.
// docs/clusters.md shows the whole procedure; <lamella/concat.hpp> joins shard outputs.
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

// Consecutive rows.
struct RowRange {
  std::uint64_t first = 0;
  std::uint64_t rows = 0;
  bool operator==(const RowRange&) const = default;
};

// Parses "I/N". Throws UsageError.
[[nodiscard]] Shard parse_shard(std::string_view text);

// Returns an environment variable's value, or null if it is not set, as std::getenv does.
using EnvironmentLookup = std::function<const char*(const char* name)>;
// The shard of this process according to its launcher: a Slurm array, Open MPI's mpirun, a PMI
// launcher (MPICH, Intel MPI), or srun, tried in this order. Throws UsageError if none of them sets
// the variables, or if their values are invalid.
[[nodiscard]] Shard shard_from_environment(const EnvironmentLookup& lookup);

// The shard's rows of that many: from rows * index / count up to the start of the next shard. Empty
// for some shards if there are fewer rows than shards.
[[nodiscard]] RowRange rows_of(const Shard& shard, std::uint64_t rows);

// The shard output's name: for scores.npy and shard 3 of 16, scores.shard-03-of-16.npy.
[[nodiscard]] std::string shard_output_name(const std::string& output, const Shard& shard);

}  // namespace lamella
#pragma GCC visibility pop
