#include <algorithm>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>
#include <lamella/figure.hpp>
#include <lamella/html_report.hpp>

#include "io/atomic_file.hpp"
#include "io/extension.hpp"
#include "report/report_data.hpp"
#include "report/sources.hpp"

namespace lamella {
namespace {

constexpr std::size_t kMaxExact = 2'000'000;
constexpr std::size_t kMaxBytes = 20'000'000;

// The figure without tooltips: the report's panel shows more.
std::string figure_of(const Network& network, MatrixView<const float> rows) {
  constexpr std::string_view kBegin = "<title>";
  constexpr std::string_view kEnd = "</title>";
  const std::string svg = figure_svg(network, trace_forward(network, rows.block(0, 1)));
  // The first title names the whole figure.
  std::size_t at = svg.find(kEnd) + kEnd.size();
  std::string text = svg.substr(0, at);
  while (at < svg.size()) {
    const std::size_t begin = std::min(svg.find(kBegin, at), svg.size());
    text += svg.substr(at, begin - at);
    at = begin == svg.size() ? begin : svg.find(kEnd, begin) + kEnd.size();
  }
  return text;
}

// Fills the template's placeholders in order, so that inserted text cannot contain a placeholder.
class Assembly {
 public:
  void fill(std::string_view place, std::string_view text) {
    const std::string mark = fmt::format("<!--lamella:{}-->", place);
    const std::size_t at = rest_.find(mark);
    report_ += rest_.substr(0, at);
    report_ += text;
    rest_.remove_prefix(at + mark.size());
  }
  [[nodiscard]] std::string finish() && {
    report_ += rest_;
    return std::move(report_);
  }

 private:
  std::string report_;
  std::string_view rest_ = report::kTemplate;
};

void check_shapes(const Network& network, MatrixView<const float> rows,
                  const HtmlReportOptions& options) {
  if (rows.rows() == 0) {
    throw ShapeError("at least one row is wanted");
  }
  if (rows.columns() != network.inputs()) {
    throw ShapeError(fmt::format("rows have {} columns, the network takes {} inputs",
                                 rows.columns(), network.inputs()));
  }
  const MatrixView<const float>& targets = options.targets;
  if (targets.size() != 0 &&
      (targets.rows() != rows.rows() || targets.columns() != network.outputs())) {
    throw ShapeError(fmt::format("targets are [{} x {}], [{} x {}] are wanted", targets.rows(),
                                 targets.columns(), rows.rows(), network.outputs()));
  }
  if (!options.row_numbers.empty() && options.row_numbers.size() != rows.rows()) {
    throw ShapeError(
        fmt::format("{} row numbers for {} rows", options.row_numbers.size(), rows.rows()));
  }
}

std::string report_of(const std::string& figure, const std::string& data) {
  Assembly assembly;
  assembly.fill("style", report::kStyle);
  assembly.fill("figure", figure);
  assembly.fill("network", data);
  assembly.fill("script", report::kScript);
  return std::move(assembly).finish();
}

}  // namespace

std::string html_report(const Network& network, MatrixView<const float> rows,
                        const HtmlReportOptions& options) {
  using report::WeightsForm;
  check_shapes(network, rows, options);
  const std::size_t min = report::encoded_size(network, WeightsForm::kRounded);
  if (min > kMaxBytes) {
    throw Error(fmt::format("the report would take {:.0f} MB, {} MB at most are sensible",
                            static_cast<double>(min) / 1e6, kMaxBytes / 1'000'000),
                Remedy::kFigure);
  }
  const std::string figure = figure_of(network, rows);
  if (report::encoded_size(network, WeightsForm::kExact) < kMaxExact) {
    std::string report =
        report_of(figure, report::report_data(network, rows, options, WeightsForm::kExact));
    if (report.size() < kMaxExact) {
      return report;
    }
  }
  return report_of(figure, report::report_data(network, rows, options, WeightsForm::kRounded));
}

void save_html_report(const Network& network, MatrixView<const float> rows,
                      const HtmlReportOptions& options, const std::string& file) {
  const std::string extension = io::extension_of(file);
  if (extension != ".html" && extension != ".htm") {
    throw FileError(file, "must end in .html, the format of the report");
  }
  const std::string report = html_report(network, rows, options);
  io::AtomicFile output(file);
  output.write(std::as_bytes(std::span(report)));
  output.finish();
}

}  // namespace lamella
