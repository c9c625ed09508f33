// The C interface over the C++ one: handles own C++ objects, and no exception leaves a function.
#include <exception>
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

// Calls body and turns what it throws into a status and a message.
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

// What of the options a caller's structure has: one that was compiled against an older header is
// shorter.
lamella::EngineOptions options_of(const lamella_engine_options* given) {
  lamella::EngineOptions options;
  if (given == nullptr) {
    return options;
  }
  const auto has = [given](const auto& member) {
    const auto* const end = reinterpret_cast<const char*>(&member + 1);
    return static_cast<std::size_t>(end - reinterpret_cast<const char*>(given)) <= given->size;
  };
  if (!has(given->size)) {
    throw UsageError(
        "lamella_engine_create: the options' size is not set; begin with "
        "LAMELLA_ENGINE_OPTIONS_INIT");
  }
  if (has(given->device) && given->device != nullptr) {
    options.device = lamella::Device::parse(given->device);
  }
  if (has(given->max_rows)) {
    options.max_rows = given->max_rows;
  }
  if (has(given->threads)) {
    if (given->threads < 0) {
      throw UsageError(
          fmt::format("lamella_engine_create: {} threads were asked for", given->threads));
    }
    options.threads = given->threads;
  }
  return options;
}

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
    std::vector<lamella::Layer> taken;
    for (std::size_t i = 0; i < count; ++i) {
      taken.push_back(layer_of(layers[i], i));
    }
    auto made = std::make_unique<lamella_network>();
    made->network = std::make_shared<const lamella::Network>(std::move(taken));
    *network = made.release();
  });
}

void lamella_network_release(lamella_network* network) {
  delete network;
}

size_t lamella_network_inputs(const lamella_network* network) {
  return network->network->inputs();
}

size_t lamella_network_outputs(const lamella_network* network) {
  return network->network->outputs();
}

size_t lamella_network_layers(const lamella_network* network) {
  return network->network->layers().size();
}

size_t lamella_network_parameters(const lamella_network* network) {
  return network->network->parameters().total();
}

lamella_status lamella_engine_create(const lamella_network* network,
                                     const lamella_engine_options* options,
                                     lamella_engine** engine) {
  return guarded([&] {
    require(network, "lamella_engine_create", "the network");
    require(engine, "lamella_engine_create", "the pointer for the engine");
    auto made = std::make_unique<lamella_engine>();
    made->engine = lamella::make_engine(network->network, options_of(options));
    made->device = lamella::to_string(made->engine->info().device);
    *engine = made.release();
  });
}

void lamella_engine_release(lamella_engine* engine) {
  delete engine;
}

lamella_status lamella_engine_run(lamella_engine* engine, const float* rows, size_t row_count,
                                  float* outputs) {
  return guarded([&] {
    require(engine, "lamella_engine_run", "the engine");
    if (row_count == 0) {
      return;
    }
    require(rows, "lamella_engine_run", "the pointer to the rows");
    require(outputs, "lamella_engine_run", "the pointer to the outputs");
    const lamella::Network& network = engine->engine->network();
    engine->engine->run({rows, row_count, network.inputs()},
                        {outputs, row_count, network.outputs()});
  });
}

const char* lamella_engine_device(const lamella_engine* engine) {
  return engine->device.c_str();
}

const char* lamella_engine_device_name(const lamella_engine* engine) {
  return engine->engine->info().device_name.c_str();
}

const char* lamella_engine_path(const lamella_engine* engine) {
  return engine->engine->info().path.c_str();
}

}  // extern "C"
