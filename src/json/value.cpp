#include "json/value.hpp"

#include <algorithm>
#include <type_traits>
#include <unordered_map>

namespace lamella::json {
namespace {

// Prints values at the end of a text.
class Printer {
 public:
  Printer(const Format& format, std::string& text) : format_(format), text_(text) {}

  void operator()(std::nullptr_t) { text_ += "null"; }
  void operator()(bool value) { text_ += value ? "true" : "false"; }
  void operator()(std::int64_t value) { text_ += std::to_string(value); }
  void operator()(std::uint64_t value) { text_ += std::to_string(value); }
  void operator()(double value) { text_ += written(value); }
  void operator()(const std::string& value) {
    text_ += written(value, format_.not_utf8, format_.ascii);
  }
  void operator()(const Value::Array& values) {
    list('[', values, ']', [this](const Value& value) { value.visit(*this); });
  }
  void operator()(const Value::Object& members) {
    list('{', members, '}', [this](const auto& member) {
      (*this)(member.first);
      text_ += format_.indentation < 0 ? ":" : ": ";
      member.second.visit(*this);
    });
  }

 private:
  template <class Entries, class Print>
  void list(char open, const Entries& entries, char close, const Print& print) {
    text_ += open;
    ++depth_;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      text_ += i == 0 ? "" : ",";
      break_line();
      print(entries[i]);
    }
    --depth_;
    if (!entries.empty()) {
      break_line();
    }
    text_ += close;
  }

  void break_line() {
    if (format_.indentation >= 0) {
      text_ += '\n';
      text_.append(static_cast<std::size_t>(format_.indentation) * depth_, ' ');
    }
  }

  const Format& format_;
  std::string& text_;
  std::size_t depth_ = 0;
};

// Builds a value of the parser's events. Of repeated keys the last value counts.
class Builder final : public Events {
 public:
  Value built;

  void null() override { put(nullptr); }
  void boolean(bool value) override { put(value); }
  void negative(std::int64_t value) override { put(value); }
  void whole(std::uint64_t value) override { put(value); }
  void real(const std::string& /*text*/, double value) override { put(value); }
  void string(std::string& value) override { put(std::move(value)); }
  void begin_object() override { open(true); }
  void key(std::string& name) override { open_.back().key = std::move(name); }
  void end_object() override { close(); }
  void begin_array() override { open(false); }
  void end_array() override { close(); }
  void beyond_range(const std::string& text) override {
    throw Exception(text + " is beyond the range of a double");
  }
  void syntax_error(std::size_t position) override {
    throw Exception("is not JSON at byte " + std::to_string(position));
  }

 private:
  // An object or array whose end has not been read.
  struct Open {
    bool is_object = false;
    Value::Array entries;
    Value::Object members;
    std::unordered_map<std::string, std::size_t> places;  // of the members, by key
    std::string key;                                      // of the next member
  };

  void put(Value value) {
    if (open_.empty()) {
      built = std::move(value);
      return;
    }
    Open& parent = open_.back();
    if (!parent.is_object) {
      parent.entries.push_back(std::move(value));
      return;
    }
    const auto [place, is_new] = parent.places.try_emplace(parent.key, parent.members.size());
    if (is_new) {
      parent.members.emplace_back(std::move(parent.key), std::move(value));
    } else {
      parent.members[place->second].second = std::move(value);
    }
  }

  void open(bool is_object) {
    if (open_.size() == kMaxDepth) {
      throw Exception("nests too deeply");
    }
    open_.push_back(
        {.is_object = is_object, .entries = {}, .members = {}, .places = {}, .key = {}});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    put(done.is_object ? Value::object(std::move(done.members)) : Value(std::move(done.entries)));
  }

  std::vector<Open> open_;
};

[[noreturn]] void reject(const char* wanted) {
  throw Exception(std::string("is no ") + wanted);
}

bool is_member(const Value& value) {
  const auto* const pair = value.if_array();
  return pair != nullptr && pair->size() == 2 && pair->front().if_string() != nullptr;
}

}  // namespace

Value::Value() noexcept = default;
Value::Value(std::nullptr_t) noexcept {}
Value::Value(const char* text) : value_(std::string(text)) {}
Value::Value(std::string_view text) : value_(std::string(text)) {}
Value::Value(std::string text) noexcept : value_(std::move(text)) {}
Value::Value(Array values) noexcept : value_(std::move(values)) {}
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

Value::Value(std::initializer_list<Value> values) {
  if (!std::all_of(values.begin(), values.end(), is_member)) {
    Array entries;
    for (const Value& value : values) {
      entries.emplace_back().value_ = std::move(value.value_);
    }
    value_ = std::move(entries);
    return;
  }
  Object members;
  for (const Value& pair : values) {
    auto& entries = std::get<Array>(pair.value_);
    members.emplace_back(std::move(std::get<std::string>(entries[0].value_)),
                         std::move(entries[1]));
  }
  value_ = std::move(members);
}

Value Value::array() {
  return Array();
}

Value Value::object(Object members) {
  Value value;
  value.value_ = std::move(members);
  return value;
}
Value Value::object() {
  Value value;
  value.value_ = Object();
  return value;
}

void Value::push_back(Value value) {
  if (std::holds_alternative<std::nullptr_t>(value_)) {
    value_ = Array();
  }
  if (if_array() == nullptr) {
    reject("list");
  }
  std::get<Array>(value_).push_back(std::move(value));
}

Value& Value::back() {
  if (if_array() == nullptr || if_array()->empty()) {
    reject("list with entries");
  }
  return std::get<Array>(value_).back();
}

Value& Value::operator[](std::string_view key) {
  if (std::holds_alternative<std::nullptr_t>(value_)) {
    value_ = Object();
  }
  if (if_object() == nullptr) {
    reject("object");
  }
  auto& members = std::get<Object>(value_);
  const auto found = std::find_if(members.begin(), members.end(),
                                  [key](const auto& member) { return member.first == key; });
  return found != members.end() ? found->second
                                : members.emplace_back(std::string(key), Value()).second;
}

void Value::set(const Value& object) {
  if (object.if_object() == nullptr) {
    reject("object");
  }
  for (const auto& [key, value] : *object.if_object()) {
    (*this)[key] = value;
  }
}

const Value::Array* Value::if_array() const noexcept {
  return std::get_if<Array>(&value_);
}
const Value::Object* Value::if_object() const noexcept {
  return std::get_if<Object>(&value_);
}
const std::string* Value::if_string() const noexcept {
  return std::get_if<std::string>(&value_);
}
const std::uint64_t* Value::if_unsigned() const noexcept {
  return std::get_if<std::uint64_t>(&value_);
}
bool Value::is_number() const noexcept {
  return std::holds_alternative<double>(value_) || std::holds_alternative<std::int64_t>(value_) ||
         std::holds_alternative<std::uint64_t>(value_);
}

const std::string& Value::string() const {
  return if_string() != nullptr ? *if_string() : (reject("text"), *if_string());
}

std::vector<std::string> Value::strings() const {
  if (if_array() == nullptr) {
    reject("list");
  }
  std::vector<std::string> texts;
  for (const Value& value : *if_array()) {
    texts.push_back(value.string());
  }
  return texts;
}

double Value::number() const {
  return std::visit(
      [](const auto& value) -> double {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
          return static_cast<double>(value);
        } else {
          reject("number");
        }
      },
      value_);
}

const Value& Value::at(std::string_view key) const {
  const Value* const found = find(key);
  if (found == nullptr) {
    throw Exception("has no key '" + std::string(key) + "'");
  }
  return *found;
}

const Value* Value::find(std::string_view key) const noexcept {
  if (if_object() == nullptr) {
    return nullptr;
  }
  for (const auto& member : *if_object()) {
    if (member.first == key) {
      return &member.second;
    }
  }
  return nullptr;
}

std::string Value::text(const Format& format) const {
  std::string text;
  Printer printer(format, text);
  visit(printer);
  return text;
}

bool Value::operator==(const Value& other) const {
  return value_ == other.value_;
}

Value parse(std::string_view text) {
  Builder builder;
  read(text, builder);
  return std::move(builder.built);
}

}  // namespace lamella::json
