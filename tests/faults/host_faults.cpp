#include "tests/faults/host_faults.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <new>

#include <dlfcn.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <lamella/error.hpp>

#ifdef LAMELLA_CUDA_SIM
#include "cuda_sim.hpp"
#endif

namespace lamella::testing {
namespace {

// Constant-initialized: memory is asked for before main().
constinit std::atomic<long> allocations_left = 0;  // until the one that fails; 0 and below: off
constinit std::atomic<bool> allocation_has_failed = false;
constinit std::atomic<long> live = 0;

constinit std::atomic<long> threads_left = 0;
constinit std::atomic<bool> thread_failure_lasts = false;
constinit std::atomic<bool> thread_has_failed = false;

bool counts() {
#ifdef LAMELLA_CUDA_SIM
  return !cuda_sim::inside_call();
#else
  return true;
#endif
}

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (allocations_left.load() > 0 && counts() && allocations_left.fetch_sub(1) == 1) {
    allocation_has_failed = true;
    return nullptr;
  }
  const std::size_t size = bytes == 0 ? 1 : bytes;
  void* const memory =
      alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
          ? std::malloc(size)
          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  live += memory != nullptr ? 1 : 0;
  return memory;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* const memory = allocate(bytes, alignment)) {
    return memory;
  }
  throw std::bad_alloc();
}

void release(void* memory) noexcept {
  live -= memory != nullptr ? 1 : 0;
  std::free(memory);
}

}  // namespace

void fail_allocation(long nth) {
  allocation_has_failed = false;
  allocations_left = nth;
}

bool allocation_failed() {
  return allocation_has_failed;
}

long live_allocations() {
  return live;
}

void fail_thread(long nth, bool lasting) {
  thread_has_failed = false;
  thread_failure_lasts = lasting;
  threads_left = nth;
}

bool thread_failed() {
  return thread_has_failed;
}

long sweep_allocations(const std::string& name, const std::function<void()>& body,
                       const std::function<void()>& between) {
  body();  // what is made once and kept
  body();
  const long before = live_allocations();
  for (long n = 1;; ++n) {
    std::string unexpected;
    bool thrown = true;
    fail_allocation(n);
    try {
      body();
      thrown = false;
    } catch (const std::bad_alloc&) {
    } catch (const Error& error) {
      if (std::string(error.what()).find("memory") == std::string::npos) {
        unexpected = error.what();
      }
    } catch (const std::exception& error) {
      unexpected = error.what();
    }
    const bool failed = allocation_failed();
    fail_allocation(0);
    EXPECT_EQ(unexpected, "") << name << ", allocation " << n;
    between();
    body();
    EXPECT_EQ(live_allocations(), before) << name << ": leaked when allocation " << n << " failed";
    if (!failed) {
      EXPECT_FALSE(thrown) << name << " threw though nothing failed";
      ::testing::Test::RecordProperty("injected_faults_" + name, std::to_string(n - 1));
      fmt::print("{}: {} allocations failed, one at a time\n", name, n - 1);
      return n - 1;
    }
    if (::testing::Test::HasFailure()) {
      return n;  // one is enough to read
    }
  }
}

}  // namespace lamella::testing

// Every form that can be replaced, so that none of a sanitizer's is mixed with these.
using lamella::testing::allocate;
using lamella::testing::allocate_or_throw;
using lamella::testing::release;

namespace {
constexpr std::size_t kPlain = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
std::size_t of(std::align_val_t alignment) {
  return static_cast<std::size_t>(alignment);
}
}  // namespace

void* operator new(std::size_t n) {
  return allocate_or_throw(n, kPlain);
}
void* operator new[](std::size_t n) {
  return allocate_or_throw(n, kPlain);
}
void* operator new(std::size_t n, std::align_val_t alignment) {
  return allocate_or_throw(n, of(alignment));
}
void* operator new[](std::size_t n, std::align_val_t alignment) {
  return allocate_or_throw(n, of(alignment));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return allocate(n, kPlain);
}
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return allocate(n, kPlain);
}
void* operator new(std::size_t n, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(n, of(alignment));
}
void* operator new[](std::size_t n, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(n, of(alignment));
}
void operator delete(void* p) noexcept {
  release(p);
}
void operator delete[](void* p) noexcept {
  release(p);
}
void operator delete(void* p, std::size_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  release(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  release(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  release(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
  release(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
  release(p);
}
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  release(p);
}
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  release(p);
}

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*body)(void*), void* argument) {
  using namespace lamella::testing;
  if (threads_left.load() > 0) {
    const long left = threads_left.fetch_sub(1);
    if (left == 1) {
      thread_has_failed = true;
      threads_left += thread_failure_lasts ? 1 : 0;
      return EAGAIN;
    }
  }
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, body, argument);
}
