// Results of explain as JSON.
#pragma once

#include <string>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/explain.hpp>
#include <lamella/network.hpp>

#include "cli/explain_text.hpp"

namespace lamella::cli {

// Parts of the JSON; null: not requested.
struct ExplainedParts {
  std::string model;
  const Network& network;
  const Engine* engine = nullptr;                         // null: double precision
  const std::vector<std::size_t>* row_numbers = nullptr;  // set if trace is
  const ForwardTrace* trace = nullptr;
  const NetworkStatistics* statistics = nullptr;
  const Training* training = nullptr;
};

[[nodiscard]] std::string explain_json(const ExplainedParts& found);

}  // namespace lamella::cli
