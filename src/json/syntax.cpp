#include "json/syntax.hpp"

#include <nlohmann/json.hpp>

namespace lamella::json {
namespace {

class Forward final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Forward(Events& events) : events_(events) {}

  bool null() override {
    events_.null();
    return true;
  }
  bool boolean(bool value) override {
    events_.boolean(value);
    return true;
  }
  bool number_integer(number_integer_t value) override {
    events_.negative(value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    events_.whole(value);
    return true;
  }
  bool number_float(number_float_t value, const string_t& text) override {
    events_.real(text, value);
    return true;
  }
  bool string(string_t& value) override {
    events_.string(value);
    return true;
  }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*elements*/) override {
    events_.begin_object();
    return true;
  }
  bool key(string_t& name) override {
    events_.key(name);
    return true;
  }
  bool end_object() override {
    events_.end_object();
    return true;
  }
  bool start_array(std::size_t /*elements*/) override {
    events_.begin_array();
    return true;
  }
  bool end_array() override {
    events_.end_array();
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::json::exception& error) override {
    constexpr int kBeyondDouble = 406;
    error.id == kBeyondDouble ? events_.beyond_range(token) : events_.syntax_error(position);
    return false;
  }

 private:
  Events& events_;
};

}  // namespace

void read(std::string_view text, Events& events) {
  Forward forward(events);
  nlohmann::json::sax_parse(text, &forward);
}

std::string written(double value) {
  return nlohmann::json(value).dump();
}

std::string written(const std::string& text, NotUtf8 not_utf8, bool ascii) {
  using Handler = nlohmann::json::error_handler_t;
  try {
    return nlohmann::json(text).dump(
        -1, ' ', ascii, not_utf8 == NotUtf8::kReplace ? Handler::replace : Handler::strict);
  } catch (const nlohmann::json::exception&) {
    throw Exception("a text is not UTF-8");
  }
}

}  // namespace lamella::json
