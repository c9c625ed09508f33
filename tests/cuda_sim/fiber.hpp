// Switches stacks and informs the sanitizers. Internal to the runtime; x86-64 only.
#pragma once

#include <cstddef>

namespace cuda_sim {

struct Context {
  void* stack_pointer = nullptr;
  const void* stack_bottom = nullptr;
  std::size_t stack_bytes = 0;
  void* tsan_fiber = nullptr;
  void* asan_fake_stack = nullptr;
};

/// Saves the caller in `from` and resumes `to`; returns when something switches back to `from`.
void switch_context(Context& from, Context& to);

/// A new fiber must call this first.
void finish_first_switch();

/// Creates a context with its own stack (behind a guard page) that starts in `entry`, which must
/// never return. Fibers live until the process exits. `tsan_fiber` represents it in TSan.
Context new_fiber(void (*entry)(), void* tsan_fiber);

}  // namespace cuda_sim
