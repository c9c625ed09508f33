// A network as a .safetensors file in Lamella's own, canonical form; docs/model-files.md describes
// it.
#pragma once

#include <string>

#include <lamella/network.hpp>

namespace lamella::io {

// Appears under its name only when it is complete. Throws FileError.
void write_safetensors(const Network& network, const std::string& path);

}  // namespace lamella::io
