// Opens pages in a real headless browser.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lamella::test {

// A report, and JavaScript that operates it with the functions of driver.js and returns its
// findings.
struct BrowserVisit {
  std::string report;
  std::string script;
  int width = 1280;
  int height = 900;
};

// Finds Chromium on the PATH; empty if there is none.
[[nodiscard]] std::optional<std::string> find_browser();

// Opens all reports concurrently, each isolated, and returns the results of their scripts. A script
// that throws, an error in the report, and a violation of the report's security policy are test
// failures.
[[nodiscard]] std::vector<nlohmann::json> browse(const std::vector<BrowserVisit>& visits);

}  // namespace lamella::test
