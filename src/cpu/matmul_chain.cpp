#include "cpu/matmul_chain.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/taps.hpp"
#include "cpu/epilogue.hpp"
#include "cpu/input_steps.hpp"
#include "cpu/openmp_scope.hpp"

namespace lamella::cpu {
namespace {

using dnnl::memory;
using Dims = memory::dims;

// Asks for values to be brought to the second-level cache; the processor's own prefetching stops at
// every page. Asked for between the layers of the block before, they arrive while it computes.
void prefetch(const float* values, std::size_t count) {
  constexpr std::size_t kLine = 64 / sizeof(float);
  for (std::size_t i = 0; i < count; i += kLine) {
    __builtin_prefetch(values + i, 0, 2);
  }
}

void check(dnnl_status_t status) {
  dnnl::error::wrap_c_api(status, "could not execute");
}

void write_taps(std::span<const Tap> taps, std::size_t layer, bool pre_activation,
                const float* block) {
  core::for_each_tap(taps, layer, pre_activation, [block](MatrixView<float> values) {
    std::copy_n(block, values.size(), values.data());
  });
}

}  // namespace

MatmulChain::MatmulChain(std::shared_ptr<MatmulProducts> products, const Network& network,
                         const plan::CpuPlan& plan, std::size_t workers, Isa isa)
    : products_(std::move(products)),
      network_(network),
      plan_(plan),
      isa_(isa),
      full_height_(plan.block_rows),
      workers_(workers) {}

MatmulChain::Worker& MatmulChain::worker(std::size_t index) {
  std::unique_ptr<Worker>& entry = workers_[index];
  if (entry == nullptr) {
    auto made = std::make_unique<Worker>();
    made->stream = dnnl::stream(products_->engine());
    for (AlignedBuffer& buffer : made->between) {
      buffer = AlignedBuffer::floats(full_height_, plan_.scratch_width,
                                     "the activations between layers of a block of rows");
    }
    made->calls.resize(products_->slots());
    entry = std::move(made);
  }
  return *entry;
}

MatmulChain::Calls& MatmulChain::calls(Worker& worker, std::size_t height) {
  std::unique_ptr<Calls>& entry = worker.calls[MatmulProducts::slot(height)];
  if (entry != nullptr) {
    return *entry;
  }
  auto made = std::make_unique<Calls>();
  made->products = &products_->of_height(height);
  const dnnl::engine& engine = products_->engine();
  const std::size_t bytes = std::max<std::size_t>(made->products->scratchpad_bytes, 1);
  made->scratchpad = AlignedBuffer(bytes, "oneDNN's scratchpad");
  const memory::desc flat(Dims{dim(bytes)}, memory::data_type::u8, memory::format_tag::a);
  const memory scratchpad(flat, engine, made->scratchpad.data());
  made->memories.push_back(scratchpad);
  const std::size_t last = network_.layers().size() - 1;
  for (std::size_t i = 0; i <= last; ++i) {
    const Layer& layer = network_.layers()[i];
    const MatmulProducts::Constants& constants = products_->constants(i);
    // The first source and the last destination are the caller's and set for each block.
    float* from = i == 0 ? nullptr : worker.between[(i + 1) % 2].data();
    float* to = i == last ? nullptr : worker.between[i % 2].data();
    const memory source(row_major(height, layer.inputs), engine, from);
    const memory destination(row_major(height, layer.outputs), engine, to);
    Call call;
    const auto add = [&](int name, const memory& argument) {
      call.arguments.at(static_cast<std::size_t>(call.argument_count++)) = {name, argument.get()};
    };
    add(DNNL_ARG_SRC, source);
    add(DNNL_ARG_WEIGHTS, constants.weights);
    add(DNNL_ARG_DST, destination);
    add(DNNL_ARG_SCRATCHPAD, scratchpad);
    if (layer.has_bias()) {
      add(DNNL_ARG_BIAS, constants.bias);
    }
    made->layers.push_back(call);
    made->memories.push_back(source);
    made->memories.push_back(destination);
    if (i == 0) {
      made->source = source;
    }
    if (i == last) {
      made->destination = destination;
    }
  }
  entry = std::move(made);
  return *entry;
}

void MatmulChain::run(std::size_t index, MatrixView<const float> rows, MatrixView<float> outputs,
                      std::span<const Tap> taps, std::size_t block_rows) {
  const SingleThreadedOpenMp single_threaded;
  Worker& self = worker(index);
  for (std::size_t first = 0, next = 0; first < rows.rows(); first = next) {
    next = first + MatmulProducts::height_within(std::min(rows.rows() - first, block_rows));
    const MatrixView<const float> piece = rows.block(first, next - first);
    const MatrixView<float> results = outputs.block(first, next - first);
    const std::vector<Tap> beside = core::tap_block(taps, first, next - first);
    run_height(self, piece, results, beside,
               rows.block(next, std::min(piece.rows(), rows.rows() - next)));
  }
}

const float* MatmulChain::first_source(Worker& self, MatrixView<const float> rows) {
  if (network_.input_steps().empty()) {
    return rows.data();
  }
  if (self.stepped_rows.data() == nullptr) {
    self.stepped_rows = AlignedBuffer::floats(full_height_, rows.columns(),
                                              "a block of rows after the input steps");
  }
  float* const stepped = self.stepped_rows.data();
  apply_input_steps(network_.input_steps(), rows.data(), stepped, rows.rows(), rows.columns(),
                    isa_);
  return stepped;
}

void MatmulChain::run_height(Worker& self, MatrixView<const float> rows, MatrixView<float> outputs,
                             std::span<const Tap> taps, MatrixView<const float> ahead) {
  std::size_t i = 0;
  try {
    Calls& call = calls(self, rows.rows());
    call.source.set_data_handle(address(first_source(self, rows)));
    call.destination.set_data_handle(outputs.data());
    const std::size_t count = network_.layers().size();
    for (; i < count; ++i) {
      const Layer& layer = network_.layers()[i];
      check(dnnl_primitive_execute(call.products->layers[i].get(), self.stream.get(),
                                   call.layers[i].argument_count, call.layers[i].arguments.data()));
      const std::size_t share = ahead.size() / count;
      prefetch(ahead.data() + i * share, share);
      float* block = i + 1 == count ? outputs.data() : self.between[i % 2].data();
      if (!taps.empty()) {  // asked here: a single row takes 1.5 us, where two idle calls show
        write_taps(taps, i, true, block);
      }
      switch (plan_.layers[i].epilogue) {
        case plan::CpuEpilogue::kNone:
          break;
        case plan::CpuEpilogue::kElementwise:
          apply_elementwise(layer.activation, block, rows.rows() * layer.outputs, isa_);
          break;
        case plan::CpuEpilogue::kOverRow:
          apply_over_row(layer.activation.kind, block, rows.rows(), layer.outputs);
          break;
      }
      if (!taps.empty()) {
        write_taps(taps, i, false, block);
      }
    }
  } catch (const dnnl::error& e) {
    rethrow(e, i, network_.layers()[i]);
  }
}

}  // namespace lamella::cpu
