// What was measured of the paths of the CUDA engine, kept on disk from one process to the next.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <lamella/network.hpp>

#include "plan/path_choice.hpp"

namespace lamella::plan {

// What decides how fast a network is there: the versions are CUDA's numbers.
struct TuningKey {
  std::string device;
  int driver = 0;
  int runtime = 0;
  int cublas_major = 0;
  int cublas_minor = 0;
  std::size_t rows = 0;

  // With the network's shape and this library's version, as text.
  [[nodiscard]] std::string text(const Network& network) const;
};

// Where it is kept: tuning.json in $LAMELLA_CACHE_DIR, else in lamella/ of $XDG_CACHE_HOME, else of
// ~/.cache; empty when none of these is known.
[[nodiscard]] std::filesystem::path tuning_cache_file();

// What was measured of a network.
struct TuningResult {
  double layers = 0;  // seconds
  double fused = 0;   // 0 where the network has no such path
  // Of each layer, which of cuBLASLt's algorithms was the quickest, from 0.
  std::vector<std::size_t> algorithms = {};
};

// It, if there is any; a file that cannot be understood holds none.
[[nodiscard]] std::optional<TuningResult> find_tuning_result(const std::filesystem::path& file,
                                                             const std::string& key);

// Adds it to the file, or replaces what it has for the key; the file is replaced at once, never
// half, and threads and processes that do so at the same time take turns where the file system has
// locks for folders. Throws FileError.
void store_tuning_result(const std::filesystem::path& file, const std::string& key,
                         const TuningResult& measured);

}  // namespace lamella::plan
