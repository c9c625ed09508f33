// The example files in the documentation match what the command reads and draws. tests/documents
// checks the printed output.
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.hpp"
#include "tests/support/fenced_blocks.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella::test {
namespace {

const std::string kRoot = std::string(LAMELLA_TEST_DATA) + "/../..";

TEST(Documentation, TheModelOfTheExampleByHandIsTheOneThatItsReadmeShows) {
  const std::string page = file_content(kRoot + "/examples/by_hand/README.md");
  EXPECT_THAT(fenced_blocks(page, "json"),
              testing::ElementsAre(file_content(kRoot + "/examples/by_hand/model.json")));
}

TEST(Documentation, TheExamplesFiguresAreThoseThatTheCommandDraws) {
  const TemporaryFolder folder;
  const std::string drawn = folder.file("drawn.svg");
  const std::string example = kRoot + "/examples/by_hand/";
  for (const auto& [model, rows, figure] : {std::array{"model.json", "rows.csv", "figure.svg"},
                                            std::array{"larger.json", "pairs.csv", "larger.svg"}}) {
    ASSERT_EQ(lamella_command({"explain", example + model, example + rows, "--svg", drawn}).status,
              0);
    EXPECT_EQ(file_content(drawn), file_content(example + figure))
        << "lamella explain " << model << " " << rows << " --svg " << figure << " draws it anew";
  }
}

}  // namespace
}  // namespace lamella::test
