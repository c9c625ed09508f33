// The C interface over the C++ one: handles own C++ objects, and no exception leaves a function.
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <lamella/lamella.h>
#include <lamella/lamella.hpp>

#include "core/checked.hpp"

struct lamella_network {
  std::shared_ptr<const lamella::Network> network;
};

struct lamella_engine {
  explicit lamella_engine(std::unique_ptr<lamella::Engine> made)
      : engine(std::move(made)), device(lamella::to_string(engine->info().device)) {}
  std::unique_ptr<lamella::Engine> engine;
  std::string device;
};

namespace {

using lamella::UsageError;

std::string& last_error() {
  thread_local std::string message;
  return message;
}

lamella_status fail(lamella_status status, const char* message) noexcept {
  try {
    last_error() = message;
  } catch (...) {
    last_error().clear();  // no memory even for the message
  }
  return status;
}

// Calls body and converts exceptions to a status and a message.
template <class Body>
lamella_status guarded(Body&& body) noexcept {
  try {
    body();
    return LAMELLA_OK;
  } catch (const UsageError& error) {
    return fail(LAMELLA_ERROR_USAGE, error.what());
  } catch (const lamella::FileError& error) {
    return fail(LAMELLA_ERROR_FILE, error.what());
  } catch (const lamella::ShapeError& error) {
    return fail(LAMELLA_ERROR_SHAPE, error.what());
  } catch (const lamella::OutOfMemoryError& error) {
    return fail(LAMELLA_ERROR_OUT_OF_MEMORY, error.what());
  } catch (const lamella::DeviceError& error) {
    return fail(LAMELLA_ERROR_DEVICE, error.what());
  } catch (const std::bad_alloc&) {
    return fail(LAMELLA_ERROR_OUT_OF_MEMORY, "the host has no memory left");
  } catch (const std::exception& error) {
    return fail(LAMELLA_ERROR_OTHER, error.what());
  } catch (...) {
    return fail(LAMELLA_ERROR_OTHER, "an exception of an unknown type was thrown");
  }
}

void require(const void* pointer, const char* function, const char* argument) {
  if (pointer == nullptr) {
    throw UsageError(fmt::format("{}: {} is null", function, argument));
  }
}

lamella::Layer layer_of(const lamella_layer& from, std::size_t index) {
  const auto weights = lamella::core::checked_product(from.inputs, from.outputs);
  if (!weights) {
    throw lamella::ShapeError(fmt::format("layer {} has more weights than memory can hold: {} x {}",
                                          index + 1, from.outputs, from.inputs));
  }
  if (*weights != 0) {
    require(from.weights, "lamella_network_create", "a layer's weights");
  }
  lamella::Layer layer;
  layer.inputs = from.inputs;
  layer.outputs = from.outputs;
  layer.weights.assign(from.weights, from.weights + *weights);
  if (from.bias != nullptr) {
    layer.bias.assign(from.bias, from.bias + from.outputs);
  }
  layer.activation = from.activation == nullptr ? lamella::Activation{}
                                                : lamella::parse_activation(from.activation);
  return layer;
}

// What Network rejects beside shapes are arguments that cannot mean anything.
std::shared_ptr<const lamella::Network> network_of(std::vector<lamella::Layer> layers) {
  try {
    return std::make_shared<const lamella::Network>(std::move(layers));
  } catch (const lamella::ShapeError&) {
    throw;
  } catch (const lamella::OutOfMemoryError&) {
    throw;
  } catch (const lamella::Error& error) {
    throw lamella::UsageError(error.what());
  }
}

// Adapts the two functions of a C program to a DeviceMemoryResource.
class CallbackMemoryResource final : public lamella::DeviceMemoryResource {
 public:
  explicit CallbackMemoryResource(const lamella_device_memory& functions) : functions_(functions) {}
  [[nodiscard]] void* allocate(std::size_t bytes) override {
    return functions_.allocate(bytes, functions_.user);
  }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    functions_.deallocate(memory, bytes, functions_.user);
  }

 private:
  lamella_device_memory functions_;
};

// Reads the members that the caller's structure has: one compiled against an older header is
// shorter.
lamella::EngineOptions options_of(const lamella_engine_options* given, const char* function) {
  lamella::EngineOptions options;
  if (given == nullptr) {
    return options;
  }
  const auto has = [given](const auto& member) {
    const auto* const end = reinterpret_cast<const char*>(&member + 1);
    return static_cast<std::size_t>(end - reinterpret_cast<const char*>(given)) <= given->size;
  };
  if (!has(given->size)) {
    throw UsageError(fmt::format(
        "{}: the options' size is not set; begin with LAMELLA_ENGINE_OPTIONS_INIT", function));
  }
  if (has(given->device) && given->device != nullptr) {
    options.device = lamella::Device::parse(given->device);
  }
  if (has(given->max_rows)) {
    options.max_rows = given->max_rows;
  }
  if (has(given->threads)) {
    if (given->threads < 0) {
      throw UsageError(fmt::format("{}: {} threads were asked for", function, given->threads));
    }
    options.threads = given->threads;
  }
  if (has(given->fast)) {
    options.fast = given->fast != 0;
  }
  if (has(given->precision) && given->precision != nullptr) {
    options.precision = lamella::parse_precision(given->precision);
  }
  if (has(given->path) && given->path != nullptr) {
    options.path = lamella::parse_cuda_path(given->path);
  }
  if (has(given->workspace_bytes)) {
    options.workspace = given->workspace;
    options.workspace_bytes = given->workspace_bytes;
  }
  if (has(given->device_memory)) {
    const lamella_device_memory& memory = given->device_memory;
    if ((memory.allocate == nullptr) != (memory.deallocate == nullptr)) {
      throw UsageError(fmt::format("{}: of allocate and deallocate one is null", function));
    }
    if (memory.allocate != nullptr) {
      options.device_memory = std::make_shared<CallbackMemoryResource>(memory);
    }
  }
  return options;
}

// Views C results as their C++ type, which has the same layout.
lamella::RankedOutput* ranked(lamella_ranked_output* top) {
  static_assert(sizeof(lamella_ranked_output) == sizeof(lamella::RankedOutput) &&
                offsetof(lamella_ranked_output, value) == offsetof(lamella::RankedOutput, value));
  return reinterpret_cast<lamella::RankedOutput*>(top);
}

// The rows (at least one) and outputs of a call, in host memory.
struct HostCall {
  HostCall(const char* function, const lamella::Network& network, const float* rows_pointer,
           std::size_t row_count, float* outputs_pointer) {
    require(rows_pointer, function, "the pointer to the rows");
    require(outputs_pointer, function, "the pointer to the outputs");
    rows = {rows_pointer, row_count, network.inputs()};
    outputs = {outputs_pointer, row_count, network.outputs()};
  }
  lamella::MatrixView<const float> rows;
  lamella::MatrixView<float> outputs;
};

}  // namespace

extern "C" {

const char* lamella_status_name(lamella_status status) {
  switch (status) {
    case LAMELLA_OK:
      return "ok";
    case LAMELLA_ERROR_USAGE:
      return "usage error";
    case LAMELLA_ERROR_FILE:
      return "file error";
    case LAMELLA_ERROR_SHAPE:
      return "shape error";
    case LAMELLA_ERROR_DEVICE:
      return "device error";
    case LAMELLA_ERROR_OUT_OF_MEMORY:
      return "out of memory";
    case LAMELLA_ERROR_OTHER:
      return "other error";
  }
  return "unknown status";
}

const char* lamella_last_error(void) {
  return last_error().c_str();
}

const char* lamella_version(void) {
  return lamella::version();
}

lamella_status lamella_set_log_callback(lamella_log_callback callback, void* user) {
  return guarded([&] {
    if (callback == nullptr) {
      lamella::set_log_callback({});
      return;
    }
    lamella::set_log_callback([=](lamella::LogSeverity severity, std::string_view message) {
      callback(static_cast<lamella_log_severity>(severity), std::string(message).c_str(), user);
    });
  });
}

lamella_status lamella_network_load(const char* file, const char* activations,
                                    const char* weights_layout, lamella_network** network) {
  return guarded([&] {
    require(file, "lamella_network_load", "the file's name");
    require(network, "lamella_network_load", "the pointer for the network");
    lamella::LoadOptions options;
    if (activations != nullptr) {
      options.activations = lamella::parse_activations(activations);
    }
    if (weights_layout != nullptr) {
      options.weights_layout = lamella::parse_weights_layout(weights_layout);
    }
    auto made = std::make_unique<lamella_network>();
    made->network = lamella::load_network(file, options).network;
    *network = made.release();
  });
}

lamella_status lamella_network_create(const lamella_layer* layers, size_t count,
                                      lamella_network** network) {
  return guarded([&] {
    require(layers, "lamella_network_create", "the pointer to the layers");
    require(network, "lamella_network_create", "the pointer for the network");
    std::vector<lamella::Layer> copied;
    for (std::size_t i = 0; i < count; ++i) {
      copied.push_back(layer_of(layers[i], i));
    }
    auto made = std::make_unique<lamella_network>();
    made->network = network_of(std::move(copied));
    *network = made.release();
  });
}

void lamella_network_release(lamella_network* network) {
  delete network;
}

size_t lamella_network_inputs(const lamella_network* network) {
  return network == nullptr ? 0 : network->network->inputs();
}

size_t lamella_network_outputs(const lamella_network* network) {
  return network == nullptr ? 0 : network->network->outputs();
}

size_t lamella_network_layers(const lamella_network* network) {
  return network == nullptr ? 0 : network->network->layers().size();
}

size_t lamella_network_layer_outputs(const lamella_network* network, size_t layer) {
  return layer < lamella_network_layers(network) ? network->network->layers()[layer].outputs : 0;
}

size_t lamella_network_parameters(const lamella_network* network) {
  return network == nullptr ? 0 : network->network->parameters().total();
}

lamella_status lamella_cuda_device_count(size_t* count) {
  return guarded([&] {
    require(count, "lamella_cuda_device_count", "the pointer for the count");
    const lamella::DeviceList found = lamella::list_devices();
    if (!found.cuda_unavailable.empty()) {
      throw lamella::DeviceError(found.cuda_unavailable);
    }
    *count = found.devices.size() - 1;  // the list includes the CPU
  });
}

lamella_status lamella_engine_create(const lamella_network* network,
                                     const lamella_engine_options* options,
                                     lamella_engine** engine) {
  return guarded([&] {
    require(network, "lamella_engine_create", "the network");
    require(engine, "lamella_engine_create", "the pointer for the engine");
    *engine = new lamella_engine(
        lamella::make_engine(network->network, options_of(options, "lamella_engine_create")));
  });
}

lamella_status lamella_engine_clone(const lamella_engine* engine, lamella_engine** clone) {
  return guarded([&] {
    require(engine, "lamella_engine_clone", "the engine");
    require(clone, "lamella_engine_clone", "the pointer for the clone");
    *clone = new lamella_engine(engine->engine->clone());
  });
}

lamella_status lamella_workspace_bytes(const lamella_network* network,
                                       const lamella_engine_options* options, size_t* bytes) {
  return guarded([&] {
    require(network, "lamella_workspace_bytes", "the network");
    require(bytes, "lamella_workspace_bytes", "the pointer for the bytes");
    *bytes =
        lamella::workspace_bytes(*network->network, options_of(options, "lamella_workspace_bytes"));
  });
}

void lamella_engine_release(lamella_engine* engine) {
  delete engine;
}

lamella_status lamella_engine_run(lamella_engine* engine, const float* rows, size_t row_count,
                                  float* outputs) {
  return guarded([&] {
    require(engine, "lamella_engine_run", "the engine");
    if (row_count != 0) {
      const HostCall call("lamella_engine_run", engine->engine->network(), rows, row_count,
                          outputs);
      engine->engine->run(call.rows, call.outputs);
    }
  });
}

lamella_status lamella_engine_run_layer_outputs(lamella_engine* engine, const float* rows,
                                                size_t row_count, float* outputs,
                                                const lamella_layer_output* layer_outputs,
                                                size_t count) {
  return guarded([&] {
    require(engine, "lamella_engine_run_layer_outputs", "the engine");
    if (count != 0) {
      require(layer_outputs, "lamella_engine_run_layer_outputs",
              "the pointer to the layer outputs");
    }
    if (row_count == 0) {
      return;
    }
    const lamella::Network& network = engine->engine->network();
    const HostCall call("lamella_engine_run_layer_outputs", network, rows, row_count, outputs);
    std::vector<lamella::LayerOutput> taken;
    for (std::size_t i = 0; i < count; ++i) {
      require(layer_outputs[i].values, "lamella_engine_run_layer_outputs",
              "the pointer for a layer output's values");
      const std::size_t layer = layer_outputs[i].layer;
      // The engine reports a layer that does not exist.
      const std::size_t width =
          layer < network.layers().size() ? network.layers()[layer].outputs : 0;
      taken.push_back({layer,
                       layer_outputs[i].pre_activation != 0,
                       {layer_outputs[i].values, row_count, width}});
    }
    engine->engine->run(call.rows, call.outputs, taken);
  });
}

lamella_status lamella_engine_run_top_k(lamella_engine* engine, const float* rows, size_t row_count,
                                        size_t k, lamella_ranked_output* top) {
  return guarded([&] {
    require(engine, "lamella_engine_run_top_k", "the engine");
    if (row_count != 0) {
      require(rows, "lamella_engine_run_top_k", "the pointer to the rows");
      require(top, "lamella_engine_run_top_k", "the pointer for the largest outputs");
    }
    engine->engine->run_top_k({rows, row_count, engine->engine->network().inputs()},
                              {ranked(top), row_count, k});
  });
}

lamella_status lamella_engine_enqueue(lamella_engine* engine, const float* rows, size_t row_count,
                                      float* outputs, void* stream) {
  return guarded([&] {
    require(engine, "lamella_engine_enqueue", "the engine");
    engine->engine->enqueue(rows, row_count, outputs, static_cast<CUstream_st*>(stream));
  });
}

const char* lamella_engine_device(const lamella_engine* engine) {
  return engine == nullptr ? "" : engine->device.c_str();
}

const char* lamella_engine_device_name(const lamella_engine* engine) {
  return engine == nullptr ? "" : engine->engine->info().device_name.c_str();
}

const char* lamella_engine_path(const lamella_engine* engine) {
  return engine == nullptr ? "" : engine->engine->info().path.c_str();
}

}  // extern "C"
