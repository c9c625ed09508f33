// Caches validation results for the life of the process.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace lamella::cuda {

// Thread-safe.
template <class Key>
class ValidationCache {
 public:
  // Returns the key's validation result, from run() if it is not cached. Exceptions of run() are
  // not cached. run() is called without a lock, so several threads may validate the same key at
  // once.
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
