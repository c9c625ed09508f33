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
  std::uint32_t network = 0;               // checksum of its parameters and names
  std::string precision;                   // "fp32"
  std::uint64_t rows_total = 0;            // in the row file
  std::uint64_t rows_bytes = 0;            // size of the row file
  std::uint32_t rows_samples = 0;          // checksum of blocks spread over it
  std::vector<std::string> rows_columns;   // selected columns; empty: all
  OutputKind kind = OutputKind::kOutputs;  // for kTop, `columns` gives k
  RowFormat format = RowFormat::kNpy;      // of the output
  std::uint64_t columns = 0;               // of the output
  bool operator==(const RunFingerprint&) const = default;
};

[[nodiscard]] std::uint32_t network_checksum(const Network& network);

// Sets rows_bytes and rows_samples. Samples 16 blocks of a file above 64 KiB, so that a shard need
// not read other shards' rows. Throws FileError.
void fingerprint_rows(const std::string& path, RunFingerprint& run);

}  // namespace lamella::pipeline
