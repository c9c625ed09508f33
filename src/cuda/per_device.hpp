// What engines of one network on one device, with memory from one resource, share: made by the
// first, released by the last.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

#include <lamella/device_memory.hpp>
#include <lamella/network.hpp>

namespace lamella::cuda {

// One instance for each Kind of what is shared; kinds of one network that differ further have a
// Variant each. Safe to use from several threads.
template <class Kind, class Variant = int>
class PerDevice {
 public:
  // Where and of what.
  struct Place {
    std::shared_ptr<const Network> network;
    int device = 0;
    std::shared_ptr<DeviceMemoryResource> memory;
    Variant variant{};
  };

  // What somebody holds there, or what make() returns. While that runs, other callers wait and then
  // share it. Throws what make() throws.
  template <class Make>
  [[nodiscard]] std::shared_ptr<const Kind> get(const Place& place, Make&& make) {
    const std::lock_guard lock(mutex_);
    std::erase_if(held_, [](const auto& entry) { return entry.second.expired(); });
    auto& entry = held_[{place.network.get(), place.device, place.memory.get(), place.variant}];
    auto held = entry.lock();
    if (!held) {
      held = std::make_shared<const Held>(place, make);
      entry = held;
    }
    return {held, &held->shared};
  }

 private:
  struct Held {
    template <class Make>
    Held(Place p, Make& make) : place(std::move(p)), shared(make()) {}
    Place place;  // kept, so that its addresses stay a valid key
    Kind shared;
  };

  std::mutex mutex_;
  std::map<std::tuple<const Network*, int, const DeviceMemoryResource*, Variant>,
           std::weak_ptr<const Held>>
      held_;
};

}  // namespace lamella::cuda
