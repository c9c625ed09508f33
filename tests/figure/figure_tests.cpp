// Figures: what they show, and that everything fits.
#include <algorithm>
#include <limits>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/figure.hpp>

#include "figure/columns.hpp"
#include "figure/layout.hpp"
#include "figure/markup.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string figure_of(const Network& network, const Matrix& rows,
                      const FigureOptions& options = {}) {
  return figure_svg(network, trace_forward(network, rows), options);
}

Matrix row_of(std::initializer_list<float> values) {
  Matrix row(1, values.size());
  std::copy(values.begin(), values.end(), row.data());
  return row;
}

Network by_hand() {
  return Network(
      {{3, 4, {0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0}, {0, 0, 0, -1}, ActivationKind::kRelu},
       {4, 2, {1, 1, 0, 0, 0, 0, 1, 1}, {0, -1}, ActivationKind::kRelu}});
}

std::vector<std::smatch> matches(const std::string& text, const std::regex& pattern) {
  return {std::sregex_iterator(text.begin(), text.end(), pattern), std::sregex_iterator()};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

// The texts of a class, in their order.
std::vector<std::string> texts(const std::string& svg, const std::string& type) {
  std::vector<std::string> found;
  for (const auto& match :
       matches(svg, std::regex("<text class=\"" + type + "\"[^>]*>([^<]*)</text>"))) {
    found.push_back(match[1]);
  }
  return found;
}

TEST(Figure, ShowsEveryValueOfASmallNetwork) {
  const std::string svg = figure_of(by_hand(), row_of({2, 1, 3}));
  EXPECT_THAT(texts(svg, "value"), ElementsAre("2", "1", "3", "4", "3", "5", "1", "7", "5"));
  EXPECT_THAT(texts(svg, "sum"), ElementsAre("z = 4", "z = 3", "z = 5", "z = 1", "z = 7", "z = 5"));
  EXPECT_THAT(texts(svg, "bias"),
              ElementsAre("b = 0", "b = 0", "b = 0", "b = -1", "b = 0", "b = -1"));
  EXPECT_THAT(texts(svg, "heading title"),
              ElementsAre("input", "hidden layer 1", "output layer 2"));
  EXPECT_THAT(texts(svg, "heading"),
              ElementsAre("x", "h1 = relu(W1·x + b1)", "4×3 + 4 = 16 parameters",
                          "h2 = relu(W2·h1 + b2)", "2×4 + 2 = 10 parameters"));
  EXPECT_EQ(count(svg, "class=\"edge positive\""), 7U + 4U);
  EXPECT_EQ(count(svg, "class=\"edge zero\""), 5U + 4U);
  EXPECT_THAT(svg, AllOf(HasSubstr("26 parameters"), Not(HasSubstr("shown, the most active")),
                         Not(HasSubstr("class=\"node silenced\""))));
}

TEST(Figure, EdgesTellSignAndShareOfTheLayersLargestWeight) {
  const Network network({{2, 2, {4, -2, 0, 1}, {}, ActivationKind::kIdentity}});
  const std::string svg = figure_of(network, row_of({1, 0}));
  const std::regex edge(
      "class=\"edge ([a-z ]*)\" data-layer=\"1\" data-unit=\"(.)\" data-from=\"(.)\"[^>]*"
      "stroke-width=\"([0-9.]*)\"");
  std::vector<std::string> found;
  for (const auto& match : matches(svg, edge)) {
    found.push_back(match.str(1) + " " + match.str(2) + match.str(3) + " " + match.str(4));
  }
  // 0.5 + 3.5 |w| / 4, the thick ones last; what comes from a 0 is mute.
  EXPECT_THAT(found, ElementsAre("zero 10 0.50", "positive mute 11 1.38", "negative mute 01 2.25",
                                 "positive 00 4.00"));
}

TEST(Figure, SilencedUnitsAreMarked) {
  const std::string svg = figure_of(by_hand(), row_of({-4, 2, 1}));
  EXPECT_EQ(count(svg, "class=\"node silenced\""), 4U);  // h1[1], h1[2], h1[3] and h2[1]
  EXPECT_THAT(svg, AllOf(HasSubstr("<title>h1[3] = 0, z = -5, b = -1, silenced</title>"),
                         HasSubstr("Grey and dashed: silenced.")));
  // What comes out of them adds nothing, whatever the weight.
  EXPECT_THAT(svg, HasSubstr("class=\"edge positive mute\" data-layer=\"2\" data-unit=\"0\" "
                             "data-from=\"1\""));
}

TEST(Figure, LargeLayersAreThinnedAndSaySo) {
  const auto network = test::random_network({.widths = {40, 50, 3}, .seed = 4});
  const Matrix rows = test::random_rows(2, 40, 9);
  const ForwardTrace found = trace_forward(*network, rows);
  const std::string svg = figure_svg(*network, found, {.row = 1, .max_units = 12});
  EXPECT_EQ(count(svg, "<g class=\"node"), 12U + 12U + 3U);
  EXPECT_EQ(count(svg, "<line class=\"edge"), 12U * 12U + 12U * 3U);
  EXPECT_THAT(svg, AllOf(HasSubstr("12 of 40 shown, the most active"),
                         HasSubstr("12 of 50 shown, the most active"),
                         HasSubstr("Units that are not shown count in every sum")));
  // The largest of the row's hidden units is among them.
  const std::span<const double> h =
      std::span<const double>(found.layers[0].activations).subspan(50, 50);
  const auto max = std::max_element(h.begin(), h.end()) - h.begin();
  EXPECT_THAT(svg, HasSubstr("data-layer=\"1\" data-unit=\"" + std::to_string(max) + "\""));
}

TEST(Figure, TakesTheLargestInTheirOrder) {
  EXPECT_THAT(figure::largest(std::vector<double>{1, -5, 0, 3, 3}, 3), ElementsAre(1, 3, 4));
  EXPECT_THAT(figure::largest(std::vector<double>{2, 2, 2}, 2), ElementsAre(0, 1));
  EXPECT_THAT(figure::largest(std::vector<double>{1, 2}, 12), ElementsAre(0, 1));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(figure::largest(std::vector<double>{7, nan, 9}, 1), ElementsAre(1));
}

TEST(Figure, NamesStandAtTheirNodesWhateverTheyContain) {
  const std::string longest(300, 'w');
  const Network network({{2, 1, {1, 1}, {}, ActivationKind::kIdentity}},
                        {.inputs = {"a<b & \"c\"\x01\xff", longest}, .outputs = {"価格"}});
  const std::string svg = figure_of(network, row_of({1, 2}));
  const std::vector<std::string> names = texts(svg, "name");
  ASSERT_EQ(names.size(), 3U);
  EXPECT_EQ(names[0], "x[0] a&lt;b &amp; &quot;c&quot;\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_THAT(names[1], AllOf(HasSubstr("x[1] www"), HasSubstr("…")));
  EXPECT_LT(names[1].size(), 60U);
  EXPECT_EQ(names[2], "h1[0] 価格");
}

TEST(Figure, NothingReachesBeyondItsEdges) {
  const auto expect_room = [](const std::string& svg) {
    const auto view = matches(svg, std::regex("viewBox=\"0 0 ([0-9]+) ([0-9]+)\""));
    ASSERT_EQ(view.size(), 1U);
    const double width = std::stod(view[0][1]);
    const double height = std::stod(view[0][2]);
    const std::regex text("<text class=\"([a-z ]*)\" x=\"([0-9.-]*)\" y=\"([0-9.-]*)\">([^<]*)<");
    for (const auto& match : matches(svg, text)) {
      const double size = match[1] == "value" || match[1] == "heading title"
                              ? figure::kTextSize
                              : figure::kSmallTextSize;
      const double length = figure::text_width(match.str(4), size);
      const double x = std::stod(match[2]);
      const double begin = match[1] == "legend" ? x : x - length / 2;
      EXPECT_GE(begin, 0) << match[0];
      EXPECT_LE(begin + length, width) << match[0];
      EXPECT_GE(std::stod(match[3]), size) << match[0];
      EXPECT_LE(std::stod(match[3]) + size / 3, height) << match[0];
      if (match[1] == "value" || match[1] == "sum") {
        EXPECT_LE(length, figure::kNodeWidth) << match[0];
      }
    }
  };
  expect_room(figure_of(by_hand(), row_of({2, 1, 3})));
  const Network one({{1, 1, {-1.2345e-30F}, {-9.8765e-30F}, ActivationKind::kSigmoid}});
  expect_room(figure_of(one, row_of({-1.2345e30F})));
  for (const std::size_t width : {1, 11, 12, 13, 500}) {
    const auto network =
        test::random_network({.widths = {width, 3, width, 2, width},
                              .hidden = {ActivationKind::kClip, -3.40282e+38F, 1.23456e+38F},
                              .last = ActivationKind::kLogSoftmax});
    expect_room(figure_of(*network, test::random_rows(1, width, 3, 1e-20F)));
  }
}

TEST(Figure, TitlesAreBrighterThanHeadingsOnADarkGround) {
  const std::string svg = figure_of(by_hand(), row_of({2, 1, 3}));
  const std::string dark = svg.substr(svg.find("@media (prefers-color-scheme: dark)"));
  // A title is a heading too; of two rules alike the later one counts.
  EXPECT_LT(dark.find(".heading"), dark.find(".title"));
}

TEST(Figure, ShowsValuesThatAreNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::string svg = figure_of(by_hand(), row_of({infinity, 1, -infinity}));
  EXPECT_THAT(texts(svg, "value"), testing::Contains("inf"));
  EXPECT_THAT(texts(svg, "sum"), testing::Contains("z = nan"));
}

TEST(Figure, RejectsARowThatIsNotThere) {
  const Network network = by_hand();
  const ForwardTrace found = trace_forward(network, row_of({2, 1, 3}));
  EXPECT_THROW((void)figure_svg(network, found, {.row = 1}), ShapeError);
}

TEST(Markup, KeepsWhatXmlAllows) {
  EXPECT_EQ(figure::xml_text("a\tb\nc é € 𝄞"), "a\tb\nc é € 𝄞");
  EXPECT_EQ(figure::xml_text("<&>\"'"), "&lt;&amp;&gt;&quot;'");
}

TEST(Markup, ReplacesWhatXmlHasNoPlaceFor) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(figure::xml_text(std::string("\0\x1f", 2)), bad + bad);
  EXPECT_EQ(figure::xml_text("\xC3"), bad);                                // cut off
  EXPECT_EQ(figure::xml_text("\xC0\xAF"), bad + bad);                      // overlong
  EXPECT_EQ(figure::xml_text("\xED\xA0\x80"), bad + bad + bad);            // a surrogate
  EXPECT_EQ(figure::xml_text("\xF4\x90\x80\x80"), bad + bad + bad + bad);  // beyond U+10FFFF
  EXPECT_EQ(figure::xml_text("\xEF\xBF\xBF"), bad + bad + bad);            // U+FFFF
  EXPECT_EQ(figure::xml_text("\x80z"), bad + "z");
}

}  // namespace
}  // namespace lamella
