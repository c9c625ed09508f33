// Joins the shard outputs of a run into the file that a single process would have written.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)
namespace lamella {

// Shard outputs to join, and the output file.
struct ConcatOptions {
  std::vector<std::string> shard_outputs = {};   // all of one run, in any order
  std::string output = {};                       // a path
  bool remove_shard_outputs = false;             // and their manifests, once the output is complete
  const std::atomic<bool>* cancelled = nullptr;  // polled while copying; may be null
};

// Result of concat().
struct ConcatReport {
  std::uint64_t shard_outputs = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;         // of the output
  std::vector<std::string> notes;  // for the user, one sentence each
};

// Joins shard outputs. Checks their manifests (FILE.json): none may be missing or duplicate, and
// all must come from one run. Then copies them in row order, in bounded memory, and verifies their
// checksums while copying. The output appears under its name only when it is complete; an error
// leaves nothing behind. Throws FileError, which names the file at fault; UsageError,
// CancelledError.
ConcatReport concat(const ConcatOptions& options);

}  // namespace lamella
#pragma GCC visibility pop
