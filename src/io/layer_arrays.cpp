#include "io/layer_arrays.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/byte_source.hpp"
#include "io/npy.hpp"
#include "io/npz.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

struct StageWord {
  std::string_view text;
  bool pre_activation;
};
constexpr std::array<StageWord, 5> kWords = {
    {{"pre_activation", true}, {"activation", false}, {"z", true}, {"h", false}, {"a", false}}};

// Parses "activation_2", "h2", "Z_2": a word, an optional "_", and a layer number.
std::optional<std::pair<std::size_t, bool>> understand(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const StageWord& word : kWords) {
    if (!lower.starts_with(word.text)) {
      continue;
    }
    std::string_view rest = std::string_view(lower).substr(word.text.size());
    rest.remove_prefix(rest.starts_with('_') ? 1 : 0);
    std::size_t layer = 0;
    const char* const last = rest.data() + rest.size();
    const auto [end, error] = std::from_chars(rest.data(), last, layer);
    if (error == std::errc() && end == last && layer > 0) {
      return std::pair(layer, word.pre_activation);
    }
  }
  return std::nullopt;
}

LayerArray take_array(const Tensor& tensor, const Network& network) {
  const auto found = understand(tensor.name);
  if (!found) {
    throw Error(fmt::format(
        "array {} is not named after a layer: activation_N (or hN, aN) is what layer N gives, "
        "pre_activation_N (or zN) is before its activation",
        name_in_quotes(tensor.name)));
  }
  LayerArray array{.name = tensor.name, .layer = found->first, .pre_activation = found->second};
  if (array.layer > network.layers().size()) {
    throw Error(fmt::format("array {} is of layer {}, but the network has {}",
                            name_in_quotes(tensor.name), array.layer, network.layers().size()));
  }
  const std::size_t outputs = network.layers()[array.layer - 1].outputs;
  const std::vector<std::size_t>& shape = tensor.shape;
  const bool is_row = shape.size() == 1;
  if ((!is_row && shape.size() != 2) || shape.back() != outputs) {
    throw Error(fmt::format("array {} has the shape {}; [rows x {}] is wanted for layer {}",
                            name_in_quotes(tensor.name), shape_text(shape), outputs, array.layer));
  }
  const std::size_t rows = is_row ? 1 : shape[0];
  // The reader has checked that the data match the shape.
  std::vector<float> values(tensor.data.size() / tensor.encoding.size());
  convert(tensor.data, tensor.encoding, values);
  if (tensor.fortran_order && !is_row) {
    values = transposed(values, outputs, rows);
  }
  array.values = Matrix(rows, outputs);
  std::copy(values.begin(), values.end(), array.values.data());
  return array;
}

}  // namespace

std::vector<LayerArray> read_layer_arrays(const std::string& path, const Network& network) {
  try {
    const auto source = open_source(path);
    const std::vector<std::byte> bytes = read_all(*source);
    const TensorFile file = read_npz(bytes);
    std::vector<LayerArray> arrays;
    for (const Tensor& tensor : file.tensors) {
      if (tensor.name != "input") {  // which lamella explain writes beside the arrays
        arrays.push_back(take_array(tensor, network));
      }
    }
    if (arrays.empty()) {
      throw Error("holds no arrays");
    }
    std::sort(arrays.begin(), arrays.end(), [](const LayerArray& a, const LayerArray& b) {
      return std::pair(a.layer, !a.pre_activation) < std::pair(b.layer, !b.pre_activation);
    });
    for (std::size_t i = 1; i < arrays.size(); ++i) {
      const LayerArray& one = arrays[i - 1];
      const LayerArray& other = arrays[i];
      if (one.values.rows() != other.values.rows()) {
        throw Error(fmt::format("array {} has {} rows, array {} has {}", name_in_quotes(one.name),
                                one.values.rows(), name_in_quotes(other.name),
                                other.values.rows()));
      }
      if (one.layer == other.layer && one.pre_activation == other.pre_activation) {
        throw Error(fmt::format("arrays {} and {} stand for the same values",
                                name_in_quotes(one.name), name_in_quotes(other.name)));
      }
    }
    return arrays;
  } catch (const FileError&) {
    throw;
  } catch (const Error& error) {
    throw FileError(path, error.what(), error.remedy());
  } catch (const std::bad_alloc&) {
    throw OutOfMemoryError(path + ": is larger than the memory that can be had");
  }
}

}  // namespace lamella::io
