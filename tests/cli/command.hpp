// The lamella command under test.
#pragma once

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/command_path.hpp"
#include "tests/support/process.hpp"

namespace lamella::test {

inline std::string data_file(const std::string& name) {
  return std::string(LAMELLA_TEST_DATA) + "/" + name;
}

inline const std::string kDigits = data_file("digits/model.safetensors");
inline const std::string kDigitRows = data_file("digits/test.npy");

// The device under test: the same tests run on every device.
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

// The result of a command, and its peak resident memory in KiB.
struct MeasuredResult {
  ProcessResult result;
  long peak_kib = 0;
};
inline MeasuredResult lamella_measured(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  std::vector<std::string> all = command_line(arguments);
  all.insert(all.begin(), {peak_memory_path(), folder.file("peak")});
  MeasuredResult measured = {.result = run_process(all)};
  measured.peak_kib = std::stol(file_content(folder.file("peak")));
  return measured;
}

// The arguments of lamella run on the device under test.
inline std::vector<std::string> run_arguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"run", "--device", test_device()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

inline ProcessResult lamella_run(const std::vector<std::string>& arguments,
                                 const ProcessStreams& streams = {}) {
  return lamella_command(run_arguments(arguments), streams);
}

// Expects exactly one error line, optional notes and warnings, and the status.
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

inline bool wait_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Whether the process has set a handler for the signal, according to /proc.
inline bool catches(pid_t process, int signal) {
  const std::string status = file_content("/proc/" + std::to_string(process) + "/status");
  const std::size_t at = status.find("SigCgt:");
  return at != std::string::npos &&
         ((std::stoull(status.substr(at + 7), nullptr, 16) >> (signal - 1)) & 1U) != 0;
}

// Waits until a process has set a handler, and then long enough for it to block on its input.
inline bool waits_with_a_handler(const Process& process, int signal) {
  const bool set = wait_until([&] { return catches(process.id(), signal); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return set;
}

}  // namespace lamella::test
