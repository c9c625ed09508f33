// What explain found, as JSON.
#pragma once

#include <string>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/explain.hpp>
#include <lamella/network.hpp>

#include "cli/explain_text.hpp"

namespace lamella::cli {

// What the JSON is made of; null: not asked for.
struct ExplainedParts {
  std::string model;
  const Network& network;
  const Engine* engine = nullptr;                         // null: double precision
  const std::vector<std::size_t>* row_numbers = nullptr;  // with the trace
  const ForwardTrace* trace = nullptr;
  const NetworkStatistics* statistics = nullptr;
  const Training* training = nullptr;
};

[[nodiscard]] std::string explain_json(const ExplainedParts& found);

}  // namespace lamella::cli
