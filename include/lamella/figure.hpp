// The picture of a network at work: a column of nodes for its input and one for each layer, with
// the values that a row takes, joined by the weights.
#pragma once

#include <cstddef>
#include <string>

#include <lamella/explain.hpp>
#include <lamella/network.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// Which row a figure shows, and how much of the network.
struct FigureOptions {
  std::size_t row = 0;  // of the trace
  // How many nodes a column has at most; of more units, those with the largest values are shown,
  // and the column says so.
  std::size_t max_units = 12;
};

// An SVG document (W3C SVG 1.1 with CSS) for light and dark pages. Edges are blue where the weight
// is positive, orange where it is negative, and as thick as it is large beside the largest of its
// layer. Programs find the parts by their class and data attributes: nodes (.node), edges (.edge)
// and columns (.column) have data-layer (0 for the input, layers from 1) and data-unit (from 0);
// edges also data-from, the unit before. trace is of this network. Throws ShapeError when it has no
// such row.
[[nodiscard]] std::string figure_svg(const Network& network, const ForwardTrace& trace,
                                     const FigureOptions& options = {});

// Writes figure_svg as a file, which appears under its name only when it is complete. Throws
// ShapeError, FileError.
void save_figure(const Network& network, const ForwardTrace& trace, const std::string& file,
                 const FigureOptions& options = {});

}  // namespace lamella
#pragma GCC visibility pop
