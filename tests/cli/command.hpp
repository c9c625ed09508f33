// The lamella command under test.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/command_path.hpp"
#include "tests/support/process.hpp"

namespace lamella::test {

inline std::string data_file(const std::string& name) {
  return std::string(LAMELLA_TEST_DATA) + "/" + name;
}

// Where runs compute: the same tests serve every device.
inline std::string test_device() {
  const char* const device = std::getenv("LAMELLA_TEST_DEVICE");
  return device == nullptr ? "cpu" : device;
}

inline std::vector<std::string> command_line(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), command_path());
  return arguments;
}

inline ProcessResult lamella_command(const std::vector<std::string>& arguments,
                                     const ProcessStreams& streams = {}) {
  return run_process(command_line(arguments), streams);
}

// lamella run on the device under test.
inline std::vector<std::string> run_arguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"run", "--device", test_device()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

inline ProcessResult lamella_run(const std::vector<std::string>& arguments,
                                 const ProcessStreams& streams = {}) {
  return lamella_command(run_arguments(arguments), streams);
}

// One error line, notes and warnings at most beside it, and the status.
inline void expect_error(const ProcessResult& result, int status, const std::string& mention) {
  EXPECT_EQ(result.status, status) << result.err;
  EXPECT_FALSE(result.timed_out);
  const auto errors = result.err_lines("lamella: error: ");
  ASSERT_EQ(errors.size(), 1U) << result.err;
  EXPECT_THAT(errors[0], testing::HasSubstr(mention));
  EXPECT_EQ(result.err_lines().size(), 1 + result.err_lines("lamella: note: ").size() +
                                           result.err_lines("lamella: warning: ").size())
      << result.err;
}

}  // namespace lamella::test
