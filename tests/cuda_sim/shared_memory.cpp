// A block's shared memory: one arena, partitioned anew for each block.
#include "shared_memory.hpp"

#include <new>

#include <sys/mman.h>

#include "memory.hpp"
#include "sanitizer.hpp"
#include "state.hpp"

namespace cuda_sim {
namespace {

constexpr std::size_t kArenaBytes = std::size_t{8} << 20;
constexpr std::size_t kLargestBlock = std::size_t{512} << 10;
constexpr std::size_t kRedzone = 128;  // also the alignment of every array
constexpr std::size_t kStaticLimit = std::size_t{48} << 10;
constexpr bool kFreshAddresses = kAddressSanitizer || kThreadSanitizer;

bool untouched(const std::byte* p, const std::byte* end) {
  for (; p < end; ++p)
    if (*p != std::byte{0xFF})
      return false;
  return true;
}

}  // namespace

void SharedMemory::start_block(std::size_t dynamic_bytes) {
  if (!arena_ || (kFreshAddresses && offset_ + kLargestBlock > kArenaBytes)) {
    [[maybe_unused]] const MapsUntouchedMemory untouched;
    void* mapped = mmap(arena_, kArenaBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | (arena_ ? MAP_FIXED : 0), -1, 0);
    if (mapped == MAP_FAILED)
      throw std::bad_alloc();
    arena_ = static_cast<std::byte*>(mapped);
    arrays_.reserve(64);
    poison(arena_, kArenaBytes);
    offset_ = 0;
  }
  if (!kFreshAddresses)
    offset_ = 0;
  arrays_.clear();
  static_bytes_ = 0;
  dynamic_ = dynamic_bytes ? carve(nullptr, dynamic_bytes) : nullptr;
}

std::byte* SharedMemory::carve(const void* site, std::size_t bytes) {
  const std::size_t end = (bytes + kRedzone - 1) / kRedzone * kRedzone + kRedzone;
  if (offset_ + kRedzone + end > kArenaBytes)
    throw std::bad_alloc();
  std::byte* zone = arena_ + offset_;
  std::byte* base = zone + kRedzone;
  unpoison(base, bytes);
  fill_unseen(zone, kRedzone + end);
  offset_ += kRedzone + end;
  arrays_.push_back({site, base, bytes});
  return base;
}

void* SharedMemory::array_at(const void* site, std::size_t bytes) {
  for (const Array& array : arrays_)
    if (array.site == site)
      return array.base;
  static_bytes_ += bytes;
  if (static_bytes_ > kStaticLimit && static_bytes_ - bytes <= kStaticLimit)
    report("kernel declares %zu bytes of static shared memory, more than %zu", static_bytes_,
           kStaticLimit);
  return carve(site, bytes);
}

void SharedMemory::finish_block() {
  for (const Array& array : arrays_) {
    const std::byte* end = array.base + array.bytes;
    const std::byte* zone_end =
        array.base + (array.bytes + kRedzone - 1) / kRedzone * kRedzone + kRedzone;
    if (untouched(array.base - kRedzone, array.base) && untouched(end, zone_end))
      continue;
    report("a kernel wrote beside its %s shared array of %zu bytes",
           array.site ? "static" : "dynamic", array.bytes);
    fail_device(cudaErrorIllegalAddress);
    return;
  }
}

}  // namespace cuda_sim
