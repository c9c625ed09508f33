// Pages in a real browser without a window.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lamella::test {

// A report, and JavaScript that works it with the functions of driver.js and returns what it found.
struct BrowserVisit {
  std::string report;
  std::string script;
  int width = 1280;
  int height = 900;
};

// The program, from the path; none where no Chromium is there.
[[nodiscard]] std::optional<std::string> find_browser();

// Opens all reports at once, each as if alone, and gives what their scripts returned. A script that
// throws, an error of the report's own, and anything that the report's security policy rejected are
// test failures.
[[nodiscard]] std::vector<nlohmann::json> browse(const std::vector<BrowserVisit>& visits);

}  // namespace lamella::test
