// What all shard outputs of a run have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <lamella/network.hpp>
#include <lamella/score.hpp>

namespace lamella::pipeline {

struct RunFingerprint {
  std::uint64_t shards = 1;
  std::uint32_t network = 0;       // a checksum of all that it computes with, and of its names
  std::string precision;           // "fp32"
  std::uint64_t rows_total = 0;    // in the file of rows
  std::uint64_t rows_bytes = 0;    // the size of that file
  std::uint32_t rows_samples = 0;  // a checksum of blocks spread over it
  std::vector<std::string> rows_columns;   // those selected; empty: all
  OutputKind kind = OutputKind::kOutputs;  // and of kTop how many are in columns
  RowFormat format = RowFormat::kNpy;      // of the output
  std::uint64_t columns = 0;               // of the output
  bool operator==(const RunFingerprint&) const = default;
};

[[nodiscard]] std::uint32_t network_checksum(const Network& network);

// Sets rows_bytes and rows_samples. Of a file above 64 KiB 16 blocks are looked at: each shard
// reads its own rows alone. Throws FileError.
void fingerprint_rows(const std::string& path, RunFingerprint& run);

}  // namespace lamella::pipeline
