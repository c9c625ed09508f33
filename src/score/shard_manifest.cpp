#include "score/shard_manifest.hpp"

#include <array>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/atomic_file.hpp"
#include "io/byte_source.hpp"
#include "io/bytes.hpp"
#include "json/value.hpp"

namespace lamella::pipeline {
namespace {

using Json = json::Value;

constexpr int kVersion = 1;
constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{16} << 20;

constexpr std::array<std::pair<OutputKind, const char*>, 3> kKinds = {{
    {OutputKind::kOutputs, "outputs"},
    {OutputKind::kArgmax, "argmax"},
    {OutputKind::kTop, "top"},
}};
constexpr std::array<std::pair<RowFormat, const char*>, 3> kFormats = {{
    {RowFormat::kNpy, "npy"},
    {RowFormat::kCsv, "csv"},
    {RowFormat::kTsv, "tsv"},
}};

template <class Names, class Value>
std::string name_of(const Names& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) {
      return name;
    }
  }
  return {};
}

// The following throw json::Exception, or Error, if the manifest lacks the expected value.

std::uint64_t number(const Json& json, const char* key) {
  const std::uint64_t* const value = json.at(key).if_unsigned();
  if (value == nullptr) {
    throw Error(fmt::format("'{}' is not a whole number", key));
  }
  return *value;
}

std::uint32_t checksum(const Json& json, const char* key) {
  const std::uint64_t value = number(json, key);
  if (value > UINT32_MAX) {
    throw Error(fmt::format("'{}' is not a CRC-32", key));
  }
  return static_cast<std::uint32_t>(value);
}

template <class Names>
auto named(const Names& names, const Json& json, const char* key) {
  const auto wanted = json.at(key).string();
  for (const auto& [value, name] : names) {
    if (name == wanted) {
      return value;
    }
  }
  throw Error(fmt::format("'{}' is unknown", key));
}

Json to_json(const RunFingerprint& run) {
  return {{"shards", run.shards},
          {"network_crc32", run.network},
          {"precision", run.precision},
          {"rows_total", run.rows_total},
          {"rows_bytes", run.rows_bytes},
          {"rows_samples_crc32", run.rows_samples},
          {"rows_columns", run.rows_columns},
          {"kind", name_of(kKinds, run.kind)},
          {"format", name_of(kFormats, run.format)},
          {"columns", run.columns}};
}

RunFingerprint run_from(const Json& json) {
  return {.shards = number(json, "shards"),
          .network = checksum(json, "network_crc32"),
          .precision = json.at("precision").string(),
          .rows_total = number(json, "rows_total"),
          .rows_bytes = number(json, "rows_bytes"),
          .rows_samples = checksum(json, "rows_samples_crc32"),
          .rows_columns = json.at("rows_columns").strings(),
          .kind = named(kKinds, json, "kind"),
          .format = named(kFormats, json, "format"),
          .columns = number(json, "columns")};
}

ShardManifest manifest_from(const Json& json) {
  if (number(json, "lamella_shard") != kVersion) {
    throw Error(fmt::format("it is of version {}; {} is understood",
                            json.at("lamella_shard").text(), kVersion));
  }
  ShardManifest manifest = {
      .shard = number(json, "shard"),
      .rows = {.first = number(json, "first_row"), .rows = number(json, "rows")},
      .file = {.bytes = number(json, "bytes"),
               .header_bytes = number(json, "header_bytes"),
               .checksum = checksum(json, "crc32")},
      .device = json.at("device").string(),
      .run = run_from(json.at("run"))};
  if (manifest.shard >= manifest.run.shards ||
      manifest.rows != rows_of({manifest.shard, manifest.run.shards}, manifest.run.rows_total) ||
      manifest.file.header_bytes > manifest.file.bytes) {
    throw Error("its numbers do not go together");
  }
  return manifest;
}

}  // namespace

std::string manifest_name(const std::string& shard_output) {
  return shard_output + ".json";
}

void write_shard_manifest(const std::string& shard_output, const ShardManifest& manifest) {
  const Json json = {
      {"lamella_shard", kVersion},        {"shard", manifest.shard},
      {"first_row", manifest.rows.first}, {"rows", manifest.rows.rows},
      {"bytes", manifest.file.bytes},     {"header_bytes", manifest.file.header_bytes},
      {"crc32", manifest.file.checksum},  {"device", manifest.device},
      {"run", to_json(manifest.run)}};
  // Column names are arbitrary bytes; invalid UTF-8 is replaced.
  const std::string text = json.text({.indentation = 2}) + "\n";
  io::AtomicFile file(manifest_name(shard_output));
  file.write(std::as_bytes(std::span(text)));
  file.finish();
}

ShardManifest read_shard_manifest(const std::string& shard_output) {
  const std::string name = manifest_name(shard_output);
  std::error_code error;
  if (!std::filesystem::exists(shard_output, error)) {
    throw FileError(shard_output, "is missing");
  }
  if (!std::filesystem::exists(name, error)) {
    throw FileError(shard_output,
                    fmt::format("is no shard output: {} is missing, which scoring a shard "
                                "writes beside its shard output when it is complete",
                                name));
  }
  const auto source = io::open_source(name);
  if (source->size().value_or(UINT64_MAX) > kMaxManifestBytes) {
    throw FileError(name, "is no manifest of a shard output: it is too large");
  }
  const std::vector<std::byte> bytes = io::read_all(*source);
  try {
    return manifest_from(json::parse(io::as_text(bytes)));
  } catch (const json::Exception&) {
    throw FileError(
        name, "is no manifest of a shard output: it does not hold what scoring a shard writes");
  } catch (const Error& wrong) {
    throw FileError(name, fmt::format("is no manifest of a shard output: {}", wrong.what()),
                    wrong.remedy());
  }
}

std::string difference(const RunFingerprint& here, const RunFingerprint& there) {
  const Json a = to_json(here);
  const Json b = to_json(there);
  for (const auto& [key, value] : *a.if_object()) {
    if (value != b.at(key)) {
      return fmt::format("its {} is {}, there {}", key, value.text(), b.at(key).text());
    }
  }
  return {};
}

}  // namespace lamella::pipeline
