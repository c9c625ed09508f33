// The public face of the pipeline: opens the files, chooses the chunks, runs.
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

#include <lamella/error.hpp>
#include <lamella/score.hpp>

#include "io/rows.hpp"
#include "score/pipeline.hpp"
#include "score/row_output.hpp"
#include "score/verification.hpp"

namespace lamella {
namespace {

// Links to the same file count too; two paths that cannot be looked at are not the same.
void refuse_output_over_input(const ScoreOptions& options) {
  if (options.input == "-" || options.output == "-") {
    return;
  }
  std::error_code ignored;
  if (std::filesystem::is_regular_file(options.input, ignored) &&
      std::filesystem::equivalent(options.input, options.output, ignored)) {
    throw FileError(options.output, "is the file of rows too; name another output file");
  }
}

// How many threads read or print text: as many as compute.
int text_threads(const Engine& engine) {
  return engine.info().threads > 0 ? engine.info().threads
                                   : static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

ScoreReport score(Engine& engine, const ScoreOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const Network& network = engine.network();
  const pipeline::RowOutput output(options.output_kind, options.top, network.outputs());
  refuse_output_over_input(options);

  const int threads = text_threads(engine);
  const auto reader = io::open_rows(options.input, {.format = options.input_format,
                                                    .columns = options.columns,
                                                    .expected_columns = network.inputs(),
                                                    .threads = threads,
                                                    .cancelled = options.cancelled});
  const std::size_t values_per_row =
      network.inputs() + network.outputs() + (output.is_plain() ? 0 : output.columns());
  pipeline::Verification verification(network, reader->name(), options.verify_rows, reader->rows());
  pipeline::ChunkCheck check;
  if (options.verify_rows != 0) {
    check = [&verification](std::uint64_t first_row, MatrixView<const float> inputs,
                            MatrixView<const float> outputs) {
      verification.check(first_row, inputs, outputs);
    };
  }
  const pipeline::PipelineOptions pipeline_options{
      .chunk_rows = pipeline::choose_chunk_rows(
          {.rows = options.chunk_rows, .memory_bytes = options.memory_bytes}, values_per_row,
          reader->rows()),
      .check = check,
      .on_progress = options.on_progress,
      .cancelled = options.cancelled};
  const auto writer =
      io::create_rows(options.output, {.format = options.output_format,
                                       .columns = output.columns(),
                                       .column_names = output.column_names(network.names()),
                                       .rows = reader->rows(),
                                       .threads = threads});
  ScoreReport report = pipeline::run_pipeline(*reader, engine, *writer, output, pipeline_options);
  report.rows_verified = verification.rows();
  report.largest_error = verification.largest_error();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace lamella
