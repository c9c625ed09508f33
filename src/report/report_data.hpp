// The report's data about a network and its rows, as JSON that can be embedded in HTML.
#pragma once

#include <string>

#include <lamella/html_report.hpp>

namespace lamella::report {

enum class WeightsForm {
  kExact,   // float32
  kRounded  // 16-bit integers with a scale for each unit
};

// Encodes numbers as base64 of little-endian values. Throws Error if weights must be rounded but
// cannot be.
[[nodiscard]] std::string report_data(const Network& network, MatrixView<const float> rows,
                                      const HtmlReportOptions& options, WeightsForm form);

// Size in bytes of the weights and biases in the data, as base64.
[[nodiscard]] std::size_t encoded_size(const Network& network, WeightsForm form);

}  // namespace lamella::report
