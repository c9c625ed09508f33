// Keeps the library's stream captures apart from calls that would invalidate them.
#pragma once

#include <shared_mutex>

namespace lamella::cuda {

// Synchronizing a whole device is an error while any of its streams is being captured, whichever
// thread captures and in whichever mode, and it invalidates the capture (CUDA C++ Programming
// Guide, CUDA Graphs, "Prohibited and Unhandled Operations"). Captures therefore lock this mutex
// shared, and code that synchronizes a device locks it exclusively. Callers keep their own captures
// apart.
inline std::shared_mutex& capture_guard() {
  static std::shared_mutex mutex;
  return mutex;
}

}  // namespace lamella::cuda
