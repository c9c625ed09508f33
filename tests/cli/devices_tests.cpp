#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cli/command.hpp"

namespace lamella::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Devices, ListsTheCpuFirstAndSaysWhereCudaIs) {
  const auto json = nlohmann::json::parse(lamella_command({"devices", "--json"}).out);
  ASSERT_GE(json.at("devices").size(), 1U);
  EXPECT_EQ(json.at("devices")[0].at("device"), "cpu");
  EXPECT_NE(json.at("devices")[0].at("name"), "");
  EXPECT_EQ(json.at("devices").size() == 1, json.at("cuda_unavailable") != "");
}

TEST(Devices, GivesTheSameAsText) {
  const auto json = nlohmann::json::parse(lamella_command({"devices", "--json"}).out);
  const ProcessResult result = lamella_command({"devices"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, StartsWith("cpu"));
  EXPECT_THAT(result.out, HasSubstr(json.at("devices")[0].at("name").get<std::string>()));
  EXPECT_THAT(result.out, HasSubstr(json.at("cuda_unavailable").get<std::string>()));
}

TEST(Command, SaysItsVersionAndHelps) {
  EXPECT_EQ(lamella_command({"--version"}).out, "lamella 0.1.0\n");
  EXPECT_THAT(lamella_command({"--help"}).out, HasSubstr("lamella run model.safetensors"));
  for (const char* const command : {"run", "info", "devices"}) {
    const ProcessResult help = lamella_command({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_THAT(help.out, HasSubstr(std::string("Usage: lamella ") + command));
  }
}

}  // namespace
}  // namespace lamella::test
