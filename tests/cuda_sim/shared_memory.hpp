// The running block's shared memory. Internal to the runtime.
#pragma once

#include <cstddef>
#include <vector>

namespace cuda_sim {

/// Gives each block freshly filled memory with a filled redzone around every array. Under a
/// sanitizer the addresses are new too, so that the sanitizer's state from one block never affects
/// the next.
class SharedMemory {
 public:
  /// Starts a block with `dynamic_bytes` of dynamic shared memory.
  void start_block(std::size_t dynamic_bytes);
  /// Reports writes into redzones, at most once per launch.
  void finish_block();

  void* array_at(const void* site, std::size_t bytes);
  void* dynamic() const { return dynamic_; }

 private:
  struct Array {
    const void* site;
    std::byte* base;
    std::size_t bytes;
  };
  std::byte* carve(const void* site, std::size_t bytes);

  std::byte* arena_ = nullptr;
  std::size_t offset_ = 0;
  std::byte* dynamic_ = nullptr;
  std::size_t static_bytes_ = 0;
  std::vector<Array> arrays_;
};

}  // namespace cuda_sim
