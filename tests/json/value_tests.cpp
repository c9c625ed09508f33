#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/value.hpp"

namespace lamella::json {
namespace {

TEST(JsonValue, IsWrittenInTheOrderOfItsKeys) {
  const std::vector<std::string> names = {"x", "y"};
  Value value = {{"b", 1}, {"a", {1.5, -2, true, nullptr}}, {"names", names}};
  value["empty"] = Value::array();
  value["b"] = Value::object();
  EXPECT_EQ(value.text(), R"({"b":{},"a":[1.5,-2,true,null],"names":["x","y"],"empty":[]})");
  EXPECT_EQ(value.text({.indentation = 2}),
            "{\n  \"b\": {},\n  \"a\": [\n    1.5,\n    -2,\n    true,\n    null\n  ],\n"
            "  \"names\": [\n    \"x\",\n    \"y\"\n  ],\n  \"empty\": []\n}");
}

TEST(JsonValue, WritesNumbersThatReadBackAsTheSame) {
  EXPECT_EQ(Value(0.1).text(), "0.1");
  EXPECT_EQ(Value(3.0).text(), "3.0");
  EXPECT_EQ(Value(1e-5).text(), "1e-05");
  EXPECT_EQ(Value(std::numeric_limits<std::uint64_t>::max()).text(), "18446744073709551615");
  EXPECT_EQ(Value(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
  EXPECT_EQ(Value(std::numeric_limits<double>::infinity()).text(), "null");
}

TEST(JsonValue, WritesTextsThatAreNotUtf8AsTheFormatSays) {
  const Value value = "\"\n\xC3\xA4\xFF";
  EXPECT_EQ(value.text(), "\"\\\"\\n\xC3\xA4\xEF\xBF\xBD\"");
  EXPECT_EQ(value.text({.ascii = true}), R"("\"\n\u00e4\ufffd")");
  EXPECT_THROW((void)value.text({.not_utf8 = NotUtf8::kThrow}), Exception);
  EXPECT_THROW((void)Value({{"\xFF", 1}}).text({.not_utf8 = NotUtf8::kThrow}), Exception);
}

TEST(JsonValue, IsWhatWasRead) {
  const std::string text = R"({"a":[1,-1,2.5,"t",{}],"b":{"c":null}})";
  const Value value = parse(text);
  EXPECT_EQ(value.text(), text);
  EXPECT_EQ(value, Value({{"a", {1U, -1, 2.5F, "t", Value::object()}}, {"b", {{"c", nullptr}}}}));
  EXPECT_EQ(*value.at("a").if_array()->at(0).if_unsigned(), 1U);
  EXPECT_EQ(value.at("a").if_array()->at(1).number(), -1);
  EXPECT_EQ(value.at("a").if_array()->at(3).string(), "t");
  EXPECT_EQ(value.find("c"), nullptr);
}

TEST(JsonValue, SaysThatItIsNotWhatWasWanted) {
  const Value value = {{"a", 1}};
  EXPECT_THROW((void)value.at("b"), Exception);
  EXPECT_THROW((void)value.string(), Exception);
  EXPECT_THROW((void)value.number(), Exception);
  EXPECT_THROW((void)value.strings(), Exception);
  EXPECT_THROW((void)parse("[1]").strings(), Exception);
  EXPECT_THROW(Value(1).push_back(2), Exception);
  EXPECT_THROW(Value("a")["b"] = 1, Exception);
}

TEST(JsonValue, OfRepeatedKeysTheLastCounts) {
  EXPECT_EQ(parse(R"({"a": 1, "b": 2, "a": 3})"), Value({{"a", 3}, {"b", 2}}));
}

// Within a second, also under a sanitizer: a linear search for each key would take minutes.
TEST(JsonValue, HoldsManyKeys) {
  constexpr int kKeys = 200'000;
  std::string text = "{";
  for (int i = 0; i < kKeys; ++i) {
    text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":" + std::to_string(i);
  }
  const Value value = parse(text + "}");
  ASSERT_NE(value.if_object(), nullptr);
  ASSERT_EQ(value.if_object()->size(), std::size_t{kKeys});
  EXPECT_EQ(value.if_object()->back().second.number(), kKeys - 1);
}

TEST(JsonValue, IsNotBuiltOfWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,]", "nul", "1 2", "\"\xFF\"", "1e999"}) {
    EXPECT_THROW((void)parse(text), Exception) << text;
  }
  const auto nested = [](std::size_t depth) {
    return parse(std::string(depth, '[') + std::string(depth, ']'));
  };
  EXPECT_NO_THROW((void)nested(kMaxDepth));
  EXPECT_THROW((void)nested(kMaxDepth + 1), Exception);
  EXPECT_THROW((void)nested(1'000'000), Exception);
}

}  // namespace
}  // namespace lamella::json
