#include "cli/options.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::cli {

void ModelArguments::add_to(CLI::App& app) {
  app.add_option("MODEL", file, "the trained network: .safetensors, .npz or .onnx")
      ->type_name("FILE")
      ->required();
  app.add_option("--activations", activations,
                 "one per layer, as relu,relu,identity; without it what the file says, else relu "
                 "and identity on the last layer")
      ->type_name("A,...");
  app.add_option("--weights-layout", weights_layout,
                 "auto; out-in: [outputs x inputs] as PyTorch stores them; in-out: as Keras does")
      ->type_name("LAYOUT");
  app.add_flag("--no-fold", no_fold,
               "keep a model's scalers as input steps instead of folding them into layer 1");
  app.add_flag("--allow-nonfinite", allow_nonfinite, "take NaN and infinities among the weights");
}

LoadedNetwork ModelArguments::load() const {
  LoadOptions options;
  if (!activations.empty()) {
    options.activations = parse_activations(activations);
  }
  options.weights_layout = parse_weights_layout(weights_layout);
  options.allow_nonfinite = allow_nonfinite;
  options.fold = !no_fold;
  return load_network(file, options);
}

void refuse_empty_values(CLI::App& app) {
  for (CLI::Option* const option : app.get_options()) {
    if (option->get_items_expected_max() > 0) {  // no flag
      option->check(CLI::Validator(
          [](const std::string& value) {
            return value.empty() ? std::string("the value is empty") : std::string();
          },
          ""));
    }
  }
}

std::size_t parse_count(std::string_view option, std::string_view text, std::size_t most) {
  std::size_t count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc() || end != last || count == 0 || count > most) {
    const std::string limit = most == std::numeric_limits<std::size_t>::max()
                                  ? std::string("1 up")
                                  : fmt::format("1 to {}", most);
    throw UsageError(
        fmt::format("{} is '{}': a whole number from {} is wanted", option, text, limit));
  }
  return count;
}

std::vector<std::string> parse_list(std::string_view option, std::string_view text) {
  std::vector<std::string> entries;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end == begin) {
      throw UsageError(
          fmt::format("{} is '{}': entry {} is empty; a comma-separated list is wanted", option,
                      text, entries.size() + 1));
    }
    entries.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return entries;
}

}  // namespace lamella::cli
