// Runs a program as a user would: arguments, standard streams, exit status, signals.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/support/temporary_folder.hpp"

namespace lamella::test {

struct ProcessStreams {
  std::string input = {};  // text for standard input
  // Files to open (a FIFO, /dev/full) instead of feeding `input` and capturing output.
  std::optional<std::string> input_file = {};
  std::optional<std::string> output_file = {};
  std::optional<int> output_descriptor = {};  // a pipe owned by the test
  bool output_closed = false;
};

struct ProcessResult {
  int status = 0;  // the exit status; -n if killed by signal n
  bool timed_out = false;
  std::string out;
  std::string err;
  // The lines of standard error that begin with prefix.
  [[nodiscard]] std::vector<std::string> err_lines(const std::string& prefix = "") const;
};

class Process {
 public:
  // Starts argv[0]. Throws std::runtime_error on failure.
  explicit Process(const std::vector<std::string>& argv, const ProcessStreams& streams = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Kills the process if it still runs.
  ~Process();

  [[nodiscard]] pid_t id() const { return pid_; }
  void send(int signal) const;
  // Whether the process still runs.
  [[nodiscard]] bool is_running();
  // Waits for the process to end; kills it at the limit and sets timed_out.
  ProcessResult wait(std::chrono::seconds limit = std::chrono::seconds(120));

 private:
  TemporaryFolder folder_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int raw_status_ = 0;
};

inline ProcessResult run_process(const std::vector<std::string>& argv,
                                 const ProcessStreams& streams = {}) {
  return Process(argv, streams).wait();
}

}  // namespace lamella::test
