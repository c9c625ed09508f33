#include "score/run_fingerprint.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "core/checked.hpp"
#include "io/byte_source.hpp"
#include "io/checksum.hpp"

namespace lamella::pipeline {
namespace {

// A checksum over a sequence of values; each list is preceded by its length.
class Checksum {
 public:
  void add(std::uint64_t number) { add_bytes(std::as_bytes(std::span(&number, 1))); }
  void add(std::span<const float> values) {
    add(values.size());
    add_bytes(std::as_bytes(values));
  }
  void add(const std::vector<std::string>& names) {
    add(names.size());
    for (const std::string& name : names) {
      add(name.size());
      add_bytes(std::as_bytes(std::span(name)));
    }
  }
  [[nodiscard]] std::uint32_t value() const { return value_; }

 private:
  void add_bytes(std::span<const std::byte> bytes) { value_ = io::add_to_checksum(value_, bytes); }

  std::uint32_t value_ = 0;
};

}  // namespace

std::uint32_t network_checksum(const Network& network) {
  Checksum checksum;
  for (const InputStep& step : network.input_steps()) {
    checksum.add(static_cast<std::uint64_t>(step.kind));
    checksum.add(step.values);
  }
  for (const Layer& layer : network.layers()) {
    checksum.add(layer.inputs);
    checksum.add(layer.outputs);
    checksum.add(layer.weights);
    checksum.add(layer.bias);
    checksum.add(static_cast<std::uint64_t>(layer.activation.kind));
    const float parameters[] = {layer.activation.a, layer.activation.b};
    checksum.add(parameters);
  }
  checksum.add(network.names().outputs);
  return checksum.value();
}

void fingerprint_rows(const std::string& path, RunFingerprint& run) {
  constexpr std::size_t kBlock = 4096;
  constexpr std::size_t kBlocks = 16;
  const auto source = io::open_source(path);
  run.rows_bytes = source->size().value_or(0);
  const bool whole = run.rows_bytes <= kBlock * kBlocks;
  std::vector<std::byte> block(whole ? kBlock * kBlocks : kBlock);
  run.rows_samples = 0;
  for (std::size_t i = 0; i < (whole ? 1 : kBlocks); ++i) {
    const std::uint64_t at = whole ? 0 : core::scaled(run.rows_bytes - kBlock, i, kBlocks - 1);
    const std::size_t got = source->read_at(at, block);
    run.rows_samples = io::add_to_checksum(run.rows_samples, std::span(block).first(got));
  }
}

}  // namespace lamella::pipeline
