// A network as a chain of oneDNN matrix products: a block of rows carried through all layers,
// activations applied while a layer's block is still in cache.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <dnnl.hpp>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "cpu/matmul_products.hpp"
#include "cpu/processor.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {

// oneDNN fixes the number of rows when a product is made. Its batched kernels ("brg") add up each
// output's terms in the order of the inputs whatever the number of rows, so products of several
// heights give a row the same bits, and a block of any height is split into such that exist.
class MatmulChain {
 public:
  // The products are of this network, for the plan's blocks. Keeps references to network and plan.
  MatmulChain(std::shared_ptr<MatmulProducts> products, const Network& network,
              const plan::CpuPlan& plan, std::size_t workers, Isa isa);

  // What chains of siblings share.
  [[nodiscard]] const std::shared_ptr<MatmulProducts>& products() const { return products_; }

  // Carries blocks of so many rows through all layers, one after another. The taps are those of
  // these rows. Calls of different workers may run at once. Throws DeviceError that names the
  // layer, OutOfMemoryError.
  void run(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const Tap> taps, std::size_t block_rows);

 private:
  // A product with its arguments, ready to be executed by one worker.
  struct Call {
    std::array<dnnl_exec_arg_t, 5> arguments{};
    int argument_count = 0;
  };
  struct Calls {
    const MatmulProducts::Products* products = nullptr;
    std::vector<Call> layers;
    std::vector<dnnl::memory> memories;  // what the arguments point to
    dnnl::memory source;                 // of the first layer
    dnnl::memory destination;            // of the last
    AlignedBuffer scratchpad;
  };
  struct Worker {
    dnnl::stream stream;
    std::array<AlignedBuffer, 2> between;       // activations between layers
    std::vector<std::unique_ptr<Calls>> calls;  // by slot of the height
    AlignedBuffer stepped_rows;                 // what the input steps make of a block
  };

  Worker& worker(std::size_t index);
  Calls& calls(Worker& worker, std::size_t height);
  // What the first layer reads: the rows, or what the input steps make of them.
  [[nodiscard]] const float* first_source(Worker& worker, MatrixView<const float> rows);
  // ahead: what this worker computes next, or nothing.
  void run_height(Worker& worker, MatrixView<const float> rows, MatrixView<float> outputs,
                  std::span<const Tap> taps, MatrixView<const float> ahead);

  std::shared_ptr<MatmulProducts> products_;
  const Network& network_;
  const plan::CpuPlan& plan_;
  Isa isa_;
  std::size_t full_height_ = 0;                   // the highest block
  std::vector<std::unique_ptr<Worker>> workers_;  // each made by its own thread
};

}  // namespace lamella::cpu
