// Ctrl-C and its kin as a flag that work looks at, so that nothing half-written is left.
#pragma once

#include <atomic>

namespace lamella::cli {

// From now on SIGINT, SIGTERM and SIGHUP set the flag that is returned, and only a second one of
// the same kind ends the process at once. A signal that the parent has set to be ignored (nohup, a
// shell's background job) stays ignored. Waiting system calls are interrupted, not restarted.
const std::atomic<bool>& stop_on_signals();

// A reader that went away (| head), and a file larger than allowed (ulimit -f), are errors that a
// write reports, not signals that kill before anything could be said or removed.
void let_writes_fail();

// Makes sure that descriptors 0 to 2 are taken: a file opened where a standard stream was closed
// would receive what is meant for the stream. Using such a stream still fails.
void reserve_standard_streams();

}  // namespace lamella::cli
