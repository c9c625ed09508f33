// What the documents say the command prints is what it prints.
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.hpp"
#include "tests/support/fenced_blocks.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella::test {
namespace {

const std::string kRoot = std::string(LAMELLA_TEST_DATA) + "/../..";

// A command of a document and the output that follows it.
struct Session {
  std::string command;
  std::string output;
};

std::vector<Session> sessions(const std::string& page) {
  std::vector<Session> found;
  for (const std::string& block : fenced_blocks(page, "console")) {
    EXPECT_THAT(block, testing::StartsWith("$ "));
    const std::size_t end = block.find('\n');
    found.push_back({block.substr(2, end - 2), block.substr(end + 1)});
  }
  return found;
}

// The command line as a shell takes it in the project's folder, `lamella` being the one under test.
ProcessResult in_shell(const std::string& command) {
  return run_process(
      {"/bin/sh", "-c",
       "cd '" + kRoot + "' && lamella() { '" + command_path() + "' \"$@\"; } && " + command});
}

TEST(Documentation, TheExampleByHandPrintsWhatItsReadmeShows) {
  const std::string page = file_content(kRoot + "/examples/by_hand/README.md");
  const auto shown = sessions(page);
  EXPECT_GE(shown.size(), 5U);
  for (const Session& session : shown) {
    const ProcessResult result = in_shell(session.command);
    EXPECT_EQ(result.status, 0) << session.command << "\n" << result.err;
    EXPECT_EQ(result.out, session.output) << session.command;
  }
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
