#include "cuda/staging.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/cores.hpp"

namespace lamella::cuda {
namespace {

// About what one core copies while another thread wakes up.
constexpr std::size_t kMinPiece = std::size_t{256} << 10;
// Per copy: two for each thread, so that a slowed thread takes fewer.
constexpr std::size_t kMaxPieces = 16;
// This many cores saturate memory bandwidth.
constexpr int kMaxThreads = 8;
// Pieces begin at page boundaries.
constexpr std::size_t kPage = 4096;
// The spin duration, as in the CPU engine: about the time it takes to wake a thread. The copies of
// one call follow each other faster than that.
constexpr std::chrono::microseconds kSpinDuration{50};

}  // namespace

std::shared_ptr<Staging> Staging::get() {
  static std::mutex mutex;
  static std::weak_ptr<Staging> held;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Staging> staging = held.lock();
  if (!staging) {
    staging = std::make_shared<Staging>();
    held = staging;
  }
  return staging;
}

std::size_t Staging::pieces(std::size_t bytes) {
  return std::clamp<std::size_t>(bytes / kMinPiece, 1, kMaxPieces);
}

Staging::Staging()
    : pool_(std::min(core::default_thread_count().count, kMaxThreads), kSpinDuration) {}

void Staging::copy(void* to, const void* from, std::size_t bytes, const Copied& copied) {
  const std::size_t count = pieces(bytes);
  const std::size_t piece = (bytes / count / kPage + 1) * kPage;
  const auto copy_piece = [&](std::size_t i) {
    const std::size_t first = i * piece;
    const std::size_t n = std::min(piece, bytes - first);
    if (n > 0) {  // for size 0 the pointers may be null
      std::memcpy(static_cast<std::byte*>(to) + first, static_cast<const std::byte*>(from) + first,
                  n);
    }
    copied(first, n);
  };
  std::unique_lock lock(mutex_, std::defer_lock);
  if (count > 1 && lock.try_lock()) {
    pool_.for_each(count, [&](std::size_t /*worker*/, std::size_t i) { copy_piece(i); });
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    copy_piece(i);
  }
}

void Staging::copy(void* to, const void* from, std::size_t bytes) {
  copy(to, from, bytes, [](std::size_t /*first*/, std::size_t /*bytes*/) {});
}

}  // namespace lamella::cuda
