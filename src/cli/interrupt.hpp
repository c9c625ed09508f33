// Turns Ctrl-C and other termination signals into a flag that work polls, so that no partial file
// is left.
#pragma once

#include <atomic>

namespace lamella::cli {

// From now on SIGINT, SIGTERM and SIGHUP set the returned flag; a second signal of the same kind
// ends the process at once. A signal that the parent ignores (nohup, a shell's background job)
// stays ignored. Blocking system calls are interrupted, not restarted.
const std::atomic<bool>& stop_on_signals();

// Ignores SIGPIPE and SIGXFSZ: a closed pipe (| head) and a file above the size limit (ulimit -f)
// become write errors that can be reported, instead of signals that kill the process.
void ignore_write_signals();

// Ensures that descriptors 0 to 2 are open. Otherwise a file opened while a standard stream is
// closed would take its descriptor, and receive the stream's data. Using a closed stream still
// fails.
void reserve_standard_streams();

}  // namespace lamella::cli
