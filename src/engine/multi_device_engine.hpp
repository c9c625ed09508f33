// An engine made of several: spreads the rows of each call over the devices of one machine.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <lamella/engine.hpp>

namespace lamella::engine {

// A device is given at least so many rows, or rows and outputs of so many bytes where those are
// fewer: what is less is done sooner than another device could be woken for it.
inline constexpr std::size_t kMinShareRows = 256;
inline constexpr std::size_t kMinShareBytes = std::size_t{1} << 20;

// make(device) is called once for each of them, from several threads at once. Rows are split
// contiguously and evenly, in the order of the devices; each share is run by a thread that is kept,
// one of them the caller's. Whatever a device throws arrives as it is, a DeviceError with the
// device's name in front; by then no device is at work any more. devices are two or more.
[[nodiscard]] std::unique_ptr<Engine> make_multi_device_engine(
    const std::vector<Device>& devices,
    const std::function<std::unique_ptr<Engine>(const Device& device)>& make);

}  // namespace lamella::engine
