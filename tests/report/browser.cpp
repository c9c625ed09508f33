#include "tests/report/browser.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/support/process.hpp"

namespace lamella::test {
namespace {

// Inserted first in a report, so that it catches every error.
constexpr const char* kWatch = R"html(<script>
window.complaints = [];
addEventListener('error', (event) => complaints.push(event.message));
addEventListener('unhandledrejection', (event) => complaints.push(String(event.reason)));
addEventListener('securitypolicyviolation',
                 (event) => complaints.push(event.violatedDirective + ': ' + event.blockedURI));
</script>)html";

// Collects the results of the reports in its frames.
constexpr const char* kCollector = R"html(<script>
const results = [];
addEventListener('message', ({data}) => {
  results[data.id] = data;
  if (results.filter(Boolean).length === document.querySelectorAll('iframe').length) {
    const place = document.createElement('pre');
    place.id = 'results';
    place.textContent = encodeURIComponent(JSON.stringify(results));
    document.body.replaceChildren(place);
  }
});
</script>)html";

std::string with_script(const BrowserVisit& visit) {
  static const std::string driver =
      file_content(std::string(LAMELLA_TEST_DATA) + "/../report/driver.js");
  std::string report = visit.report;
  const std::string head = "<head>";
  const std::string end = "</body>";
  report.insert(report.rfind(end),
                "<script>" + driver + "report(async () => {" + visit.script + "\n});</script>");
  report.insert(report.find(head) + head.size(), kWatch);
  return report;
}

std::string decoded(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

std::optional<std::string> find_browser() {
  const char* const path = std::getenv("PATH");
  for (const char* name :
       {"chromium", "chromium-browser", "chromium-headless-shell", "google-chrome"}) {
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (std::filesystem::exists(std::filesystem::path(folder) / name)) {
        return std::filesystem::path(folder) / name;
      }
    }
  }
  return std::nullopt;
}

std::vector<nlohmann::json> browse(const std::vector<BrowserVisit>& visits) {
  const TemporaryFolder folder;
  std::string all = std::string("<!doctype html><title>all</title>") + kCollector + "<body>";
  for (std::size_t i = 0; i < visits.size(); ++i) {
    const std::string file = std::to_string(i) + ".html";
    write_file(folder.file(file), with_script(visits[i]));
    all += "<iframe name=" + std::to_string(i) + " src=" + file +
           " style='width:" + std::to_string(visits[i].width) +
           "px;height:" + std::to_string(visits[i].height) + "px;border:0'></iframe>";
  }
  write_file(folder.file("all.html"), all);
  const ProcessResult result = run_process(
      {find_browser().value(), "--headless", "--no-sandbox", "--disable-gpu",
       "--disable-dev-shm-usage", "--user-data-dir=" + folder.file("profile"),
       "--virtual-time-budget=60000", "--dump-dom", "file://" + folder.file("all.html")});
  const std::string mark = "<pre id=\"results\">";
  const std::size_t begin = result.out.find(mark);
  if (begin == std::string::npos) {
    throw std::runtime_error("the browser gave no results: " + result.err.substr(0, 2000));
  }
  const std::size_t from = begin + mark.size();
  std::vector<nlohmann::json> values;
  for (const auto& report :
       nlohmann::json::parse(decoded(result.out.substr(from, result.out.find('<', from) - from)))) {
    EXPECT_FALSE(report.contains("error")) << report["error"];
    EXPECT_EQ(report["complaints"], nlohmann::json::array());
    values.push_back(report.value("value", nlohmann::json()));
  }
  return values;
}

}  // namespace lamella::test
