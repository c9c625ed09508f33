#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/figure.hpp>

#include "figure/columns.hpp"
#include "figure/layout.hpp"
#include "figure/markup.hpp"
#include "io/atomic_file.hpp"
#include "io/extension.hpp"

namespace lamella {
namespace figure {
namespace {

constexpr double kMinThickness = 0.5;
constexpr double kMaxThickness = 4;
constexpr double kCornerRadius = 8;

// Every rule names the figure's class, so the figure can be embedded in a page. The colours are
// safe for red-green colour blindness; grey is also dashed.
// The ground is opaque: an image may get another colour scheme than the page around it.
constexpr const char* kStyle = R"css(
.lamella-figure { font: 14px system-ui, "Segoe UI", "DejaVu Sans", "Liberation Sans", Arial, sans-serif; }
.lamella-figure .ground { fill: #ffffff; }
.lamella-figure text { fill: #1f2328; text-anchor: middle; }
.lamella-figure .heading { font-size: 12px; fill: #59636e; }
.lamella-figure .title { font-size: 14px; font-weight: 600; fill: #1f2328; }
.lamella-figure .name, .lamella-figure .bias { font-size: 12px; fill: #59636e; stroke: #ffffff; stroke-width: 3px; stroke-linejoin: round; paint-order: stroke; }
.lamella-figure .sum { font-size: 12px; fill: #59636e; font-variant-numeric: tabular-nums; }
.lamella-figure .value { font-weight: 600; font-variant-numeric: tabular-nums; }
.lamella-figure .legend { font-size: 12px; fill: #59636e; text-anchor: start; }
.lamella-figure rect.pill { fill: #f1f5f9; stroke: #59636e; }
.lamella-figure .silenced rect.pill { fill: #e4e6e9; stroke: #8a929b; stroke-dasharray: 3 2; }
.lamella-figure .silenced .value { fill: #5f6770; }
.lamella-figure .edge { stroke-linecap: round; }
.lamella-figure .positive { stroke: #1f6fb4; }
.lamella-figure .negative { stroke: #c8550a; }
.lamella-figure .zero { stroke: #afb8c1; }
.lamella-figure .mute { stroke-opacity: 0.25; }
@media (prefers-color-scheme: dark) {
.lamella-figure .ground { fill: #0d1117; }
.lamella-figure text { fill: #e6e9ec; }
.lamella-figure .heading, .lamella-figure .legend, .lamella-figure .sum { fill: #9aa4af; }
.lamella-figure .title { fill: #e6e9ec; }
.lamella-figure .name, .lamella-figure .bias { fill: #9aa4af; stroke: #0d1117; }
.lamella-figure rect.pill { fill: #1b232c; stroke: #7d8792; }
.lamella-figure .silenced rect.pill { fill: #262c33; stroke: #69727c; }
.lamella-figure .silenced .value { fill: #9aa4af; }
.lamella-figure .positive { stroke: #6db3f2; }
.lamella-figure .negative { stroke: #f0a35e; }
.lamella-figure .zero { stroke: #505c68; }
}
)css";

struct Edge {
  Point from;
  Point to;
  std::size_t unit = 0;
  std::size_t input = 0;
  float weight = 0;
  double value = 0;  // of the source node
};

const char* sign_class(float weight) {
  return weight > 0 ? "positive" : weight < 0 ? "negative" : "zero";
}

double largest_weight(const Layer& layer) {
  double largest = 0;
  for (const float weight : layer.weights) {
    largest = std::isnan(weight) ? largest : std::max(largest, std::fabs(double{weight}));
  }
  return largest;
}

double thickness(float weight, double largest) {
  const double share = std::fabs(double{weight}) / largest;  // NaN if all weights are zero
  return std::isfinite(share) ? kMinThickness + (kMaxThickness - kMinThickness) * share
                              : kMinThickness;
}

std::string heading_svg(const Column& column, double x, double y) {
  std::string text = fmt::format("<g class=\"column\" data-layer=\"{}\">\n", column.layer);
  for (std::size_t i = 0; i < column.heading.size(); ++i) {
    text += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                        i == 0 ? "heading title" : "heading", x,
                        y + static_cast<double>(i) * kLineHeight, xml_text(column.heading[i]));
  }
  return text + "</g>\n";
}

std::string text_svg(const char* type, double x, double y, const std::string& text) {
  return text.empty() ? text
                      : fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", type,
                                    x, y, xml_text(text));
}

// "h1[3] = 0, z = -2, b = -1, silenced"
std::string tooltip(const Node& node) {
  std::string text = fmt::format("{} = {}", node.name, number(node.value));
  for (const std::string& part : {node.sum, node.bias}) {
    text += part.empty() ? part : ", " + part;
  }
  return text + (node.silenced ? ", silenced" : "");
}

std::string node_svg(const Column& column, const Node& node, Point centre, double name_width) {
  const double top = centre.y - kNodeHeight / 2;
  const double bottom = centre.y + kNodeHeight / 2;
  // A value without a sum is centred; with a sum, it stands above it.
  const double value = centre.y + (node.sum.empty() ? kTextSize * 0.35 : -2);
  return fmt::format(
             "<g class=\"node{}\" data-layer=\"{}\" data-unit=\"{}\"><title>{}</title>"
             "<rect class=\"pill\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" "
             "rx=\"{}\"/>",
             node.silenced ? " silenced" : "", column.layer, node.unit, xml_text(tooltip(node)),
             centre.x - kNodeWidth / 2, top, kNodeWidth, kNodeHeight, kNodeHeight / 2) +
         text_svg("value", centre.x, value, number(node.value)) +
         text_svg("sum", centre.x, centre.y + 13, node.sum) +
         text_svg("name", centre.x, top - 5, fitted(node.name, kSmallTextSize, name_width)) +
         text_svg("bias", centre.x, bottom + kSmallTextSize + 2, node.bias) + "</g>\n";
}

std::string edge_svg(const Edge& edge, std::size_t layer, double largest) {
  return fmt::format(
      "<line class=\"edge {}{}\" data-layer=\"{}\" data-unit=\"{}\" data-from=\"{}\" x1=\"{:.1f}\" "
      "y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke-width=\"{:.2f}\"><title>W{}[{},{}] = {}, "
      "times {}[{}] = {}: {}</title></line>\n",
      sign_class(edge.weight), edge.value == 0 ? " mute" : "", layer, edge.unit, edge.input,
      edge.from.x, edge.from.y, edge.to.x, edge.to.y, thickness(edge.weight, largest), layer,
      edge.unit, edge.input, number(edge.weight),
      layer == 1 ? std::string("x") : fmt::format("h{}", layer - 1), edge.input, number(edge.value),
      number(edge.weight * edge.value));
}

// Draws thin edges first, so that thick ones are on top.
std::string edges_svg(const Layer& layer, const Column& before, const std::vector<Point>& sources,
                      const Column& column, const std::vector<Point>& targets) {
  std::vector<Edge> edges;
  for (std::size_t o = 0; o < column.nodes.size(); ++o) {
    for (std::size_t i = 0; i < before.nodes.size(); ++i) {
      const std::size_t unit = column.nodes[o].unit;
      const std::size_t input = before.nodes[i].unit;
      edges.push_back({{sources[i].x + kNodeWidth / 2, sources[i].y},
                       {targets[o].x - kNodeWidth / 2, targets[o].y},
                       unit,
                       input,
                       layer.weights[unit * layer.inputs + input],
                       before.nodes[i].value});
    }
  }
  const double largest = largest_weight(layer);
  std::stable_sort(edges.begin(), edges.end(), [&](const Edge& a, const Edge& b) {
    return thickness(a.weight, largest) < thickness(b.weight, largest);
  });
  std::string text;
  for (const Edge& edge : edges) {
    text += edge_svg(edge, column.layer, largest);
  }
  return text;
}

// Legend lines below the colour key, as far as they apply to this figure.
std::vector<std::string> legend_lines(const std::vector<Column>& columns) {
  std::vector<std::string> lines = {
      "Thickness of an edge: its weight, relative to the largest of the layer.",
      "In a node: its value and, smaller, the sum z before the activation; below it, the bias b."};
  bool silenced = false;
  bool truncated = false;
  for (const Column& column : columns) {
    silenced = silenced || std::any_of(column.nodes.begin(), column.nodes.end(),
                                       [](const Node& node) { return node.silenced; });
    truncated = truncated || column.is_truncated();
  }
  if (silenced) {
    lines.emplace_back(
        "Grey and dashed: silenced. The sum is negative, and the activation makes it 0.");
  }
  if (truncated) {
    lines.emplace_back("Units that are not shown count in every sum all the same.");
  }
  return lines;
}

std::string legend_svg(const Layout& layout, const std::vector<std::string>& lines) {
  constexpr double kSample = 24;
  const double x = kLineHeight;
  const double y = layout.legend;
  std::string text = "<g>\n";
  double at = x;
  for (const auto& [type, name] :
       {std::pair{"positive", "positive weight"}, std::pair{"negative", "negative weight"}}) {
    text += fmt::format(
        "<line class=\"key {}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" "
        "stroke-width=\"3\"/>",
        type, at, y - 4, at + kSample, y - 4);
    text += text_svg("legend", at + kSample + 8, y, name);
    at += kSample + 24 + text_width(name, kSmallTextSize);
  }
  text += "\n";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text +=
        text_svg("legend", x, y + static_cast<double>(i + 1) * (kLineHeight + 2), lines[i]) + "\n";
  }
  return text + "</g>\n";
}

// For screen readers: the values of each column.
std::string description(const std::vector<Column>& columns) {
  std::string text;
  for (const Column& column : columns) {
    text += (text.empty() ? "" : " ") + column.heading.front() + ": ";
    for (std::size_t i = 0; i < column.nodes.size(); ++i) {
      const Node& node = column.nodes[i];
      text += fmt::format("{}{} = {}{}", i == 0 ? "" : "; ", node.name, number(node.value),
                          node.silenced ? " (silenced)" : "");
    }
    text += '.';
  }
  return text;
}

}  // namespace
}  // namespace figure

std::string figure_svg(const Network& network, const ForwardTrace& trace,
                       const FigureOptions& options) {
  using namespace figure;
  if (options.row >= trace.rows) {
    throw ShapeError(
        fmt::format("the figure is of row {}, but the trace has {}", options.row, trace.rows));
  }
  const std::vector<Column> columns = columns_of(network, trace, options);
  const std::vector<std::string> legend = legend_lines(columns);
  const Layout layout = layout_of(columns, legend.size() + 1);
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lamella-figure\" viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" data-thinnest=\"{2}\" "
      "data-thickest=\"{3}\">\n<title>A network of {4} layer{5} and {6} parameters, and the values "
      "that it computes for one row</title>\n<desc>{7}</desc>\n<style>{8}</style>\n"
      "<rect class=\"ground\" width=\"100%\" height=\"100%\" rx=\"{9}\"/>\n",
      layout.width, layout.height, kMinThickness, kMaxThickness, network.layers().size(),
      network.layers().size() == 1 ? "" : "s", network.parameters().total(),
      xml_text(description(columns)), kStyle, kCornerRadius);
  for (std::size_t c = 1; c < columns.size(); ++c) {
    text += edges_svg(network.layers()[c - 1], columns[c - 1], layout.centres[c - 1], columns[c],
                      layout.centres[c]);
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    text += heading_svg(columns[c], layout.centres[c].front().x, layout.heading);
    for (std::size_t i = 0; i < columns[c].nodes.size(); ++i) {
      text += node_svg(columns[c], columns[c].nodes[i], layout.centres[c][i],
                       layout.pitch - 3 * kLineHeight);
    }
  }
  return text + legend_svg(layout, legend) + "</svg>\n";
}

void save_figure(const Network& network, const ForwardTrace& trace, const std::string& file,
                 const FigureOptions& options) {
  if (io::extension_of(file) != ".svg") {
    throw FileError(file, "must end in .svg, the format of the figure");
  }
  const std::string text = figure_svg(network, trace, options);
  io::AtomicFile output(file);
  output.write(std::as_bytes(std::span(text)));
  output.finish();
}

}  // namespace lamella
