// Splits a name into words and numbers ("net.fc10.weight": net, fc, 10, weight). The last word, or
// the last word before a final number ("W1", "coefs_0"), says weights or bias; the rest identifies
// the layer.
#include "io/layer_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/npy.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

struct Role {
  std::string_view word;
  bool is_bias;
  NameStyle style;
};

constexpr std::array kRoles = {
    Role{"weight", false, NameStyle::kTorch},     Role{"weights", false, NameStyle::kNeutral},
    Role{"w", false, NameStyle::kNeutral},        Role{"kernel", false, NameStyle::kKeras},
    Role{"kernels", false, NameStyle::kKeras},    Role{"coef", false, NameStyle::kKeras},
    Role{"coefs", false, NameStyle::kKeras},      Role{"bias", true, NameStyle::kNeutral},
    Role{"biases", true, NameStyle::kNeutral},    Role{"b", true, NameStyle::kNeutral},
    Role{"intercept", true, NameStyle::kNeutral}, Role{"intercepts", true, NameStyle::kNeutral},
};

struct Word {
  std::string text;
  std::optional<std::int64_t> number;
};

struct ParsedName {
  std::string scheme;  // the words, with # for each number
  std::vector<std::int64_t> numbers;
  Role role = kRoles[0];
  bool number_last = false;  // W1 rather than fc1.weight
  std::string stem;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_separator(char c) {
  return std::string_view("._/:- ").find(c) != std::string_view::npos;
}

std::vector<Word> words_of(std::string_view name) {
  std::vector<Word> words;
  std::size_t at = 0;
  while (at < name.size()) {
    if (is_separator(name[at])) {
      ++at;
      continue;
    }
    const bool digits = is_digit(name[at]);
    std::size_t end = at;
    while (end < name.size() && !is_separator(name[end]) && is_digit(name[end]) == digits) {
      ++end;
    }
    Word word = {.text = std::string(name.substr(at, end - at)), .number = std::nullopt};
    std::int64_t number = 0;
    if (digits && std::from_chars(name.data() + at, name.data() + end, number).ec == std::errc()) {
      word.number = number;
    }
    words.push_back(std::move(word));
    at = end;
  }
  return words;
}

std::optional<Role> role_of(const Word& word) {
  std::string lower = word.text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  const auto* role =
      std::find_if(kRoles.begin(), kRoles.end(), [&](const Role& r) { return r.word == lower; });
  return role == kRoles.end() ? std::nullopt : std::optional(*role);
}

std::optional<ParsedName> parse_name(std::string_view name) {
  if (name.ends_with(":0")) {  // TensorFlow's suffix for a variable's first output
    name.remove_suffix(2);
  }
  std::vector<Word> words = words_of(name);
  ParsedName parsed;
  std::optional<Role> role;
  if (!words.empty()) {
    role = role_of(words.back());
    if (role) {
      words.pop_back();
    } else if (words.size() > 1 && words.back().number) {
      role = role_of(words[words.size() - 2]);
      words.erase(words.end() - 2);
      parsed.number_last = true;
    }
  }
  if (!role) {
    return std::nullopt;
  }
  parsed.role = *role;
  for (const Word& word : words) {
    parsed.scheme += (word.number ? "#" : word.text) + '.';
    parsed.stem += (parsed.stem.empty() ? "" : ".") + word.text;
    if (word.number) {
      parsed.numbers.push_back(*word.number);
    }
  }
  return parsed;
}

// A layer under construction.
struct Place {
  std::optional<std::size_t> weights;
  std::optional<std::size_t> bias;
  std::string stem;
  bool number_last = false;
};
using Places = std::map<std::vector<std::int64_t>, Place>;  // by layer number, ascending

// Keras names its layers dense, dense_1, dense_2: the unnumbered one is first.
void join_unnumbered(std::map<std::string, Places>& schemes) {
  for (auto scheme = schemes.begin(); scheme != schemes.end();) {
    const auto numbered = schemes.find(scheme->first + "#.");
    if (numbered == schemes.end() || numbered == scheme) {
      ++scheme;
      continue;
    }
    for (auto& [numbers, place] : scheme->second) {
      std::vector<std::int64_t> first = numbers;
      first.push_back(-1);
      numbered->second.emplace(std::move(first), std::move(place));
    }
    scheme = schemes.erase(scheme);
  }
}

// W1, W2, W4 means a lost layer; 0.weight, 2.weight merely has an activation between.
void check_consecutive(const Places& places, const std::vector<Tensor>& tensors) {
  const std::vector<std::int64_t>* previous = nullptr;
  for (const auto& [numbers, place] : places) {
    const bool first_is_late = previous == nullptr && numbers.size() == 1 && numbers.back() > 1;
    const bool skips = previous != nullptr && previous->size() == numbers.size() &&
                       std::equal(numbers.begin(), numbers.end() - 1, previous->begin()) &&
                       numbers.back() != previous->back() + 1;
    if (place.number_last && (first_is_late || skips)) {
      throw Error(fmt::format("layer {} is missing before {}", numbers.back() - 1,
                              name_in_quotes(tensors[*place.weights].name)));
    }
    previous = &numbers;
  }
}

NamedChain chain_of(const Places& places, const std::vector<Tensor>& tensors) {
  NamedChain chain;
  for (const auto& [numbers, place] : places) {
    if (!place.weights) {
      throw Error(fmt::format("bias {} has no weights with the same name",
                              name_in_quotes(tensors[*place.bias].name)));
    }
    chain.push_back({.weights = *place.weights, .bias = place.bias, .stem = place.stem});
  }
  check_consecutive(places, tensors);
  return chain;
}

}  // namespace

NamedLayers find_layers(const std::vector<Tensor>& tensors) {
  NamedLayers layers;
  std::map<std::string, Places> schemes;
  bool first_weights = true;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = tensors[i].name;
    const auto parsed = parse_name(name);
    if (!parsed) {
      throw Error(
          fmt::format("tensor {} of shape {} is neither weights nor bias of a dense layer by its "
                      "name; names such "
                      "as 0.weight and 0.bias, fc1.weight, W1 and b1 are understood",
                      name_in_quotes(name), shape_text(tensors[i].shape)));
    }
    Place& place = schemes[parsed->scheme][parsed->numbers];
    place.stem = parsed->stem;
    place.number_last = parsed->number_last;
    auto& entry = parsed->role.is_bias ? place.bias : place.weights;
    if (entry) {
      throw Error(fmt::format("tensors {} and {} both name the {} of one layer",
                              name_in_quotes(tensors[*entry].name), name_in_quotes(name),
                              parsed->role.is_bias ? "bias" : "weights"));
    }
    entry = i;
    if (!parsed->role.is_bias) {
      const NameStyle style = parsed->number_last && parsed->role.style == NameStyle::kTorch
                                  ? NameStyle::kNeutral
                                  : parsed->role.style;
      layers.style = first_weights || layers.style == style ? style : NameStyle::kNeutral;
      first_weights = false;
    }
  }
  join_unnumbered(schemes);
  for (const auto& [scheme, places] : schemes) {
    layers.chains.push_back(chain_of(places, tensors));
  }
  return layers;
}

}  // namespace lamella::io
