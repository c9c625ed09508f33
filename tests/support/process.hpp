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
  std::string input = {};  // what standard input gives
  // Instead of input, and instead of catching the output: files to open (a FIFO, /dev/full).
  std::optional<std::string> input_file = {};
  std::optional<std::string> output_file = {};
  std::optional<int> output_descriptor = {};  // a pipe of the test's
  bool output_closed = false;
};

struct ProcessResult {
  int status = 0;  // the exit status; -n when signal n ended it
  bool timed_out = false;
  std::string out;
  std::string err;
  // The lines of standard error that begin with prefix.
  [[nodiscard]] std::vector<std::string> err_lines(const std::string& prefix = "") const;
};

class Process {
 public:
  // Starts argv[0]. Throws std::runtime_error when it cannot be started.
  explicit Process(const std::vector<std::string>& argv, const ProcessStreams& streams = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Kills it when it still runs.
  ~Process();

  [[nodiscard]] pid_t id() const { return pid_; }
  void send(int signal) const;
  // Whether it has not ended yet.
  [[nodiscard]] bool is_running();
  // Waits for its end; kills it after the limit, which is then noted in the result.
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
