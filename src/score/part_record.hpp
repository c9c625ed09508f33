// The record that stands beside a part, as JSON: which rows it holds, of which run, and how its
// bytes are checked. A file of its own, since a .npy header holds type, order and shape alone, and
// a csv nothing but rows.
#pragma once

#include <optional>
#include <string>

#include <lamella/shard.hpp>

#include "io/written_file.hpp"
#include "score/run_identity.hpp"

namespace lamella::pipeline {

struct PartRecord {
  std::uint64_t shard = 0;  // of run.shards
  RowRange rows;
  io::WrittenFile file;
  std::string device;  // its name, for people
  RunIdentity run;
};

// scores.part-0-of-2.npy.json
[[nodiscard]] std::string record_name(const std::string& part);

// Throws FileError.
void write_part_record(const std::string& part, const PartRecord& record);

// Throws FileError where there is none, or it makes no sense.
[[nodiscard]] PartRecord read_part_record(const std::string& part);

// "its rows_total is 10, there 12": the first thing in which two runs differ.
[[nodiscard]] std::string difference(const RunIdentity& here, const RunIdentity& there);

}  // namespace lamella::pipeline
