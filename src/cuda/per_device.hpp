// Objects shared by the engines of one network on one device, with memory from one resource: made
// by the first engine, released with the last.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

#include <lamella/device_memory.hpp>
#include <lamella/network.hpp>

namespace lamella::cuda {

// One instance per shared Kind; Variant distinguishes instances that differ within one network.
// Thread-safe.
template <class Kind, class Variant = int>
class PerDevice {
 public:
  // The network, device and memory resource that an instance belongs to.
  struct Place {
    std::shared_ptr<const Network> network;
    int device = 0;
    std::shared_ptr<DeviceMemoryResource> memory;
    Variant variant{};
  };

  // Returns the instance in use at that place, or the result of make(). While make() runs, other
  // callers wait and then share its result. Throws what make() throws.
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
    Place place;  // kept alive, so that its addresses stay a valid key
    Kind shared;
  };

  std::mutex mutex_;
  std::map<std::tuple<const Network*, int, const DeviceMemoryResource*, Variant>,
           std::weak_ptr<const Held>>
      held_;
};

}  // namespace lamella::cuda
