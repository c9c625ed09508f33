// JSON's syntax, read and written by nlohmann's library. Its header takes seconds in each file that
// includes it, so syntax.cpp alone does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lamella::json {

// A value is not what it was taken for, a text is not JSON, or one that is to be written not UTF-8.
class Exception : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class NotUtf8 { kThrow, kReplace };

// What a text holds, one after the other: for files of any size, and for those of which nothing is
// to be built before it is known to be wanted.
class Events {
 public:
  Events() = default;
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  virtual ~Events() = default;

  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void negative(std::int64_t value) = 0;
  virtual void whole(std::uint64_t value) = 0;
  // As it is written, with the decimal point of the locale; and as a double.
  virtual void real(const std::string& text, double value) = 0;
  virtual void string(std::string& value) = 0;  // which may be taken
  virtual void begin_object() = 0;
  virtual void key(std::string& name) = 0;  // which may be taken
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  // A number that no double holds. Must throw.
  virtual void beyond_range(const std::string& text) = 0;
  // The text is no JSON, as is seen at this byte, counted from 1. Must throw.
  virtual void syntax_error(std::size_t position) = 0;
};

// Calls the events in order, and lets through what they throw.
void read(std::string_view text, Events& events);

[[nodiscard]] std::string written(double value);

// In quotes. What is not UTF-8 becomes U+FFFD, or makes it throw Exception; what is not ASCII may
// stand as \uXXXX.
[[nodiscard]] std::string written(const std::string& text, NotUtf8 not_utf8, bool ascii);

}  // namespace lamella::json
