// Picks a model file's reader by its first bytes.
#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/model_file.hpp>

#include "io/build_network.hpp"
#include "io/byte_source.hpp"
#include "io/bytes.hpp"
#include "io/extension.hpp"
#include "io/foreign_format.hpp"
#include "io/json_model.hpp"
#include "io/model_reader.hpp"
#include "io/npz.hpp"
#include "io/onnx.hpp"
#include "io/onnx_schema.hpp"
#include "io/quote.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "io/zip.hpp"

namespace lamella {
namespace io {
namespace {

enum class ModelFormat { kSafetensors, kNpz, kOnnx, kJson };

constexpr std::string_view kUnderstood =
    ".safetensors, .npz, .onnx and .json model files are understood";

// Goes by content, and by extension only if the content is not recognized, so that a damaged file
// gets an error about its damage.
ModelFormat format_of(std::span<const std::byte> first, const std::string& name) {
  if (looks_like_zip(first)) {
    return ModelFormat::kNpz;
  }
  if (looks_like_onnx(first)) {
    return ModelFormat::kOnnx;
  }
  if (looks_like_json(first)) {
    return ModelFormat::kJson;
  }
  if (looks_like_safetensors(first)) {
    return ModelFormat::kSafetensors;
  }
  if (first.empty()) {
    throw FileError(name, fmt::format("is empty (0 bytes); {}", kUnderstood));
  }
  if (begins_with(first, "\x93NUMPY")) {
    throw FileError(name, fmt::format("is a single .npy array; a network is several arrays, as "
                                      "numpy.savez writes them; {}",
                                      kUnderstood));
  }
  if (const std::string_view foreign = foreign_format(first); !foreign.empty()) {
    throw FileError(name, fmt::format("is {}; {}", foreign, kUnderstood));
  }
  const std::string extension = extension_of(name);
  if (extension == ".safetensors") {
    return ModelFormat::kSafetensors;
  }
  if (extension == ".json") {
    return ModelFormat::kJson;
  }
  if (extension == ".npz") {
    throw FileError(name, "is not a zip archive, which a .npz file is: it does not begin with PK");
  }
  if (extension == ".onnx") {
    const bool text = std::all_of(first.begin(), first.end(), [](std::byte b) {
      const auto c = std::to_integer<unsigned char>(b);
      return (c >= ' ' && c < 0x7F) || c == '\n' || c == '\r' || c == '\t';
    });
    if (text) {
      throw FileError(name, "is a text file, not an ONNX file, which is in protobuf's binary form");
    }
    return ModelFormat::kOnnx;
  }
  throw FileError(name, fmt::format("is not a model file of a known format; {}", kUnderstood));
}

LoadedNetwork read_format(ModelFormat format, std::span<const std::byte> bytes,
                          const LoadOptions& options, const std::filesystem::path& folder) {
  LoadedNetwork loaded;
  switch (format) {
    case ModelFormat::kSafetensors:
      loaded = build_network(read_safetensors(bytes), options);
      loaded.format = "safetensors";
      break;
    case ModelFormat::kNpz:
      loaded = build_network(read_npz(bytes), options);
      loaded.format = "npz";
      break;
    case ModelFormat::kOnnx:
      loaded = read_onnx(bytes, folder, options);
      break;
    case ModelFormat::kJson:
      loaded = read_json_model(bytes, options);
      break;
  }
  return loaded;
}

}  // namespace

LoadedNetwork read_network(std::span<const std::byte> bytes, const std::string& name,
                           const LoadOptions& options, const std::filesystem::path& folder) {
  const ModelFormat format = format_of(bytes.first(std::min(bytes.size(), kForeignBytes)), name);
  try {
    return read_format(format, bytes, options, folder);
  } catch (const FileError&) {
    throw;
  } catch (const Error& error) {
    throw FileError(name, error.what(), error.remedy());
  }
}

}  // namespace io

WeightsLayout parse_weights_layout(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, WeightsLayout>, 3> kLayouts = {{
      {"auto", WeightsLayout::kAuto},
      {"out-in", WeightsLayout::kOutputsByInputs},
      {"in-out", WeightsLayout::kInputsByOutputs},
  }};
  for (const auto& [name, layout] : kLayouts) {
    if (name == text) {
      return layout;
    }
  }
  throw UsageError(
      fmt::format("{} is not a weights layout; auto, out-in and in-out are", io::in_quotes(text)));
}

void save_network(const Network& network, const std::filesystem::path& file,
                  const std::optional<SelfTest>& self_test, const std::atomic<bool>* cancelled) {
  const std::string name = file.string();
  if (io::extension_of(name) != ".safetensors") {
    throw FileError(name, "must end in .safetensors, the format that models are saved in");
  }
  if (self_test) {
    check_self_test(network, *self_test);
  }
  io::write_safetensors(network, name, self_test ? &*self_test : nullptr, cancelled);
}

LoadedNetwork load_network(const std::filesystem::path& file, const LoadOptions& options) {
  const std::string name = file.string();
  try {
    const auto source = io::open_source(name, options.cancelled);
    // Checks the format first, so that an endless stream of the wrong format is not read.
    (void)io::format_of(source->peek(io::kForeignBytes), name);
    const std::vector<std::byte> bytes = io::read_all(*source);
    const std::filesystem::path folder = file.parent_path();
    return io::read_network(bytes, name, options, folder.empty() ? "." : folder);
  } catch (const std::bad_alloc&) {
    throw OutOfMemoryError(name + ": is larger than the memory that can be had");
  }
}

}  // namespace lamella
