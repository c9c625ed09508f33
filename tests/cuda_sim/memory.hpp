// Simulated device memory and page-locked host memory. Internal to the runtime.
//
// Each device allocation is a separate mapping:
//     [guard page | fill | buffer | slack | guard page]
// The buffer starts at a multiple of 256 bytes, as cudaMalloc guarantees, and its size rounded up
// to 256 ends at the guard page. A long overrun therefore faults, and a short one lands in the
// slack, whose fill is checked. Everything is filled with 0xFF (a NaN as a float) and inaccessible
// to the host except while device work runs. Addresses are not reused before reset().
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <cuda_runtime.h>

namespace cuda_sim {

struct Allocation {
  std::byte* base = nullptr;
  std::size_t size = 0;
  std::byte* mapping = nullptr;
  std::size_t mapping_bytes = 0;
  int device = 0;
  bool live = true;
  bool ready = true;  ///< false until cudaMallocAsync's stream reaches it
};

struct Pinned {
  std::byte* base = nullptr;
  std::size_t size = 0;
  bool owned = false;  ///< allocated here, not merely registered
};

class MemoryMap {
 public:
  void set_devices(int count, std::size_t bytes_each);

  /// Null if the device has too little memory left.
  void* allocate(std::size_t bytes, int device, bool ready);
  void make_ready(void* base);
  void free(Allocation& allocation);
  void free_all();

  /// The live or freed allocation that contains `p` or ends just before it; null if none.
  Allocation* find(const void* p);
  /// The live allocation that starts at `p`.
  Allocation* find_base(const void* p);

  void* allocate_pinned(std::size_t bytes);
  bool register_pinned(void* p, std::size_t bytes);
  /// Frees or unregisters; returns false unless `p` is the start of such memory.
  bool release_pinned(void* p, bool owned);
  Pinned* find_pinned(const void* p);

  /// Device memory is accessible between open() and the matching close().
  void open();
  void close();

  /// Reports writes into the fill around live buffers. Device memory must be open.
  void check_fill();

  long live_allocations() const;
  long live_pinned() const { return static_cast<long>(pinned_.size()); }
  std::size_t used(int device) const { return used_.at(static_cast<std::size_t>(device)); }
  std::size_t bytes_each() const { return bytes_each_; }

 private:
  void protect_all(bool accessible);
  static void check_fill(Allocation& allocation);

  std::map<std::uintptr_t, Allocation> allocations_;  // by base address
  std::map<std::uintptr_t, Pinned> pinned_;
  std::vector<std::size_t> used_;
  std::size_t bytes_each_ = 0;
  int open_depth_ = 0;
};

/// Opens device memory for a scope.
class DeviceWork {
 public:
  DeviceWork();
  ~DeviceWork();
  DeviceWork(const DeviceWork&) = delete;
  DeviceWork& operator=(const DeviceWork&) = delete;
};

/// Writes bytes without any sanitizer seeing it, as hardware would.
void fill_unseen(void* p, std::size_t bytes, unsigned char value = 0xFF);

/// Whether [p, p + bytes) lies inside one live allocation of `device` (-1: any device). Otherwise
/// reports it as `what` and fails the device.
bool check_device_range(const void* p, std::size_t bytes, int device, const char* what);

/// Whether a kernel on `device` may take `p` as its argument number `position`.
bool check_kernel_pointer(const void* p, int position, int device);

}  // namespace cuda_sim
