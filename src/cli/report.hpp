// The report at the end of a run, for people and for programs.
#pragma once

#include <string>

#include <lamella/engine.hpp>
#include <lamella/score.hpp>

namespace lamella::cli {

// "cpu (AMD EPYC, 2 threads)", and why it was taken where that was left open.
[[nodiscard]] std::string device_text(const EngineInfo& engine);

// One sentence: rows, rate, device, precision, and the time that each stage was busy.
[[nodiscard]] std::string describe(const ScoreReport& report, const EngineInfo& engine);

// The same and more as one line of JSON. Times are in seconds.
[[nodiscard]] std::string to_json(const ScoreReport& report, const EngineInfo& engine,
                                  const std::string& model, const ScoreOptions& options);

}  // namespace lamella::cli
