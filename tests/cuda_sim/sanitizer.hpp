// The runtime's interface to the sanitizers. The runtime's files are compiled without
// instrumentation, because its bookkeeping touches memory on behalf of many simulated threads. It
// therefore announces every ordering that CUDA guarantees and declares every access of a copy or a
// GEMM. Without a sanitizer all of this compiles to nothing.
#pragma once

#include <cstddef>

#ifdef CUDA_SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifdef CUDA_SIM_TSAN
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_set_fiber_name(void* fiber, const char* name);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void __tsan_read_range(void* address, unsigned long bytes);
void __tsan_write_range(void* address, unsigned long bytes);
void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_end(void);
}
#endif

namespace cuda_sim {

#ifdef CUDA_SIM_TSAN
inline constexpr bool kThreadSanitizer = true;
inline constexpr unsigned kNoSynchronization = 1;  // a switch must not order memory accesses
/// A TSan thread of execution: one per stream, and several that stand for CUDA threads.
inline void* new_tsan_fiber(const char* name) {
  void* fiber = __tsan_create_fiber(0);
  __tsan_set_fiber_name(fiber, name);
  return fiber;
}
inline void* current_tsan_fiber() {
  return __tsan_get_current_fiber();
}
inline void switch_tsan_fiber(void* fiber) {
  __tsan_switch_to_fiber(fiber, kNoSynchronization);
}
/// What precedes release(token) happens before what follows acquire(token).
inline void acquire(const void* token) {
  __tsan_acquire(const_cast<void*>(token));
}
inline void release(const void* token) {
  __tsan_release(const_cast<void*>(token));
}
inline void declare_read(const void* p, std::size_t n) {
  __tsan_read_range(const_cast<void*>(p), n);
}
inline void declare_write(void* p, std::size_t n) {
  __tsan_write_range(p, n);
}
/// During its lifetime, TSan treats newly mapped memory as untouched. Otherwise mmap() counts as a
/// write, with which every use of the memory would have to be ordered.
class MapsUntouchedMemory {
 public:
  MapsUntouchedMemory() { __tsan_ignore_thread_begin(); }
  ~MapsUntouchedMemory() { __tsan_ignore_thread_end(); }
  MapsUntouchedMemory(const MapsUntouchedMemory&) = delete;
  MapsUntouchedMemory& operator=(const MapsUntouchedMemory&) = delete;
};
#else
inline constexpr bool kThreadSanitizer = false;
inline void* new_tsan_fiber(const char*) {
  return nullptr;
}
inline void* current_tsan_fiber() {
  return nullptr;
}
inline void switch_tsan_fiber(void*) {}
inline void acquire(const void*) {}
inline void release(const void*) {}
inline void declare_read(const void*, std::size_t) {}
inline void declare_write(void*, std::size_t) {}
struct MapsUntouchedMemory {};
#endif

#ifdef CUDA_SIM_ASAN
inline constexpr bool kAddressSanitizer = true;
inline void poison(const void* p, std::size_t n) {
  __asan_poison_memory_region(p, n);
}
inline void unpoison(const void* p, std::size_t n) {
  __asan_unpoison_memory_region(p, n);
}
#else
inline constexpr bool kAddressSanitizer = false;
inline void poison(const void*, std::size_t) {}
inline void unpoison(const void*, std::size_t) {}
#endif

}  // namespace cuda_sim
