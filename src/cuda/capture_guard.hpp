// Keeps this library's captures and what would spoil them apart.
#pragma once

#include <shared_mutex>

namespace lamella::cuda {

// To wait for a whole device is an error while any of its streams is being captured, whichever
// thread captures and in whichever mode, and spoils the capture (CUDA C++ Programming Guide, CUDA
// Graphs, "Prohibited and Unhandled Operations"). Captures therefore hold this shared, and who
// waits for a device holds it alone. Captures of a caller's own are the caller's to keep apart.
inline std::shared_mutex& capture_guard() {
  static std::shared_mutex mutex;
  return mutex;
}

}  // namespace lamella::cuda
