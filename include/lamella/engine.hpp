// Engines compute a network on a device, from rows in host memory or in device memory. This header
// needs no CUDA header: CUstream_st* is the type of cudaStream_t and CUstream.
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

// The kind of device that computes.
enum class DeviceKind { kAuto, kCpu, kCuda };

// The device to compute on. kAuto takes the first working CUDA device, else the CPU.
struct Device {
  DeviceKind kind = DeviceKind::kAuto;
  int index = 0;  // CUDA device ordinal, or kAllDevices

  // All CUDA devices: an engine spreads the rows of each call over them, in order.
  static constexpr int kAllDevices = -1;

  // Parses "auto", "cpu", "cuda", "cuda:N" or "cuda:all". Throws UsageError.
  [[nodiscard]] static Device parse(std::string_view text);
  bool operator==(const Device&) const = default;
};
// The text that Device::parse accepts.
[[nodiscard]] std::string to_string(const Device& device);

// The arithmetic of an engine. The CPU engine supports only kFp32.
enum class Precision {
  kFp32,  // float32 throughout
  kTf32,  // float32, but GEMM inputs are rounded to 11 bits of significand
  kBf16,  // weights, rows and activations between layers in bfloat16 (8 bits of significand)
  kFp16   // the same in float16: 11 bits, infinity beyond 65504, denormal below 6.1e-5
};
// "fp32", "tf32", "bf16", "fp16".
[[nodiscard]] std::string to_string(Precision precision);
// Parses the same names. Throws UsageError, which lists them.
[[nodiscard]] Precision parse_precision(std::string_view text);

// The execution path of a CUDA engine. The CPU engine has no choice and ignores it.
enum class CudaPath {
  kAuto,    // the path expected to be faster; a choice only where kFused is possible
  kLayers,  // layer by layer: GEMM, then bias and activation
  kFused    // one kernel computes the whole network; only fp32 and widths up to 128
};
// "auto", "layers", "fused".
[[nodiscard]] std::string to_string(CudaPath path);
// Parses the same names. Throws UsageError, which lists them.
[[nodiscard]] CudaPath parse_cuda_path(std::string_view text);

// Where and how an engine computes.
struct EngineOptions {
  Device device = {};
  // Maximum rows per pass; larger batches are split. Bounds the engine's device memory. 0: the
  // engine chooses.
  std::size_t max_rows = 0;
  // Memory of the CUDA device for activations and cuBLAS: at least workspace_bytes(network,
  // options) bytes, aligned to kDeviceAlignment. The caller owns it, keeps it until the engine is
  // destroyed, and uses it for nothing else until then. Null: the engine allocates. The CPU engine
  // ignores both.
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  // Threads of the CPU engine. 0: the smallest of the cores in the process's affinity mask, the CPU
  // quota of its cgroup rounded up, and OMP_NUM_THREADS.
  int threads = 0;
  // Whatever the precision, accumulation, bias and activation functions are float32, and so are the
  // rows and outputs of a call.
  Precision precision = Precision::kFp32;
  // Gives up batch invariance (EngineInfo::batch_invariant) where that is faster. The CPU engine
  // gains nothing from it and stays batch-invariant.
  bool fast = false;
  // If kFused is not possible, engine creation throws an error with the reason.
  CudaPath path = CudaPath::kAuto;
  // The allocator of a CUDA engine; null: cudaMalloc. The engine, its clones and the weights that
  // they share keep it alive.
  std::shared_ptr<DeviceMemoryResource> device_memory = {};
};

// Bytes of device memory, beyond the weights, that a CUDA engine with these options needs on each
// of its devices; 0 for the CPU. Makes no CUDA call. An engine that takes the fused path uses none
// of it. Ignores device_memory, workspace and path.
[[nodiscard]] std::size_t workspace_bytes(const Network& network,
                                          const EngineOptions& options = {});

// Properties of an engine, for reports.
struct EngineInfo {
  Device device;            // never kAuto; kAllDevices if the engine uses several
  std::string device_name;  // as the vendor names it; for several devices "2 devices: ..."
  std::string precision;    // "fp32", as to_string(Precision) gives
  // Whether a row's output bits depend only on the row: not on the other rows of the batch, the
  // batch size, memory addresses, max_rows or the thread count. Holds for one device and one build.
  bool batch_invariant = true;
  std::string path;                 // how layers are computed, e.g. "row blocks of 64"
  std::string path_reason;          // why this path was chosen
  std::string reason;               // why this device, if Lamella chose it; else empty
  int threads = 0;                  // CPU engine only
  std::string threads_reason = {};  // the limit that decided: "requested", "affinity",
                                    // "cgroup CPU quota 2.5", "OMP_NUM_THREADS"
  int devices = 1;                  // count of devices that share the rows of a call
  std::size_t max_rows = 0;
};

// Requests the output of one layer for each row of a call, written in addition to the outputs.
struct LayerOutput {
  std::size_t layer = 0;        // its index in network().layers()
  bool pre_activation = false;  // z = W x + b; else act(z), the input of the next layer
  MatrixView<float> values;     // [rows of the call x outputs of the layer], owned by the caller
};

// One of a row's outputs.
struct RankedOutput {
  std::uint32_t index = 0;  // index of the output, from 0
  float value = 0;
  bool operator==(const RankedOutput&) const = default;
};

// Computes one network, which it keeps alive.
//
// Thread-safety: an engine serves one caller at a time, on any thread; network(), info() and
// clone() may be called concurrently. Several engines, also of the same network, may run
// concurrently: clone() creates one that shares the prepared weights.
//
// Errors: if a call throws, the contents of its output buffers are unspecified, and the engine can
// be called again and destroyed. A constructor or make_engine that throws leaves nothing behind.
// (After a kernel fails, for example on an invalid pointer from the application, every further call
// on the CUDA device fails, because CUDA fails in the whole process.)
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

  // Computes outputs[r] = network(rows[r]) for every row, in host memory, for any batch size n >=
  // 0: rows is [n x network().inputs()], outputs [n x network().outputs()]; they must not overlap.
  // Returns when outputs are written. The first calls allocate buffers that later calls reuse. On a
  // CUDA device, works on the engine's own streams and synchronizes them. Throws ShapeError, which
  // names both widths; DeviceError, OutOfMemoryError.
  void run(MatrixView<const float> rows, MatrixView<float> outputs) { run(rows, outputs, {}); }

  // Also writes the requested layer outputs: any number of them, in any order, also several of one
  // layer. Their values are in host memory that must not overlap rows, outputs or another layer
  // output. They are intermediate values of the engine's normal execution path: an activation is
  // exactly what the next layer reads (for the last layer, the outputs), a pre-activation exactly
  // the argument of the activation function. Requesting layer outputs changes no bit of the
  // outputs. It takes time and memory (on a device, that of the values of one pass); a call without
  // them costs nothing extra. Also throws ShapeError, before computing anything, if a requested
  // layer does not exist or its values have the wrong shape.
  virtual void run(MatrixView<const float> rows, MatrixView<float> outputs,
                   std::span<const LayerOutput> layer_outputs) = 0;

  // Selects the k largest outputs of each row, descending, from the outputs that run() gives, bit
  // for bit: top is [n x k], 1 <= k <= network().outputs(); k = 1 gives each row's class. Of equal
  // outputs the first comes first (-0 equals 0); NaN counts as larger than any number. Never holds
  // the outputs of the whole batch: a CUDA device selects on the device and copies back only the k
  // largest; the selection time there grows with k times the output count. Returns when top is
  // written. Throws ShapeError, DeviceError, OutOfMemoryError.
  virtual void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) = 0;

  // Scores rows in device memory, on an engine of one CUDA device: rows is [row_count x inputs],
  // outputs [row_count x outputs], both row-major float32 in memory of that device (managed and
  // mapped memory work too), 4-byte aligned, not overlapping. Any row_count >= 0; batches above
  // info().max_rows are split.
  //
  // Enqueues all work on stream (null: the default stream), in order: no allocation, no
  // synchronization, no host callback. Legal while the stream is being captured; the engine must
  // then outlive the graph. rows and outputs must stay valid until the work is done. The engine's
  // activation buffers are used in stream order. So do not enqueue on a second stream before the
  // first has finished or the second waits for it, and do not call run() or run_top_k(), which use
  // other streams, before the enqueued work has finished. The calling thread's current device does
  // not change.
  //
  // Before enqueuing anything, throws UsageError if the engine is not of one CUDA device or a
  // pointer is null or not aligned, and ShapeError. Throws DeviceError if a launch fails; work
  // enqueued before it still runs.
  void enqueue(const float* rows, std::size_t row_count, float* outputs, CUstream_st* stream) {
    enqueue(rows, row_count, outputs, stream, {});
  }

  // Also writes layer outputs as run() does; their values are in the same kinds of memory as the
  // outputs. Each adds a copy to the stream, in order. A pre-activation may cost more where the
  // pass fuses bias and activation: the kernel that adds the bias, or a second GEMM without the
  // activation. The span itself is read before enqueue returns.
  virtual void enqueue(const float* rows, std::size_t row_count, float* outputs,
                       CUstream_st* stream, std::span<const LayerOutput> layer_outputs);

  // Creates another engine on the same device or devices, for another caller. It shares the network
  // and the prepared weights and takes the same execution path, so it gives each row the same bits
  // (if info().batch_invariant). Either may be destroyed first. On the CPU a clone costs
  // microseconds and a few KiB, plus activation buffers at its first calls. On a CUDA device it
  // allocates a cuBLAS handle and workspace_bytes() of device memory, even if the original works in
  // the caller's workspace; the fused path needs neither. May be called while this engine is
  // computing. Throws DeviceError, OutOfMemoryError; UsageError for an engine class that is not
  // Lamella's.
  [[nodiscard]] std::unique_ptr<Engine> clone() const { return clone(0); }

  // Also sets the thread count of a CPU engine; 0 keeps it. Other engines ignore it.
  [[nodiscard]] virtual std::unique_ptr<Engine> clone(int threads) const;

 protected:
  EngineInfo info_;

 private:
  // Sets info().reason: only make_engine knows why the device was chosen.
  friend std::unique_ptr<Engine> make_engine(std::shared_ptr<const Network> network,
                                             const EngineOptions& options);
};

// Creates an engine on the device that the options name. Throws DeviceError, with CUDA's reason, if
// a requested CUDA device is unavailable; kAuto falls back to the CPU and reports the reason in
// info().reason. kAllDevices creates one engine per device and splits a call's rows over as many of
// them as pay off, each driven by its own thread; outputs and layer outputs equal those of one
// device. On a machine with one CUDA device it creates the engine of cuda:0. Only make_engine,
// list_devices and measure_paths open the CUDA part at run time, and only if a driver is installed;
// it is never closed. Thread-safe. Also throws OutOfMemoryError; UsageError for options that cannot
// be met.
[[nodiscard]] std::unique_ptr<Engine> make_engine(std::shared_ptr<const Network> network,
                                                  const EngineOptions& options = {});

// One device of this machine.
struct DeviceDescription {
  Device device;
  std::string name;
  std::string detail;  // one line: threads and instruction set; or memory, architecture, driver
  int threads = 0;     // of the CPU: those that an engine takes by default
  std::string threads_reason = {};  // what limits them: "affinity", "cgroup CPU quota 2.5",
                                    // "OMP_NUM_THREADS"
};

// The devices of this machine.
struct DeviceList {
  std::vector<DeviceDescription> devices;  // the CPU is always present, and first
  std::string cuda_unavailable;            // why no CUDA device is listed; empty if one is
};
// Lists the devices. A missing device or driver is not an error.
[[nodiscard]] DeviceList list_devices();

}  // namespace lamella
#pragma GCC visibility pop
