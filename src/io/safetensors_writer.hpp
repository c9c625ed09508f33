// Writes a network in Lamella's own safetensors layout; see docs/model-files.md.
#pragma once

#include <atomic>
#include <string>

#include <lamella/network.hpp>
#include <lamella/self_test.hpp>

namespace lamella::io {

// The file appears under its name only once complete. `self_test` and `cancelled` may be null.
// Throws FileError, CancelledError.
void write_safetensors(const Network& network, const std::string& path, const SelfTest* self_test,
                       const std::atomic<bool>* cancelled);

}  // namespace lamella::io
