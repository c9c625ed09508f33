#include "tests/support/process.hpp"

#include <csignal>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lamella::test {
namespace {

// posix_spawn's file actions and attributes for the child.
class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    // Resets signals: the test runner may ignore some, and children inherit that.
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
      sigaddset(&defaults, signal);
    }
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  void open(int descriptor, const std::string& path, int flags) {
    posix_spawn_file_actions_addopen(&files, descriptor, path.c_str(), flags, 0600);
  }

  posix_spawn_file_actions_t files = {};
  posix_spawnattr_t attributes = {};
};

}  // namespace

std::vector<std::string> ProcessResult::err_lines(const std::string& prefix) const {
  std::vector<std::string> lines;
  std::istringstream stream(err);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(prefix)) {
      lines.push_back(line);
    }
  }
  return lines;
}

Process::Process(const std::vector<std::string>& argv, const ProcessStreams& streams) {
  SpawnSetup setup;
  write_file(folder_.file("in"), streams.input);
  setup.open(0, streams.input_file.value_or(folder_.file("in")), O_RDONLY);
  if (streams.output_descriptor) {
    posix_spawn_file_actions_adddup2(&setup.files, *streams.output_descriptor, 1);
  } else if (streams.output_closed) {
    posix_spawn_file_actions_addclose(&setup.files, 1);
  } else {
    setup.open(1, streams.output_file.value_or(folder_.file("out")), O_WRONLY | O_CREAT);
  }
  setup.open(2, folder_.file("err"), O_WRONLY | O_CREAT);

  std::vector<char*> arguments;
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const int error =
      posix_spawn(&pid_, arguments[0], &setup.files, &setup.attributes, arguments.data(), environ);
  if (error != 0) {
    throw std::runtime_error(argv[0] + " cannot be started: " + std::strerror(error));
  }
}

Process::~Process() {
  if (!ended_) {
    send(SIGKILL);
    waitpid(pid_, &raw_status_, 0);
  }
}

void Process::send(int signal) const {
  kill(pid_, signal);
}

bool Process::is_running() {
  if (!ended_) {
    ended_ = waitpid(pid_, &raw_status_, WNOHANG) == pid_;
  }
  return !ended_;
}

ProcessResult Process::wait(std::chrono::seconds limit) {
  ProcessResult result;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (is_running()) {
    if (!result.timed_out && std::chrono::steady_clock::now() > deadline) {
      result.timed_out = true;
      send(SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  result.status = WIFSIGNALED(raw_status_) ? -WTERMSIG(raw_status_) : WEXITSTATUS(raw_status_);
  if (std::filesystem::exists(folder_.file("out"))) {
    result.out = file_content(folder_.file("out"));
  }
  result.err = file_content(folder_.file("err"));
  return result;
}

}  // namespace lamella::test
