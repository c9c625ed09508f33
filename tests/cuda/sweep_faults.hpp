// Fault injection for the engines on the simulated CUDA: every call that they make fails once.
#pragma once

#include <algorithm>
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
    if (fired_ && call_.empty()) {
      call_ = cuda_sim::failed_call();
      kernel_ = cuda_sim::failed_kernel();
    }
    cuda_sim::fail_call(0);
  }
  [[nodiscard]] bool fired() const { return fired_; }
  [[nodiscard]] const std::string& call() const { return call_; }
  // As of cuda_sim::failed_kernel().
  [[nodiscard]] const std::string& kernel() const { return kernel_; }

 private:
  long nth_;
  bool lasting_;
  bool fired_ = false;
  std::string call_;
  std::string kernel_;
};

// The operation under test: arms the fault and returns its outputs.
using Faulty = std::function<std::vector<float>(Fault& fault)>;

// The functions of lamella::kernels that launch from kernels/FILE.cu.
inline std::vector<std::string> launchers_in(const std::string& file) {
  if (file == "bias_activation") {
    return {"bias_activation", "stored_bias_activation"};
  }
  if (file == "convert") {
    return {"from_float", "to_float"};
  }
  if (file == "input_steps") {
    return {"input_step", "input_clip"};
  }
  return {file};
}

// The texts of which an error's message must hold one, when this call failed. A launch appears as
// the function that launches, a query about a kernel as the function that prepares it, an
// allocation as its purpose, a missing device in CUDA's words.
inline std::vector<std::string> names_of(const std::string& call, const std::string& kernel) {
  if (call == "cudaLaunchKernel") {
    std::vector<std::string> names;
    for (const std::string& launcher : launchers_in(kernel)) {
      names.push_back("kernels::" + launcher + "(");
    }
    return names;
  }
  if (call == "cudaFuncSetAttribute" || call == "cudaOccupancyMaxActiveBlocksPerMultiprocessor") {
    return {"kernels::prepare_fused_"};
  }
  if (call == "cudaMalloc" || call == "cudaHostAlloc") {
    return {"MiB asked for"};
  }
  if (call == "cudaGetDeviceCount" || call == "cudaGetDeviceProperties") {
    return {"unknown error"};
  }
  // The simulation calls cudaEventCreateWithFlags and its like by their short names.
  return {call + "(", call + "With"};
}

// Whether an error's message names the call that failed.
inline bool names(const std::string& message, const std::string& call, const std::string& kernel) {
  const std::vector<std::string> names = names_of(call, kernel);
  return std::any_of(names.begin(), names.end(), [&message](const std::string& name) {
    return message.find(name) != std::string::npos;
  });
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
        EXPECT_TRUE(names(*message, fault.call(), fault.kernel()) ||
                    (lasting && tells_of_fault(*message)))
            << fault.call() << " " << fault.kernel() << ": " << *message;
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
