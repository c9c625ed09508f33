// What engines of one network on one device share: made by the first, released by the last.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <lamella/network.hpp>

namespace lamella::cuda {

// One instance for each kind of Resource. Safe to use from several threads.
template <class Resource>
class PerDevice {
 public:
  // The network's resource on the device: the one that somebody holds, or what make() returns.
  // While that runs, other callers wait and then share it. Throws what make() throws.
  template <class Make>
  [[nodiscard]] std::shared_ptr<const Resource> get(const std::shared_ptr<const Network>& network,
                                                    int device, Make&& make) {
    const std::lock_guard lock(mutex_);
    std::erase_if(held_, [](const auto& entry) { return entry.second.expired(); });
    auto& entry = held_[{network.get(), device}];
    auto held = entry.lock();
    if (!held) {
      held = std::make_shared<const Held>(network, make);
      entry = held;
    }
    return {held, &held->resource};
  }

 private:
  struct Held {
    template <class Make>
    Held(std::shared_ptr<const Network> n, Make& make) : network(std::move(n)), resource(make()) {}
    std::shared_ptr<const Network> network;  // kept, so that its address stays a valid key
    Resource resource;
  };

  std::mutex mutex_;
  std::map<std::pair<const Network*, int>, std::weak_ptr<const Held>> held_;
};

}  // namespace lamella::cuda
