/* The C interface of Lamella, for C, Fortran, Rust, Python's ctypes and any other language that can
 * call C.
 *
 * Handles are opaque. Every function that can fail returns a status and throws no exception;
 * lamella_last_error() returns the message of the calling thread's last failure. Results are
 * written through pointers, only on success. Strings are UTF-8 and zero-terminated; a returned
 * string is valid as long as the handle it came from.
 *
 * Errors: a null pointer for a required argument gives LAMELLA_ERROR_USAGE in every function. Each
 * function documents its other statuses; besides those, any function may return
 * LAMELLA_ERROR_OUT_OF_MEMORY, and LAMELLA_ERROR_OTHER for unexpected errors. After a failed call
 * the contents of its output buffers are unspecified, and the engine can be called again. Functions
 * that return no status return 0 or "" for a null handle.
 *
 * Thread-safety: a network is immutable; any number of threads may use it at once. An engine serves
 * one caller at a time; several engines, also of the same network, may run concurrently
 * (lamella_engine_clone). Do not release a handle while another thread uses it.
 *
 * Compatibility: within a major version (before 1.0, a minor version) functions and statuses are
 * only added, and structures with a size member only grow at their end. The library's file name
 * carries that version. */
#ifndef LAMELLA_LAMELLA_H
#define LAMELLA_LAMELLA_H

#include <stddef.h>
#include <stdint.h>

#include <lamella/version.h>

#if defined(__GNUC__)
#define LAMELLA_C_API __attribute__((visibility("default")))
#else
#define LAMELLA_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Status of a call. */
typedef enum lamella_status {
  LAMELLA_OK = 0,
  LAMELLA_ERROR_USAGE = 1,         /* an invalid argument */
  LAMELLA_ERROR_FILE = 2,          /* a file that cannot be read or parsed */
  LAMELLA_ERROR_SHAPE = 3,         /* mismatched shapes */
  LAMELLA_ERROR_DEVICE = 4,        /* a missing or failed device, or a failed CUDA call */
  LAMELLA_ERROR_OUT_OF_MEMORY = 5, /* host or device memory */
  LAMELLA_ERROR_OTHER = 6
} lamella_status;

/* Returns the status's name, "ok", "usage error" and so on; "unknown status" for any other number.
 * Never null. */
LAMELLA_C_API const char* lamella_status_name(lamella_status status);

/* Returns one sentence about the calling thread's last failure; "" before the first. Valid until
 * the thread's next failing call. */
LAMELLA_C_API const char* lamella_last_error(void);

/* Returns the linked library's version, "major.minor.patch"; LAMELLA_VERSION is that of this
 * header. */
LAMELLA_C_API const char* lamella_version(void);

/* ---- Diagnostics ---- */

/* Severity of a message. */
typedef enum lamella_log_severity {
  LAMELLA_LOG_DEBUG = 0,  /* choices between good alternatives */
  LAMELLA_LOG_INFO = 1,   /* what a user may want to know */
  LAMELLA_LOG_WARNING = 2 /* something is wrong; the library continues without it */
} lamella_log_severity;

/* message is one sentence, valid only during the call; user is the pointer given to
 * lamella_set_log_callback. */
typedef void (*lamella_log_callback)(lamella_log_severity severity, const char* message,
                                     void* user);

/* Sets the process-wide log callback; null (the initial state) turns messages off: the library
 * never prints. May be called from any thread at any time. The callback may run on any thread, and
 * on several at once. On return, the previous callback no longer runs on any thread. Exception: a
 * call from within a callback does not wait. LAMELLA_ERROR_OUT_OF_MEMORY. */
LAMELLA_C_API lamella_status lamella_set_log_callback(lamella_log_callback callback, void* user);

/* ---- Networks ---- */

/* A trained network; immutable. */
typedef struct lamella_network lamella_network;

/* One dense layer, y = activation(W x + b), in the caller's memory. */
typedef struct lamella_layer {
  size_t inputs;
  size_t outputs;
  const float* weights;   /* [outputs x inputs], row-major */
  const float* bias;      /* [outputs]; null for no bias */
  const char* activation; /* "relu", "leaky_relu:0.2", ...; null is "identity" */
} lamella_layer;

/* Reads a model file: .safetensors, .npz, .onnx or .json. activations lists one per layer, as
 * "relu,relu,identity"; null: those in the file, else ReLU on hidden layers and identity on the
 * last. weights_layout is "auto", "out-in" or "in-out"; null means "auto". The caller releases the
 * network. LAMELLA_ERROR_FILE, LAMELLA_ERROR_USAGE. */
LAMELLA_C_API lamella_status lamella_network_load(const char* file, const char* activations,
                                                  const char* weights_layout,
                                                  lamella_network** network);

/* Builds a network of count layers and copies their weights. The caller releases it.
 * LAMELLA_ERROR_SHAPE if layers do not chain, LAMELLA_ERROR_USAGE for an unknown activation or a
 * weight that is not finite. */
LAMELLA_C_API lamella_status lamella_network_create(const lamella_layer* layers, size_t count,
                                                    lamella_network** network);

/* Releases the handle; engines of the network keep what they need. Null is allowed. */
LAMELLA_C_API void lamella_network_release(lamella_network* network);

/* Inputs per row. */
LAMELLA_C_API size_t lamella_network_inputs(const lamella_network* network);
/* Outputs per row. */
LAMELLA_C_API size_t lamella_network_outputs(const lamella_network* network);
/* Number of layers. */
LAMELLA_C_API size_t lamella_network_layers(const lamella_network* network);
/* Outputs of a layer, counted from 0; 0 for a layer that does not exist. */
LAMELLA_C_API size_t lamella_network_layer_outputs(const lamella_network* network, size_t layer);
/* Count of weights and biases. */
LAMELLA_C_API size_t lamella_network_parameters(const lamella_network* network);

/* ---- Engines ---- */

/* Counts the CUDA devices: "cuda:0" and on. LAMELLA_ERROR_DEVICE, with the reason, if none can be
 * used. */
LAMELLA_C_API lamella_status lamella_cuda_device_count(size_t* count);

/* Computes a network on a device. */
typedef struct lamella_engine lamella_engine;

/* An application's allocator of device memory. allocate returns that many bytes of the current
 * device's memory, aligned to 256 bytes and ready for use on any stream, or null; deallocate frees
 * them once all work on them is done. Both may be called by any thread that uses the engine or its
 * clones, until all of these are released; user is passed through unchanged. See
 * lamella/device_memory.hpp. */
typedef struct lamella_device_memory {
  void* (*allocate)(size_t bytes, void* user);
  void (*deallocate)(void* memory, size_t bytes, void* user);
  void* user;
} lamella_device_memory;

/* Initialize with LAMELLA_ENGINE_OPTIONS_INIT, which leaves every choice to Lamella. A workspace is
 * memory of the CUDA device: at least lamella_workspace_bytes() bytes, aligned to 256 bytes. The
 * caller owns it and keeps it until the engine is released. */
typedef struct lamella_engine_options {
  size_t size;           /* sizeof of this structure, for compatibility */
  const char* device;    /* "auto", "cpu", "cuda", "cuda:N", "cuda:all"; null means "auto" */
  size_t max_rows;       /* maximum rows per pass; 0: the engine chooses */
  int threads;           /* of the CPU engine; 0: by affinity, CPU quota, OMP_NUM_THREADS */
  int fast;              /* nonzero: gives up batch invariance for speed */
  const char* precision; /* "fp32", on CUDA also "tf32", "bf16", "fp16"; null means "fp32" */
  const char* path;      /* on CUDA: "auto", "layers", "fused"; null means "auto" */
  void* workspace;       /* device memory used only by this engine; null: the engine allocates */
  size_t workspace_bytes;
  lamella_device_memory device_memory; /* null functions: cudaMalloc */
} lamella_engine_options;
#define LAMELLA_ENGINE_OPTIONS_INIT                                       \
  {                                                                       \
    sizeof(lamella_engine_options), NULL, 0, 0, 0, NULL, NULL, NULL, 0, { \
      NULL, NULL, NULL                                                    \
    }                                                                     \
  }

/* Creates an engine. options may be null. The caller releases the engine. LAMELLA_ERROR_DEVICE if
 * the device is unavailable, LAMELLA_ERROR_USAGE for options that cannot be met. */
LAMELLA_C_API lamella_status lamella_engine_create(const lamella_network* network,
                                                   const lamella_engine_options* options,
                                                   lamella_engine** engine);

/* Creates another engine for another caller: same options, shared weights, same bits for each row,
 * but separate buffers (not in the caller's workspace). May be called while the engine is
 * computing; either may be released first. LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_clone(const lamella_engine* engine,
                                                  lamella_engine** clone);

/* Computes the bytes of device memory, beyond the weights, that a CUDA engine with these options
 * needs; 0 for the CPU. options may be null; ignores its workspace and device_memory.
 * LAMELLA_ERROR_USAGE. */
LAMELLA_C_API lamella_status lamella_workspace_bytes(const lamella_network* network,
                                                     const lamella_engine_options* options,
                                                     size_t* bytes);

/* Waits for the device's work, then releases the engine. Null is allowed. */
LAMELLA_C_API void lamella_engine_release(lamella_engine* engine);

/* Computes outputs[r] = network(rows[r]): rows is [row_count x inputs], outputs [row_count x
 * outputs], both row-major in host memory, not overlapping; any row_count >= 0. Returns when
 * outputs are written. LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_run(lamella_engine* engine, const float* rows,
                                                size_t row_count, float* outputs);

/* Requests the output of one layer for each row of a call. */
typedef struct lamella_layer_output {
  size_t layer;       /* counted from 0 */
  int pre_activation; /* nonzero: W x + b, else its activation */
  float* values;      /* [row_count x outputs of the layer] in host memory, owned by the caller */
} lamella_layer_output;

/* Runs as lamella_engine_run does, and writes count layer outputs, in any order.
 * LAMELLA_ERROR_SHAPE for a layer that does not exist, LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_run_layer_outputs(
    lamella_engine* engine, const float* rows, size_t row_count, float* outputs,
    const lamella_layer_output* layer_outputs, size_t count);

/* One of a row's outputs. */
typedef struct lamella_ranked_output {
  uint32_t index; /* index of the output, from 0 */
  float value;
} lamella_ranked_output;

/* Selects the k largest outputs of each row, descending: top is [row_count x k], 1 <= k <= outputs.
 * NaN counts as largest; of equal outputs the first comes first. LAMELLA_ERROR_SHAPE for any other
 * k, LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_run_top_k(lamella_engine* engine, const float* rows,
                                                      size_t row_count, size_t k,
                                                      lamella_ranked_output* top);

/* Runs as lamella_engine_run does, but on rows and outputs in memory of the engine's CUDA device.
 * Enqueues the work on stream, a cudaStream_t (null: the default stream), without allocation or
 * synchronization. The stream may be being captured; the engine must then outlive the graph. Do not
 * enqueue an engine on a second stream before the first has finished or the second waits for it,
 * and do not call the functions for host memory, which use other streams, before the enqueued work
 * has finished.
 *
 * LAMELLA_ERROR_USAGE for an engine of the CPU or of several devices, or pointers that are not
 * 4-byte aligned; LAMELLA_ERROR_SHAPE for more rows than memory can hold; LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_enqueue(lamella_engine* engine, const float* rows,
                                                    size_t row_count, float* outputs, void* stream);

/* Returns the device, "cpu" or "cuda:0". Valid until the engine is released. */
LAMELLA_C_API const char* lamella_engine_device(const lamella_engine* engine);
/* Returns the name of the processor or GPU. Valid until the engine is released. */
LAMELLA_C_API const char* lamella_engine_device_name(const lamella_engine* engine);
/* Returns how layers are computed. Valid until the engine is released. */
LAMELLA_C_API const char* lamella_engine_path(const lamella_engine* engine);

#ifdef __cplusplus
}
#endif

#endif
