// Content of a report: the network, exactly or rounded within a bound, and no text that could
// escape from its element.
#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>
#include <lamella/html_report.hpp>

#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;

using Json = nlohmann::json;

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin) + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

Json data_of(const std::string& report) {
  return Json::parse(
      between(report, R"(<script type="application/json" id="network">)", "</script>"));
}

template <class T>
std::vector<T> decoded(const std::string& base64) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned group = 0;
  int bits = 0;
  for (const char c : base64) {
    if (c == '=') {
      break;
    }
    group = group << 6U | static_cast<unsigned>(digits.find(c));
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> static_cast<unsigned>(bits) & 0xFFU);
    }
  }
  std::vector<T> values(bytes.size() / sizeof(T));
  EXPECT_EQ(values.size() * sizeof(T), bytes.size());
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(Report, HoldsASmallNetworkBitForBit) {
  for (const std::size_t width : {1U, 2U, 3U, 4U, 5U}) {  // every length of base64's last group
    const auto network = test::random_network(
        {.widths = {3, width, 2}, .hidden = {ActivationKind::kHardSigmoid, 0.3F, 0.1F}});
    const Matrix rows = test::random_rows(2, 3, 7);
    const Json data = data_of(html_report(*network, rows, {.model = "m", .row_numbers = {4, 2}}));
    for (std::size_t n = 0; n < 2; ++n) {
      const Layer& layer = network->layers()[n];
      EXPECT_EQ(decoded<float>(data["layers"][n]["weights"]), layer.weights);
      EXPECT_EQ(decoded<float>(data["layers"][n]["bias"]), layer.bias);
      EXPECT_EQ(decoded<float>(data["layers"][n]["activation"]["parameters"]),
                (std::vector<float>{layer.activation.a, layer.activation.b}));
    }
    EXPECT_EQ(data["layers"][0]["activation"]["name"], "hard_sigmoid");
    EXPECT_EQ(data["rows"][1]["number"], 2);
    EXPECT_EQ(decoded<float>(data["rows"][1]["inputs"]),
              std::vector<float>(rows.data() + 3, rows.data() + 6));
    EXPECT_EQ(data["rounding"], "");
  }
}

TEST(Report, NeedsNothingFromOutside) {
  const auto network = test::random_network({.widths = {3, 4, 2}});
  const std::string report = html_report(*network, test::random_rows(1, 3, 7), {.model = "m"});
  EXPECT_THAT(
      report,
      HasSubstr("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "));
  EXPECT_EQ(count_of(report, "://"), count_of(report, "\"http://www.w3.org/2000/svg\"") +
                                         count_of(report, "'http://www.w3.org/2000/svg'"));
  for (const char* const part : {" src=", " href=", "@import", "url(", "innerHTML", "lamella:"}) {
    EXPECT_THAT(report, Not(HasSubstr(part)));
  }
}

TEST(Report, IsNotBrokenByHostileNames) {
  const std::string hostile =
      "</script><script>alert(1)</script><!--<script> & \" \\ \xFF \xE2\x80\xA8";
  const auto plain = test::random_network({.widths = {1, 1}});
  const Network network({plain->layers().begin(), plain->layers().end()},
                        {.inputs = {hostile}, .outputs = {"<!--lamella:script-->"}, .classes = {}});
  const Matrix rows = test::random_rows(1, 1, 7);
  const std::string report = html_report(network, rows, {.model = hostile});
  EXPECT_EQ(count_of(report, "<script"), count_of(html_report(*plain, rows, {}), "<script"));
  EXPECT_EQ(count_of(report, "alert(1)"), 3U) << "twice as data, once in the figure";
  const Json data = data_of(report);
  EXPECT_EQ(data["model"],
            "</script><script>alert(1)</script><!--<script> & \" \\ \xEF\xBF\xBD \xE2\x80\xA8");
}

class LargeReport : public testing::Test {
 protected:
  std::shared_ptr<const Network> network_ = test::random_network({.widths = {784, 512, 512, 10}});
  Matrix rows_ = test::random_rows(2, 784, 7);
};

TEST_F(LargeReport, StaysBelowTwoMegabytesByRoundingAndSaysSo) {
  const std::string report = html_report(*network_, rows_, {.model = "m"});
  EXPECT_LT(report.size(), 2'000'000U);
  const Json data = data_of(report);
  std::vector<Layer> layers(network_->layers().begin(), network_->layers().end());
  for (std::size_t n = 0; n < layers.size(); ++n) {
    const auto scales = decoded<float>(data["layers"][n]["scales"]);
    const auto multiples = decoded<std::int16_t>(data["layers"][n]["weights"]);
    ASSERT_EQ(scales.size(), layers[n].outputs);
    ASSERT_EQ(multiples.size(), layers[n].weights.size());
    for (std::size_t at = 0; at < multiples.size(); ++at) {
      const double scale = scales[at / layers[n].inputs];
      const double weight = multiples[at] * scale;
      ASSERT_LE(std::fabs(weight - layers[n].weights[at]), scale * 0.5000001);
      layers[n].weights[at] = static_cast<float>(weight);
    }
    EXPECT_EQ(decoded<float>(data["layers"][n]["bias"]), layers[n].bias);
  }
  const std::string note = data["rounding"];
  EXPECT_THAT(note, HasSubstr("rounded to 16 bits here. That changes the outputs of these 2 rows"));
  // Matches the note, within its two digits and the rounding to float32 here.
  const auto exact = trace_forward(*network_, rows_).layers.back().activations;
  const auto changed = trace_forward(Network(layers), rows_).layers.back().activations;
  double largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    largest = std::max(largest, std::fabs(exact[i] - changed[i]));
  }
  EXPECT_GT(largest, 0);
  EXPECT_NEAR(std::stod(between(note, "at most ", ";")), largest, largest * 0.06);
}

TEST_F(LargeReport, CannotRoundWhatIsNotFinite) {
  std::vector<Layer> layers(network_->layers().begin(), network_->layers().end());
  layers[1].weights[5] = INFINITY;
  const Network network(layers, {}, {.allow_nonfinite = true});
  try {
    (void)html_report(network, rows_, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("layer 2 has weights that are not finite"));
  }
}

TEST(Report, RejectsNetworksThatWouldBeALoad) {
  const auto network = test::random_network({.widths = {2000, 4000, 10}});
  try {
    (void)html_report(*network, test::random_rows(1, 2000, 7), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("would take 21 MB, 20 MB at most are sensible"));
  }
}

TEST(Report, WantsShapesThatFit) {
  const auto network = test::random_network({.widths = {3, 2}});
  const Matrix rows = test::random_rows(2, 3, 7);
  const Matrix wrong = test::random_rows(2, 3, 7);
  EXPECT_THROW((void)html_report(*network, test::random_rows(0, 3, 7), {}), ShapeError);
  EXPECT_THROW((void)html_report(*network, test::random_rows(1, 2, 7), {}), ShapeError);
  EXPECT_THROW((void)html_report(*network, rows, {.targets = wrong}), ShapeError);
  EXPECT_THROW((void)html_report(*network, rows, {.row_numbers = {1}}), ShapeError);
}

TEST(Report, AppearsUnderItsNameOnlyWhole) {
  const TemporaryFolder folder;
  const auto network = test::random_network({.widths = {3, 2}});
  const Matrix rows = test::random_rows(1, 3, 7);
  save_html_report(*network, rows, {.model = "m"}, folder.file("report.html"));
  EXPECT_EQ(test::file_content(folder.file("report.html")),
            html_report(*network, rows, {.model = "m"}));
  EXPECT_THROW(save_html_report(*network, rows, {}, folder.file("report.csv")), FileError);
  EXPECT_THROW(save_html_report(*network, rows, {}, folder.file("none/report.html")), FileError);
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"report.html"});
}

}  // namespace
}  // namespace lamella
