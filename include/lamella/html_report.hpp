// The report of a network at work: one HTML file in which a browser shows every value, lets the
// reader change weights and inputs, and trains, without a network connection.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// What a report begins with.
struct HtmlReportOptions {
  std::string model = {};  // what the report calls the network: the name of its file
  std::vector<std::size_t> row_numbers = {};  // one for each row; empty: from 0
  MatrixView<const float> targets = {};       // [rows x outputs]; empty: the reader gives them
  double learning_rate = 0.1;                 // to begin with
};

// An HTML document that needs nothing beside itself. rows is [1 or more x network.inputs()]. It
// holds the network exactly as long as it stays below 2 MB; else with weights rounded to 16 bits,
// which the report then says, together with how much that changes the outputs of these rows at
// most. Throws ShapeError when widths differ; Error when the report would be larger than 20 MB, or
// when weights that must be rounded are not finite.
[[nodiscard]] std::string html_report(const Network& network, MatrixView<const float> rows,
                                      const HtmlReportOptions& options);

// Writes html_report as a file, which appears under its name only when it is complete. Throws as
// that does; FileError.
void save_html_report(const Network& network, MatrixView<const float> rows,
                      const HtmlReportOptions& options, const std::string& file);

}  // namespace lamella
#pragma GCC visibility pop
