// All of the C++ interface but <lamella/cuda_engine.hpp>, the CUDA engine for programs that link
// lamella::cuda. The C interface is <lamella/lamella.h>.
//
// Most programs need three of these: load_network (or a Network of their own), make_engine, and
// Engine::run for rows in host memory or Engine::enqueue for rows on a CUDA device.
//
// Functions that take what they are given and return are safe to call from any thread at once.
// Errors are exceptions, all of them lamella::Error but std::bad_alloc; a constructor that throws
// leaves nothing behind. The library never prints and never ends the process.
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
// Files of rows
#include <lamella/compare.hpp>
#include <lamella/concat.hpp>
#include <lamella/rows.hpp>
#include <lamella/score.hpp>
#include <lamella/shard.hpp>
// What a network does, and how fast
#include <lamella/bench.hpp>
#include <lamella/explain.hpp>
#include <lamella/figure.hpp>
#include <lamella/html_report.hpp>
// Everywhere
#include <lamella/error.hpp>
#include <lamella/log.hpp>
#include <lamella/version.hpp>
