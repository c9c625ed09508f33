#include <cmath>

#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;

std::string st_rejection(const std::string& file, const LoadOptions& options = {}) {
  return rejection([&] { load(file, options, "m.safetensors"); });
}

// A header for one tensor of 4 bytes, with the value of one key replaced.
std::string header(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return fmt::format("{{\"0.weight\":{{\"dtype\":{},\"shape\":{},\"data_offsets\":{}}}}}", dtype,
                     shape, offsets);
}

TEST(Safetensors, ReadsRandomNetworksBackBitForBit) {
  std::mt19937 generator(5);
  for (int i = 0; i < 30; ++i) {
    std::vector<std::pair<std::string, std::vector<std::size_t>>> shapes;
    std::size_t inputs = 1 + generator() % 40;
    const std::size_t layers = 1 + generator() % 5;
    for (std::size_t l = 0; l < layers; ++l) {
      const std::size_t outputs = 1 + generator() % 40;
      shapes.push_back({fmt::format("{}.weight", 2 * l), {outputs, inputs}});
      shapes.push_back({fmt::format("{}.bias", 2 * l), {outputs}});
      inputs = outputs;
    }
    const auto tensors = random_tensors(shapes);
    const auto loaded = load(safetensors(tensors));
    EXPECT_EQ(loaded.format, "safetensors");
    ASSERT_EQ(loaded.network->layers().size(), layers);
    for (std::size_t l = 0; l < layers; ++l) {
      EXPECT_EQ(raw(loaded.network->layers()[l].weights), tensors[2 * l].data);
      EXPECT_EQ(raw(loaded.network->layers()[l].bias), tensors[2 * l + 1].data);
    }
  }
}

TEST(Safetensors, ReadsEveryFloatType) {
  const std::vector<TestTensor> cases = {{"0.weight", {1, 1}, std::string("\x00\x3E", 2), "F16"},
                                         {"0.weight", {1, 1}, std::string("\xC0\x3F", 2), "BF16"},
                                         {"0.weight", {1, 1}, raw(std::vector<double>{1.5}), "F64"},
                                         {"0.weight", {1, 1}, raw(std::vector<float>{1.5}), "F32"}};
  for (const TestTensor& tensor : cases) {
    EXPECT_THAT(load(safetensors({tensor})).network->layers()[0].weights, ElementsAre(1.5F))
        << tensor.type;
  }
  EXPECT_THAT(st_rejection(safetensors({{"0.weight", {1, 1}, "12345678", "I64"}})),
              HasSubstr("tensor '0.weight' has the type 'I64'"));
}

TEST(Safetensors, TakesActivationsFromItsMetadata) {
  const std::vector<TestTensor> tensors =
      random_tensors({{"0.weight", {2, 3}}, {"1.weight", {1, 2}}});
  const auto loaded =
      load(safetensors(tensors, R"({"format":"pt","activations":"tanh,leaky_relu:0.25"})"));
  EXPECT_EQ(loaded.network->layers()[0].activation, Activation(ActivationKind::kTanh));
  EXPECT_EQ(loaded.network->layers()[1].activation, Activation(ActivationKind::kLeakyRelu, 0.25F));
  EXPECT_TRUE(loaded.notes.empty());
  EXPECT_THAT(st_rejection(safetensors(tensors, R"({"activations":"relu"})")),
              HasSubstr("1 activations for 2 layers"));
  EXPECT_THAT(st_rejection(safetensors(tensors, R"({"activations":"relu,what"})")),
              HasSubstr("what"));
  LoadOptions options;
  options.activations = {ActivationKind::kRelu, ActivationKind::kRelu};
  EXPECT_EQ(load(safetensors(tensors, R"({"activations":"tanh,tanh"})"), options)
                .network->layers()[1]
                .activation.kind,
            ActivationKind::kRelu);
}

TEST(Safetensors, RejectsEveryShorterFile) {
  const std::string sound = safetensors(random_tensors({{"0.weight", {2, 3}}, {"0.bias", {2}}}));
  for (std::size_t size = 0; size < sound.size(); ++size) {
    EXPECT_FALSE(st_rejection(sound.substr(0, size)).empty()) << size;
  }
  EXPECT_THAT(st_rejection(sound + "x"), HasSubstr("last 1 bytes of the data belong to no tensor"));
}

TEST(Safetensors, RejectsHeadersBeyondTheFormatsLimit) {
  EXPECT_THAT(st_rejection(little(std::uint64_t{100'000'001}) + "{}"),
              HasSubstr("100000001 bytes; the format allows 100000000"));
  EXPECT_THAT(st_rejection(little(~std::uint64_t{0}) + "{}"), HasSubstr("the format allows"));
  EXPECT_THAT(st_rejection(little(std::uint64_t{99}) + "{}"),
              HasSubstr("says that its header has 99 bytes, but only 2 follow"));
}

TEST(Safetensors, RejectsOffsetsThatAreNotSound) {
  const std::string data(8, '\0');
  for (const char* offsets : {"[0,4,8]", "[4]", "[8,0]", "[-4,0]", "[0,4.0]",
                              "[0,18446744073709551616]", "[0,[4]]", "4", "null"}) {
    EXPECT_THAT(st_rejection(safetensors_with(header("\"F32\"", "[1,1]", offsets), data)),
                HasSubstr("data_offsets"))
        << offsets;
  }
  EXPECT_THAT(st_rejection(safetensors_with(header("\"F32\"", "[1,1]", "[8,12]"), data)),
              HasSubstr("ends at byte 12"));
  EXPECT_THAT(st_rejection(safetensors_with(header("\"F32\"", "[1,1]", "[4,8]"), data)),
              HasSubstr("there is a hole"));
  EXPECT_THAT(st_rejection(safetensors_with(header("\"F32\"", "[1,1]", "[0,8]"), data)),
              HasSubstr("takes 4 bytes, but its data_offsets give it 8"));
  EXPECT_THAT(
      st_rejection(safetensors_with(header("\"F32\"", "[4294967296,4294967296]", "[0,8]"), data)),
      HasSubstr("more than 2^64"));
  const std::string overlapping =
      R"({"0.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  EXPECT_THAT(st_rejection(safetensors_with(overlapping, std::string(4, '\0'))),
              HasSubstr("overlap"));
}

TEST(Safetensors, RejectsHeadersOfAnotherForm) {
  for (const char* text :
       {"{", "{}x", "{\"a\":1}", "{\"a\":{\"dtype\":1}}", "{\"a\":{\"shape\":\"x\"}}", "{\"a\":[]}",
        "{\"a\":{\"dtype\":{\"b\":1}}}", "{\"__metadata__\":{\"a\":1}}",
        "{\"__metadata__\":{\"a\":{}}}", "{\"__metadata__\":[]}", "{\"a\":{\"more\":1}}",
        "{\"a\":{}}", "{\"\xFF\":{}}", "{'a':{}}"}) {
    EXPECT_FALSE(st_rejection(safetensors_with(text, "")).empty()) << text;
  }
  EXPECT_THAT(st_rejection(safetensors_with("{\"a\":" + std::string(1000000, '['), "")),
              HasSubstr("a list"));
  EXPECT_THAT(st_rejection(safetensors_with("{\"0.weight\":{\"shape\":[1,1],\"shape\":[1,1]", "")),
              HasSubstr("'shape', which is there twice"));
  const std::string once = header("\"F32\"", "[1,1]", "[0,4]");
  const std::string twice = once.substr(0, once.size() - 1) + "," + once.substr(1);
  EXPECT_THAT(st_rejection(safetensors_with(twice, "1234")), HasSubstr("the key '0.weight' twice"));
  EXPECT_THAT(st_rejection(safetensors_with(R"({"__metadata__":{"a":"","a":""}})", "")),
              HasSubstr("twice"));
}

TEST(Safetensors, RejectsWeightsThatAreNotFiniteUnlessAllowed) {
  const std::string file = safetensors({{"0.weight", {1, 2}, raw(std::vector<float>{1, NAN})}});
  EXPECT_THAT(st_rejection(file), HasSubstr("tensor '0.weight': value 1 is nan, not finite"));
  LoadOptions options;
  options.allow_nonfinite = true;
  EXPECT_TRUE(std::isnan(load(file, options).network->layers()[0].weights[1]));
}

}  // namespace
}  // namespace lamella::io
