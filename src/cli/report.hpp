// The report at the end of a run, as text and as JSON.
#pragma once

#include <string>

#include <lamella/engine.hpp>
#include <lamella/score.hpp>

namespace lamella::cli {

// "cpu (AMD EPYC, 2 threads)", and the reason for the choice if it was automatic.
[[nodiscard]] std::string device_text(const EngineInfo& engine);

// One sentence: rows, rate, device, precision, and the busy time of each stage.
[[nodiscard]] std::string describe(const ScoreReport& report, const EngineInfo& engine);

// The same and more as one line of JSON. Times are in seconds.
[[nodiscard]] std::string to_json(const ScoreReport& report, const EngineInfo& engine,
                                  const std::string& model, const ScoreOptions& options);

}  // namespace lamella::cli
