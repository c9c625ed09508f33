/* The C interface of Lamella, for C, Fortran, Rust, Python's ctypes and whatever else can call C.
 *
 * Handles are opaque. Every function that can fail returns a status and never throws; the message
 * that belongs to the last failure on the calling thread is lamella_last_error()'s. Results are
 * written through pointers, only on success. Strings are UTF-8 and end with a zero; those that come
 * back live as long as the handle they were asked of.
 *
 * Threads: a network is immutable and may be used by any number of threads at once. An engine serves
 * one caller at a time; several engines may run at once, of one network too. A handle must not be
 * released while another thread uses it.
 */
#ifndef LAMELLA_LAMELLA_H
#define LAMELLA_LAMELLA_H

#include <stddef.h>

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
  LAMELLA_ERROR_DEVICE = 4,        /* a device that is absent, failed, or refused a call */
  LAMELLA_ERROR_OUT_OF_MEMORY = 5, /* memory, of the host or of a device */
  LAMELLA_ERROR_OTHER = 6
} lamella_status;

/* "ok", "usage error" and so on; "unknown status" for a number that is none. Never null. */
LAMELLA_C_API const char* lamella_status_name(lamella_status status);

/* One sentence about the last failure on this thread, "" before the first. Valid until the next
 * failing call of this thread. */
LAMELLA_C_API const char* lamella_last_error(void);

/* "major.minor.patch" of the library that is linked. */
LAMELLA_C_API const char* lamella_version(void);

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
/* Weights and biases. */
LAMELLA_C_API size_t lamella_network_parameters(const lamella_network* network);

/* ---- Engines ---- */

/* What computes a network on a device. */
typedef struct lamella_engine lamella_engine;

/* Begin with LAMELLA_ENGINE_OPTIONS_INIT, which leaves every choice to Lamella. */
typedef struct lamella_engine_options {
  size_t size;           /* of this structure, so that it may grow */
  const char* device;    /* "auto", "cpu", "cuda", "cuda:N"; null is "auto" */
  size_t max_rows;       /* the most rows that one pass carries; 0: a good number */
  int threads;           /* of the CPU engine; 0: one for each core */
} lamella_engine_options;
#define LAMELLA_ENGINE_OPTIONS_INIT \
  { sizeof(lamella_engine_options), NULL, 0, 0 }

/* options may be null. Release the engine when it is no longer needed. LAMELLA_ERROR_DEVICE when the
 * device cannot be had, LAMELLA_ERROR_OUT_OF_MEMORY, LAMELLA_ERROR_USAGE. */
LAMELLA_C_API lamella_status lamella_engine_create(const lamella_network* network,
                                                   const lamella_engine_options* options,
                                                   lamella_engine** engine);

/* Waits for work under way. Null is allowed. */
LAMELLA_C_API void lamella_engine_release(lamella_engine* engine);

/* outputs[r] = network(rows[r]): rows is [row_count x inputs], outputs [row_count x outputs], both
 * row after row in host memory, not overlapping; any row_count from 0 up. Returns when outputs are
 * written. LAMELLA_ERROR_DEVICE, LAMELLA_ERROR_OUT_OF_MEMORY, LAMELLA_ERROR_USAGE. */
LAMELLA_C_API lamella_status lamella_engine_run(lamella_engine* engine, const float* rows,
                                                size_t row_count, float* outputs);

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
