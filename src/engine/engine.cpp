// Which engine computes a network, and the text form of devices.
#include <charconv>

#include <fmt/format.h>

#include <lamella/engine.hpp>
#include <lamella/error.hpp>

#include "cpu/cpu_engine.hpp"

namespace lamella {
namespace {

constexpr const char* kNoCuda = "this build has no CUDA engine";

}  // namespace

Device Device::parse(std::string_view text) {
  if (text == "auto") {
    return {DeviceKind::kAuto, 0};
  }
  if (text == "cpu") {
    return {DeviceKind::kCpu, 0};
  }
  if (text == "cuda") {
    return {DeviceKind::kCuda, 0};
  }
  constexpr std::string_view kNumbered = "cuda:";
  if (text.starts_with(kNumbered)) {
    const std::string_view digits = text.substr(kNumbered.size());
    int index = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error == std::errc() && end == digits.data() + digits.size() && index >= 0 &&
        digits.front() != '-') {
      return {DeviceKind::kCuda, index};
    }
  }
  throw UsageError(
      fmt::format("unknown device '{}': auto, cpu, cuda or cuda:N is wanted, N from 0", text));
}

std::string to_string(const Device& device) {
  switch (device.kind) {
    case DeviceKind::kAuto:
      return "auto";
    case DeviceKind::kCpu:
      return "cpu";
    case DeviceKind::kCuda:
      break;
  }
  return fmt::format("cuda:{}", device.index);
}

std::unique_ptr<Engine> make_engine(std::shared_ptr<const Network> network,
                                    const EngineOptions& options) {
  if (options.device.kind == DeviceKind::kCuda) {
    throw DeviceError(fmt::format("{}: {}; take --device cpu, or build with the CUDA Toolkit",
                                  to_string(options.device), kNoCuda));
  }
  return cpu::make_cpu_engine(std::move(network), options);
}

DeviceList list_devices() {
  return {{cpu::describe_cpu()}, kNoCuda};
}

}  // namespace lamella
