// How near the CPU engine comes to what one core can do. Everything is measured in one run, in
// turns, so that a change of the machine's clock or a busy neighbour meets all alike.
#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "cpu/cpu_engine.hpp"
#include "cpu/fma_peak.hpp"
#include "tests/bench/median.hpp"
#include "tests/cpu/reference.hpp"
#if defined(LAMELLA_BENCH_OPENBLAS)
#include "tests/bench/openblas_peer.hpp"
#endif

namespace lamella::bench {
namespace {

constexpr int kRounds = 9;
constexpr double kRoundSeconds = 0.15;

struct Case {
  std::string name;
  std::vector<std::size_t> widths;
  std::size_t rows;
  double wanted_share;  // of the peak; 0 where nothing is promised
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"4 x 1024", {1024, 1024, 1024, 1024, 1024}, 1024, 0.80},
      {"64-64-64-10", {64, 64, 64, 10}, 1'000'000, 0.75},
      {"64-64-64-10", {64, 64, 64, 10}, 4096, 0},
      {"784-512-512-10", {784, 512, 512, 10}, 256, 0},
      {"784-512-512-10", {784, 512, 512, 10}, 60'000, 0},
      {"3-4-2", {3, 4, 2}, 1'000'000, 0},
      {"3-4-2", {3, 4, 2}, 1, 0},
      {"64-64-64-10", {64, 64, 64, 10}, 1, 0},
      {"784-512-512-10", {784, 512, 512, 10}, 1, 0},
      {"4 x 1024", {1024, 1024, 1024, 1024, 1024}, 1, 0},
  };
  return all;
}

// Seconds that one call takes, from as many as fill a round.
template <class Call>
double seconds_per_call(const Call& call) {
  long calls = 0;
  const double before = cpu::thread_seconds();
  double now = before;
  do {
    for (int i = 0; i < (calls > 100 ? 100 : 1); ++i, ++calls) {
      call();
    }
    now = cpu::thread_seconds();
  } while (now - before < kRoundSeconds);
  return (now - before) / static_cast<double>(calls);
}

struct Result {
  double peak = 0;     // GFLOP/s
  double engine = 0;   // GFLOP/s
  double share = 0;    // median of the rounds' own ratios
  double seconds = 0;  // one call
  double peer = 0;     // GFLOP/s, 0 where there is none
  std::string path;
};

Result measure(const Case& c) {
  const auto network =
      test::random_chain(c.widths, ActivationKind::kRelu, ActivationKind::kIdentity, 1);
  const Matrix rows = test::random_rows(c.rows, network->inputs(), 2);
  Matrix outputs(c.rows, network->outputs());
  EngineOptions options;
  options.threads = 1;
  const auto engine = cpu::make_cpu_engine(network, options);
  engine->run(rows, outputs);
  const double gflop = static_cast<double>(network->flops_per_row() * c.rows) / 1e9;
#if defined(LAMELLA_BENCH_OPENBLAS)
  OpenBlasPeer peer(*network, c.rows, 1);
  peer.run(rows, outputs);
#endif
  std::vector<double> peaks;
  std::vector<double> rates;
  std::vector<double> shares;
  std::vector<double> peers = {0};
  for (int round = 0; round < kRounds; ++round) {
    const double before = cpu::fma_peak_gflops();
    rates.push_back(gflop / seconds_per_call([&] { engine->run(rows, outputs); }));
    peaks.push_back(std::max(before, cpu::fma_peak_gflops()));
    shares.push_back(rates.back() / peaks.back());
#if defined(LAMELLA_BENCH_OPENBLAS)
    peers.push_back(gflop / seconds_per_call([&] { peer.run(rows, outputs); }));
#endif
  }
  const double rate = median(rates);
  return {median(peaks), rate, median(shares), gflop / rate, median(peers), engine->info().path};
}

int run(const std::string& json_file) {
  fmt::print("one thread, {} multiply-adds for the peak; medians of {} rounds in turns\n\n",
             cpu::fma_peak_isa(), kRounds);
  fmt::print("{:<16}{:>9}{:>9}{:>10}{:>8}{:>8}{:>14}{:>11}  {}\n", "network", "rows", "peak",
             "engine", "share", "wanted", "us per call", "OpenBLAS", "path");
  std::string json;
  bool met = true;
  for (const Case& c : cases()) {
    const Result r = measure(c);
    met &= r.share >= c.wanted_share;
    fmt::print("{:<16}{:>9}{:>9.1f}{:>10.1f}{:>7.1f}%{:>8}{:>14.3f}{:>11}  {}\n", c.name, c.rows,
               r.peak, r.engine, 100 * r.share,
               c.wanted_share > 0 ? fmt::format("{:.0f}%", 100 * c.wanted_share) : "",
               1e6 * r.seconds, r.peer > 0 ? fmt::format("{:.1f}", r.peer) : "", r.path);
    std::fflush(stdout);
    json +=
        fmt::format(R"({}  {{"network": "{}", "rows": {}, "threads": 1, "peak_gflops": {:.2f}, )"
                    R"("engine_gflops": {:.2f}, "share_of_peak": {:.4f}, "wanted_share": {}, )"
                    R"("seconds_per_call": {:.9f}, "openblas_gflops": {:.2f}, "path": "{}"}})",
                    json.empty() ? "" : ",\n", c.name, c.rows, r.peak, r.engine, r.share,
                    c.wanted_share, r.seconds, r.peer, r.path);
  }
  if (!json_file.empty()) {
    std::ofstream file(json_file);
    file << "[\n" << json << "\n]\n";
    file.close();
    if (!file) {
      fmt::print(stderr, "cpu_bench: {} could not be written\n", json_file);
      return 1;
    }
  }
  if (!met) {
    fmt::print(stderr, "cpu_bench: a wanted share of the peak was not reached\n");
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace lamella::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    return lamella::bench::run("");
  }
  if (arguments.size() == 2 && arguments[0] == "--json") {
    return lamella::bench::run(arguments[1]);
  }
  fmt::print(stderr, "usage: cpu_bench [--json FILE]\n");
  return 2;
}
