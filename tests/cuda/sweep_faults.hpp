// Failure injection for the engines on the simulated CUDA: every call that they make fails once.
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

// One call that fails: the nth of those between arm() and disarm(), by itself or, as after a
// kernel's fault, with all that follow it.
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

// What is swept: arms the fault, and returns what it computed.
using Faulty = std::function<std::vector<float>(Fault& fault)>;

// Whether an error's message holds the call that failed. A launch stands in it as the kernel's
// function, as does a call within an algorithm of Thrust; an allocation as what it was for; and why
// there is no device, as CUDA says it.
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
// call failing, and, where wanted, once more with the device failing there for good. It must throw
// a DeviceError that names the call, and release everything; or, where the call is one that may
// fail, compute what it should: cuBLASLt without an algorithm has a stand-in with other last bits.
// After each, it must give the same bits as ever; of a device that failed an error, and the bits
// after a reset. Where next is given, it does that in place of the body, which may take long.
// Prints and returns how many calls failed.
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
        // Where the device fails during a clean-up, which says nothing, the next call does.
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
        EXPECT_THROW((void)body(none), std::runtime_error);  // ours, or of the test's own calls
      } else {
        EXPECT_EQ(after(none), wanted_after) << "what follows the failure of " << fault.call();
      }
      EXPECT_EQ(cuda_sim::live().total(), 0);
      cuda_sim::reset();  // which also forgets what was freed, and so saves much time
    }
    EXPECT_EQ(body(none), wanted);
  }
  testing::Test::RecordProperty("injected_faults_" + name, std::to_string(injected));
  fmt::print("{}: {} calls failed, one at a time\n", name, injected);
  return injected;
}

}  // namespace lamella::test
