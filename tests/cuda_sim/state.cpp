// The global state, its configuration from code and environment, injected failures, and reports.
#include "state.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sanitizer.hpp"

namespace cuda_sim {
namespace {

// Constant-initialized, to avoid a hidden initialization guard, whose ordering of threads TSan
// would not see.
constinit RecursiveMutex global_mutex;

constexpr int kReportsPrinted = 20;  // a kernel bug may cause one per thread

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

FaultPlan fault_from_environment() {
  FaultPlan plan;
  const std::string text = environment("LAMELLA_SIM_FAIL");
  const std::size_t colon = text.find(':');
  if (colon != std::string::npos)
    plan.only_name = text.substr(0, colon);
  plan.nth = std::atol(text.c_str() + (colon == std::string::npos ? 0 : colon + 1));
  return plan;
}

void apply_config(State& s, const Config& config) {
  s.config = config;
  s.random.seed(config.seed);
  s.memory.set_devices(config.devices, config.device_bytes);
  s.streams.set_devices(config.devices);
}

}  // namespace

RecursiveMutex& mutex() {
  return global_mutex;
}

State& state() {
  static State* const instance = [] {
    auto* s = new State;  // never destroyed: calls may come during process exit
    apply_config(*s, config_from_environment());
    s->fault = fault_from_environment();
    return s;
  }();
  return *instance;
}

int& current_device() {
  thread_local int device = 0;
  return device;
}

cudaError_t& last_error() {
  thread_local cudaError_t error = cudaSuccess;
  return error;
}

Config config_from_environment() {
  Config c;
  if (const std::string order = environment("LAMELLA_SIM_ORDER"); order == "eager")
    c.stream_order = StreamOrder::kEager;
  else if (order == "random")
    c.stream_order = StreamOrder::kRandom;
  if (const std::string order = environment("LAMELLA_SIM_THREADS"); order == "descending")
    c.thread_order = ThreadOrder::kDescending;
  else if (order == "shuffled")
    c.thread_order = ThreadOrder::kShuffled;
  if (const std::string seed = environment("LAMELLA_SIM_SEED"); !seed.empty())
    c.seed = static_cast<unsigned>(std::strtoul(seed.c_str(), nullptr, 10));
  if (const std::string devices = environment("LAMELLA_SIM_DEVICES"); !devices.empty())
    c.devices = std::atoi(devices.c_str());
  if (const std::string bytes = environment("LAMELLA_SIM_MEMORY"); !bytes.empty())
    c.device_bytes = std::strtoull(bytes.c_str(), nullptr, 10);
  return c;
}

Config config() {
  const std::lock_guard lock(mutex());
  return state().config;
}

void configure(const Config& config) {
  const std::lock_guard lock(mutex());
  reset();
  apply_config(state(), config);
}

void reset() {
  const std::lock_guard lock(mutex());
  State& s = state();
  s.streams.forget_all();
  s.memory.free_all();
  s.opt_in_shared_bytes.clear();
  s.library_handles.clear();
  s.sticky_error = last_error() = cudaSuccess;
  s.fault = {};
  s.calls = s.reports = 0;
  s.bytes_to_host = 0;
  acquire(&s.last_report);
  s.last_report.clear();
  release(&s.last_report);
  current_device() = 0;
  apply_config(s, Config(s.config));
}

void fail_call(long nth, const char* only_name, std::optional<int> error) {
  const std::lock_guard lock(mutex());
  state().fault = {.nth = nth, .only_name = only_name ? only_name : "", .error = error};
  state().calls = 0;
}

void fail_device_at(long nth) {
  const std::lock_guard lock(mutex());
  state().fault = {.nth = nth, .device_fails = true};
  state().calls = 0;
}

bool fail_fired() {
  const std::lock_guard lock(mutex());
  return state().fault.fired;
}

std::string failed_call() {
  const std::lock_guard lock(mutex());
  return state().fault.failed_call;
}

std::string failed_kernel() {
  const std::lock_guard lock(mutex());
  return state().fault.failed_kernel;
}

bool inside_call() {
  return mutex().is_mine();
}

long calls() {
  const std::lock_guard lock(mutex());
  return state().calls;
}

std::size_t bytes_to_host() {
  const std::lock_guard lock(mutex());
  return state().bytes_to_host;
}

Live live() {
  const std::lock_guard lock(mutex());
  const State& s = state();
  Live result = s.streams.live();
  result.device = s.memory.live_allocations();
  result.pinned = s.memory.live_pinned();
  result.handles = static_cast<long>(s.library_handles.size());
  return result;
}

std::size_t live_bytes() {
  const std::lock_guard lock(mutex());
  std::size_t bytes = 0;
  for (int d = 0; d < state().config.devices; ++d)
    bytes += state().memory.used(d);
  return bytes;
}

int reports() {
  const std::lock_guard lock(mutex());
  return state().reports;
}

std::string last_report() {
  const std::lock_guard lock(mutex());
  acquire(&state().last_report);
  return state().last_report;
}

void report(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  acquire(&state().last_report);  // reports may come from any simulated thread
  state().reports++;
  state().last_report = text;
  release(&state().last_report);
  if (state().reports <= kReportsPrinted)
    std::fprintf(stderr, "[cuda_sim] %s\n", text);
  if (state().config.abort_on_report)
    std::abort();
}

void fail_device(cudaError_t error) {
  if (state().sticky_error == cudaSuccess)
    state().sticky_error = error;
}

cudaError_t set_last_error(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady)
    last_error() = error;
  return error;
}

int injected_error(const char* name, int default_error) {
  State& s = state();
  s.calls++;
  FaultPlan& fault = s.fault;
  if (fault.nth == 0 || (!fault.only_name.empty() && fault.only_name != name) ||
      ++fault.matched != fault.nth)
    return 0;
  fault.fired = true;
  fault.failed_call = name;
  if (fault.device_fails) {
    fail_device(cudaErrorIllegalAddress);
    return 0;  // the entry point sees the failed device
  }
  return fault.error.value_or(default_error);
}

cudaError_t entry_error(const char* name, cudaError_t default_error) {
  if (const int error = injected_error(name, default_error))
    return static_cast<cudaError_t>(error);
  if (in_host_function()) {
    report("%s: called from a host function, where no CUDA call is permitted", name);
    return cudaErrorNotPermitted;
  }
  return state().config.devices == 0 ? cudaErrorNoDevice : state().sticky_error;
}

}  // namespace cuda_sim
