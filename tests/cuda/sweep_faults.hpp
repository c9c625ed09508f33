// Fault injection for the engines on the simulated CUDA: every call that they make fails once.
#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>

#include "cuda_sim.hpp"

namespace lamella::test {

// One failing call: the nth between arm() and disarm(). It fails on its own or, as after a kernel
// fault, together with all calls that follow.
class Fault {
 public:
  Fault(long nth, bool lasting) : nth_(nth), lasting_(lasting) {}

  void arm() {
    if (nth_ != 0) {
      lasting_ ? cuda_sim::fail_device_at(nth_) : cuda_sim::fail_call(nth_);
    }
  }
  void disarm() {
    fired_ |= cuda_sim::fail_fired();
    call_ = fired_ && call_.empty() ? cuda_sim::failed_call() : call_;
    cuda_sim::fail_call(0);
  }
  [[nodiscard]] bool fired() const { return fired_; }
  [[nodiscard]] const std::string& call() const { return call_; }

 private:
  long nth_;
  bool lasting_;
  bool fired_ = false;
  std::string call_;
};

// The operation under test: arms the fault and returns its outputs.
using Faulty = std::function<std::vector<float>(Fault& fault)>;

// Whether an error's message names the failed call. A launch, and a call inside a Thrust algorithm,
// appear as the kernel's function; an allocation as its purpose; a missing device in CUDA's words.
inline bool names(const std::string& message, const std::string& call) {
  const auto holds = [&message](const char* text) {
    return message.find(text) != std::string::npos;
  };
  if (call == "cudaMalloc" || call == "cudaHostAlloc") {
    return holds("MiB asked for");
  }
  if (call == "cudaGetDeviceCount" || call == "cudaGetDeviceProperties") {
    return holds("unknown error");
  }
  return holds(call.c_str()) || holds("kernels::") || holds("from_float failed") ||
         holds("fill_uniform failed");
}

inline bool tells_of_fault(const std::string& message) {
  return message.find("illegal memory access") != std::string::npos ||
         message.find("CUBLAS_STATUS_EXECUTION_FAILED") != std::string::npos;
}

inline bool close(const std::vector<float>& a, const std::vector<float>& b) {
  bool all = a.size() == b.size();
  for (std::size_t i = 0; all && i < a.size(); ++i) {
    all = std::fabs(a[i] - b[i]) <= 1e-5F;
  }
  return all;
}

// Runs the body once for each CUDA, cuBLAS or cuBLASLt call that it makes while armed, with that
// call failing and, if for_good_too, again with the device failing there for good. The body must
// throw a DeviceError that names the call, and release everything. Where a call may fail without
// harm, the body must compute correct outputs instead; their last bits may differ, since another
// GEMM replaces a cuBLASLt algorithm. After each failure the body, or next if given (the body may
// be slow), must give the same bits as before; after a device failure it must throw, and give those
// bits only after a reset. Prints and returns the count of failed calls.
inline long sweep_faults(const std::string& name, const Faulty& body, bool for_good_too = true,
                         const Faulty& next = {}) {
  const Faulty& after = next ? next : body;
  cuda_sim::reset();
  Fault none(0, false);
  const std::vector<float> wanted = body(none);
  const std::vector<float> wanted_after = after(none);
  long injected = 0;
  for (const bool lasting : for_good_too ? std::vector{false, true} : std::vector{false}) {
    for (long n = 1; !testing::Test::HasFailure(); ++n) {
      SCOPED_TRACE(fmt::format("{}: call {} fails{}", name, n, lasting ? " for good" : ""));
      Fault fault(n, lasting);
      std::optional<std::string> message;
      try {
        const std::vector<float> found = body(fault);
        fault.disarm();
        EXPECT_TRUE(close(found, wanted)) << "a failure gave wrong outputs silently";
      } catch (const DeviceError& error) {
        fault.disarm();
        message = error.what();
        // A failure during clean-up is not reported; the next call on the failed device reports it.
        EXPECT_TRUE(names(*message, fault.call()) || (lasting && tells_of_fault(*message)))
            << fault.call() << ": " << *message;
      }
      EXPECT_EQ(cuda_sim::live().total(), 0) << "leaked when it failed: " << fault.call();
      if (!fault.fired()) {
        EXPECT_FALSE(message) << *message;
        break;
      }
      ++injected;
      if (lasting) {
        EXPECT_THROW((void)body(none),
                     std::runtime_error);  // from the library, or from the test's own calls
      } else {
        EXPECT_EQ(after(none), wanted_after) << "what follows the failure of " << fault.call();
      }
      EXPECT_EQ(cuda_sim::live().total(), 0);
      cuda_sim::reset();  // also drops records of freed memory, which saves much time
    }
    EXPECT_EQ(body(none), wanted);
  }
  testing::Test::RecordProperty("injected_faults_" + name, std::to_string(injected));
  fmt::print("{}: {} calls failed, one at a time\n", name, injected);
  return injected;
}

}  // namespace lamella::test
