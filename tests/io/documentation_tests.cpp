// docs/model-files.md: the tests that its table of ONNX patterns names exist, and its example of a
// network in JSON is the one of tests/data.
#include <regex>
#include <sstream>

#include <nlohmann/json.hpp>

#include "tests/io/io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;

const std::filesystem::path kTests = std::filesystem::path(LAMELLA_TEST_DATA).parent_path();

// What a row may name: "Suite.Name" of a test in tests/io, and the cases of the manifest.
std::vector<std::string> known_tests() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kTests / "io")) {
    const std::string text = read_text(entry.path().string());
    const std::regex test(R"(\bTEST(?:_[FP])?\((\w+),\s*(\w+)\))");
    for (std::sregex_iterator at(text.begin(), text.end(), test); at != std::sregex_iterator();
         ++at) {
      names.push_back((*at)[1].str() + "." + (*at)[2].str());
    }
  }
  const auto manifest = nlohmann::json::parse(read_text((kTests / "data/manifest.json").string()));
  for (const auto& one : manifest["cases"]) {
    names.push_back(one["id"]);
  }
  return names;
}

TEST(Documentation, EveryOnnxPatternNamesTestsThatExist) {
  const auto known = known_tests();
  std::istringstream page(read_text((kTests.parent_path() / "docs/model-files.md").string()));
  std::string line;
  while (std::getline(page, line) && line != "### ONNX") {
  }
  int rows = 0;
  while (std::getline(page, line) && !line.starts_with("### ")) {
    if (!line.starts_with("| ") || line.starts_with("| exporter |")) {
      continue;
    }
    const std::string cell = line.substr(line.rfind('|', line.size() - 2));
    const std::regex name("`([^`]+)`");
    std::sregex_iterator at(cell.begin(), cell.end(), name);
    EXPECT_NE(at, std::sregex_iterator()) << "no test is named: " << line;
    for (; at != std::sregex_iterator(); ++at) {
      EXPECT_THAT(known, testing::Contains((*at)[1].str())) << line;
    }
    ++rows;
  }
  EXPECT_GT(rows, 30) << "the table was not found";
}

TEST(Documentation, TheExampleInJsonIsTheNetworkDoneByHand) {
  const std::string page = read_text((kTests.parent_path() / "docs/model-files.md").string());
  const std::string fence = "```json\n";
  const std::size_t begin = page.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t example = begin + fence.size();
  EXPECT_EQ(page.substr(example, page.find("```", example) - example),
            read_text((kTests / "data/by_hand/model.json").string()));
}

}  // namespace
}  // namespace lamella::io
