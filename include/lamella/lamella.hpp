// Everything that needs no CUDA device in the caller's hands. Applications with rows on a GPU also
// include <lamella/cuda_engine.hpp>.
#pragma once

#include <lamella/activation.hpp>
#include <lamella/bench.hpp>
#include <lamella/compare.hpp>
#include <lamella/concat.hpp>
#include <lamella/engine.hpp>
#include <lamella/error.hpp>
#include <lamella/explain.hpp>
#include <lamella/figure.hpp>
#include <lamella/log.hpp>
#include <lamella/matrix.hpp>
#include <lamella/model_file.hpp>
#include <lamella/network.hpp>
#include <lamella/page.hpp>
#include <lamella/rows.hpp>
#include <lamella/score.hpp>
#include <lamella/self_test.hpp>
#include <lamella/shard.hpp>
#include <lamella/version.hpp>
