// A layer's product by several others, each for numbers of rows that it suits: one whose tiles fill
// a device with thousands of rows leaves most of it idle with a few.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/layer_product.hpp"
#include "cuda/lt_product.hpp"

namespace lamella::cuda {

// Which products may compute a layer.
enum class ProductRule {
  kSameBits,      // those that give a row the same bits, however many rows are with it
  kOneAlgorithm,  // one of them, so that it can be timed
  kByShape        // the best for each number of rows, and sums may be in pieces
};

class ProductLadder final : public LayerProduct {
 public:
  // most computes what no other one does.
  ProductLadder(std::unique_ptr<LayerProduct> most, std::string name)
      : most_(std::move(most)), name_(std::move(name)) {}

  // For calls of up to its most_rows(), unless one that was added before is for them.
  void add(std::unique_ptr<LayerProduct> product) { rungs_.push_back(std::move(product)); }

  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override {
    product_for(rows).enqueue(x, y, rows, stream);
  }
  void enqueue_pre_activation(const void* x, void* y, std::size_t rows,
                              cudaStream_t stream) override {
    product_for(rows).enqueue_pre_activation(x, y, rows, stream);
  }
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  [[nodiscard]] LayerProduct& product_for(std::size_t rows) const;

  std::vector<std::unique_ptr<LayerProduct>> rungs_;
  std::unique_ptr<LayerProduct> most_;
  std::string name_;
};

// The numbers of rows for which an algorithm is looked for, ascending, beside LtProduct::kMostRows.
[[nodiscard]] std::vector<LtProduct::Choice> ladder_choices(bool may_split);

}  // namespace lamella::cuda
