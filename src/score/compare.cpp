// Compares outputs with a file of expected ones: the pipeline with a check and no output.
#include <algorithm>

#include <fmt/format.h>

#include <lamella/compare.hpp>
#include <lamella/error.hpp>

#include "io/rows.hpp"
#include "score/chunks.hpp"
#include "score/differences.hpp"
#include "score/pipeline.hpp"
#include "score/row_output.hpp"
#include "verify/oracle.hpp"

namespace lamella {
namespace {

class NoWriter final : public io::RowWriter {
 public:
  void write(MatrixView<const float> /*rows*/) override {}
  void finish() override {}
};

class Expectation {
 public:
  Expectation(const Engine& engine, const CompareOptions& options, std::string rows_name)
      : network_(engine.network()),
        precision_(parse_precision(engine.info().precision)),
        rows_name_(std::move(rows_name)),
        reader_(io::open_rows(options.expected.path, {.format = options.expected.format,
                                                      .columns = options.expected.columns,
                                                      .expected_columns = network_.outputs(),
                                                      .are_outputs = true,
                                                      .cancelled = options.cancelled})),
        differences_(network_.outputs(), options.tolerance) {}

  void check(std::uint64_t first_row, MatrixView<const float> inputs,
             MatrixView<const float> outputs) {
    if (expected_.rows() < outputs.rows()) {
      expected_ = Matrix(outputs.rows(), outputs.columns());
    }
    const MatrixView<float> expected = expected_.view().block(0, outputs.rows());
    const std::size_t count = reader_->read(expected);
    if (count < outputs.rows()) {
      throw FileError(reader_->name(), fmt::format("ends after {} rows, but {} holds more",
                                                   first_row + count, rows_name_));
    }
    if (differences_.add(first_row, outputs, expected)) {
      Difference& first = *differences_.comparison.first;
      const verify::Reference reference = verify::evaluate(
          network_, inputs.block(static_cast<std::size_t>(first.row - first_row), 1), precision_);
      first.reference = reference.values[first.column];
      first.bound = reference.bounds[first.column];
    }
  }

  [[nodiscard]] const Comparison& finish() {
    Matrix more(1, network_.outputs());
    if (reader_->read(more) != 0) {
      throw FileError(reader_->name(), fmt::format("holds more than the {} rows of {}",
                                                   differences_.comparison.rows, rows_name_));
    }
    return differences_.comparison;
  }

 private:
  const Network& network_;
  Precision precision_;
  std::string rows_name_;
  std::unique_ptr<io::RowReader> reader_;
  Differences differences_;
  Matrix expected_;
};

}  // namespace

Comparison compare(Engine& engine, const CompareOptions& options) {
  if (options.expected.path == "-") {
    throw UsageError("expected outputs are read from a file, not from standard input");
  }
  const Network& network = engine.network();
  const auto reader = io::open_rows(options.rows.path, {.format = options.rows.format,
                                                        .columns = options.rows.columns,
                                                        .expected_columns = network.inputs(),
                                                        .cancelled = options.cancelled});
  Expectation expectation(engine, options, reader->name());
  const pipeline::RowOutput output(OutputKind::kOutputs, 0, network.outputs());
  NoWriter writer;
  pipeline::run_pipeline(
      *reader, engine, writer, output,
      {.chunk_rows =
           pipeline::choose_chunks({.rows = options.chunk_rows},
                                   network.inputs() + 2 * network.outputs(), reader->rows())
               .rows,
       .check =
           [&expectation](std::uint64_t first_row, MatrixView<const float> inputs,
                          MatrixView<const float> outputs) {
             expectation.check(first_row, inputs, outputs);
           },
       .on_progress = options.on_progress,
       .cancelled = options.cancelled});
  return expectation.finish();
}

}  // namespace lamella
