// A network as a chain of oneDNN matrix products: weights reordered once, a block of rows carried
// through all layers, activations applied while a layer's block is still in cache.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include <dnnl.hpp>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "cpu/processor.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {

// oneDNN fixes the number of rows when a product is made. Its batched kernels ("brg") add up each
// output's terms in the order of the inputs whatever the number of rows, so products of several
// heights give a row the same bits, and a block of any height is split into such that exist.
class MatmulChain {
 public:
  // Null where oneDNN has no batched kernels for this processor. Keeps references to both. Throws
  // DeviceError that names the layer, OutOfMemoryError.
  [[nodiscard]] static std::unique_ptr<MatmulChain> make(const Network& network,
                                                         const plan::CpuPlan& plan,
                                                         std::size_t workers, Isa isa);

  // Carries blocks of so many rows through all layers, one after another. The taps are those of
  // these rows. Calls of different workers may run at once. Throws as the constructor does.
  void run(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const Tap> taps, std::size_t block_rows);

 private:
  // A layer's weights and bias as oneDNN wants them.
  struct Constants {
    AlignedBuffer values;
    dnnl::memory weights;
    dnnl::memory bias;
  };
  // The products for one height, shared by all workers.
  struct Products {
    std::vector<dnnl::matmul> layers;
    std::size_t scratchpad_bytes = 0;
    bool batched = true;  // all of them by "brg" kernels
  };
  // A product with its arguments, ready to be executed by one worker.
  struct Call {
    std::array<dnnl_exec_arg_t, 5> arguments{};
    int argument_count = 0;
  };
  struct Calls {
    const Products* products = nullptr;
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

  MatmulChain(const Network& network, const plan::CpuPlan& plan, std::size_t workers, Isa isa);

  [[nodiscard]] Products make_products(std::size_t height);
  void make_constants();
  const Products& products(std::size_t height);
  Worker& worker(std::size_t index);
  Calls& calls(Worker& worker, std::size_t height);
  // What the first layer reads: the rows, or what the input steps make of them.
  [[nodiscard]] const float* first_source(Worker& worker, MatrixView<const float> rows);
  // ahead: what this worker computes next, or nothing.
  void run_height(Worker& worker, MatrixView<const float> rows, MatrixView<float> outputs,
                  std::span<const Tap> taps, MatrixView<const float> ahead);

  const Network& network_;
  const plan::CpuPlan& plan_;
  Isa isa_;
  std::size_t full_height_ = 0;  // the highest block
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  std::vector<dnnl::memory::desc> weight_layouts_;  // as oneDNN preferred them, empty before
  std::vector<Constants> constants_;
  std::mutex mutex_;                                // guards by_slot_
  std::vector<std::unique_ptr<Products>> by_slot_;  // products by slot of their height
  std::vector<std::unique_ptr<Worker>> workers_;    // each made by its own thread
};

}  // namespace lamella::cpu
