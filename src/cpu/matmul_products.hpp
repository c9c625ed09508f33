// What oneDNN is given of a network: weights reordered once, and products for each height of a
// block.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include <dnnl.hpp>

#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {

// Throws an error of ours for one of oneDNN's that a layer met: OutOfMemoryError or DeviceError.
[[noreturn]] void rethrow(const dnnl::error& error, std::size_t layer, const Layer& shape);

[[nodiscard]] inline dnnl::memory::dim dim(std::size_t n) {
  return static_cast<dnnl::memory::dim>(n);
}

// oneDNN takes the address of what it only reads as void*, too.
[[nodiscard]] inline void* address(const float* values) {
  return const_cast<float*>(values);
}

// A matrix [rows x columns] of float32, row after row.
[[nodiscard]] dnnl::memory::desc row_major(std::size_t rows, std::size_t columns);

// Shared by all workers of an engine and of its siblings: it only grows, under a lock of its own.
class MatmulProducts {
 public:
  // A layer's weights and bias as oneDNN wants them.
  struct Constants {
    AlignedBuffer values;
    dnnl::memory weights;
    dnnl::memory bias;
  };
  // The products for one height.
  struct Products {
    std::vector<dnnl::matmul> layers;
    std::size_t scratchpad_bytes = 0;
    bool batched = true;  // all of them by "brg" kernels
  };

  // For blocks of so many rows at most. Null where oneDNN has no batched kernels for this
  // processor. Keeps a reference to the network. Throws DeviceError that names the layer,
  // OutOfMemoryError.
  [[nodiscard]] static std::shared_ptr<MatmulProducts> make(const Network& network,
                                                            std::size_t block_rows);

  // Heights up to kStep, and its multiples, have products; this is the highest of so many rows.
  static constexpr std::size_t kStep = plan::kBlockRowStep;
  [[nodiscard]] static std::size_t height_within(std::size_t rows) {
    return rows < kStep ? rows : rows / kStep * kStep;
  }
  // A height's place among them, counted from 0, and how many there are.
  [[nodiscard]] static std::size_t slot(std::size_t height);
  [[nodiscard]] std::size_t slots() const { return by_slot_.size(); }

  // Made when first asked for. Safe to call from several threads. Throws as make().
  [[nodiscard]] const Products& of_height(std::size_t height);
  [[nodiscard]] const Constants& constants(std::size_t layer) const { return constants_[layer]; }
  [[nodiscard]] const dnnl::engine& engine() const { return engine_; }

 private:
  MatmulProducts(const Network& network, std::size_t block_rows);

  [[nodiscard]] Products make_products(std::size_t height);
  void make_constants();

  const Network& network_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  std::vector<dnnl::memory::desc> weight_layouts_;  // as oneDNN preferred them, empty before
  std::vector<Constants> constants_;
  std::mutex mutex_;                                // guards by_slot_
  std::vector<std::unique_ptr<Products>> by_slot_;  // by slot of their height
};

}  // namespace lamella::cpu
