// Switching between stacks, told to the sanitizers. Internal to the runtime; x86-64 only.
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

/// Saves the caller in `from` and continues `to`; returns when something switches back to `from`.
void switch_context(Context& from, Context& to);

/// Must be the first thing a new fiber does.
void finish_first_switch();

/// A context with a stack of its own (behind a guard page) that will start in `entry`, which must
/// never return. Fibers are kept for the life of the process. `tsan_fiber`: what TSan takes it for.
Context new_fiber(void (*entry)(), void* tsan_fiber);

}  // namespace cuda_sim
