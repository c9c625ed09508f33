// Draws a network as a graph: a column of nodes for the input and for each layer, with the values
// of one row, joined by the weights.
#pragma once

#include <cstddef>
#include <string>

#include <lamella/explain.hpp>
#include <lamella/network.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// The row that a figure shows, and how much of the network.
struct FigureOptions {
  std::size_t row = 0;  // index into the trace
  // Maximum nodes per column. Of more units, the figure shows those with the largest values, and
  // the column states so.
  std::size_t max_units = 12;
};

// Returns an SVG document (W3C SVG 1.1 with CSS) for light and dark pages. Edges are blue for
// positive weights, orange for negative ones; their width is proportional to the weight's size
// relative to the largest of its layer. Programs find the parts by class and data attributes: nodes
// (.node), edges (.edge) and columns (.column) have data-layer (0 for the input, layers from 1) and
// data-unit (from 0); edges also have data-from, the unit in the previous column. trace must be of
// this network. Throws ShapeError if it has no such row.
[[nodiscard]] std::string figure_svg(const Network& network, const ForwardTrace& trace,
                                     const FigureOptions& options = {});

// Writes figure_svg to a file, which appears under its name only when it is complete. Throws
// ShapeError, FileError.
void save_figure(const Network& network, const ForwardTrace& trace, const std::string& file,
                 const FigureOptions& options = {});

}  // namespace lamella
#pragma GCC visibility pop
