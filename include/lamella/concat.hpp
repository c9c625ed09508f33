// Joining the shard outputs that the shards of a run wrote into the file that one process would
// have written.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)
namespace lamella {

// Which shard outputs are joined, and where to.
struct ConcatOptions {
  std::vector<std::string> shard_outputs = {};  // all of one run, in any order
  std::string output = {};                      // a path
  bool remove_shard_outputs = false;            // with their manifests, once the output is complete
  const std::atomic<bool>* cancelled = nullptr;  // looked at now and then; may be null
};

// What concat() wrote.
struct ConcatReport {
  std::uint64_t shard_outputs = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;         // of the output
  std::vector<std::string> notes;  // what a user should know, one sentence each
};

// Checks by the shard outputs' manifests (FILE.json) that none is missing or there twice, and that
// all come from the same run; then copies them, in the order of their rows, in bounded memory, and
// checks their bytes on the way. Output appears under its own name only when it is complete, and on
// any error nothing is left. Throws FileError (the file at fault named), UsageError,
// CancelledError.
ConcatReport concat(const ConcatOptions& options);

}  // namespace lamella
#pragma GCC visibility pop
