// Parses the header as a stream of JSON events, so deep nesting and duplicate keys are rejected
// before anything is built from them.
#include "io/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "io/bytes.hpp"
#include "io/npy.hpp"
#include "io/quote.hpp"
#include "json/syntax.hpp"

namespace lamella::io {
namespace {

constexpr std::size_t kLengthSize = 8;
constexpr std::uint64_t kHeaderLimit = 100'000'000;  // the specification's limit

// One entry of the header.
struct TensorEntry {
  std::string name;
  Encoding encoding;
  std::vector<std::size_t> shape;
  std::vector<std::size_t> offsets;  // [begin, end) within the data
  bool have_type = false;
  bool have_shape = false;
  bool have_offsets = false;
};

Encoding parse_type(const std::string& tensor, const std::string& type) {
  constexpr std::array<std::pair<std::string_view, ElementType>, 4> kTypes = {{
      {"F32", ElementType::kF32},
      {"F16", ElementType::kF16},
      {"BF16", ElementType::kBF16},
      {"F64", ElementType::kF64},
  }};
  for (const auto& [name, element] : kTypes) {
    if (name == type) {
      return {.type = element};
    }
  }
  throw Error(fmt::format("tensor {} has the type {}; F32, F16, BF16 and F64 are understood",
                          in_quotes(tensor), in_quotes(type)));
}

// Handles the parser's events. Its state is the nesting depth and the last key.
class HeaderEvents final : public json::Events {
 public:
  std::vector<TensorEntry> entries;
  std::string activations;
  std::map<std::string, std::string> own;

  void null() override { throw_bad_value("null"); }
  void boolean(bool /*value*/) override { throw_bad_value("a truth value"); }
  void negative(std::int64_t value) override {
    throw_bad_value(fmt::format("the negative number {}", value));
  }
  void whole(std::uint64_t value) override {
    if (!in_list_) {
      throw_bad_value(fmt::format("the number {}", value));
    }
    list().push_back(value);
  }
  void real(const std::string& text, double /*value*/) override {
    throw_bad_value(
        fmt::format("the number {}, which is not a whole number of 64 bits", in_quotes(text)));
  }
  void string(std::string& value) override {
    if (depth_ != 2 || in_list_ || (!in_metadata_ && field_ != "dtype")) {
      throw_bad_value(fmt::format("the text {}", in_quotes(value)));
    }
    if (!in_metadata_) {
      entries.back().encoding = parse_type(entries.back().name, value);
      entries.back().have_type = true;
    } else if (field_ == "activations") {
      activations = value;
    } else if (field_.starts_with("lamella.")) {
      own[field_] = value;
    }
  }

  void begin_object() override {
    if (depth_ == 2 || in_list_) {
      throw_bad_value("an object");
    }
    ++depth_;
  }
  void key(std::string& name) override {
    if (depth_ == 1) {
      if (!names_.insert(name).second) {
        throw Error(fmt::format("the header has the key {} twice", name_in_quotes(name)));
      }
      in_metadata_ = name == "__metadata__";
      metadata_keys_.clear();
      if (!in_metadata_) {
        entries.emplace_back().name = name;
      }
      return;
    }
    field_ = name;
    in_metadata_ ? metadata_key() : entry_key();
  }
  void end_object() override {
    if (depth_ == 2 && !in_metadata_) {
      check_complete(entries.back());
    }
    --depth_;
  }
  void begin_array() override {
    if (depth_ != 2 || in_list_ || in_metadata_ ||
        (field_ != "shape" && field_ != "data_offsets")) {
      throw_bad_value("a list");
    }
    in_list_ = true;
  }
  void end_array() override { in_list_ = false; }
  void beyond_range(const std::string& text) override { real(text, 0); }
  void syntax_error(std::size_t position) override {
    throw Error(fmt::format("the header is not sound JSON at byte {} of it", position));
  }

 private:
  [[noreturn]] void throw_bad_value(const std::string& found) const {
    if (depth_ < 2) {
      throw Error(
          fmt::format("the header holds {} where the description of a tensor is wanted", found));
    }
    throw Error(
        fmt::format("{}: {} holds {}, which does not belong there",
                    in_metadata_ ? "__metadata__" : "tensor " + name_in_quotes(entries.back().name),
                    in_quotes(field_), found));
  }

  std::vector<std::size_t>& list() {
    return field_ == "shape" ? entries.back().shape : entries.back().offsets;
  }

  void metadata_key() {
    if (!metadata_keys_.insert(field_).second) {
      throw Error(fmt::format("__metadata__ has the key {} twice", in_quotes(field_)));
    }
  }

  void entry_key() {
    TensorEntry& entry = entries.back();
    const bool twice = (field_ == "dtype" && entry.have_type) ||
                       (field_ == "shape" && std::exchange(entry.have_shape, true)) ||
                       (field_ == "data_offsets" && std::exchange(entry.have_offsets, true));
    const bool known = field_ == "dtype" || field_ == "shape" || field_ == "data_offsets";
    if (twice || !known) {
      throw Error(fmt::format("tensor {} has the key {}, which is {}", name_in_quotes(entry.name),
                              in_quotes(field_), twice ? "there twice" : "unknown"));
    }
  }

  static void check_complete(const TensorEntry& entry) {
    if (!entry.have_type || !entry.have_shape || !entry.have_offsets) {
      throw Error(fmt::format("tensor {} lacks one of dtype, shape and data_offsets in the header",
                              name_in_quotes(entry.name)));
    }
    if (entry.offsets.size() != 2 || entry.offsets[0] > entry.offsets[1]) {
      throw Error(
          fmt::format("tensor {} has data_offsets [{}]; a begin and an end after it are wanted",
                      name_in_quotes(entry.name), fmt::join(entry.offsets, ", ")));
    }
  }

  int depth_ = 0;
  bool in_list_ = false;
  bool in_metadata_ = false;
  std::string field_;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> metadata_keys_;
};

void check_size(const TensorEntry& entry, std::size_t data_size) {
  const std::size_t begin = entry.offsets[0];
  const std::size_t end = entry.offsets[1];
  if (end > data_size) {
    throw Error(
        fmt::format("tensor {} ends at byte {} of the data, which has only {} bytes; the file is "
                    "truncated or its "
                    "offsets are wrong",
                    name_in_quotes(entry.name), end, data_size));
  }
  std::optional<std::size_t> size = entry.encoding.size();
  for (const std::size_t n : entry.shape) {
    size = size ? core::checked_product(*size, n) : size;
  }
  if (!size || *size != end - begin) {
    throw Error(fmt::format("tensor {} of shape {} takes {} bytes, but its data_offsets give it {}",
                            name_in_quotes(entry.name), shape_text(entry.shape),
                            size ? fmt::to_string(*size) : "more than 2^64", end - begin));
  }
}

// Checks that every byte of the data belongs to exactly one tensor.
void check_cover(const std::vector<TensorEntry>& entries, std::size_t data_size) {
  std::vector<const TensorEntry*> order;
  order.reserve(entries.size());
  for (const TensorEntry& entry : entries) {
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(),
            [](const TensorEntry* a, const TensorEntry* b) { return a->offsets < b->offsets; });
  std::size_t covered = 0;
  for (const TensorEntry* entry : order) {
    if (entry->offsets[0] != covered) {
      throw Error(fmt::format(
          "tensor {} begins at byte {} of the data, where {} was due: {}",
          name_in_quotes(entry->name), entry->offsets[0], covered,
          entry->offsets[0] < covered ? "tensors overlap" : "there is a hole between tensors"));
    }
    covered = entry->offsets[1];
  }
  if (covered != data_size) {
    throw Error(
        fmt::format("the last {} bytes of the data belong to no tensor", data_size - covered));
  }
}

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> first_bytes) {
  return first_bytes.size() > kLengthSize && first_bytes[kLengthSize] == std::byte{'{'};
}

TensorFile read_safetensors(std::span<const std::byte> bytes) {
  const ByteView view(bytes);
  const auto length = view.number<std::uint64_t>(0);
  if (!length) {
    throw Error(fmt::format(
        "is {} bytes long, too short for a safetensors file, which begins with 8 bytes of header "
        "length",
        bytes.size()));
  }
  if (*length > kHeaderLimit) {
    throw Error(fmt::format("says that its header has {} bytes; the format allows {}", *length,
                            kHeaderLimit));
  }
  const auto header = view.part(kLengthSize, *length);
  if (!header) {
    throw Error(
        fmt::format("says that its header has {} bytes, but only {} follow; the file is truncated",
                    *length, bytes.size() - kLengthSize));
  }
  const std::string_view text = as_text(*header);
  if (!text.starts_with('{')) {
    throw Error("has a safetensors header that does not begin with '{'");
  }
  HeaderEvents events;
  json::read(text, events);

  const auto data = bytes.subspan(kLengthSize + header->size());
  for (const TensorEntry& entry : events.entries) {
    check_size(entry, data.size());
  }
  check_cover(events.entries, data.size());

  TensorFile file;
  file.activations = std::move(events.activations);
  file.own = std::move(events.own);
  for (TensorEntry& entry : events.entries) {
    Tensor tensor;
    tensor.name = std::move(entry.name);
    tensor.encoding = entry.encoding;
    tensor.shape = std::move(entry.shape);
    tensor.data = data.subspan(entry.offsets[0], entry.offsets[1] - entry.offsets[0]);
    file.tensors.push_back(std::move(tensor));
  }
  return file;
}

}  // namespace lamella::io
