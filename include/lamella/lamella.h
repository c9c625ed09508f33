/* The C interface of Lamella, for C, Fortran, Rust, Python's ctypes and whatever else can call C.
 *
 * Handles are opaque. Every function that can fail returns a status and never throws; the message
 * that belongs to the last failure on the calling thread is lamella_last_error()'s. Results are
 * written through pointers, only on success. Strings are UTF-8 and end with a zero; those that come
 * back live as long as the handle they were asked of.
 *
 * Errors: a pointer that must not be null and is gives LAMELLA_ERROR_USAGE, in any function; the
 * statuses named at each are what else it may give, besides LAMELLA_ERROR_OUT_OF_MEMORY and, for
 * what nobody foresaw, LAMELLA_ERROR_OTHER. After a failed call what it was to write is
 * unspecified, and the engine can be called again. What returns no status answers a null handle
 * with 0 or "".
 *
 * Threads: a network is immutable and may be used by any number of threads at once. An engine
 * serves one caller at a time; several engines may run at once, of one network too
 * (lamella_engine_clone). A handle must not be released while another thread uses it.
 *
 * Versions: within a major version (a minor one before 1.0) functions and statuses are added alone,
 * and structures with a size grow at their end alone. The library's file name carries that version.
 */
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

/* How a call ended. */
typedef enum lamella_status {
  LAMELLA_OK = 0,
  LAMELLA_ERROR_USAGE = 1,         /* an argument that cannot mean anything */
  LAMELLA_ERROR_FILE = 2,          /* a file that cannot be read or understood */
  LAMELLA_ERROR_SHAPE = 3,         /* shapes that do not fit each other */
  LAMELLA_ERROR_DEVICE = 4,        /* a device that is absent, failed, or rejected a call */
  LAMELLA_ERROR_OUT_OF_MEMORY = 5, /* memory, of the host or of a device */
  LAMELLA_ERROR_OTHER = 6
} lamella_status;

/* "ok", "usage error" and so on; "unknown status" for a number that is none. Never null. */
LAMELLA_C_API const char* lamella_status_name(lamella_status status);

/* One sentence about the last failure on this thread, "" before the first. Valid until the next
 * failing call of this thread. */
LAMELLA_C_API const char* lamella_last_error(void);

/* "major.minor.patch" of the library that is linked; LAMELLA_VERSION is that of this header. */
LAMELLA_C_API const char* lamella_version(void);

/* ---- Diagnostics ---- */

/* How much a message matters. */
typedef enum lamella_log_severity {
  LAMELLA_LOG_DEBUG = 0,  /* what was chosen among good ways */
  LAMELLA_LOG_INFO = 1,   /* what a user may want to know */
  LAMELLA_LOG_WARNING = 2 /* something is not as it should be; the library goes on without it */
} lamella_log_severity;

/* message is one sentence, gone when the callback returns; user is what was given beside it. */
typedef void (*lamella_log_callback)(lamella_log_severity severity, const char* message,
                                     void* user);

/* Sets what every message of the process goes to; null turns messages off, as at the start: the
 * library never prints. May be called from any thread at any time; the callback is called on any
 * thread, also on several at once. When this returns, the callback before runs on no thread any
 * more (unless it is called from within a callback, where it does not wait).
 * LAMELLA_ERROR_OUT_OF_MEMORY. */
LAMELLA_C_API lamella_status lamella_set_log_callback(lamella_log_callback callback, void* user);

/* ---- Networks ---- */

/* A trained network; it never changes. */
typedef struct lamella_network lamella_network;

/* One dense layer, y = activation(W x + b), in the caller's memory. */
typedef struct lamella_layer {
  size_t inputs;
  size_t outputs;
  const float* weights;   /* [outputs x inputs], row after row */
  const float* bias;      /* [outputs], or null for none */
  const char* activation; /* "relu", "leaky_relu:0.2", ...; null is "identity" */
} lamella_layer;

/* Reads a model file: .safetensors, .npz, .onnx or .json. activations: one for each layer, as
 * "relu,relu,identity"; null: what the file says, else relu and identity on the last layer.
 * weights_layout: "auto", "out-in" or "in-out"; null is "auto". Release the network when it is no
 * longer needed. LAMELLA_ERROR_FILE, LAMELLA_ERROR_USAGE. */
LAMELLA_C_API lamella_status lamella_network_load(const char* file, const char* activations,
                                                  const char* weights_layout,
                                                  lamella_network** network);

/* Builds a network of count layers, whose weights are copied. LAMELLA_ERROR_SHAPE when layers do
 * not chain, LAMELLA_ERROR_USAGE for an unknown activation or a weight that is not finite. */
LAMELLA_C_API lamella_status lamella_network_create(const lamella_layer* layers, size_t count,
                                                    lamella_network** network);

/* Gives the handle up; engines of the network keep what they need. Null is allowed. */
LAMELLA_C_API void lamella_network_release(lamella_network* network);

/* How many numbers a row has. */
LAMELLA_C_API size_t lamella_network_inputs(const lamella_network* network);
/* How many outputs a row gives. */
LAMELLA_C_API size_t lamella_network_outputs(const lamella_network* network);
/* How many layers it has. */
LAMELLA_C_API size_t lamella_network_layers(const lamella_network* network);
/* Of a layer, counted from 0; 0 where there is none. */
LAMELLA_C_API size_t lamella_network_layer_outputs(const lamella_network* network, size_t layer);
/* Weights and biases. */
LAMELLA_C_API size_t lamella_network_parameters(const lamella_network* network);

/* ---- Engines ---- */

/* How many CUDA devices there are: "cuda:0" and on. LAMELLA_ERROR_DEVICE where none can be used,
 * with the reason. */
LAMELLA_C_API lamella_status lamella_cuda_device_count(size_t* count);

/* What computes a network on a device. */
typedef struct lamella_engine lamella_engine;

/* An application's source of device memory. allocate gives bytes of the device that is current, at
 * a multiple of 256 and ready for any stream, or null; deallocate takes them back, with all work on
 * them done. Both may be called until the engine and all its clones are released, by any thread
 * that uses these, and get user as it is. See lamella/device_memory.hpp. */
typedef struct lamella_device_memory {
  void* (*allocate)(size_t bytes, void* user);
  void (*deallocate)(void* memory, size_t bytes, void* user);
  void* user;
} lamella_device_memory;

/* Begin with LAMELLA_ENGINE_OPTIONS_INIT, which leaves every choice to Lamella. A workspace is
 * memory of the CUDA device, lamella_workspace_bytes() long at least, at a multiple of 256 bytes;
 * it is the caller's and must stay until the engine is released. */
typedef struct lamella_engine_options {
  size_t size;           /* of this structure, so that it may grow */
  const char* device;    /* "auto", "cpu", "cuda", "cuda:N", "cuda:all"; null is "auto" */
  size_t max_rows;       /* the most rows that one pass carries; 0: a good number */
  int threads;           /* of the CPU engine; 0: by affinity, CPU quota, OMP_NUM_THREADS */
  int fast;              /* not 0: a row's last bits may depend on the rows beside it */
  const char* precision; /* "fp32", on CUDA also "tf32", "bf16", "fp16"; null is "fp32" */
  const char* path;      /* of CUDA: "auto", "layers", "fused"; null is "auto" */
  void* workspace;       /* device memory for this engine alone; null: the engine allocates */
  size_t workspace_bytes;
  lamella_device_memory device_memory; /* nulls: the CUDA runtime's */
} lamella_engine_options;
#define LAMELLA_ENGINE_OPTIONS_INIT                                       \
  {                                                                       \
    sizeof(lamella_engine_options), NULL, 0, 0, 0, NULL, NULL, NULL, 0, { \
      NULL, NULL, NULL                                                    \
    }                                                                     \
  }

/* options may be null. Release the engine when it is no longer needed. LAMELLA_ERROR_DEVICE when
 * the device cannot be had, LAMELLA_ERROR_USAGE for options that cannot be met. */
LAMELLA_C_API lamella_status lamella_engine_create(const lamella_network* network,
                                                   const lamella_engine_options* options,
                                                   lamella_engine** engine);

/* Another engine like this one, for another caller: with the same options, the same weights in
 * memory, the same bits for each row, and buffers of its own (not in the caller's workspace). May
 * be called while the engine is at work; either may be released first. LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_clone(const lamella_engine* engine,
                                                    lamella_engine** clone);

/* Bytes of device memory that a CUDA engine by these options needs beside the weights; 0 for the
 * CPU. options may be null; its workspace and device_memory are not looked at. LAMELLA_ERROR_USAGE.
 */
LAMELLA_C_API lamella_status lamella_workspace_bytes(const lamella_network* network,
                                                     const lamella_engine_options* options,
                                                     size_t* bytes);

/* Waits for the device's work. Null is allowed. */
LAMELLA_C_API void lamella_engine_release(lamella_engine* engine);

/* outputs[r] = network(rows[r]): rows is [row_count x inputs], outputs [row_count x outputs], both
 * row after row in host memory, not overlapping; any row_count from 0 up. Returns when outputs are
 * written. LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_run(lamella_engine* engine, const float* rows,
                                                size_t row_count, float* outputs);

/* What one layer computes for each row of a call. */
typedef struct lamella_layer_output {
  size_t layer;       /* counted from 0 */
  int pre_activation; /* not 0: W x + b, else its activation */
  float* values;      /* [row_count x outputs of the layer], the caller's, in host memory */
} lamella_layer_output;

/* The same, and writes count layer outputs, in any order. LAMELLA_ERROR_SHAPE for a layer that is none,
 * LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_run_layer_outputs(lamella_engine* engine, const float* rows,
                                                     size_t row_count, float* outputs,
                                                     const lamella_layer_output* layer_outputs, size_t count);

/* One of a row's outputs. */
typedef struct lamella_ranked_output {
  uint32_t index; /* among the outputs, from 0 */
  float value;
} lamella_ranked_output;

/* The k largest outputs of each row, descending: top is [row_count x k], k from 1 to the network's
 * outputs. NaN counts as largest; of equals the first comes first. LAMELLA_ERROR_SHAPE for another
 * k, LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_run_top_k(lamella_engine* engine, const float* rows,
                                                      size_t row_count, size_t k,
                                                      lamella_ranked_output* top);

/* As lamella_engine_run, but rows and outputs are memory of the engine's CUDA device, and the work
 * is enqueued on stream, a cudaStream_t (null: the default stream): nothing is allocated or
 * synchronized, and the stream may be being captured (the engine must then outlive the graph). An
 * engine must not be enqueued on a second stream before the first is done or is waited for, and
 * the calls for host memory, which have streams of their own, not made before what was enqueued is
 * done.
 * LAMELLA_ERROR_USAGE for an engine of the CPU or of several devices, or pointers not 4-byte
 * aligned; LAMELLA_ERROR_SHAPE for more rows than memory can hold; LAMELLA_ERROR_DEVICE. */
LAMELLA_C_API lamella_status lamella_engine_enqueue(lamella_engine* engine, const float* rows,
                                                    size_t row_count, float* outputs, void* stream);

/* "cpu" or "cuda:0". */
LAMELLA_C_API const char* lamella_engine_device(const lamella_engine* engine);
/* The processor's or card's name. */
LAMELLA_C_API const char* lamella_engine_device_name(const lamella_engine* engine);
/* How layers are computed. */
LAMELLA_C_API const char* lamella_engine_path(const lamella_engine* engine);

#ifdef __cplusplus
}
#endif

#endif
