// A written network reads back bit for bit.
#include <limits>

#include "io/safetensors_writer.hpp"
#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::HasSubstr;

void expect_same(const Network& read, const Network& written) {
  ASSERT_EQ(read.layers().size(), written.layers().size());
  for (std::size_t i = 0; i < read.layers().size(); ++i) {
    EXPECT_EQ(read.layers()[i].inputs, written.layers()[i].inputs);
    EXPECT_EQ(read.layers()[i].outputs, written.layers()[i].outputs);
    EXPECT_EQ(raw(read.layers()[i].weights), raw(written.layers()[i].weights));
    EXPECT_EQ(raw(read.layers()[i].bias), raw(written.layers()[i].bias));
    EXPECT_EQ(read.layers()[i].activation, written.layers()[i].activation);
  }
  EXPECT_EQ(read.names(), written.names());
  ASSERT_EQ(read.input_steps().size(), written.input_steps().size());
  for (std::size_t i = 0; i < read.input_steps().size(); ++i) {
    EXPECT_EQ(read.input_steps()[i], written.input_steps()[i]);
  }
}

TEST(SafetensorsWriter, RandomNetworksComeBackBitForBit) {
  std::mt19937 generator(11);
  const auto draw = [&](unsigned limit) { return static_cast<std::size_t>(generator() % limit); };
  const auto values = [&](std::size_t count) {
    std::vector<float> some(count);
    std::normal_distribution<float> normal;
    for (float& v : some) {
      v = normal(generator);
    }
    return some;
  };
  const std::vector<std::string> odd = {"",      "a,b", "\"quoted\"", "tab\tline\n",
                                        "größe", "[]",  "\\"};
  const TemporaryFolder folder;
  for (int n = 0; n < 60; ++n) {
    SCOPED_TRACE(n);
    std::vector<Layer> layers;
    std::size_t inputs = 1 + draw(20);
    const std::size_t first = inputs;
    const std::size_t count = 1 + draw(12);
    for (std::size_t l = 0; l < count; ++l) {
      const std::size_t outputs = 1 + draw(20);
      const bool last = l + 1 == count;
      const auto kind = static_cast<ActivationKind>(draw(last ? 16 : 14));
      Activation activation(kind);
      if (activation.a != 0 || kind == ActivationKind::kClip) {  // a kind with parameters
        activation.a = kind == ActivationKind::kClip ? -0.1F : 0.3F;
        activation.b = activation.b != 0 || kind == ActivationKind::kClip ? 1.7F : 0;
      }
      layers.push_back({inputs, outputs, values(inputs * outputs),
                        values(draw(3) == 0 ? 0 : outputs), activation});
      inputs = outputs;
    }
    NetworkNames names;
    for (std::size_t i = 0; n % 3 == 0 && i < first; ++i) {
      names.inputs.push_back(odd[draw(7)]);
    }
    for (std::size_t i = 0; n % 3 == 1 && i < inputs; ++i) {
      names.outputs.push_back(odd[draw(7)]);
      names.classes.push_back(odd[draw(7)]);
    }
    std::vector<InputStep> steps;
    for (std::size_t i = draw(4); i > 0; --i) {
      const auto kind = static_cast<InputStep::Kind>(draw(5));
      steps.push_back({kind, kind == InputStep::Kind::kClip
                                 ? std::vector<float>{-std::numeric_limits<float>::infinity(), 0.1F}
                                 : values(first)});
    }
    const Network network(std::move(layers), names, {}, std::move(steps));
    const std::string file = folder.file("model.safetensors");
    save_network(network, file);
    const LoadedNetwork loaded = load_network(file);
    EXPECT_TRUE(loaded.notes.empty());
    expect_same(*loaded.network, network);
  }
  EXPECT_EQ(folder.count(), 1U) << "a temporary file is left";
}

TEST(SafetensorsWriter, RejectsWhatTheFormatCannotHold) {
  const TemporaryFolder folder;
  const Network network({{1, 1, {1}, {}, {}}}, {.inputs = {"\xff"}, .outputs = {}, .classes = {}});
  EXPECT_THAT(rejection([&] { save_network(network, folder.file("m.safetensors")); }),
              HasSubstr("UTF-8"));
  EXPECT_THAT(rejection([&] { save_network(network, folder.file("m.npz")); }), HasSubstr("m.npz"));
  EXPECT_EQ(folder.count(), 0U);
}

TEST(SafetensorsWriter, MetadataOfItsOwnIsCheckedWhenRead) {
  const auto tensors = random_tensors({{"0.weight", {2, 3}}});
  const auto rejected = [&](const std::string& metadata) {
    return rejection([&] { load(safetensors(tensors, metadata), {}, "m.safetensors"); });
  };
  EXPECT_THAT(rejected(R"({"lamella.format":"2"})"), HasSubstr("format '2'"));
  EXPECT_THAT(rejected(R"({"lamella.input_steps":"frob"})"), HasSubstr("'frob'"));
  EXPECT_THAT(rejected(R"({"lamella.input_steps":"add"})"), HasSubstr("'input_steps.0'"));
  for (const char* const names : {"x", "{}", "[1,2,3]", "[[\\\"a\\\"],1,2]", "[\\\"a\\\""}) {
    EXPECT_THAT(rejected(std::string(R"({"lamella.input_names":")") + names + "\"}"),
                HasSubstr("not a JSON list of texts"))
        << names;
  }
  EXPECT_THAT(rejected(R"({"lamella.input_names":"[\"a\"]"})"), HasSubstr("1 input names"));
}

}  // namespace
}  // namespace lamella::io
