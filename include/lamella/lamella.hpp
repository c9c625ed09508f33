// The whole C++ interface except <lamella/cuda_engine.hpp>, the CUDA engine for programs that link
// lamella::cuda. The C interface is <lamella/lamella.h>.
//
// Most programs need three functions: load_network (or they build a Network), make_engine, and
// Engine::run for rows in host memory or Engine::enqueue for rows on a CUDA device.
//
// Free functions are thread-safe. Errors are exceptions derived from lamella::Error, or
// std::bad_alloc; a constructor that throws leaves nothing behind. The library never prints and
// never ends the process.
#pragma once

// Networks and model files
#include <lamella/activation.hpp>
#include <lamella/model_file.hpp>
#include <lamella/network.hpp>
#include <lamella/self_test.hpp>
// Computing
#include <lamella/device_memory.hpp>
#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
// Row files
#include <lamella/compare.hpp>
#include <lamella/concat.hpp>
#include <lamella/rows.hpp>
#include <lamella/score.hpp>
#include <lamella/shard.hpp>
// Inspection and benchmarks
#include <lamella/bench.hpp>
#include <lamella/explain.hpp>
#include <lamella/figure.hpp>
#include <lamella/html_report.hpp>
// Common
#include <lamella/error.hpp>
#include <lamella/log.hpp>
#include <lamella/version.hpp>
