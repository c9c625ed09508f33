// Reading trained networks from files (.safetensors, .npz, .onnx and .json) and writing them
// (.safetensors). docs/model-files.md says which names, types and layouts are understood.
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

// How the weights of a file lie.
enum class WeightsLayout {
  kAuto,             // from how the shapes chain; an open question is an error
  kOutputsByInputs,  // [outputs x inputs], as PyTorch stores them
  kInputsByOutputs   // [inputs x outputs], as Keras stores kernels
};
// Reads "auto", "out-in" or "in-out". Throws UsageError.
[[nodiscard]] WeightsLayout parse_weights_layout(std::string_view text);

// How a model file is read, where it leaves that open.
struct LoadOptions {
  // One per layer; empty: what the file says, else ReLU on hidden layers and identity on the last.
  std::vector<Activation> activations = {};
  WeightsLayout weights_layout = WeightsLayout::kAuto;
  bool allow_nonfinite = false;
  // Fold scalers in front of the network into its first layer (faster; rounds differently).
  // Without, they stay input steps of the network.
  bool fold = true;
  const std::atomic<bool>* cancelled = nullptr;  // looked at while waiting for bytes; may be null
};

// What a user should know about a model file: what was assumed.
struct Note {
  std::string text;  // one sentence
  Remedy remedy = Remedy::kNone;
};

// What load_network() read.
struct LoadedNetwork {
  std::shared_ptr<const Network> network;
  std::string format;                 // "safetensors", "npz", "onnx", "json"
  std::vector<Note> notes;            // what was assumed
  std::optional<SelfTest> self_test;  // read, but not yet run
};

// Reads a model file; the format is taken from the file's content. Memory asked for is bounded by a
// small multiple of the file's size. Throws FileError (the message names the file), with what was
// found, what was wanted and which option helps; OutOfMemoryError when it does not fit the host's
// memory; CancelledError.
[[nodiscard]] LoadedNetwork load_network(const std::filesystem::path& file,
                                         const LoadOptions& options = {});

// Writes a network as a .safetensors file: layers.N.weight and layers.N.bias as float32, and in its
// metadata the activations, names and input steps, so that load_network gives the same network, bit
// for bit (with allow_nonfinite where the network needs it); and the self-test, where there is one.
// The file appears under its name only when it is complete. cancelled is looked at while it is
// written, and may be null. Throws FileError, also when a name is not UTF-8; Error when the
// self-test fails for this network; CancelledError.
void save_network(const Network& network, const std::filesystem::path& file,
                  const std::optional<SelfTest>& self_test = std::nullopt,
                  const std::atomic<bool>* cancelled = nullptr);

}  // namespace lamella
#pragma GCC visibility pop
