// The HTML report of a network: one self-contained file in which a browser shows every value, lets
// the reader edit weights and inputs, and trains, without a network connection.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// Initial state of a report.
struct HtmlReportOptions {
  std::string model = {};                     // the network's name in the report: its file name
  std::vector<std::size_t> row_numbers = {};  // one for each row; empty: counted from 0
  MatrixView<const float> targets = {};       // [rows x outputs]; empty: the reader enters them
  double learning_rate = 0.1;                 // initial value
};

// Returns a self-contained HTML document. rows is [n x network.inputs()], n >= 1. Stores the
// network exactly if the report stays below 2 MB; else rounds weights to 16 bits, and the report
// states so, with the largest change of these rows' outputs. Throws ShapeError if widths differ;
// Error if the report would exceed 20 MB, or if weights to be rounded are not finite.
[[nodiscard]] std::string html_report(const Network& network, MatrixView<const float> rows,
                                      const HtmlReportOptions& options);

// Writes html_report to a file, which appears under its name only when it is complete. Throws as
// html_report does; FileError.
void save_html_report(const Network& network, MatrixView<const float> rows,
                      const HtmlReportOptions& options, const std::string& file);

}  // namespace lamella
#pragma GCC visibility pop
