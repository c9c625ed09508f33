// A JSON value: built, looked at and printed.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "json/syntax.hpp"

namespace lamella::json {

struct Format {
  int indentation = -1;  // below 0: all on one line
  NotUtf8 not_utf8 = NotUtf8::kReplace;
  bool ascii = false;  // what is not ASCII as \uXXXX
};

class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<std::pair<std::string, Value>>;  // in the order of insertion

  Value() noexcept;  // null
  Value(std::nullptr_t) noexcept;
  Value(const char* text);
  Value(std::string_view text);
  Value(std::string text) noexcept;
  template <std::same_as<bool> T>
  Value(T value) noexcept : value_(value) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Value(T value)
  noexcept : value_(std::uint64_t{value}) {}
  template <std::signed_integral T>
  Value(T value) noexcept {
    if (value < 0) {
      value_ = std::int64_t{value};
    } else {
      value_ = static_cast<std::uint64_t>(value);
    }
  }
  template <std::floating_point T>
  Value(T value) noexcept : value_(static_cast<double>(value)) {}
  template <class T>
  Value(const std::vector<T>& values) : Value(Array(values.begin(), values.end())) {}
  Value(Array values) noexcept;
  // {{"a", 1}, {"b", 2}} is an object, as is all that has pairs of a text and a value alone; else
  // an array.
  Value(std::initializer_list<Value> values);
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  [[nodiscard]] static Value array();
  [[nodiscard]] static Value object();
  // members must have different keys.
  [[nodiscard]] static Value object(Object members);

  // As an array, which null becomes.
  void push_back(Value value);
  [[nodiscard]] Value& back();

  // As an object, which null becomes: the value of a key, null where there is none yet.
  Value& operator[](std::string_view key);
  void set(const Value& object);  // all of its keys

  // What a value is; nothing where it is something else.
  [[nodiscard]] const Array* if_array() const noexcept;
  [[nodiscard]] const Object* if_object() const noexcept;
  [[nodiscard]] const std::string* if_string() const noexcept;
  [[nodiscard]] const std::uint64_t* if_unsigned() const noexcept;  // a whole number from 0 up
  [[nodiscard]] bool is_number() const noexcept;

  // These throw Exception where the value is something else.
  [[nodiscard]] const std::string& string() const;
  [[nodiscard]] std::vector<std::string> strings() const;
  [[nodiscard]] double number() const;
  [[nodiscard]] const Value& at(std::string_view key) const;

  // Null where a value is no object, or has not the key.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;

  // Throws Exception where the format says so.
  [[nodiscard]] std::string text(const Format& format = {}) const;

  // Calls it with what the value holds.
  template <class Visitor>
  void visit(Visitor& visitor) const {
    std::visit(visitor, value_);
  }

  bool operator==(const Value& other) const;

 private:
  // A signed whole number is negative.
  // Mutable, so that it can be taken out of a list's values, which are const and nobody else's.
  mutable std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string,
                       Array, Object>
      value_;
};

// Nothing is built of a text that nests deeper than kMaxDepth, which is an error like any other.
// Throws Exception.
constexpr std::size_t kMaxDepth = 64;
[[nodiscard]] Value parse(std::string_view text);

}  // namespace lamella::json
