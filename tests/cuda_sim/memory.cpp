// Device and page-locked memory: mappings, guard pages, protection, and pointer checks.
#include "memory.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sanitizer.hpp"
#include "state.hpp"

namespace cuda_sim {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kAlignment = 256;
constexpr std::byte kFill{0xFF};
constexpr std::size_t kFilledEnd = std::size_t{1} << 20;

std::size_t round_up(std::size_t n, std::size_t unit) {
  return (n + unit - 1) / unit * unit;
}

std::uintptr_t address_of(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p);
}

const char* describe(const Allocation& a, const std::byte* p) {
  if (!a.live)
    return "a freed device buffer";
  if (!a.ready)
    return "a buffer whose cudaMallocAsync has not come up in its stream";
  return p >= a.base && p < a.base + a.size ? "a device buffer" : "memory beside a device buffer";
}

/// Describes a fault in simulated device memory, then lets it end the process.
void explain_fault(int signal_number, siginfo_t* info, void*) {
  if (Allocation* a = state().memory.find(info->si_addr)) {
    const auto* p = static_cast<const std::byte*>(info->si_addr);
    char text[256];
    const int n = std::snprintf(
        text, sizeof text, "[cuda_sim] fault: access at byte %td of %s (%zu bytes, device %d)\n",
        p - a->base, describe(*a, p), a->size, a->device);
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text, static_cast<std::size_t>(n));
  }
  signal(signal_number, SIG_DFL);  // the access is retried and ends the process
}

/// The sanitizers explain faults themselves.
void install_fault_handler() {
  if (kAddressSanitizer || kThreadSanitizer)
    return;
  struct sigaction action = {};
  action.sa_sigaction = explain_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
}

}  // namespace

void fill_unseen(void* p, std::size_t bytes, unsigned char value) {
  asm volatile("rep stosb" : "+D"(p), "+c"(bytes) : "a"(value) : "memory");
}

void MemoryMap::set_devices(int count, std::size_t bytes_each) {
  used_.assign(static_cast<std::size_t>(count), 0);
  bytes_each_ = bytes_each;
}

void* MemoryMap::allocate(std::size_t bytes, int device, bool ready) {
  std::size_t& used = used_.at(static_cast<std::size_t>(device));
  if (bytes > bytes_each_ || used + bytes > bytes_each_)
    return nullptr;
  static const bool handler_installed = (install_fault_handler(), true);
  static_cast<void>(handler_installed);
  const std::size_t buffer = round_up(bytes, kAlignment);
  const std::size_t body = round_up(buffer, kPage);
  void* mapped = mmap(nullptr, body + 2 * kPage, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    return nullptr;
  auto* mapping = static_cast<std::byte*>(mapped);
  std::byte* start = mapping + kPage;
  std::byte* base = start + body - buffer;
  mprotect(start, body, PROT_READ | PROT_WRITE);
  // Fills only both ends of a large buffer: touching every page takes longer than most tests.
  if (body <= 2 * kFilledEnd) {
    fill_unseen(start, body);
  } else {
    fill_unseen(start, kFilledEnd);
    fill_unseen(start + body - kFilledEnd, kFilledEnd);
  }
  poison(start, static_cast<std::size_t>(base - start));
  poison(base + bytes, buffer - bytes);
  if (open_depth_ == 0 || !ready)
    mprotect(start, body, PROT_NONE);
  allocations_[address_of(base)] = {base, bytes, mapping, body + 2 * kPage, device, true, ready};
  used += bytes;
  return base;
}

void MemoryMap::make_ready(void* base) {
  Allocation& a = allocations_.at(address_of(base));
  a.ready = true;
  if (open_depth_ > 0 && a.live)
    mprotect(a.mapping + kPage, a.mapping_bytes - 2 * kPage, PROT_READ | PROT_WRITE);
}

void MemoryMap::free(Allocation& a) {
  std::byte* start = a.mapping + kPage;
  const std::size_t body = a.mapping_bytes - 2 * kPage;
  mprotect(start, body, PROT_READ | PROT_WRITE);
  check_fill(a);
  unpoison(start, body);
  madvise(start, body, MADV_DONTNEED);
  mprotect(start, body, PROT_NONE);
  a.live = false;
  used_.at(static_cast<std::size_t>(a.device)) -= a.size;
}

void MemoryMap::free_all() {
  for (auto& [address, a] : allocations_) {
    if (a.live)
      free(a);
    munmap(a.mapping, a.mapping_bytes);
  }
  allocations_.clear();
  for (auto& [address, p] : pinned_)
    if (p.owned)
      std::free(p.base);
  pinned_.clear();
}

Allocation* MemoryMap::find(const void* p) {
  const auto* byte = static_cast<const std::byte*>(p);
  auto next = allocations_.upper_bound(address_of(p));
  // A fault just before a buffer is attributed to that buffer.
  if (next != allocations_.end() && byte >= next->second.mapping)
    return &next->second;
  if (next == allocations_.begin())
    return nullptr;
  Allocation& a = std::prev(next)->second;
  return byte < a.mapping + a.mapping_bytes ? &a : nullptr;
}

Allocation* MemoryMap::find_base(const void* p) {
  const auto found = allocations_.find(address_of(p));
  return found != allocations_.end() && found->second.live ? &found->second : nullptr;
}

void* MemoryMap::allocate_pinned(std::size_t bytes) {
  void* p = nullptr;
  if (posix_memalign(&p, kPage, bytes) != 0)
    return nullptr;
  pinned_[address_of(p)] = {static_cast<std::byte*>(p), bytes, true};
  return p;
}

bool MemoryMap::register_pinned(void* p, std::size_t bytes) {
  return pinned_.try_emplace(address_of(p), Pinned{static_cast<std::byte*>(p), bytes, false})
      .second;
}

bool MemoryMap::release_pinned(void* p, bool owned) {
  const auto found = pinned_.find(address_of(p));
  if (found == pinned_.end() || found->second.owned != owned)
    return false;
  pinned_.erase(found);
  if (owned)
    std::free(p);
  return true;
}

Pinned* MemoryMap::find_pinned(const void* p) {
  auto next = pinned_.upper_bound(address_of(p));
  if (next == pinned_.begin())
    return nullptr;
  Pinned& found = std::prev(next)->second;
  return static_cast<const std::byte*>(p) < found.base + found.size ? &found : nullptr;
}

void MemoryMap::open() {
  if (open_depth_++ == 0)
    protect_all(true);
}

void MemoryMap::close() {
  if (--open_depth_ == 0)
    protect_all(false);
}

void MemoryMap::protect_all(bool accessible) {
  for (auto& [address, a] : allocations_)
    if (a.live && a.ready)
      mprotect(a.mapping + kPage, a.mapping_bytes - 2 * kPage,
               accessible ? PROT_READ | PROT_WRITE : PROT_NONE);
}

void MemoryMap::check_fill(Allocation& a) {
  std::byte* const end = a.mapping + a.mapping_bytes - kPage;
  for (std::byte* p = a.base + a.size; p < end; ++p)
    if (*p != kFill) {
      report("device buffer %p of %zu bytes: written %td bytes behind its end",
             static_cast<void*>(a.base), a.size, p - (a.base + a.size));
      fill_unseen(p, static_cast<std::size_t>(end - p));  // report once
    }
  std::byte* const start = a.mapping + kPage;
  for (std::byte* p = a.base; p-- > start;)
    if (*p != kFill) {
      report("device buffer %p of %zu bytes: written %td bytes before its start",
             static_cast<void*>(a.base), a.size, a.base - p);
      fill_unseen(start, static_cast<std::size_t>(a.base - start));
    }
}

void MemoryMap::check_fill() {
  for (auto& [address, a] : allocations_)
    if (a.live && a.ready)
      check_fill(a);
}

long MemoryMap::live_allocations() const {
  long count = 0;
  for (const auto& [address, a] : allocations_)
    count += a.live;
  return count;
}

DeviceWork::DeviceWork() {
  state().memory.open();
}
DeviceWork::~DeviceWork() {
  state().memory.close();
}

HostAccessGuard::HostAccessGuard() {
  const std::lock_guard lock(mutex());
  state().memory.open();
}
HostAccessGuard::~HostAccessGuard() {
  const std::lock_guard lock(mutex());
  state().memory.close();
}

bool check_device_range(const void* p, std::size_t bytes, int device, const char* what) {
  if (bytes == 0)
    return true;
  const auto* first = static_cast<const std::byte*>(p);
  const Allocation* a = state().memory.find(p);
  if (!a) {
    report("%s: %p is not device memory", what, p);
  } else if (!a->live || first < a->base || first >= a->base + a->size) {
    report("%s: %p is %s", what, p, describe(*a, first));
  } else if (bytes > static_cast<std::size_t>(a->base + a->size - first)) {
    report("%s: %zu bytes from byte %td on run past a device buffer of %zu bytes", what, bytes,
           first - a->base, a->size);
  } else if (device >= 0 && a->device != device) {
    report("%s: %p is memory of device %d, used on device %d", what, p, a->device, device);
  } else {
    return true;
  }
  fail_device(cudaErrorIllegalAddress);
  return false;
}

bool check_kernel_pointer(const void* p, int position, int device) {
  const bool pinned = state().memory.find_pinned(p) != nullptr;
  if (!p || (pinned && state().config.maps_host_memory))
    return true;
  const auto* byte = static_cast<const std::byte*>(p);
  const Allocation* a = state().memory.find(p);
  if (pinned) {
    report("kernel argument %d: %p is pinned memory, which the device does not map", position, p);
  } else if (!a) {
    report("kernel argument %d: %p is host memory, neither device nor pinned", position, p);
  } else if (!a->live || byte < a->base || byte > a->base + a->size) {
    report("kernel argument %d: %p is %s", position, p, describe(*a, byte));
  } else if (a->device != device) {
    report("kernel argument %d: %p is memory of device %d, the kernel runs on device %d", position,
           p, a->device, device);
  } else {
    return true;
  }
  fail_device(cudaErrorIllegalAddress);
  return false;
}

}  // namespace cuda_sim
