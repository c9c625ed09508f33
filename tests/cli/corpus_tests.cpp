// Runs every case of tests/data/manifest.json through the command, by the rules stated there: run
// (expect these values), reject (one error line, no output left), either.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <ostream>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.hpp"
#include "tests/support/json.hpp"
#include "tests/support/names.hpp"
#include "tests/support/npy_file.hpp"

namespace lamella::test {
namespace {

using Case = nlohmann::json;

struct NamedCase {
  Case entry;

  [[nodiscard]] std::string name() const { return test_name(entry.at("id")); }
  friend void PrintTo(const NamedCase& one, std::ostream* stream) { *stream << one.name(); }
};

std::vector<NamedCase> manifest_cases() {
  std::vector<NamedCase> cases;
  const Case manifest = parse_json(file_content(data_file("manifest.json")));
  for (const Case& entry : manifest.at("cases")) {
    cases.push_back({entry});
  }
  return cases;
}

std::string base_name(const std::string& path) {
  return std::filesystem::path(path).filename();
}

void expect_close(const NpyFile& out, const Case& entry) {
  const NpyFile expected = read_npy(data_file(entry.at("expected")));
  const double atol = entry.at("atol");
  const double rtol = entry.at("rtol");
  EXPECT_EQ(out.type, "<f4");
  ASSERT_EQ(out.shape, expected.shape);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    const double actual = out.values[i];
    const double wanted = expected.values[i];
    if (std::isfinite(wanted)) {
      ASSERT_LE(std::abs(actual - wanted), atol + rtol * std::abs(wanted)) << "value " << i;
    } else {
      ASSERT_TRUE(std::isnan(wanted) ? std::isnan(actual) : actual == wanted) << "value " << i;
    }
  }
}

void expect_rejection(const ProcessResult& result, const Case& entry) {
  // Searches only the error line; a file's name does not count as the reason.
  expect_error(result, 1, "");
  const auto errors = result.err_lines("lamella: error: ");
  ASSERT_EQ(errors.size(), 1U);
  std::string line = errors[0];
  const std::string fault = entry.value("fault", "");
  const std::string model = entry.at("model");
  const std::string input = entry.at("input");
  if (fault == "model" || fault == "input") {
    EXPECT_THAT(line, testing::HasSubstr(base_name(fault == "model" ? model : input)));
  }
  for (const std::string& name :
       {data_file(model), data_file(input), base_name(model), base_name(input)}) {
    for (std::size_t at = line.find(name); at != std::string::npos; at = line.find(name)) {
      line.replace(at, name.size(), "<file>");
    }
  }
  if (entry.contains("mention")) {
    // Translates Python's "(?i:...)": ECMAScript has the flag only for a whole pattern.
    std::string pattern = entry.at("mention");
    const bool any_case = pattern.starts_with("(?i:");
    if (any_case) {
      pattern.replace(0, 4, "(?:");
    }
    const auto flags =
        any_case ? std::regex::ECMAScript | std::regex::icase : std::regex::ECMAScript;
    EXPECT_TRUE(std::regex_search(line.substr(std::string("lamella: error:").size()),
                                  std::regex(pattern, flags)))
        << line << "\ndoes not match " << pattern;
  }
}

class CorpusManifest : public testing::TestWithParam<NamedCase> {};

TEST_P(CorpusManifest, Holds) {
  const Case& entry = GetParam().entry;
  const TemporaryFolder folder;
  std::vector<std::string> arguments = {data_file(entry.at("model")), data_file(entry.at("input")),
                                        "-o", folder.file("out.npy")};
  if (entry.contains("activations")) {
    std::string list;
    for (const std::string activation : entry.at("activations")) {
      list += (list.empty() ? "" : ",") + activation;
    }
    arguments.insert(arguments.end(), {"--activations", list});
  }
  const auto [result, peak_kib] = lamella_measured(run_arguments(arguments));
  const std::string kind = entry.at("kind");
  if (kind == "run" || (kind == "either" && result.status == 0)) {
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(folder.entries(), testing::ElementsAre("out.npy"));
    expect_close(read_npy(folder.file("out.npy")), entry);
  } else {
    expect_rejection(result, entry);
    EXPECT_THAT(folder.entries(), testing::IsEmpty());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LT(peak_kib, 1L << 20);
#endif
  }
}

INSTANTIATE_TEST_SUITE_P(, CorpusManifest, testing::ValuesIn(manifest_cases()),
                         [](const auto& instance) { return instance.param.name(); });

}  // namespace
}  // namespace lamella::test
