// Keys and values of Lamella's own .safetensors layout, shared by writer and reader.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace lamella::io::safetensors_layout {

inline constexpr const char* kFormat = "lamella.format";
inline constexpr const char* kVersion = "1";
inline constexpr const char* kActivations = "activations";
inline constexpr const char* kInputSteps = "lamella.input_steps";    // kinds, comma-separated
inline constexpr const char* kInputNames = "lamella.input_names";    // JSON lists
inline constexpr const char* kOutputNames = "lamella.output_names";  // of strings
inline constexpr const char* kClasses = "lamella.classes";

// The tensors of a self-test.
inline constexpr const char* kSelfTestRows = "self_test.rows";
inline constexpr const char* kSelfTestOutputs = "self_test.outputs";

// In the order of InputStep::Kind.
inline constexpr std::array<std::string_view, 5> kStepKinds = {"subtract", "add", "multiply",
                                                               "divide", "clip"};

[[nodiscard]] inline std::string step_tensor(std::size_t i) {
  return "input_steps." + std::to_string(i);
}

}  // namespace lamella::io::safetensors_layout
