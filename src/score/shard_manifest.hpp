// The manifest beside a shard output, as JSON: which rows it holds, of which run, and how to check
// its bytes. A separate file, because a .npy header holds only type, order and shape, and a csv
// nothing but rows.
#pragma once

#include <optional>
#include <string>

#include <lamella/shard.hpp>

#include "io/written_file.hpp"
#include "score/run_fingerprint.hpp"

namespace lamella::pipeline {

struct ShardManifest {
  std::uint64_t shard = 0;  // of run.shards
  RowRange rows;
  io::WrittenFile file;
  std::string device;  // its name, for information only
  RunFingerprint run;
};

// scores.shard-0-of-2.npy.json
[[nodiscard]] std::string manifest_name(const std::string& shard_output);

// Throws FileError.
void write_shard_manifest(const std::string& shard_output, const ShardManifest& manifest);

// Throws FileError if there is no valid manifest.
[[nodiscard]] ShardManifest read_shard_manifest(const std::string& shard_output);

// The first difference between two runs: "its rows_total is 10, there 12".
[[nodiscard]] std::string difference(const RunFingerprint& here, const RunFingerprint& there);

}  // namespace lamella::pipeline
