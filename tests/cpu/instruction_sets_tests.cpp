// A row has the same bits on every x86-64 processor with FMA, because the loops for AVX2 and
// AVX-512 do the same operations in the same order. Needs AVX-512.
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "cpu/direct_loops.hpp"
#include "cpu/packed_chain.hpp"
#include "cpu/processor.hpp"
#include "tests/cpu/reference.hpp"

namespace lamella::cpu {
namespace {

using Kind = ActivationKind;

const std::vector<Activation>& hidden_activations() {
  static const std::vector<Activation> all = {Kind::kIdentity,    {Kind::kLeakyRelu, 0.3F},
                                              {Kind::kElu, 0.7F}, Kind::kSelu,
                                              Kind::kRelu,        Kind::kSigmoid,
                                              Kind::kTanh,        Kind::kGelu,
                                              Kind::kGeluTanh,    Kind::kSilu,
                                              Kind::kSoftplus,    Kind::kHardSigmoid,
                                              Kind::kHardSwish,   {Kind::kClip, -0.5F, 0.25F}};
  return all;
}

Matrix by_direct_loops(const Network& network, const Matrix& rows, Isa isa) {
  Matrix outputs(rows.rows(), network.outputs());
  DirectLoops(network, 1, isa).run(0, rows, outputs);
  return outputs;
}

Matrix by_row_blocks(const Network& network, const Matrix& rows, Isa isa) {
  constexpr std::size_t kBlockRows = 64;
  Matrix outputs(rows.rows(), network.outputs());
  PackedChain(PackedChain::pack(network, isa), network, kBlockRows, 1, isa)
      .run(0, rows, outputs, {}, kBlockRows);
  return outputs;
}

TEST(InstructionSets, WithFmaGiveTheSameBits) {
  if (best_isa() != Isa::kAvx512) {
    GTEST_SKIP() << "this processor has no AVX-512";
  }
  std::size_t seed = 1;
  for (const Activation& hidden : hidden_activations()) {
    for (const Kind last : {Kind::kIdentity, Kind::kSoftmax, Kind::kLogSoftmax, Kind::kTanh}) {
      SCOPED_TRACE(to_string(hidden) + ", " + to_string(Activation(last)));
      ++seed;
      const auto narrow = test::random_chain({5, 16, 9, 3}, hidden, last, seed);
      const auto wide = test::random_chain({100, 70, 1100, 33}, hidden, last, seed);
      for (const auto& network : {narrow, wide}) {
        const auto run = network == narrow ? by_direct_loops : by_row_blocks;
        const Matrix rows = test::random_rows(517, network->inputs(), seed);
        const Matrix expected = run(*network, rows, Isa::kAvx2);
        const Matrix outputs = run(*network, rows, Isa::kAvx512);
        ASSERT_EQ(std::memcmp(outputs.data(), expected.data(), outputs.size() * sizeof(float)), 0)
            << network->inputs() << " inputs";
      }
    }
  }
}

}  // namespace
}  // namespace lamella::cpu
