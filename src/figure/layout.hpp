// Layout of a figure, in units of its viewBox (CSS pixels at natural size).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "figure/columns.hpp"

namespace lamella::figure {

inline constexpr double kTextSize = 14;
inline constexpr double kSmallTextSize = 12;
inline constexpr double kNodeWidth = 104;
inline constexpr double kNodeHeight = 42;
inline constexpr double kLineHeight = 17;

struct Point {
  double x = 0;
  double y = 0;
};

struct Layout {
  double width = 0;
  double height = 0;
  double pitch = 0;                         // between columns
  double heading = 0;                       // baseline of the headings' first line
  double legend = 0;                        // baseline of the legend's first line
  std::vector<std::vector<Point>> centres;  // of the nodes: [columns][nodes]
};

// Estimated maximum width of a text; the font is unknown.
[[nodiscard]] double text_width(std::string_view text, double font_size);

// The text, truncated with an ellipsis if it would be wider.
[[nodiscard]] std::string fitted(const std::string& text, double font_size, double width);

[[nodiscard]] Layout layout_of(const std::vector<Column>& columns, std::size_t legend_lines);

}  // namespace lamella::figure
