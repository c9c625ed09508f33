// Reads trained networks from files (.safetensors, .npz, .onnx, .json) and writes them
// (.safetensors). docs/model-files.md lists the supported names, types and layouts.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lamella/error.hpp>
#include <lamella/network.hpp>
#include <lamella/self_test.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// Memory layout of the weights in a file.
enum class WeightsLayout {
  kAuto,             // deduced from how the shapes chain; an ambiguous file is an error
  kOutputsByInputs,  // [outputs x inputs], as PyTorch stores them
  kInputsByOutputs   // [inputs x outputs], as Keras stores kernels
};
// Parses "auto", "out-in" or "in-out". Throws UsageError.
[[nodiscard]] WeightsLayout parse_weights_layout(std::string_view text);

// Settings for what a model file leaves open.
struct LoadOptions {
  // One per layer; empty: those in the file, else ReLU on hidden layers and identity on the last.
  std::vector<Activation> activations = {};
  WeightsLayout weights_layout = WeightsLayout::kAuto;
  bool allow_nonfinite = false;
  // Folds the scale of input scalers into the first layer and keeps a subtraction of their centre.
  // If false, the file's own operations stay input steps of the network.
  bool fold = true;
  const std::atomic<bool>* cancelled = nullptr;  // polled while waiting for bytes; may be null
};

// What a user should know about a model file: an assumption that was made.
struct Note {
  std::string text;  // one sentence
  Remedy remedy = Remedy::kNone;
};

// Result of load_network().
struct LoadedNetwork {
  std::shared_ptr<const Network> network;
  std::string format;                 // "safetensors", "npz", "onnx", "json"
  std::vector<Note> notes;            // assumptions made
  std::optional<SelfTest> self_test;  // read, but not run
};

// Reads a model file; its content determines the format. Allocates at most a small multiple of the
// file's size. Throws FileError, whose message names the file, what was found, what was wanted and
// which option helps; OutOfMemoryError if it does not fit the host's memory; CancelledError.
[[nodiscard]] LoadedNetwork load_network(const std::filesystem::path& file,
                                         const LoadOptions& options = {});

// Writes a network as a .safetensors file: layers.N.weight and layers.N.bias as float32;
// activations, names and input steps as metadata; and the self-test, if given. load_network gives
// the same network bit for bit (with allow_nonfinite if the network needs it). The file appears
// under its name only when it is complete. cancelled is polled while writing, and may be null.
// Throws FileError, also if a name is not UTF-8; Error if the self-test fails for this network;
// CancelledError.
void save_network(const Network& network, const std::filesystem::path& file,
                  const std::optional<SelfTest>& self_test = std::nullopt,
                  const std::atomic<bool>* cancelled = nullptr);

}  // namespace lamella
#pragma GCC visibility pop
