// The tuning cache: measured times of the CUDA engine's execution paths, stored on disk across
// processes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <lamella/network.hpp>

#include "plan/path_choice.hpp"

namespace lamella::plan {

// What determines a network's speed on a device. The versions are CUDA's numbers.
struct TuningKey {
  std::string device;
  int driver = 0;
  int runtime = 0;
  int cublas_major = 0;
  int cublas_minor = 0;
  std::size_t rows = 0;

  // The key as text, with the network's shape and the library's version.
  [[nodiscard]] std::string text(const Network& network) const;
};

// The cache file: tuning.json in $LAMELLA_CACHE_DIR, else in lamella/ under $XDG_CACHE_HOME, else
// in lamella/ under ~/.cache; empty when none of these is set.
[[nodiscard]] std::filesystem::path tuning_cache_file();

// The measurements of one network.
struct TuningResult {
  double layers = 0;  // seconds per call
  double fused = 0;   // seconds per call; 0 where the network has no fused path
  // The rank of each layer's fastest cuBLASLt algorithm, from 0.
  std::vector<std::size_t> algorithms = {};
};

// Returns the key's entry, if any. A file that cannot be parsed has no entries.
[[nodiscard]] std::optional<TuningResult> find_tuning_result(const std::filesystem::path& file,
                                                             const std::string& key);

// Adds or replaces the key's entry. The file is replaced atomically; concurrent threads and
// processes take turns where the file system can lock folders. Throws FileError.
void store_tuning_result(const std::filesystem::path& file, const std::string& key,
                         const TuningResult& measured);

}  // namespace lamella::plan
