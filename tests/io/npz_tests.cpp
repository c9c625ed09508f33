#include <numeric>

#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAreArray;
using testing::HasSubstr;

std::vector<TestTensor> small_network() {
  return random_tensors(
      {{"0.weight", {4, 3}}, {"0.bias", {4}}, {"2.weight", {2, 4}}, {"2.bias", {2}}});
}

std::string npz_rejection(const std::string& file) {
  return rejection([&] { load(file, {}, "model.npz"); });
}

TEST(Npz, ReadsStoredDeflatedAndZip64ToTheSameBits) {
  const auto tensors = small_network();
  const auto plain = load(npz(tensors));
  EXPECT_EQ(plain.format, "npz");
  for (const bool deflate : {false, true}) {
    for (const bool zip64 : {false, true}) {
      ZipOptions options;
      options.deflate = deflate;
      options.zip64 = zip64;
      const auto other = load(npz(tensors, options));
      for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(bits(other.network->layers()[i].weights),
                  bits(plain.network->layers()[i].weights));
        EXPECT_EQ(raw(other.network->layers()[i].bias), tensors[2 * i + 1].data);
      }
    }
  }
}

TEST(Npz, ReadsEveryOrderAndTypeOfWeights) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6};
  const std::vector<float> floats(values.begin(), values.end());
  const auto weights_of = [](const std::string& array) {
    return load(zip({{"0.weight.npy", array},
                     {"0.bias.npy", npy("<f4", {2}, std::string(8, '\0'))}}))
        .network->layers()[0]
        .weights;
  };
  EXPECT_EQ(weights_of(npy("<f4", {2, 3}, raw(floats))), floats);
  EXPECT_EQ(weights_of(npy(">f8", {2, 3}, raw(values, true))), floats);
  EXPECT_EQ(weights_of(npy("<i8", {2, 3}, raw(std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}))),
            floats);
  EXPECT_THAT(weights_of(npy("<f4", {2, 3}, raw(floats), true)),
              ElementsAreArray({1, 3, 5, 2, 4, 6}));
  // [inputs x outputs], deduced from the bias length, in both storage orders.
  EXPECT_THAT(weights_of(npy("<f4", {3, 2}, raw(floats))), ElementsAreArray({1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(weights_of(npy("<f4", {3, 2}, raw(floats), true)), floats);
}

TEST(Npz, RejectsDamagedArchives) {
  const std::string sound = npz(small_network());
  for (std::size_t size = 4; size < sound.size(); ++size) {
    EXPECT_THAT(npz_rejection(sound.substr(0, size)), HasSubstr("zip archive")) << size;
  }
  ZipOptions wrong_crc;
  wrong_crc.wrong_crc = true;
  EXPECT_THAT(npz_rejection(npz(small_network(), wrong_crc)), HasSubstr("CRC"));
  wrong_crc.deflate = true;
  EXPECT_THAT(npz_rejection(npz(small_network(), wrong_crc)), HasSubstr("CRC"));
  EXPECT_THAT(npz_rejection("not a zip"), HasSubstr("not a zip archive"));
  EXPECT_THAT(npz_rejection(zip({})), HasSubstr("holds no tensors"));
}

TEST(Npz, RejectsSizesThatAreNotTrue) {
  for (const std::int64_t error : {-100, -1, 1, 100}) {
    ZipOptions options;
    options.deflate = options.zip64 = true;
    options.size_error = error;
    EXPECT_THAT(npz_rejection(npz(small_network(), options)), HasSubstr("hold")) << error;
  }
  ZipOptions huge;
  huge.deflate = huge.zip64 = true;
  huge.size_error = std::int64_t{1} << 50;
  EXPECT_THAT(npz_rejection(npz(small_network(), huge)), HasSubstr("cannot give"));
  EXPECT_THAT(npz_rejection(zip({{"0.weight.npy", npy("<f4", {2, 2}, std::string(20, '\0'))}})),
              HasSubstr("takes 16 bytes, but its entry holds 20"));
}

TEST(Npz, RejectsDataThatExpandsWithoutBound) {
  // 64 MiB of zeros in about 64 KiB: rejected from the directory, before any allocation.
  const std::size_t size = std::size_t{4096} * 4096;
  ZipOptions options;
  options.deflate = true;
  const std::string bomb = npz({{"0.weight", {4096, 4096}, std::string(size * 4, '\0')}}, options);
  EXPECT_LT(bomb.size(), std::size_t{1} << 18);
  EXPECT_THAT(npz_rejection(bomb), HasSubstr("more than weights compress"));
  // The same, split across many entries.
  std::vector<TestTensor> parts;
  for (int i = 0; i < 64; ++i) {
    parts.push_back(
        {fmt::format("{}.weight", i), {512, 512}, std::string(std::size_t{512} * 512 * 4, '\0')});
  }
  EXPECT_THAT(npz_rejection(npz(parts, options)), HasSubstr("more than weights compress"));
}

TEST(Npz, RejectsEntriesThatOverlap) {
  const std::string content = npy("<f4", {1, 1}, "1234");
  std::string archive = zip({{"0.weight.npy", content}, {"1.weight.npy", content}});
  // The first entry's declared size reaches into the second entry's local header.
  const std::string longer = little(static_cast<std::uint32_t>(content.size() + 20));
  archive.replace(archive.find("PK\x01\x02") + 20, 8, longer + longer);
  EXPECT_THAT(npz_rejection(archive), HasSubstr("its entries overlap"));
}

TEST(Npz, RejectsANameThatIsThereTwice) {
  const std::string content = npy("<f4", {1, 1}, "1234");
  EXPECT_THAT(npz_rejection(zip({{"0.weight.npy", content}, {"0.weight.npy", content}})),
              HasSubstr("the entry '0.weight.npy' twice"));
}

TEST(Npz, RejectsEncryptedAndUnknownCompression) {
  ZipOptions options;
  options.flags = 1;
  EXPECT_THAT(npz_rejection(npz(small_network(), options)), HasSubstr("encrypted"));
  options.flags = 0;
  options.method = 12;
  EXPECT_THAT(npz_rejection(npz(small_network(), options)), HasSubstr("method 12"));
}

TEST(Npz, SaysWhatOtherArchivesAre) {
  EXPECT_THAT(npz_rejection(zip({{"archive/data.pkl", "x"}})), HasSubstr("PyTorch checkpoint"));
  EXPECT_THAT(npz_rejection(zip({{"metadata.json", "x"}, {"config.json", "x"}})),
              HasSubstr("Keras"));
  EXPECT_THAT(npz_rejection(zip({{"readme.txt", "x"}})),
              HasSubstr("'readme.txt', which is not a .npy"));
}

TEST(Npz, NamesTheArrayThatCannotBeRead) {
  EXPECT_THAT(npz_rejection(zip({{"0.bias.npy", npy("|O", {4}, "pickle")}})),
              HasSubstr("array '0.bias' holds Python objects"));
  EXPECT_THAT(npz_rejection(zip({{"0.bias.npy", "\x93NUMPY"}})),
              HasSubstr("array '0.bias' is truncated"));
  EXPECT_THAT(
      npz_rejection(zip({{"0.weight.npy", npy("<f8", {1, 1}, raw(std::vector<double>{1e300}))}})),
      HasSubstr("tensor '0.weight': value 0 is a float64 beyond the range of float32"));
}

}  // namespace
}  // namespace lamella::io
