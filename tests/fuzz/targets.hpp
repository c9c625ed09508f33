// The readers of untrusted files as functions of arbitrary bytes: each must read them or throw
// lamella::Error. Anything else is a bug.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace lamella::fuzz {

void read_safetensors_model(std::span<const std::byte> bytes);
void read_npz_model(std::span<const std::byte> bytes);
void read_onnx_model(std::span<const std::byte> bytes);
void read_json_model(std::span<const std::byte> bytes);
void read_npy_rows(std::span<const std::byte> bytes);
void read_csv_rows(std::span<const std::byte> bytes);

// The target for files with this extension (".npz"), or null.
using Target = void (*)(std::span<const std::byte>);
[[nodiscard]] Target target_for(std::string_view extension);

}  // namespace lamella::fuzz
