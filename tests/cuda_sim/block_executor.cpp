// Runs a block's threads one at a time on fibers. A fiber runs one CUDA thread after another; a
// second fiber starts only when a thread blocks (at a barrier or in a warp exchange), so
// elementwise kernels never switch stacks. Under TSan each running CUDA thread has its own stack
// and is represented by one of a few TSan threads.
#include "block_executor.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "fiber.hpp"
#include "sanitizer.hpp"
#include "shared_memory.hpp"
#include "state.hpp"

namespace cuda_sim {

uint3 thread_index;
uint3 block_index;
dim3 block_extent;
dim3 grid_extent;

struct ThreadFiber {
  Context context;
  uint3 index{};
  int linear = 0;
  TsanThread* tsan = nullptr;  // its TSan thread, under TSan
};

namespace {

constexpr int kWarp = 32;
// TSan threads per stream. A TSan clock has an entry per thread, and each thread pays for that at
// every barrier.
constexpr std::size_t kTsanThreads = 64;

/// The lanes of a warp that repeatedly meet under one mask. A generation ends when all lanes have
/// arrived; values and presence are kept for two generations, because no lane can be further ahead.
struct WarpExchange {
  explicit WarpExchange(unsigned lanes) : mask(lanes) {}
  unsigned mask;
  unsigned arrived = 0;
  unsigned generation = 0;
  unsigned present[2] = {0, 0};
  std::uint64_t bits[2][kWarp] = {};
  std::vector<ThreadFiber*> waiting;
};

struct Warp {
  unsigned exited = 0;
  std::deque<WarpExchange> exchanges;  // growth keeps references to elements valid
};

struct Barrier {
  int waiting_count = 0;
  unsigned generation = 0;
  int reduced[2] = {0, 0};
  std::source_location where;
  std::vector<ThreadFiber*> waiting;
  char ordering[2] = {0, 0};  // addresses for acquire() and release()
};

struct Block {
  const KernelCall* call = nullptr;
  int threads = 0;
  int started = 0;
  int exited = 0;
  std::vector<int> order;  // start order; empty if ascending
  Barrier barrier;
  std::vector<Warp> warps;  // empty before the first exchange
  std::deque<ThreadFiber*> ready;
  ThreadFiber* current = nullptr;
  Context scheduler;
};

Block* block = nullptr;
SharedMemory shared_memory;
std::size_t rotation = 0;
std::size_t kernels = 0;  // started so far

// In leaked vectors, so that the leak checker sees the fibers as reachable.
auto& idle_fibers = *new std::vector<ThreadFiber*>;
auto& abandoned_fibers = *new std::vector<ThreadFiber*>;

/// The runtime's bookkeeping for a CUDA thread: TSan must not attribute it to that thread.
class Bookkeeping {
 public:
  Bookkeeping() : thread_(current_tsan_fiber()) { switch_tsan_fiber(block->scheduler.tsan_fiber); }
  ~Bookkeeping() { switch_tsan_fiber(thread_); }
  Bookkeeping(const Bookkeeping&) = delete;
  Bookkeeping& operator=(const Bookkeeping&) = delete;

 private:
  void* thread_;
};

uint3 index_of(int linear) {
  const auto i = static_cast<unsigned>(linear);
  return {i % block_extent.x, i / block_extent.x % block_extent.y,
          i / (block_extent.x * block_extent.y)};
}

uint3 successor(uint3 index) {
  if (++index.x == block_extent.x) {
    index.x = 0;
    if (++index.y == block_extent.y) {
      index.y = 0;
      ++index.z;
    }
  }
  return index;
}

void make_current(ThreadFiber* fiber) {
  block->current = fiber;
  thread_index = fiber->index;
}

void wait_in_scheduler(ThreadFiber* fiber) {
  switch_context(fiber->context, block->scheduler);
  make_current(fiber);
}

void release_barrier() {
  Barrier& b = block->barrier;
  b.generation++;
  b.waiting_count = 0;
  std::vector<ThreadFiber*> woken = std::exchange(b.waiting, {});
  if (state().config.thread_order == ThreadOrder::kDescending)
    std::reverse(woken.begin(), woken.end());
  if (state().config.thread_order == ThreadOrder::kShuffled)
    std::shuffle(woken.begin(), woken.end(), state().random);
  block->ready.insert(block->ready.end(), woken.begin(), woken.end());
}

/// Ends the exchange's generation once every lane of the mask that has not exited has arrived.
void try_exchange(WarpExchange& exchange, int warp) {
  const int lanes = std::min(kWarp, block->threads - warp * kWarp);
  const unsigned existing = lanes == kWarp ? ~0u : (1u << lanes) - 1;
  const unsigned exited = block->warps[static_cast<std::size_t>(warp)].exited;
  const unsigned awaited = exchange.mask & existing & ~exited;
  if (exchange.arrived == 0 || (exchange.arrived & awaited) != awaited)
    return;
  exchange.present[exchange.generation++ & 1] = std::exchange(exchange.arrived, 0);
  block->ready.insert(block->ready.end(), exchange.waiting.begin(), exchange.waiting.end());
  exchange.waiting.clear();
}

void note_exit(const ThreadFiber& fiber) {
  block->exited++;
  if (!block->warps.empty()) {
    const int warp = fiber.linear / kWarp;
    Warp& w = block->warps[static_cast<std::size_t>(warp)];
    w.exited |= 1u << (fiber.linear % kWarp);
    for (WarpExchange& exchange : w.exchanges)
      try_exchange(exchange, warp);
  }
  const int waiting = block->barrier.waiting_count;
  if (waiting > 0 && waiting == block->threads - block->exited) {
    report(
        "divergent __syncthreads(): %d of %d threads of block (%u,%u,%u) left the kernel while "
        "the others wait at line %u",
        block->exited, block->threads, block_index.x, block_index.y, block_index.z,
        static_cast<unsigned>(block->barrier.where.line()));
    release_barrier();
  }
}

// One synchronization per TSan thread and kernel suffices, because a kernel's blocks are not
// ordered among themselves.
void start_threads() {
  kernels++;
  if (kThreadSanitizer)
    release(&running_stream()->tsan.ordering->threads_start);
}

void enter(ThreadFiber* fiber) {
  if (kThreadSanitizer && std::exchange(fiber->tsan->entered, kernels) != kernels)
    acquire(&running_stream()->tsan.ordering->threads_start);
}

void end_threads() {
  if (!kThreadSanitizer)
    return;
  const TsanContext& tsan = running_stream()->tsan;
  void* const scheduler = current_tsan_fiber();
  for (const TsanThread& thread : tsan.threads) {
    if (thread.entered == kernels) {
      switch_tsan_fiber(thread.fiber);
      release(&tsan.ordering->threads_end);
    }
  }
  switch_tsan_fiber(scheduler);
  acquire(&tsan.ordering->threads_end);
}

void start_next_thread(ThreadFiber* fiber) {
  const int position = block->started++;
  if (block->order.empty()) {
    static uint3 last;
    last = position == 0 ? uint3{} : successor(last);
    fiber->linear = position;
    fiber->index = last;
  } else {
    fiber->linear = block->order[static_cast<std::size_t>(position)];
    fiber->index = index_of(fiber->linear);
  }
  make_current(fiber);
}

void fiber_main() {
  finish_first_switch();
  for (ThreadFiber* fiber = block->current;;) {
    while (block->started < block->threads) {
      start_next_thread(fiber);
      enter(fiber);
      block->call->run_thread();
      const Bookkeeping bookkeeping;
      note_exit(*fiber);
      if (kThreadSanitizer)
        break;
    }
    (kThreadSanitizer ? fiber->tsan->idle : idle_fibers).push_back(fiber);
    switch_context(fiber->context, block->scheduler);
  }
}

// Varies the assignment: two threads of a block share a TSan thread in only a few blocks, and
// neighbouring blocks map the same thread to different ones, so that races within and between
// blocks are found.
TsanThread& next_tsan_thread() {
  auto& threads = running_stream()->tsan.threads;
  while (threads.size() < kTsanThreads)
    threads.push_back({.fiber = new_tsan_fiber("CUDA thread"), .idle = {}});
  const auto thread = static_cast<std::size_t>(block->started);
  return threads[(thread + thread / kTsanThreads * 7 * rotation + rotation) % kTsanThreads];
}

ThreadFiber* fiber_for_next_thread() {
  TsanThread* const tsan = kThreadSanitizer ? &next_tsan_thread() : nullptr;
  auto& idle = kThreadSanitizer ? tsan->idle : idle_fibers;
  if (idle.empty())
    return new ThreadFiber{.context = new_fiber(fiber_main, tsan ? tsan->fiber : nullptr),
                           .tsan = tsan};
  ThreadFiber* fiber = idle.back();
  idle.pop_back();
  return fiber;
}

/// Abandons a deadlocked block; its threads' stacks can never be reused.
void abandon_block() {
  const Barrier& b = block->barrier;
  report(
      "deadlock in block (%u,%u,%u): of %d threads %d wait at __syncthreads(), %d have exited, "
      "the others wait for lanes of their warps",
      block_index.x, block_index.y, block_index.z, block->threads, b.waiting_count, block->exited);
  fail_device(cudaErrorLaunchTimeout);
  abandoned_fibers.insert(abandoned_fibers.end(), b.waiting.begin(), b.waiting.end());
  for (const Warp& warp : block->warps)
    for (const WarpExchange& exchange : warp.exchanges)
      abandoned_fibers.insert(abandoned_fibers.end(), exchange.waiting.begin(),
                              exchange.waiting.end());
}

void run_block() {
  block->scheduler.tsan_fiber = current_tsan_fiber();
  const bool shuffled = state().config.thread_order == ThreadOrder::kShuffled;
  for (;;) {
    const bool can_start = block->started < block->threads;
    ThreadFiber* fiber = nullptr;
    if (!block->ready.empty() && (shuffled || !can_start)) {
      fiber = block->ready.front();
      block->ready.pop_front();
    } else if (can_start) {
      fiber = fiber_for_next_thread();
    } else if (block->exited == block->threads) {
      return;
    } else {
      return abandon_block();
    }
    block->current = fiber;
    switch_context(block->scheduler, fiber->context);
  }
}

std::vector<int> thread_order(int threads) {
  std::vector<int> order;
  const ThreadOrder wanted = state().config.thread_order;
  for (int i = 0; wanted != ThreadOrder::kAscending && i < threads; ++i)
    order.push_back(wanted == ThreadOrder::kDescending ? threads - 1 - i : i);
  if (wanted == ThreadOrder::kShuffled)
    std::shuffle(order.begin(), order.end(), state().random);
  return order;
}

WarpExchange& exchange_for(unsigned mask) {
  const ThreadFiber& fiber = *block->current;
  if (block->warps.empty())
    block->warps.resize(static_cast<std::size_t>(block->threads + kWarp - 1) / kWarp);
  auto& exchanges = block->warps[static_cast<std::size_t>(fiber.linear / kWarp)].exchanges;
  for (WarpExchange& exchange : exchanges)
    if (exchange.mask == mask)
      return exchange;
  return exchanges.emplace_back(mask);
}

struct Exchanged {
  unsigned present;
  const std::uint64_t* bits;
};

Exchanged exchange_bits(unsigned mask, std::uint64_t bits) {
  ThreadFiber* fiber = block->current;
  const int own = fiber->linear % kWarp;
  if ((mask >> own & 1) == 0)
    report("warp intrinsic: the calling lane %d is not in its mask %08x", own, mask);
  WarpExchange& exchange = exchange_for(mask);
  const unsigned parity = exchange.generation & 1;
  exchange.bits[parity][own] = bits;
  exchange.arrived |= 1u << own;
  exchange.waiting.push_back(fiber);
  try_exchange(exchange, fiber->linear / kWarp);
  wait_in_scheduler(fiber);
  return {exchange.present[parity], exchange.bits[parity]};
}

}  // namespace

void run_kernel(const KernelCall& call) {
  block_extent = call.block;
  grid_extent = call.grid;
  const auto threads = static_cast<int>(call.block.x * call.block.y * call.block.z);
  const std::size_t blocks = std::size_t{call.grid.x} * call.grid.y * call.grid.z;
  const ThreadOrder order = state().config.thread_order;
  const std::size_t first = order == ThreadOrder::kShuffled ? state().random() % blocks : 0;
  Block running;
  start_threads();
  for (std::size_t i = 0; i < blocks && state().sticky_error == cudaSuccess; ++i) {
    const std::size_t b = order == ThreadOrder::kDescending ? blocks - 1 - i : (first + i) % blocks;
    block_index = {static_cast<unsigned>(b % call.grid.x),
                   static_cast<unsigned>(b / call.grid.x % call.grid.y),
                   static_cast<unsigned>(b / call.grid.x / call.grid.y)};
    running.call = &call;
    running.threads = threads;
    running.started = running.exited = 0;
    running.barrier.waiting_count = 0;
    running.warps.clear();
    if (i == 0)
      running.order = thread_order(threads);
    block = &running;
    rotation++;
    shared_memory.start_block(call.shared_bytes);
    run_block();
    shared_memory.finish_block();
  }
  end_threads();
  block = nullptr;
}

void* static_shared_memory(const void* site, std::size_t bytes, std::size_t) {
  const Bookkeeping bookkeeping;
  return shared_memory.array_at(site, bytes);
}

void* dynamic_shared_memory() {
  return shared_memory.dynamic();
}

int lane() {
  return block->current->linear % kWarp;
}

int barrier(Reduction reduction, int predicate, const std::source_location& where) {
  Barrier& b = block->barrier;
  const unsigned parity = b.generation & 1;
  release(&b.ordering[parity]);
  {
    const Bookkeeping bookkeeping;
    int& reduced = b.reduced[parity];
    if (b.waiting_count == 0) {
      b.where = where;
      reduced = reduction == Reduction::kAnd;
    } else if (b.where.line() != where.line() || b.where.column() != where.column()) {
      report("divergent __syncthreads(): threads of block (%u,%u,%u) wait at lines %u and %u",
             block_index.x, block_index.y, block_index.z, static_cast<unsigned>(b.where.line()),
             static_cast<unsigned>(where.line()));
    }
    const int holds = predicate != 0;
    reduced = reduction == Reduction::kOr    ? reduced | holds
              : reduction == Reduction::kAnd ? reduced & holds
                                             : reduced + holds;
    b.waiting.push_back(block->current);
    if (++b.waiting_count == block->threads - block->exited) {
      if (block->exited > 0)
        report("divergent __syncthreads(): %d threads of block (%u,%u,%u) had already left",
               block->exited, block_index.x, block_index.y, block_index.z);
      release_barrier();
    }
    wait_in_scheduler(block->current);
  }
  acquire(&b.ordering[parity]);
  return b.reduced[parity];
}

unsigned warp_ballot(unsigned mask, bool predicate) {
  const Bookkeeping bookkeeping;
  const Exchanged all = exchange_bits(mask, predicate);
  unsigned votes = 0;
  for (int i = 0; i < kWarp; ++i)
    if ((all.present >> i & 1) != 0 && all.bits[i] != 0)
      votes |= 1u << i;
  return votes;
}

std::uint64_t warp_shuffle(unsigned mask, std::uint64_t bits, int source) {
  const Bookkeeping bookkeeping;
  const Exchanged all = exchange_bits(mask, bits);
  if ((all.present >> source & 1) == 0) {
    report("__shfl_sync: lane %d reads lane %d, which takes no part in the exchange", lane(),
           source);
    return bits;
  }
  return all.bits[source];
}

void warp_barrier(unsigned mask) {
  const WarpExchange* exchange = nullptr;
  {
    const Bookkeeping bookkeeping;
    exchange = &exchange_for(mask);
  }
  release(exchange);
  warp_ballot(mask, false);
  acquire(exchange);
}

}  // namespace cuda_sim
