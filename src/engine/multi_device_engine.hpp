// An engine over several devices of one machine: splits the rows of each call between them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <lamella/engine.hpp>

namespace lamella::engine {

// The smallest share of a device: this many rows, or the rows whose inputs and outputs take this
// many bytes, whichever is less. A smaller share would be done before another device could be woken
// for it.
inline constexpr std::size_t kMinShareRows = 256;
inline constexpr std::size_t kMinShareBytes = std::size_t{1} << 20;

// make(device) is called once for each device, from several threads at once. There must be at least
// two devices. Rows are split evenly into contiguous shares, in the order of the devices.
// Persistent threads, among them the caller's, run the shares. An exception from a device is
// rethrown as it is, a DeviceError with the device's name in front, after all devices have
// finished.
[[nodiscard]] std::unique_ptr<Engine> make_multi_device_engine(
    const std::vector<Device>& devices,
    const std::function<std::unique_ptr<Engine>(const Device& device)>& make);

}  // namespace lamella::engine
