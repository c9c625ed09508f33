// Engines of one network on many threads: created, used in every mode and destroyed while others
// run.
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/engine.hpp>

#include "tests/engine/contract.hpp"
#include "tests/support/random.hpp"
#include "tests/support/threads.hpp"

namespace lamella {
namespace {

using test::EngineContract;
using test::make_contract_engine;
using test::on_threads;
using test::random_network;
using test::random_rows;

constexpr std::size_t kThreads = 8;

// An engine's results for rows, from calls of every kind.
struct Results {
  std::vector<float> outputs;
  std::vector<float> hidden;
  std::vector<RankedOutput> top;
  bool operator==(const Results&) const = default;
};

Results use(Engine& engine, const Matrix& rows) {
  Matrix outputs(rows.rows(), 3);
  Matrix hidden(rows.rows(), 9);
  Results given;
  given.top.resize(rows.rows() * 2);
  engine.run(rows, outputs, std::vector<LayerOutput>{{0, false, hidden}});
  Matrix again(rows.rows(), 3);
  for (const std::size_t count : {2UL, 2UL, 2UL, rows.rows()}) {  // a shape that recurs
    engine.run(rows.view().block(0, count), again.view().block(0, count));
  }
  engine.run_top_k(rows, {given.top.data(), rows.rows(), 2});
  given.outputs.assign(outputs.data(), outputs.data() + outputs.size());
  given.outputs.insert(given.outputs.end(), again.data(), again.data() + again.size());
  given.hidden.assign(hidden.data(), hidden.data() + hidden.size());
  return given;
}

class Threads : public EngineContract {
 protected:
  // Compares the results on many threads with those of a single engine. width selects the narrow or
  // the wide execution path.
  void expect_the_same_on_every_thread(std::size_t width) {
    auto network = random_network({.widths = {width, 9, 3}});
    const Matrix rows = random_rows(21, width, 1);
    const Results wanted = use(*make_contract_engine(network, 16), rows);
    const auto errors = on_threads(kThreads, [&](std::size_t thread) -> std::string {
      for (std::size_t life = 0; life <= thread % 2; ++life) {
        // Some share max_rows and some do not; half of them compute with two threads.
        const auto engine =
            make_contract_engine(network, 8 + 4 * (thread % 3), 1 + static_cast<int>(thread % 2));
        if (use(*engine, rows) != wanted) {
          return "other bits";
        }
      }
      return "";
    });
    EXPECT_THAT(errors, testing::Each(""));
  }
};

TEST_F(Threads, MakeUseAndDestroyEnginesOfOneNarrowNetworkAtOnce) {
  expect_the_same_on_every_thread(5);
}

TEST_F(Threads, MakeUseAndDestroyEnginesOfOneWideNetworkAtOnce) {
  expect_the_same_on_every_thread(150);
}

// One thread destroys the last engine of a network while the next thread creates the first engine
// of another: engines must never share resources of a destroyed network.
TEST_F(Threads, ShareNothingWithNetworksThatAreGone) {
  const Matrix rows = random_rows(7, 5, 1);
  const auto outputs_of = [&rows](std::uint32_t seed) {
    const auto network = random_network({.widths = {5, 9, 3}, .seed = seed});
    Matrix outputs(7, 3);
    make_contract_engine(network, 16)->run(rows, outputs);
    return std::vector<float>(outputs.data(), outputs.data() + outputs.size());
  };
  const std::vector<std::vector<float>> wanted = {outputs_of(1), outputs_of(2), outputs_of(3)};
  const auto errors = on_threads(kThreads, [&](std::size_t thread) -> std::string {
    for (std::size_t life = 0; life < 2; ++life) {
      const std::size_t which = (thread + life) % 3;
      if (outputs_of(static_cast<std::uint32_t>(which + 1)) != wanted[which]) {
        return "another network's outputs";
      }
    }
    return "";
  });
  EXPECT_THAT(errors, testing::Each(""));
}

}  // namespace
}  // namespace lamella
