// The pipeline's public entry: opens the files, chooses the chunks, runs.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

#include <lamella/error.hpp>
#include <lamella/score.hpp>

#include "core/cores.hpp"
#include "io/row_slice.hpp"
#include "io/rows.hpp"
#include "score/chunks.hpp"
#include "score/pipeline.hpp"
#include "score/row_output.hpp"
#include "score/shard_manifest.hpp"
#include "score/verification.hpp"

namespace lamella {
namespace {

// Links to the same file count as the same; paths that cannot be examined count as different.
void throw_if_output_is_input(const std::string& output, const std::string& input) {
  if (input == "-" || output == "-") {
    return;
  }
  std::error_code ignored;
  if (std::filesystem::is_regular_file(input, ignored) &&
      std::filesystem::equivalent(input, output, ignored)) {
    throw FileError(output, "is the file of rows too; name another output file");
  }
}

// The file that receives the rows.
std::string written_file(const ScoreOptions& options) {
  throw_if_output_is_input(options.output, options.input);
  if (!options.shard) {
    return options.output;
  }
  if (options.output == "-") {
    throw UsageError("a shard output needs a file name; standard output has none",
                     Remedy::kOutputFile);
  }
  std::string shard_output = shard_output_name(options.output, *options.shard);
  throw_if_output_is_input(shard_output, options.input);
  return shard_output;
}

// The shard's rows, or all rows without shards.
io::RowSlice open_input(const ScoreOptions& options, const io::RowReadOptions& read) {
  if (options.shard) {
    return io::open_row_slice(options.input, *options.shard, read);
  }
  return {.reader = io::open_rows(options.input, read)};
}

pipeline::ShardManifest manifest_of(const Engine& engine, const ScoreOptions& options,
                                    const io::RowSlice& slice, std::size_t columns,
                                    const io::WrittenFile& written) {
  pipeline::ShardManifest manifest = {
      .shard = options.shard->index,
      .rows = rows_of(*options.shard, slice.rows_total),
      .file = written,
      .device = engine.info().device_name,
      .run = {.shards = options.shard->count,
              .network = pipeline::network_checksum(engine.network()),
              .precision = engine.info().precision,
              .rows_total = slice.rows_total,
              .rows_columns = options.columns,
              .kind = options.output_kind,
              .format = io::output_format(options.output, options.output_format),
              .columns = columns}};
  pipeline::fingerprint_rows(options.input, manifest.run);
  return manifest;
}

// Writes the manifest; on failure removes the shard output, which is useless without it.
void write_manifest(const std::string& shard_output, const pipeline::ShardManifest& manifest) {
  try {
    pipeline::write_shard_manifest(shard_output, manifest);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(shard_output, ignored);
    throw;
  }
}

// Chunks read at once while a device computes: it consumes rows faster than one core copies them
// from the page cache.
std::size_t readers_beside(const Engine& engine, const io::RowReader& reader) {
  constexpr int kMax = 4;
  return engine.info().device.kind == DeviceKind::kCuda && reader.has_read_at()
             ? static_cast<std::size_t>(std::clamp(core::default_thread_count().count, 1, kMax))
             : 1;
}

// Threads that parse or print text: as many as compute on the CPU.
int text_threads(const Engine& engine) {
  return engine.info().threads > 0 ? engine.info().threads : core::default_thread_count().count;
}

}  // namespace

ScoreReport score(Engine& engine, const ScoreOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const Network& network = engine.network();
  const pipeline::RowOutput output(options.output_kind, options.top, network.outputs());
  const std::string output_file = written_file(options);

  const int threads = text_threads(engine);
  const io::RowSlice slice = open_input(options, {.format = options.input_format,
                                                  .columns = options.columns,
                                                  .expected_columns = network.inputs(),
                                                  .threads = threads,
                                                  .cancelled = options.cancelled});
  const std::unique_ptr<io::RowReader>& reader = slice.reader;
  pipeline::Verification verification(network, reader->name(), options.verify_rows, reader->rows(),
                                      slice.first_row, parse_precision(engine.info().precision),
                                      options.cancelled);
  pipeline::ChunkCheck check;
  if (options.verify_rows != 0) {
    check = [&verification](std::uint64_t first_row, MatrixView<const float> inputs,
                            MatrixView<const float> outputs) {
      verification.check(first_row, inputs, outputs);
    };
  }
  const pipeline::Chunks chunks = pipeline::choose_chunks(
      {.rows = options.chunk_rows,
       .memory_bytes = options.memory_bytes,
       .devices = engine.info().devices,
       .workers = static_cast<std::size_t>(std::max(engine.info().threads, 1)),
       .readers = readers_beside(engine, *reader)},
      pipeline::values_per_row(network, output, options.verify_rows != 0), reader->rows());
  const pipeline::PipelineOptions pipeline_options{.chunk_rows = chunks.rows,
                                                   .workers = chunks.workers,
                                                   .readers = chunks.readers,
                                                   .check = check,
                                                   .on_progress = options.on_progress,
                                                   .cancelled = options.cancelled};
  io::WrittenFile written;
  const auto writer =
      io::create_rows(output_file, {.format = options.output_format,
                                    .columns = output.columns(),
                                    .column_names = output.column_names(network.names()),
                                    .rows = reader->rows(),
                                    .threads = threads,
                                    .written = options.shard ? &written : nullptr});
  ScoreReport report = pipeline::run_pipeline(*reader, engine, *writer, output, pipeline_options);
  report.output = output_file;
  if (options.shard) {
    report.first_row = slice.first_row;
    report.rows_total = slice.rows_total;
    write_manifest(output_file, manifest_of(engine, options, slice, output.columns(), written));
  }
  report.rows_verified = verification.rows();
  report.largest_error = verification.largest_error();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace lamella
