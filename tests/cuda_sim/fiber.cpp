// Stack switching: saves the callee-saved registers of the System V ABI and both floating-point
// control words. ucontext would need two system calls per switch.
#include "fiber.hpp"

#include <cstdint>
#include <new>

#include <sys/mman.h>

#include "sanitizer.hpp"

#ifndef __x86_64__
#error "the simulated CUDA switches stacks in x86-64 assembly"
#endif

extern "C" void cuda_sim_switch_stack(void** save, void* load);
asm(R"(
.text
.hidden cuda_sim_switch_stack
.globl cuda_sim_switch_stack
.type cuda_sim_switch_stack,@function
cuda_sim_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  subq $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  ldmxcsr (%rsp)
  fldcw 4(%rsp)
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_sim_switch_stack,.-cuda_sim_switch_stack
)");

namespace cuda_sim {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kStackBytes = kAddressSanitizer || kThreadSanitizer ? 256 << 10 : 64 << 10;

#ifdef CUDA_SIM_ASAN
Context* left = nullptr;  // the context switched from last
#endif

}  // namespace

void switch_context(Context& from, Context& to) {
  switch_tsan_fiber(to.tsan_fiber);
#ifdef CUDA_SIM_ASAN
  left = &from;
  __sanitizer_start_switch_fiber(&from.asan_fake_stack, to.stack_bottom, to.stack_bytes);
#endif
  cuda_sim_switch_stack(&from.stack_pointer, to.stack_pointer);
#ifdef CUDA_SIM_ASAN
  __sanitizer_finish_switch_fiber(from.asan_fake_stack, &left->stack_bottom, &left->stack_bytes);
#endif
}

void finish_first_switch() {
#ifdef CUDA_SIM_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &left->stack_bottom, &left->stack_bytes);
#endif
}

Context new_fiber(void (*entry)(), void* tsan_fiber) {
  void* mapped = mmap(nullptr, kStackBytes + kPage, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    throw std::bad_alloc();
  mprotect(mapped, kPage, PROT_NONE);
  Context context;
  context.stack_bottom = static_cast<char*>(mapped) + kPage;
  context.stack_bytes = kStackBytes;
  context.tsan_fiber = tsan_fiber;

  // The frame that cuda_sim_switch_stack() pops: control words, six registers, the return address;
  // then a word that aligns the stack as at a call.
  auto* top = reinterpret_cast<std::uint64_t*>(static_cast<char*>(mapped) + kPage + kStackBytes);
  *--top = 0;
  *--top = reinterpret_cast<std::uint64_t>(entry);
  for (int i = 0; i < 6; ++i)
    *--top = 0;
  std::uint32_t sse_control = 0;
  std::uint16_t x87_control = 0;
  asm volatile("stmxcsr %0" : "=m"(sse_control));
  asm volatile("fnstcw %0" : "=m"(x87_control));
  *--top = std::uint64_t{sse_control} | std::uint64_t{x87_control} << 32;
  context.stack_pointer = top;
  return context;
}

}  // namespace cuda_sim
