// What validation on a device found, kept for the life of the process.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace lamella::cuda {

// Safe to call from several threads.
template <class Key>
class ValidationCache {
 public:
  // What the validation of this key found. run() tries it where that is not known; what it throws
  // is not kept. Under no lock, so that several threads may try the same at once.
  template <class Run>
  std::string find_or(const Key& key, const Run& run) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = known_.find(key); found != known_.end()) {
        return found->second;
      }
    }
    std::string result = run();
    const std::lock_guard lock(mutex_);
    return known_.emplace(key, std::move(result)).first->second;
  }

 private:
  std::mutex mutex_;
  std::map<Key, std::string> known_;
};

}  // namespace lamella::cuda
