// Contract of clones on every device: they give the same bits, run concurrently on other threads,
// and outlive each other.
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <lamella/engine.hpp>

#include "tests/engine/contract.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::EngineContract;
using test::make_contract_engine;
using test::random_network;
using test::random_rows;
using test::with_input_steps;

using Clones = EngineContract;

// Everything that an engine computes from rows, as bytes.
std::vector<char> all_of(Engine& engine, const Matrix& rows) {
  const Network& network = engine.network();
  Matrix outputs(rows.rows(), network.outputs());
  Matrix hidden(rows.rows(), network.layers()[0].outputs);
  std::vector<RankedOutput> top(rows.rows() * 2);
  std::vector<char> bytes;
  const auto add = [&](const auto& values) {
    const auto* const begin = reinterpret_cast<const char*>(values.data());
    bytes.insert(bytes.end(), begin, begin + values.size() * sizeof(*values.data()));
  };
  engine.run(rows, outputs);
  add(outputs);
  engine.run(rows, outputs, std::vector<LayerOutput>{{0, true, hidden}});
  add(hidden);
  engine.run_top_k(rows, {top.data(), rows.rows(), 2});
  add(top);
  return bytes;
}

// One network for each execution path: narrow, medium, too wide for one fused kernel, with input
// steps.
std::vector<std::shared_ptr<const Network>> networks() {
  return {
      random_network({.widths = {3, 4, 2}}), random_network({.widths = {33, 50, 20, 7}}),
      random_network({.widths = {20, 150, 9}, .last = ActivationKind::kSoftmax}),
      with_input_steps(*random_network({.widths = {12, 40, 5}}), {InputStep::Kind::kSubtract}, 1)};
}

TEST_F(Clones, GiveTheSameBitsAndSayTheSameOfThemselves) {
  for (const auto& network : networks()) {
    const auto first = make_contract_engine(network, 64);
    const auto clone = first->clone();
    EXPECT_EQ(&clone->network(), network.get());
    EXPECT_EQ(clone->info().device, first->info().device);
    EXPECT_EQ(clone->info().device_name, first->info().device_name);
    EXPECT_EQ(clone->info().path, first->info().path);
    EXPECT_EQ(clone->info().path_reason, first->info().path_reason);
    EXPECT_EQ(clone->info().threads, first->info().threads);
    EXPECT_EQ(clone->info().max_rows, first->info().max_rows);
    for (const std::size_t count : {1UL, 100UL}) {
      const Matrix rows = random_rows(count, network->inputs(), 3);
      const auto wanted = all_of(*first, rows);
      EXPECT_EQ(all_of(*clone, rows), wanted) << first->info().path << ", " << count;
      EXPECT_EQ(all_of(*first, rows), wanted) << "changed by its clone";
    }
  }
}

TEST_F(Clones, OutliveTheEngineThatMadeThem) {
  for (auto network : networks()) {
    const Matrix rows = random_rows(40, network->inputs(), 3);
    auto engine = make_contract_engine(std::move(network), 64);
    const auto wanted = all_of(*engine, rows);
    for (int generation = 0; generation < 2; ++generation) {
      auto next = engine->clone();
      engine = std::move(next);
      EXPECT_EQ(all_of(*engine, rows), wanted);
    }
    const auto last = engine->clone();
    (void)engine->clone();  // destroyed without use
    EXPECT_EQ(all_of(*last, rows), wanted);
  }
}

TEST_F(Clones, AreMadeAndRunWhileTheEngineIsAtWork) {
  for (const auto& network : networks()) {
    const auto engine = make_contract_engine(network, 64);
    const Matrix rows = random_rows(100, network->inputs(), 3);
    const auto wanted = all_of(*engine, rows);
    std::vector<std::vector<char>> found(3);
    std::vector<std::thread> threads;
    for (std::vector<char>& mine : found) {
      threads.emplace_back([&engine, &rows, &mine] { mine = all_of(*engine->clone(), rows); });
    }
    EXPECT_EQ(all_of(*engine, rows), wanted);
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (const std::vector<char>& bytes : found) {
      EXPECT_EQ(bytes, wanted) << engine->info().path;
    }
  }
}

}  // namespace
}  // namespace lamella
