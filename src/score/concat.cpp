// Joining parts: first what their records say, then their bytes, once from front to back.
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
#include "score/part_record.hpp"

namespace lamella {
namespace {

using pipeline::PartRecord;
using pipeline::RunIdentity;

struct Part {
  std::string file;
  PartRecord record;
};

// The file that another shard's part would be, where this one still has the name that it was given.
std::string expected_name(const Part& part, std::uint64_t shard) {
  const std::uint64_t shards = part.record.run.shards;
  const std::string mine = part_name("", {part.record.shard, shards});
  const std::size_t at = part.file.rfind(mine);
  if (at == std::string::npos) {
    return fmt::format("part {} of {}", shard, shards);
  }
  return std::string(part.file).replace(at, mine.size(), part_name("", {shard, shards}));
}

void refuse_other_run(const std::vector<Part>& parts) {
  const Part& first = parts.front();
  for (const Part& part : parts) {
    if (part.record.run != first.record.run) {
      throw FileError(part.file,
                      fmt::format("is of another run than {}: {}", first.file,
                                  pipeline::difference(part.record.run, first.record.run)));
    }
  }
}

// parts are in the order of their shards.
void refuse_gaps(const std::vector<Part>& parts) {
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].record.shard == parts[i - 1].record.shard) {
      throw FileError(parts[i].file,
                      fmt::format("is part {} of {}, and so is {}", parts[i].record.shard,
                                  parts[i].record.run.shards, parts[i - 1].file));
    }
  }
  const std::uint64_t shards = parts.front().record.run.shards;
  const std::uint64_t missing = shards - parts.size();
  for (std::uint64_t i = 0; i < shards; ++i) {
    if (i == parts.size() || parts[static_cast<std::size_t>(i)].record.shard != i) {
      throw FileError(expected_name(parts.front(), i),
                      fmt::format("is missing, {} of {} parts in all", missing, shards));
    }
  }
}

// Parts of .npy have no other size than their shape says.
bool has_size_of_rows(const PartRecord& record) {
  if (record.run.format != RowFormat::kNpy) {
    return true;
  }
  const auto values = core::checked_product(record.rows.rows, record.run.columns);
  const auto bytes = values ? core::checked_product(*values, sizeof(float)) : std::nullopt;
  return bytes && record.file.header_bytes == io::kNpyWrittenHeaderSize &&
         record.file.bytes - record.file.header_bytes == *bytes;
}

void refuse_other_size(const Part& part) {
  const auto size = io::open_source(part.file)->size();
  const std::uint64_t recorded = part.record.file.bytes;
  if (!size) {
    throw FileError(part.file, "is not a regular file");
  }
  if (*size != recorded || !has_size_of_rows(part.record)) {
    throw FileError(
        part.file, fmt::format("{}: its record says {} bytes, {} are there",
                               *size < recorded ? "is truncated" : "was changed", recorded, *size));
  }
}

std::vector<Part> read_parts(const std::vector<std::string>& files) {
  std::vector<Part> parts;
  parts.reserve(files.size());
  for (const std::string& file : files) {
    parts.push_back({.file = file, .record = pipeline::read_part_record(file)});
  }
  refuse_other_run(parts);
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Part& a, const Part& b) { return a.record.shard < b.record.shard; });
  refuse_gaps(parts);
  for (const Part& part : parts) {
    refuse_other_size(part);
  }
  return parts;
}

void refuse_output(const std::string& output, const std::vector<Part>& parts) {
  const RowFormat format = io::format_by_extension(output);
  if (format != RowFormat::kAuto && format != parts.front().record.run.format) {
    throw FileError(output, fmt::format("has another format by its name than the parts, as {}",
                                        parts.front().file));
  }
  std::error_code ignored;
  for (const Part& part : parts) {
    if (std::filesystem::equivalent(output, part.file, ignored)) {
      throw FileError(output, "is one of the parts too; name another output file");
    }
  }
}

class Joiner {
 public:
  explicit Joiner(const ConcatOptions& options)
      : options_(options), file_(options.output, &written_), block_(std::size_t{1} << 20) {}

  // Parts come in the order of their rows.
  void add(const Part& part, bool first) {
    const io::WrittenFile& recorded = part.record.file;
    const auto source = io::open_source(part.file);
    std::uint32_t checksum = 0;
    const auto copy = [&](std::uint64_t bytes, bool is_output) {
      while (bytes > 0) {
        refuse_if_cancelled();
        const auto block = std::span(block_).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes, block_.size())));
        if (source->read(block) < block.size()) {
          throw FileError(part.file, "became shorter while it was read");
        }
        checksum = io::add_to_checksum(checksum, block);
        if (is_output) {
          file_.write(block);
        }
        bytes -= block.size();
      }
    };
    const bool is_npy = part.record.run.format == RowFormat::kNpy;
    if (first && is_npy) {
      write_npy_header(part.record.run);
    }
    copy(recorded.header_bytes, first && !is_npy);
    copy(recorded.bytes - recorded.header_bytes, true);
    if (checksum != recorded.checksum) {
      throw FileError(part.file, fmt::format("was changed since it was written: its CRC-32 is "
                                             "{:08x}, its record says {:08x}",
                                             checksum, recorded.checksum));
    }
  }

  // Returns the number of bytes.
  std::uint64_t finish() {
    file_.finish();
    return written_.bytes;
  }

 private:
  void write_npy_header(const RunIdentity& run) {
    const std::string header =
        io::npy_header(run.rows_total, static_cast<std::size_t>(run.columns));
    file_.write(std::as_bytes(std::span(header)));
  }

  void refuse_if_cancelled() const {
    if (options_.cancelled != nullptr && options_.cancelled->load()) {
      throw CancelledError("cancelled before the last part; no output file is left");
    }
  }

  const ConcatOptions& options_;
  io::WrittenFile written_;
  io::AtomicFile file_;
  std::vector<std::byte> block_;
};

void note_devices(const std::vector<Part>& parts, std::vector<std::string>& notes) {
  const Part& first = parts.front();
  for (const Part& part : parts) {
    if (part.record.device != first.record.device) {
      notes.push_back(fmt::format(
          "{} was computed on {} and {} on {}; the same bits as of one run are promised "
          "on one kind of device alone",
          first.file, first.record.device, part.file, part.record.device));
      return;
    }
  }
}

void remove_parts(const std::vector<Part>& parts, std::vector<std::string>& notes) {
  for (const Part& part : parts) {
    for (const std::string& file : {part.file, pipeline::record_name(part.file)}) {
      std::error_code error;
      if (!std::filesystem::remove(file, error)) {
        notes.push_back(fmt::format("{} could not be removed: {}", file, error.message()));
      }
    }
  }
}

}  // namespace

ConcatReport concat(const ConcatOptions& options) {
  if (options.parts.empty()) {
    throw UsageError("there are no parts to join");
  }
  if (options.output == "-") {
    throw UsageError(
        "parts are joined into a file, since the last bytes decide whether all are in order");
  }
  const std::vector<Part> parts = read_parts(options.parts);
  refuse_output(options.output, parts);
  Joiner joiner(options);
  for (const Part& part : parts) {
    joiner.add(part, &part == &parts.front());
  }
  ConcatReport report = {.parts = parts.size(),
                         .rows = parts.front().record.run.rows_total,
                         .bytes = joiner.finish(),
                         .notes = {}};
  note_devices(parts, report.notes);
  if (options.remove_parts) {
    remove_parts(parts, report.notes);
  }
  return report;
}

}  // namespace lamella
