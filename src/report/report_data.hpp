// What a report knows of a network and its rows, as JSON that may stand inside of HTML.
#pragma once

#include <string>

#include <lamella/html_report.hpp>

namespace lamella::report {

enum class WeightsForm {
  kExact,   // float32
  kRounded  // 16-bit whole numbers with a scale for each unit
};

// Numbers stand in it as base64 of little-endian values. Throws Error where weights cannot be
// rounded.
[[nodiscard]] std::string report_data(const Network& network, MatrixView<const float> rows,
                                      const HtmlReportOptions& options, WeightsForm form);

// How many bytes the weights and biases take in the data, as base64.
[[nodiscard]] std::size_t encoded_size(const Network& network, WeightsForm form);

}  // namespace lamella::report
