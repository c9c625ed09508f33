// One side of a comparison, in a process of its own: bench_peer ENGINE MODEL ROWS.npy OUT
// THREADS. ENGINE is lamella, openblas (one SGEMM per layer, one pass for bias and ReLU) or
// roofline. It writes its outputs (float32, rows one after another), says "ready", and answers each
// line "SECONDS" with the seconds of a call, median and mean, measured for so long; roofline
// answers with GFLOP/s and GB/s.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <lamella/lamella.hpp>

#include "cpu/copy_bandwidth.hpp"
#include "cpu/fma_peak.hpp"
#if defined(LAMELLA_BENCH_OPENBLAS)
#include "tests/bench/openblas_peer.hpp"
#endif

namespace lamella::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The seconds of a call.
struct CallSeconds {
  double median;
  double mean;
};

// Short calls are timed in groups, so that reading the clock does not count.
template <class Call>
CallSeconds time_calls(const Call& call, double seconds) {
  constexpr double kShortest = 20e-6;
  const auto begin = Clock::now();
  call();
  const double first = std::max(seconds_since(begin), 1e-9);
  const auto group = std::max(1L, static_cast<long>(kShortest / first));
  std::vector<double> times;
  do {
    const auto start = Clock::now();
    for (long i = 0; i < group; ++i) {
      call();
    }
    times.push_back(seconds_since(start) / static_cast<double>(group));
  } while (seconds_since(begin) < seconds);
  const auto count = static_cast<double>(times.size());
  const double mean = std::accumulate(times.begin(), times.end(), 0.0) / count;
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return {times[times.size() / 2], mean};
}

// Answers until standard input ends.
template <class Answer>
void serve(const Answer& answer) {
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << answer(std::stod(line)) << std::endl;
  }
}

void serve_roofline(int threads) {
  serve([threads](double) {
    std::vector<double> rates(static_cast<std::size_t>(threads));
    {
      std::vector<std::jthread> workers;
      for (double& rate : rates) {
        workers.emplace_back([&rate] { rate = cpu::fma_peak_gflops(); });
      }
    }
    double sum = 0;
    for (const double rate : rates) {
      sum += rate;
    }
    return fmt::format("{:.6g} {:.6g}", sum, cpu::copy_bandwidth(threads) / 1e9);
  });
}

bool has_engine(const std::string& name) {
#if defined(LAMELLA_BENCH_OPENBLAS)
  if (name == "openblas") {
    return true;
  }
#endif
  return name == "lamella";
}

void serve_engine(const std::string& name, const std::string& model, const std::string& rows_file,
                  const std::string& output_file, int threads) {
  if (!has_engine(name)) {
    throw UsageError(name + " is no engine of this bench_peer");
  }
  const auto network = load_network(model).network;
  const Matrix rows = read_rows({.path = rows_file}, network->inputs(), SIZE_MAX);
  Matrix outputs(rows.rows(), network->outputs());
  const auto save = [&] {
    std::ofstream file(output_file, std::ios::binary);
    file.write(reinterpret_cast<const char*>(outputs.data()),
               static_cast<std::streamsize>(outputs.size() * sizeof(float)));
  };
  const auto time = [&](const auto& call) {
    call();
    save();
    serve([&](double seconds) {
      const CallSeconds taken = time_calls(call, seconds);
      return fmt::format("{:.6g} {:.6g}", taken.median, taken.mean);
    });
  };
#if defined(LAMELLA_BENCH_OPENBLAS)
  if (name == "openblas") {
    OpenBlasPeer peer(*network, rows.rows(), threads);
    return time([&] { peer.run(rows, outputs); });
  }
#endif
  const auto engine =
      make_engine(network, {.device = {DeviceKind::kCpu, 0}, .max_rows = 0, .threads = threads});
  time([&] { engine->run(rows, outputs); });
}

}  // namespace
}  // namespace lamella::bench

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() != 5) {
      throw lamella::UsageError("usage: bench_peer ENGINE MODEL ROWS.npy OUT THREADS");
    }
    const int threads = std::stoi(arguments[4]);
    if (arguments[0] == "roofline") {
      lamella::bench::serve_roofline(threads);
    } else {
      lamella::bench::serve_engine(arguments[0], arguments[1], arguments[2], arguments[3], threads);
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_peer: {}\n", error.what());
    return 1;
  }
}
