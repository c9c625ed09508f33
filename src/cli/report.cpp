#include "cli/report.hpp"

#include <fmt/format.h>

#include <lamella/version.hpp>

#include "cli/json_text.hpp"
#include "cli/network_text.hpp"
#include "cli/terminal.hpp"
#include "json/value.hpp"

namespace lamella::cli {
namespace {

double rows_per_second(const ScoreReport& report) {
  return report.seconds > 0 ? static_cast<double>(report.rows) / report.seconds : 0;
}

}  // namespace

std::string device_text(const EngineInfo& engine) {
  std::string device = to_string(engine.device) + " (" + engine.device_name;
  if (engine.threads > 0) {
    device += fmt::format(", {} thread{}", engine.threads, engine.threads == 1 ? "" : "s");
  }
  device += ")";
  if (!engine.reason.empty()) {
    device += fmt::format(", taken because {}", engine.reason);
  }
  return one_line(device);
}

std::string describe(const ScoreReport& report, const EngineInfo& engine) {
  std::string verified;
  if (report.rows_verified != 0) {
    verified = fmt::format(", verifying {}; {} rows verified, largest error {:.2g} of its bound",
                           duration(report.seconds_verifying),
                           with_thousands_separators(report.rows_verified), report.largest_error);
  }
  std::string rows = count_of(report.rows, "row");
  if (report.rows_total) {
    rows += fmt::format(" from row {} of {} into {}", with_thousands_separators(report.first_row),
                        with_thousands_separators(*report.rows_total), report.output);
  }
  return fmt::format("{} in {} ({} rows/s) on {}, {}; busy reading {}, computing {}, writing {}{}",
                     rows, duration(report.seconds),
                     with_thousands_separators(static_cast<std::uint64_t>(rows_per_second(report))),
                     device_text(engine), engine.precision, duration(report.seconds_reading),
                     duration(report.seconds_computing), duration(report.seconds_writing),
                     verified);
}

std::string to_json(const ScoreReport& report, const EngineInfo& engine, const std::string& model,
                    const ScoreOptions& options) {
  json::Value json = {{"lamella", version()},
                      {"model", model},
                      {"input", options.input},
                      {"output", report.output},
                      {"rows", report.rows},
                      {"rows_per_second", rows_per_second(report)},
                      {"seconds", report.seconds},
                      {"seconds_reading", report.seconds_reading},
                      {"seconds_computing", report.seconds_computing},
                      {"seconds_writing", report.seconds_writing},
                      {"seconds_verifying", report.seconds_verifying},
                      {"rows_verified", report.rows_verified},
                      {"largest_error", report.largest_error},
                      {"chunk_rows", report.chunk_rows},
                      {"device", to_string(engine.device)},
                      {"device_name", engine.device_name},
                      {"device_reason", engine.reason},
                      {"precision", engine.precision},
                      {"batch_invariant", engine.batch_invariant},
                      {"path", engine.path},
                      {"threads", engine.threads},
                      {"devices", engine.devices},
                      {"max_rows", engine.max_rows}};
  if (options.shard) {
    json["shard"] = options.shard->index;
    json["shards"] = options.shard->count;
    json["first_row"] = report.first_row;
    json["rows_total"] = *report.rows_total;
  }
  return on_one_line(json);
}

}  // namespace lamella::cli
