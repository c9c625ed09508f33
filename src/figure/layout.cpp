#include "figure/layout.hpp"

#include <algorithm>

namespace lamella::figure {
namespace {

constexpr double kMargin = 20;
constexpr double kPitch = 92;         // between nodes
constexpr double kColumnPitch = 250;  // minimum distance between columns
constexpr double kBetweenHeadings = 20;
constexpr double kMinWidth = 680;  // the legend fits

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

}  // namespace

double text_width(std::string_view text, double font_size) {
  // Letters of common sans-serif fonts are 0.6 em wide on average, ideographs 1 em.
  double ems = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (begins_character(text[i])) {
      ems += byte < 0xE0 ? 0.6 : 1.0;
    }
  }
  return ems * font_size;
}

std::string fitted(const std::string& text, double font_size, double width) {
  if (text_width(text, font_size) <= width) {
    return text;
  }
  std::size_t end = text.size();
  while (end > 0 &&
         (text_width(std::string_view(text).substr(0, end), font_size) + font_size > width ||
          !begins_character(text[end]))) {
    --end;
  }
  return text.substr(0, end) + "…";
}

Layout layout_of(const std::vector<Column>& columns, std::size_t legend_lines) {
  std::size_t max_nodes = 1;
  std::size_t max_lines = 1;
  double pitch = kColumnPitch;
  for (const Column& column : columns) {
    max_nodes = std::max(max_nodes, column.nodes.size());
    max_lines = std::max(max_lines, column.heading.size());
    for (const std::string& line : column.heading) {
      pitch = std::max(pitch, text_width(line, kSmallTextSize) + kBetweenHeadings);
    }
  }
  Layout layout;
  layout.heading = kMargin + kLineHeight;
  const double top = layout.heading + static_cast<double>(max_lines) * kLineHeight + 12;
  const double nodes = static_cast<double>(max_nodes) * kPitch;
  layout.legend = top + nodes + 24;
  layout.height = layout.legend + static_cast<double>(legend_lines) * kLineHeight + kMargin;
  const double columns_width = static_cast<double>(columns.size()) * pitch;
  layout.pitch = pitch;
  layout.width = std::max(columns_width, kMinWidth);
  const double left = (layout.width - columns_width) / 2;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto count = static_cast<double>(columns[c].nodes.size());
    std::vector<Point>& centres = layout.centres.emplace_back();
    for (std::size_t i = 0; i < columns[c].nodes.size(); ++i) {
      centres.push_back({left + (static_cast<double>(c) + 0.5) * pitch,
                         top + nodes / 2 + (static_cast<double>(i) - (count - 1) / 2) * kPitch});
    }
  }
  return layout;
}

}  // namespace lamella::figure
