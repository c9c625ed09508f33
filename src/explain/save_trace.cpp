#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>

#include "io/extension.hpp"
#include "io/npz_writer.hpp"

namespace lamella {

void save_trace(const ForwardTrace& trace, const Network& network, const std::string& file) {
  if (io::extension_of(file) != ".npz") {
    throw FileError(file, "must end in .npz, the format that values are saved in");
  }
  std::vector<io::NamedArray> arrays = {{"input", trace.rows, network.inputs(), trace.inputs}};
  for (std::size_t n = 0; n < trace.layers.size(); ++n) {
    const std::size_t outputs = network.layers()[n].outputs;
    arrays.push_back({fmt::format("pre_activation_{}", n + 1), trace.rows, outputs,
                      trace.layers[n].pre_activations});
    arrays.push_back(
        {fmt::format("activation_{}", n + 1), trace.rows, outputs, trace.layers[n].activations});
  }
  io::write_npz(arrays, file);
}

}  // namespace lamella
