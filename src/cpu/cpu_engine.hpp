// The CPU engine, behind the public Engine interface.
#pragma once

#include <memory>

#include <lamella/engine.hpp>

namespace lamella::cpu {

// options.device is ignored; threads 0 takes core::default_thread_count().
[[nodiscard]] std::unique_ptr<Engine> make_cpu_engine(std::shared_ptr<const Network> network,
                                                      const EngineOptions& options);

// The processor's name, cores in use, instruction set.
[[nodiscard]] DeviceDescription describe_cpu();

}  // namespace lamella::cpu
