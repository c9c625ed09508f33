// A network as a .safetensors file in Lamella's own, canonical form; docs/model-files.md describes
// it.
#pragma once

#include <atomic>
#include <string>

#include <lamella/network.hpp>
#include <lamella/self_test.hpp>

namespace lamella::io {

// Appears under its name only when it is complete. self_test and cancelled may be null. Throws
// FileError, CancelledError.
void write_safetensors(const Network& network, const std::string& path, const SelfTest* self_test,
                       const std::atomic<bool>* cancelled);

}  // namespace lamella::io
