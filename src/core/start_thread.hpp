// Threads, and the sentence for when the system grants none.
#pragma once

#include <system_error>
#include <thread>
#include <utility>

#include <lamella/error.hpp>

namespace lamella::core {

// A thread that runs the body, which must not throw. Throws Error when it cannot be started.
template <class Body>
[[nodiscard]] std::jthread start_thread(Body&& body) {
  try {
    return std::jthread(std::forward<Body>(body));
  } catch (const std::system_error& error) {
    throw Error("a thread cannot be started: " + error.code().message() +
                "; end other processes or raise the limit on their number (ulimit -u)");
  }
}

}  // namespace lamella::core
