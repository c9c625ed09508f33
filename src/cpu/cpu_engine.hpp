// The CPU engine, behind the public Engine interface.
#pragma once

#include <memory>

#include <lamella/engine.hpp>

namespace lamella::cpu {

// Ignores options.device; threads = 0 means core::default_thread_count().
[[nodiscard]] std::unique_ptr<Engine> make_cpu_engine(std::shared_ptr<const Network> network,
                                                      const EngineOptions& options);

// The processor's name, usable cores, instruction set.
[[nodiscard]] DeviceDescription describe_cpu();

}  // namespace lamella::cpu
