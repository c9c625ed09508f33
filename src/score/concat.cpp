// Joins shard outputs: checks their manifests, then copies their bytes in one pass.
#include <algorithm>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <lamella/concat.hpp>
#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "io/atomic_file.hpp"
#include "io/byte_source.hpp"
#include "io/checksum.hpp"
#include "io/npy.hpp"
#include "io/rows.hpp"
#include "score/shard_manifest.hpp"

namespace lamella {
namespace {

using pipeline::RunFingerprint;
using pipeline::ShardManifest;

struct ShardOutput {
  std::string file;
  ShardManifest manifest;
};

// The expected file name of another shard's output, provided this one was not renamed.
std::string expected_name(const ShardOutput& shard_output, std::uint64_t shard) {
  const std::uint64_t shards = shard_output.manifest.run.shards;
  const std::string mine = shard_output_name("", {shard_output.manifest.shard, shards});
  const std::size_t at = shard_output.file.rfind(mine);
  if (at == std::string::npos) {
    return fmt::format("shard output {} of {}", shard, shards);
  }
  return std::string(shard_output.file)
      .replace(at, mine.size(), shard_output_name("", {shard, shards}));
}

void throw_if_runs_differ(const std::vector<ShardOutput>& shard_outputs) {
  const ShardOutput& first = shard_outputs.front();
  for (const ShardOutput& shard_output : shard_outputs) {
    if (shard_output.manifest.run != first.manifest.run) {
      throw FileError(shard_output.file, fmt::format("is of another run than {}: {}", first.file,
                                                     pipeline::difference(shard_output.manifest.run,
                                                                          first.manifest.run)));
    }
  }
}

// Precondition: shard outputs are sorted by shard.
void throw_if_incomplete(const std::vector<ShardOutput>& shard_outputs) {
  for (std::size_t i = 1; i < shard_outputs.size(); ++i) {
    if (shard_outputs[i].manifest.shard == shard_outputs[i - 1].manifest.shard) {
      throw FileError(
          shard_outputs[i].file,
          fmt::format("is shard output {} of {}, and so is {}", shard_outputs[i].manifest.shard,
                      shard_outputs[i].manifest.run.shards, shard_outputs[i - 1].file));
    }
  }
  const std::uint64_t shards = shard_outputs.front().manifest.run.shards;
  const std::uint64_t missing = shards - shard_outputs.size();
  for (std::uint64_t i = 0; i < shards; ++i) {
    if (i == shard_outputs.size() ||
        shard_outputs[static_cast<std::size_t>(i)].manifest.shard != i) {
      throw FileError(expected_name(shard_outputs.front(), i),
                      fmt::format("is missing ({} of {} shard outputs missing)", missing, shards));
    }
  }
}

// Whether a .npy shard output has exactly the size that its shape implies.
bool has_size_of_rows(const ShardManifest& manifest) {
  if (manifest.run.format != RowFormat::kNpy) {
    return true;
  }
  const auto values = core::checked_product(manifest.rows.rows, manifest.run.columns);
  const auto bytes = values ? core::checked_product(*values, sizeof(float)) : std::nullopt;
  return bytes && manifest.file.header_bytes == io::kNpyWrittenHeaderSize &&
         manifest.file.bytes - manifest.file.header_bytes == *bytes;
}

void throw_if_size_differs(const ShardOutput& shard_output) {
  const auto size = io::open_source(shard_output.file)->size();
  const std::uint64_t expected = shard_output.manifest.file.bytes;
  if (!size) {
    throw FileError(shard_output.file, "is not a regular file");
  }
  if (*size != expected || !has_size_of_rows(shard_output.manifest)) {
    throw FileError(
        shard_output.file,
        fmt::format("{}: its manifest says {} bytes, {} are there",
                    *size < expected ? "is truncated" : "was changed", expected, *size));
  }
}

std::vector<ShardOutput> read_shard_outputs(const std::vector<std::string>& files) {
  std::vector<ShardOutput> shard_outputs;
  shard_outputs.reserve(files.size());
  for (const std::string& file : files) {
    shard_outputs.push_back({.file = file, .manifest = pipeline::read_shard_manifest(file)});
  }
  throw_if_runs_differ(shard_outputs);
  std::stable_sort(shard_outputs.begin(), shard_outputs.end(),
                   [](const ShardOutput& a, const ShardOutput& b) {
                     return a.manifest.shard < b.manifest.shard;
                   });
  throw_if_incomplete(shard_outputs);
  for (const ShardOutput& shard_output : shard_outputs) {
    throw_if_size_differs(shard_output);
  }
  return shard_outputs;
}

void throw_bad_output(const std::string& output, const std::vector<ShardOutput>& shard_outputs) {
  const RowFormat format = io::format_by_extension(output);
  if (format != RowFormat::kAuto && format != shard_outputs.front().manifest.run.format) {
    throw FileError(output,
                    fmt::format("has another format by its name than the shard outputs, as {}",
                                shard_outputs.front().file));
  }
  std::error_code ignored;
  for (const ShardOutput& shard_output : shard_outputs) {
    if (std::filesystem::equivalent(output, shard_output.file, ignored)) {
      throw FileError(output, "is one of the shard outputs too; name another output file");
    }
  }
}

class Joiner {
 public:
  explicit Joiner(const ConcatOptions& options)
      : options_(options), file_(options.output, &written_), block_(std::size_t{1} << 20) {}

  // Shard outputs must be added in row order.
  void add(const ShardOutput& shard_output, bool first) {
    const io::WrittenFile& expected = shard_output.manifest.file;
    const auto source = io::open_source(shard_output.file);
    std::uint32_t checksum = 0;
    const auto copy = [&](std::uint64_t bytes, bool is_output) {
      while (bytes > 0) {
        throw_if_cancelled();
        const auto block = std::span(block_).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes, block_.size())));
        if (source->read(block) < block.size()) {
          throw FileError(shard_output.file, "was truncated while it was read");
        }
        checksum = io::add_to_checksum(checksum, block);
        if (is_output) {
          file_.write(block);
        }
        bytes -= block.size();
      }
    };
    const bool is_npy = shard_output.manifest.run.format == RowFormat::kNpy;
    if (first && is_npy) {
      write_npy_header(shard_output.manifest.run);
    }
    copy(expected.header_bytes, first && !is_npy);
    copy(expected.bytes - expected.header_bytes, true);
    if (checksum != expected.checksum) {
      throw FileError(shard_output.file,
                      fmt::format("was changed since it was written: its CRC-32 is "
                                  "{:08x}, its manifest says {:08x}",
                                  checksum, expected.checksum));
    }
  }

  // Returns the byte count.
  std::uint64_t finish() {
    file_.finish();
    return written_.bytes;
  }

 private:
  void write_npy_header(const RunFingerprint& run) {
    const std::string header =
        io::npy_header(run.rows_total, static_cast<std::size_t>(run.columns));
    file_.write(std::as_bytes(std::span(header)));
  }

  void throw_if_cancelled() const {
    if (options_.cancelled != nullptr && options_.cancelled->load()) {
      throw CancelledError("cancelled before the last shard output; no output file is left");
    }
  }

  const ConcatOptions& options_;
  io::WrittenFile written_;
  io::AtomicFile file_;
  std::vector<std::byte> block_;
};

void note_devices(const std::vector<ShardOutput>& shard_outputs, std::vector<std::string>& notes) {
  const ShardOutput& first = shard_outputs.front();
  for (const ShardOutput& shard_output : shard_outputs) {
    if (shard_output.manifest.device != first.manifest.device) {
      notes.push_back(fmt::format(
          "{} was computed on {} and {} on {}; the same bits as of one run are promised "
          "on one kind of device alone",
          first.file, first.manifest.device, shard_output.file, shard_output.manifest.device));
      return;
    }
  }
}

void remove_shard_outputs(const std::vector<ShardOutput>& shard_outputs,
                          std::vector<std::string>& notes) {
  for (const ShardOutput& shard_output : shard_outputs) {
    for (const std::string& file :
         {shard_output.file, pipeline::manifest_name(shard_output.file)}) {
      std::error_code error;
      if (!std::filesystem::remove(file, error)) {
        notes.push_back(fmt::format("{} could not be removed: {}", file, error.message()));
      }
    }
  }
}

}  // namespace

ConcatReport concat(const ConcatOptions& options) {
  if (options.shard_outputs.empty()) {
    throw UsageError("there are no shard outputs to join");
  }
  if (options.output == "-") {
    throw UsageError(
        "shard outputs are joined into a file, since the last bytes decide whether all are in "
        "order");
  }
  const std::vector<ShardOutput> shard_outputs = read_shard_outputs(options.shard_outputs);
  throw_bad_output(options.output, shard_outputs);
  Joiner joiner(options);
  for (const ShardOutput& shard_output : shard_outputs) {
    joiner.add(shard_output, &shard_output == &shard_outputs.front());
  }
  ConcatReport report = {.shard_outputs = shard_outputs.size(),
                         .rows = shard_outputs.front().manifest.run.rows_total,
                         .bytes = joiner.finish(),
                         .notes = {}};
  note_devices(shard_outputs, report.notes);
  if (options.remove_shard_outputs) {
    remove_shard_outputs(shard_outputs, report.notes);
  }
  return report;
}

}  // namespace lamella
