#include "tests/faults/host_faults.hpp"

#include <algorithm>
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

namespace lamella::test {
namespace {

constexpr std::size_t kPlain = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

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

// In front of each piece of memory stands whether it counts, since the simulator releases some of
// what was allocated outside it.
std::size_t header_bytes(std::size_t alignment) {
  return std::max(alignment, kPlain);
}

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  const bool counted = counts();
  if (counted && allocations_left.load() > 0 && allocations_left.fetch_sub(1) == 1) {
    allocation_has_failed = true;
    return nullptr;
  }
  const std::size_t header = header_bytes(alignment);
  const std::size_t size = (header + bytes + header - 1) / header * header;
  void* const memory = std::aligned_alloc(header, size);
  if (memory == nullptr) {
    return nullptr;
  }
  live += counted ? 1 : 0;
  *static_cast<bool*>(memory) = counted;
  return static_cast<char*>(memory) + header;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* const memory = allocate(bytes, alignment)) {
    return memory;
  }
  throw std::bad_alloc();
}

void release(void* memory, std::size_t alignment) noexcept {
  if (memory != nullptr) {
    void* const begin = static_cast<char*>(memory) - header_bytes(alignment);
    live -= *static_cast<bool*>(begin) ? 1 : 0;
    std::free(begin);
  }
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

namespace {

struct Outcome {
  bool failed = false;  // the allocation
  bool thrown = false;
  std::string unexpected;
};

Outcome run_with_fault(long nth, const std::function<void()>& body) {
  Outcome outcome{.thrown = true};
  fail_allocation(nth);
  try {
    body();
    outcome.thrown = false;
  } catch (const std::bad_alloc&) {
  } catch (const Error& error) {
    if (std::string(error.what()).find("memory") == std::string::npos) {
      outcome.unexpected = error.what();
    }
  } catch (const std::exception& error) {
    outcome.unexpected = error.what();
  }
  outcome.failed = allocation_failed();
  fail_allocation(0);
  return outcome;
}

}  // namespace

long sweep_allocations(const std::string& name, const std::function<void()>& body,
                       const std::function<void()>& between) {
  // What is made once and kept, by a call or by the first of all failures.
  body();
  (void)run_with_fault(1, body);
  between();
  body();
  const long before = live_allocations();
  for (long n = 1;; ++n) {
    const Outcome outcome = run_with_fault(n, body);
    EXPECT_EQ(outcome.unexpected, "") << name << ", allocation " << n;
    between();
    body();
    EXPECT_EQ(live_allocations(), before) << name << ": leaked when allocation " << n << " failed";
    if (!outcome.failed) {
      EXPECT_FALSE(outcome.thrown) << name << " threw though nothing failed";
      testing::Test::RecordProperty("injected_faults_" + name, std::to_string(n - 1));
      fmt::print("{}: {} allocations failed, one at a time\n", name, n - 1);
      return n - 1;
    }
    if (testing::Test::HasFailure()) {
      return n;  // one is enough to read
    }
  }
}

}  // namespace lamella::test

// Every form that can be replaced, so that none of a sanitizer's is mixed with these.
using lamella::test::allocate;
using lamella::test::allocate_or_throw;
using lamella::test::kPlain;
using lamella::test::release;

namespace {
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
  release(p, kPlain);
}
void operator delete[](void* p) noexcept {
  release(p, kPlain);
}
void operator delete(void* p, std::size_t) noexcept {
  release(p, kPlain);
}
void operator delete[](void* p, std::size_t) noexcept {
  release(p, kPlain);
}
void operator delete(void* p, std::align_val_t alignment) noexcept {
  release(p, of(alignment));
}
void operator delete[](void* p, std::align_val_t alignment) noexcept {
  release(p, of(alignment));
}
void operator delete(void* p, std::size_t, std::align_val_t alignment) noexcept {
  release(p, of(alignment));
}
void operator delete[](void* p, std::size_t, std::align_val_t alignment) noexcept {
  release(p, of(alignment));
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
  release(p, kPlain);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
  release(p, kPlain);
}
void operator delete(void* p, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  release(p, of(alignment));
}
void operator delete[](void* p, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  release(p, of(alignment));
}

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*body)(void*), void* argument) {
  using namespace lamella::test;
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
