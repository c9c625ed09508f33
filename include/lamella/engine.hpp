// Engines: what computes a network on a device, rows in host memory or on the device already. This
// header needs no CUDA header: CUstream_st* is what cudaStream_t and CUstream are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/device_memory.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

struct CUstream_st;

#pragma GCC visibility push(default)
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
  kTf32,  // float32, but a GEMM's factors are rounded to 11 bits of significand
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
  kLayers,  // layer by layer: GEMMs, then bias and activation
  kFused    // one kernel carries rows through the whole network: fp32 and widths up to 128 alone
};
// "auto", "layers", "fused".
[[nodiscard]] std::string to_string(CudaPath path);
// Reads the same. Throws UsageError that lists them.
[[nodiscard]] CudaPath parse_cuda_path(std::string_view text);

// Where and how an engine computes.
struct EngineOptions {
  Device device = {};
  // The most rows that one pass carries; more are split. Bounds the engine's memory on a device.
  // 0 leaves it to the engine.
  std::size_t max_rows = 0;
  // Memory of the CUDA device for activations and cuBLAS: workspace_bytes(network, options) long at
  // least, at a multiple of kDeviceAlignment, the caller's, to be kept until the engine is gone,
  // and this engine's alone until then. Null: the engine allocates. The CPU engine looks at
  // neither.
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  // Threads of the CPU engine. 0 takes the smallest of these: the cores in the process's affinity
  // mask, the CPU quota of its cgroup rounded up, and OMP_NUM_THREADS.
  int threads = 0;
  // Sums, biases and activation functions are in float32 whatever this says, as are the rows and
  // outputs of a call.
  Precision precision = Precision::kFp32;
  // Gives up batch invariance (EngineInfo::batch_invariant) where that makes a device faster. The
  // CPU engine has nothing to gain by it, and keeps the promise.
  bool fast = false;
  // Engines that throw with kFused say why it is not possible.
  CudaPath path = CudaPath::kAuto;
  // Where a CUDA engine allocates device memory; null: cudaMalloc. The engine, its clones and the
  // weights that they share keep it alive.
  std::shared_ptr<DeviceMemoryResource> device_memory = {};
};

// Bytes of device memory that a CUDA engine by these options needs beside the weights, on each of
// its devices; 0 for the CPU. Makes no CUDA call. An engine that takes the fused path needs none of
// it. device_memory, workspace and path are not looked at.
[[nodiscard]] std::size_t workspace_bytes(const Network& network,
                                          const EngineOptions& options = {});

// What an engine is, for reports.
struct EngineInfo {
  Device device;            // never kAuto; kAllDevices where there are several at work
  std::string device_name;  // as the vendor names it; of several "2 devices: ..."
  std::string precision;    // "fp32", as of to_string(Precision)
  // Whether a row's output bits depend on nothing but the row: not on the rows beside it, their
  // number, where they lie in memory, max_rows, or threads. On one device, by one build.
  bool batch_invariant = true;
  std::string path;         // how layers are computed, e.g. "row blocks of 64"
  std::string path_reason;  // why they are computed so
  std::string reason;       // why this device, where the choice was left to Lamella; else empty
  int threads = 0;          // CPU engine only
  std::string threads_reason = {};  // the limit that decided: "requested", "affinity",
                                    // "cgroup CPU quota 2.5", "OMP_NUM_THREADS"
  int devices = 1;                  // that the rows of a call are spread over
  std::size_t max_rows = 0;
};

// What one layer computes for each row of a call, written beside the outputs.
struct LayerOutput {
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

// Computes one network, which it keeps alive.
//
// Threads: an engine serves one caller at a time, on any thread; network(), info() and clone()
// may be called meanwhile. Several engines, of one network too, may run at once: clone() makes
// one that shares the prepared weights.
//
// Errors: when a call throws, what was to be written is unspecified, and the engine can be called
// again and destroyed. A constructor or make_engine that throws leaves nothing behind. (A CUDA
// device whose kernels failed, say by an address of the application's, rejects everything from then
// on: so does CUDA in the whole process.)
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
  // they must not overlap. The first calls allocate what further ones keep; on a CUDA device
  // streams of the engine's own are used, and synchronized. Throws ShapeError (both widths named),
  // DeviceError, OutOfMemoryError.
  void run(MatrixView<const float> rows, MatrixView<float> outputs) { run(rows, outputs, {}); }

  // The same, and writes what the layer outputs ask for: any number of them in any order, several
  // of one layer too; host memory that must not overlap rows, outputs or another layer output's.
  // They are the engine's own numbers, from the path that it always takes: an activation is what
  // the next layer reads (the last one: the outputs), a pre-activation what the activation function
  // is given. Layer outputs change no bit of the outputs. They take time and memory (on a device,
  // that of the values of one pass); a call without any pays nothing. Also throws ShapeError,
  // before anything is computed, when a layer output's layer does not exist or its values have
  // another shape.
  virtual void run(MatrixView<const float> rows, MatrixView<float> outputs,
                   std::span<const LayerOutput> layer_outputs) = 0;

  // top[r] = the k largest outputs of rows[r], descending, of those that run() gives, bit for bit:
  // top is [n x k], k from 1 to network().outputs(); k = 1 gives each row's class. Of equals the
  // first comes first (-0 and 0 are equal); NaN counts as larger than any number. All outputs at
  // once are never held: on a device they are selected from there, and the largest alone copied
  // back. There the time for the selection grows with k times the outputs. Returns when top is
  // written. Throws ShapeError, DeviceError, OutOfMemoryError.
  virtual void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) = 0;

  // Scores rows that are on the device already, for an engine of one CUDA device: rows is
  // [row_count x inputs], outputs [row_count x outputs], both row-major float32 memory of that
  // device (managed and mapped memory work too), 4-byte aligned, not overlapping. Any row_count
  // from 0 up; more than info().max_rows are split.
  //
  // Everything is enqueued on stream (null: the default stream), in order, and nothing else: no
  // allocation, no synchronization, no host callback. Legal while the stream is being captured; the
  // engine must then outlive the graph. rows and outputs must stay until the work is done. The
  // engine's activation buffers are used in stream order: an engine must not be enqueued on a
  // second stream before the first has finished or the second was made to wait for it, and run()
  // and run_top_k(), which have streams of their own, not called before what was enqueued has
  // finished. The calling thread's current device stays what it is.
  //
  // Throws UsageError where the engine is not of one CUDA device, or for a pointer that is null or
  // not aligned, ShapeError, before anything is enqueued; DeviceError when a launch is rejected:
  // what was enqueued before it then still runs.
  void enqueue(const float* rows, std::size_t row_count, float* outputs, CUstream_st* stream) {
    enqueue(rows, row_count, outputs, stream, {});
  }

  // The same with layer outputs as in run(), whose values are in memory of the same kinds as the
  // outputs. Each adds a copy to the stream, in order with the rest; a pre-activation also, where
  // the pass adds the bias and applies the activation at once, the kernel that adds the bias or a
  // second GEMM without the activation. The layer outputs themselves are read before enqueue
  // returns.
  virtual void enqueue(const float* rows, std::size_t row_count, float* outputs,
                       CUstream_st* stream, std::span<const LayerOutput> layer_outputs);

  // Another engine like this one, on the same device or devices, for another caller: it shares the
  // network and what was prepared of its weights, and takes the same path, so that it gives each
  // row the same bits (where info().batch_invariant). Either may be destroyed first. On the CPU it
  // costs microseconds and a few KiB, and at its first calls the buffers for activations; on a CUDA
  // device a cuBLAS handle and workspace_bytes() of its own, also where the original works in the
  // caller's; the fused path needs neither. May be called while this engine is at work. Throws
  // DeviceError, OutOfMemoryError; UsageError for an engine that Lamella did not make.
  [[nodiscard]] std::unique_ptr<Engine> clone() const { return clone(0); }

  // The same with another number of threads, where this is the CPU engine; 0 keeps it.
  [[nodiscard]] virtual std::unique_ptr<Engine> clone(int threads) const;

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
// outputs and layer outputs are those of one device. Where there is one, that is the engine of
// cuda:0. The CUDA part is opened at run time, only here, by list_devices and by measure_paths, and
// only where a driver is installed; it is never closed. May be called from several threads. Also
// throws OutOfMemoryError; UsageError for options that cannot be met.
[[nodiscard]] std::unique_ptr<Engine> make_engine(std::shared_ptr<const Network> network,
                                                  const EngineOptions& options = {});

// One device that this machine has.
struct DeviceDescription {
  Device device;
  std::string name;
  std::string detail;  // one line: threads and instruction set, or memory, architecture, driver
  int threads = 0;     // of the CPU: those that an engine takes by default
  std::string threads_reason = {};  // what limits them: "affinity", "cgroup CPU quota 2.5",
                                    // "OMP_NUM_THREADS"
};

// What there is to compute on.
struct DeviceList {
  std::vector<DeviceDescription> devices;  // the CPU is always there, first
  std::string cuda_unavailable;            // why no CUDA device is listed; empty when one is
};
// Asks what there is; never throws for want of a device.
[[nodiscard]] DeviceList list_devices();

}  // namespace lamella
#pragma GCC visibility pop
