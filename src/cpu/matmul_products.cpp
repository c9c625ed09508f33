#include "cpu/matmul_products.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "cpu/openmp_scope.hpp"

namespace lamella::cpu {
using dnnl::memory;
using Dims = memory::dims;

memory::desc row_major(std::size_t rows, std::size_t columns) {
  return {Dims{dim(rows), dim(columns)}, memory::data_type::f32, memory::format_tag::ab};
}

void rethrow(const dnnl::error& error, std::size_t layer, const Layer& shape) {
  const std::string text = fmt::format("oneDNN failed at layer {} ({} inputs, {} outputs): {}",
                                       layer + 1, shape.inputs, shape.outputs, error.what());
  if (error.status == dnnl_out_of_memory) {
    throw OutOfMemoryError(text);
  }
  throw DeviceError(text);
}

std::size_t MatmulProducts::slot(std::size_t height) {
  return height <= kStep ? height - 1 : kStep + height / kStep - 2;
}

MatmulProducts::MatmulProducts(const Network& network, std::size_t block_rows) : network_(network) {
  by_slot_.resize(slot(std::max(block_rows, kStep)) + 1);
}

std::shared_ptr<MatmulProducts> MatmulProducts::make(const Network& network,
                                                     std::size_t block_rows) {
  const SingleThreadedOpenMp single_threaded;
  std::shared_ptr<MatmulProducts> made(new MatmulProducts(network, block_rows));
  if (!made->of_height(height_within(block_rows)).batched) {
    return nullptr;
  }
  made->make_constants();
  return made;
}

MatmulProducts::Products MatmulProducts::make_products(std::size_t height) {
  Products products;
  const bool choose_layout = weight_layouts_.empty();
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  for (std::size_t i = 0; i < network_.layers().size(); ++i) {
    const Layer& layer = network_.layers()[i];
    try {
      const memory::desc source = row_major(height, layer.inputs);
      const memory::desc destination = row_major(height, layer.outputs);
      const memory::desc weights =
          choose_layout ? memory::desc(Dims{dim(layer.inputs), dim(layer.outputs)},
                                       memory::data_type::f32, memory::format_tag::any)
                        : weight_layouts_[i];
      const dnnl::matmul::desc description =
          layer.has_bias()
              ? dnnl::matmul::desc(source, weights, row_major(1, layer.outputs), destination)
              : dnnl::matmul::desc(source, weights, destination);
      const dnnl::matmul::primitive_desc made(description, attributes, engine_);
      products.layers.emplace_back(made);
      products.scratchpad_bytes =
          std::max(products.scratchpad_bytes, made.scratchpad_desc().get_size());
      products.batched &= std::string_view(made.impl_info_str()).starts_with("brg");
      if (choose_layout) {
        weight_layouts_.push_back(made.weights_desc());
      }
    } catch (const dnnl::error& e) {
      rethrow(e, i, layer);
    }
  }
  return products;
}

void MatmulProducts::make_constants() {
  dnnl::stream stream(engine_);
  for (std::size_t i = 0; i < network_.layers().size(); ++i) {
    const Layer& layer = network_.layers()[i];
    try {
      Constants constants;
      const memory::desc& layout = weight_layouts_[i];
      constants.values =
          AlignedBuffer(layout.get_size(), fmt::format("the weights of layer {}", i + 1));
      constants.weights = memory(layout, engine_, constants.values.data());
      // weights[o][i] in rows of inputs is the [inputs x outputs] matrix of the product with its
      // second index running slowest, "ba".
      const memory::desc given(Dims{dim(layer.inputs), dim(layer.outputs)}, memory::data_type::f32,
                               memory::format_tag::ba);
      memory from(given, engine_, address(layer.weights.data()));
      dnnl::reorder(from, constants.weights).execute(stream, from, constants.weights);
      if (layer.has_bias()) {
        constants.bias = memory(row_major(1, layer.outputs), engine_, address(layer.bias.data()));
      }
      constants_.push_back(std::move(constants));
    } catch (const dnnl::error& e) {
      rethrow(e, i, layer);
    }
  }
  stream.wait();
}

const MatmulProducts::Products& MatmulProducts::of_height(std::size_t height) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Products>& entry = by_slot_[slot(height)];
  if (entry == nullptr) {
    entry = std::make_unique<Products>(make_products(height));
  }
  return *entry;
}

}  // namespace lamella::cpu
