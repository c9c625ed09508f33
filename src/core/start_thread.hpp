// Starts threads, with a clear error if the system refuses.
#pragma once

#include <system_error>
#include <thread>
#include <utility>

#include <lamella/error.hpp>

namespace lamella::core {

// Starts a thread that runs body, which must not throw. Throws Error if it cannot be started.
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
