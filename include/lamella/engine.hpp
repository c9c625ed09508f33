// Engines: what computes a network on a device. This header needs no CUDA header; applications with
// rows already on a GPU also include <lamella/cuda_engine.hpp>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella {

// What kind of device computes.
enum class DeviceKind { kAuto, kCpu, kCuda };

// Where to compute. kAuto takes the first CUDA device that works, else the CPU.
struct Device {
  DeviceKind kind = DeviceKind::kAuto;
  int index = 0;  // of the CUDA device, as CUDA counts them, or kAllDevices

  // Every CUDA device there is: an engine spreads the rows of each call over them, in order.
  static constexpr int kAllDevices = -1;

  // Reads "auto", "cpu", "cuda", "cuda:N" or "cuda:all". Throws UsageError.
  [[nodiscard]] static Device parse(std::string_view text);
  bool operator==(const Device&) const = default;
};
// The text that Device::parse reads.
[[nodiscard]] std::string to_string(const Device& device);

// In what arithmetic an engine computes. The CPU engine computes in kFp32 alone.
enum class Precision {
  kFp32,  // float32 throughout
  kTf32,  // float32, but a product's factors are rounded to 11 bits of significand
  kBf16,  // weights, rows and activations between layers in bfloat16 (8 bits of significand)
  kFp16   // the same in float16: 11 bits, but an infinity beyond 65504, and denormal below 6.1e-5
};
// "fp32", "tf32", "bf16", "fp16".
[[nodiscard]] std::string to_string(Precision precision);
// Reads the same. Throws UsageError that lists them.
[[nodiscard]] Precision parse_precision(std::string_view text);

// How a CUDA engine computes. The CPU engine has no choice to offer, and does not look at it.
enum class CudaPath {
  kAuto,    // what should be quicker; only where kFused is possible is there a choice
  kLayers,  // layer by layer: matrix products, then bias and activation
  kFused    // one kernel carries rows through the whole network: fp32 and widths up to 128 alone
};
// "auto", "layers", "fused".
[[nodiscard]] std::string to_string(CudaPath path);
// Reads the same. Throws UsageError that lists them.
[[nodiscard]] CudaPath parse_cuda_path(std::string_view text);

// Where and how an engine computes.
struct EngineOptions {
  Device device;
  // The most rows that one pass carries; more are split. Bounds the engine's memory on a device.
  // 0 leaves it to the engine.
  std::size_t max_rows = 0;
  // Threads of the CPU engine; 0 takes one for each core that the process may use.
  int threads = 0;
  // Sums, biases and activation functions are in float32 whatever this says, as are the rows and
  // outputs of a call.
  Precision precision = Precision::kFp32;
  // Gives up batch invariance (EngineInfo::batch_invariant) where that makes a device faster. The
  // CPU engine has nothing to gain by it, and keeps the promise.
  bool fast = false;
  // Engines that throw with kFused say why it is not possible.
  CudaPath path = CudaPath::kAuto;
};

// What an engine is, for reports.
struct EngineInfo {
  Device device;            // never kAuto; kAllDevices where there are several at work
  std::string device_name;  // as the vendor names it; of several "2 devices: ..."
  std::string precision;    // "fp32", as of to_string(Precision)
  // Whether a row's output bits depend on nothing but the row: not on the rows beside it, their
  // number, where they lie in memory, max_rows, or threads. On one device, by one build.
  bool batch_invariant = true;
  std::string path;         // how layers are computed, e.g. "oneDNN row blocks of 64"
  std::string path_reason;  // why they are computed so
  std::string reason;       // why this device, where the choice was left to Lamella; else empty
  int threads = 0;          // CPU engine only
  int devices = 1;          // that the rows of a call are spread over
  std::size_t max_rows = 0;
};

// What one layer computes for each row of a call, written beside the outputs.
struct Tap {
  std::size_t layer = 0;        // its index in network().layers()
  bool pre_activation = false;  // z = W x + b; else act(z), what the next layer gets
  MatrixView<float> values;     // [rows of the call x outputs of the layer], the caller's
};

// One of a row's outputs.
struct RankedOutput {
  std::uint32_t index = 0;  // among the outputs, from 0
  float value = 0;
  bool operator==(const RankedOutput&) const = default;
};

// Computes one network. An engine serves one caller at a time; several engines may
// share a network and run at once on different threads.
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&&) = delete;
  Engine& operator=(Engine&&) = delete;
  virtual ~Engine() = default;

  [[nodiscard]] virtual const Network& network() const = 0;
  [[nodiscard]] const EngineInfo& info() const { return info_; }

  // outputs[r] = network(rows[r]) for every row; host memory, any number of rows from 0 up. Returns
  // when outputs are written. rows is [n x network().inputs()], outputs [n x network().outputs()];
  // they must not overlap. Throws ShapeError (both widths named), DeviceError.
  void run(MatrixView<const float> rows, MatrixView<float> outputs) { run(rows, outputs, {}); }

  // The same, and writes what the taps ask for: any number of them in any order, several of one
  // layer too; host memory that must not overlap rows, outputs or another tap's. They are the
  // engine's own numbers, from the path that it always takes: an activation is what the next layer
  // reads (the last one: the outputs), a pre-activation what the activation function is given. Taps
  // change no bit of the outputs. They take time and memory (on a device, that of the values of one
  // pass); a call without any pays nothing. Also throws ShapeError, before anything is computed,
  // when a tap's layer does not exist or its values have another shape.
  virtual void run(MatrixView<const float> rows, MatrixView<float> outputs,
                   std::span<const Tap> taps) = 0;

  // top[r] = the k largest outputs of rows[r], descending, of those that run() gives, bit for bit:
  // top is [n x k], k from 1 to network().outputs(); k = 1 gives each row's class. Of equals the
  // first comes first (-0 and 0 are equal); NaN counts as larger than any number. All outputs at
  // once are never held: on a device they are selected from there, and the largest alone copied
  // back. There the time for the selection grows with k times the outputs. Returns when top is
  // written. Throws ShapeError, DeviceError.
  virtual void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) = 0;

 protected:
  EngineInfo info_;

 private:
  // Knows why it took this device, which the engine itself does not.
  friend std::unique_ptr<Engine> make_engine(std::shared_ptr<const Network> network,
                                             const EngineOptions& options);
};

// Makes an engine for the device that the options name. Throws DeviceError with the reason that
// CUDA gives when a CUDA device was asked for and cannot be had; with kAuto falls back to the CPU
// and says so in info().reason. With kAllDevices it makes one engine a device, and a call's rows
// are split over as many of them as they are worth it for, each driven by a thread of its own;
// outputs and taps are those of one device. Where there is one, that is the engine of cuda:0. The
// CUDA part is opened at run time, only here and only where a driver is installed.
[[nodiscard]] std::unique_ptr<Engine> make_engine(std::shared_ptr<const Network> network,
                                                  const EngineOptions& options = {});

// One device that this machine has.
struct DeviceDescription {
  Device device;
  std::string name;
  std::string detail;  // one line: threads and instruction set, or memory, architecture, driver
};

// What there is to compute on.
struct DeviceList {
  std::vector<DeviceDescription> devices;  // the CPU is always there, first
  std::string cuda_unavailable;            // why no CUDA device is listed; empty when one is
};
// Asks what there is; never throws for want of a device.
[[nodiscard]] DeviceList list_devices();

}  // namespace lamella
