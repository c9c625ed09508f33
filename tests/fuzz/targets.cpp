#include "fuzz/targets.hpp"

#include <cstdlib>
#include <string>
#include <vector>

#include <lamella/error.hpp>

#include "io/byte_source.hpp"
#include "io/csv_rows.hpp"
#include "io/model_reader.hpp"
#include "io/npy_rows.hpp"

namespace lamella::fuzz {
namespace {

// Wider rows are valid, but only cost memory here.
constexpr std::size_t kWidest = std::size_t{1} << 16;
constexpr std::size_t kChunkRows = 7;
constexpr std::uint64_t kMaxRows = std::uint64_t{1} << 20;

void read_model(std::span<const std::byte> bytes, const char* name) {
  for (const WeightsLayout layout : {WeightsLayout::kAuto, WeightsLayout::kInputsByOutputs}) {
    try {
      LoadOptions options;
      options.weights_layout = layout;
      options.fold = layout == WeightsLayout::kAuto;
      (void)io::read_network(bytes, name, options);
    } catch (const Error&) {
    }
  }
}

void drain(io::RowReader& reader) {
  if (reader.columns() > kWidest) {
    return;
  }
  Matrix chunk(kChunkRows, reader.columns());
  std::uint64_t rows = 0;
  while (const std::size_t count = reader.read(chunk)) {
    rows += count;
    if (rows > kMaxRows) {
      return;
    }
  }
  if (reader.rows() && *reader.rows() != rows) {
    std::abort();
  }
}

template <class Open>
void read_rows(std::span<const std::byte> bytes, Open open) {
  std::vector<io::RowReadOptions> variants(4);
  variants[1].expected_columns = 3;
  variants[2].columns = {"2", "0", "2"};
  variants[3].columns = {"x1", "x3"};
  variants[3].expected_columns = 2;
  for (const io::RowReadOptions& options : variants) {
    try {
      const auto reader = open(io::memory_source(bytes, "rows"), options);
      drain(*reader);
    } catch (const Error&) {
    }
  }
}

}  // namespace

void read_safetensors_model(std::span<const std::byte> bytes) {
  read_model(bytes, "fuzz.safetensors");
}

void read_npz_model(std::span<const std::byte> bytes) {
  read_model(bytes, "fuzz.npz");
}

void read_onnx_model(std::span<const std::byte> bytes) {
  read_model(bytes, "fuzz.onnx");
}

void read_json_model(std::span<const std::byte> bytes) {
  read_model(bytes, "fuzz.json");
}

void read_npy_rows(std::span<const std::byte> bytes) {
  read_rows(bytes, [](std::unique_ptr<io::ByteSource> source, const io::RowReadOptions& options) {
    return io::read_npy_rows(std::move(source), options);
  });
}

void read_csv_rows(std::span<const std::byte> bytes) {
  for (const char delimiter : {',', '\t'}) {
    read_rows(bytes, [delimiter](std::unique_ptr<io::ByteSource> source,
                                 const io::RowReadOptions& options) {
      return io::read_csv_rows(std::move(source), delimiter, options);
    });
  }
}

Target target_for(std::string_view extension) {
  if (extension == ".safetensors") {
    return read_safetensors_model;
  }
  if (extension == ".npz") {
    return read_npz_model;
  }
  if (extension == ".onnx") {
    return read_onnx_model;
  }
  if (extension == ".json") {
    return read_json_model;
  }
  if (extension == ".npy") {
    return read_npy_rows;
  }
  return extension == ".csv" || extension == ".tsv" ? read_csv_rows : nullptr;
}

}  // namespace lamella::fuzz
