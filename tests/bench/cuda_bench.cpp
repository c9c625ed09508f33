// The CUDA engine beside NVIDIA's libraries: for each network the time of one enqueue, that of the
// SGEMMs alone that any such engine must run, and that of the network by cuBLASLt with bias and
// ReLU in its epilogues, interleaved in one run. Outputs are checked against the CPU engine before
// times count. Before them what the device does at most: copying its memory, one large SGEMM.
// Prints a table of medians; --json FILE writes the same for machines; --small takes sizes that
// also the simulated CUDA can run, whose times mean nothing.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <lamella/cuda_engine.hpp>
#include <lamella/lamella.hpp>

#include "cuda/check.hpp"
#include "cuda/enqueue_gemm.hpp"
#include "cuda/handles.hpp"
#include "kernels/fill_uniform.hpp"
#include "tests/bench/cuda_peers.hpp"
#include "tests/bench/median.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

struct Case {
  std::string name;
  std::vector<std::size_t> widths;
  std::size_t rows;
};

struct Result {
  std::string path;  // by which the engine computes the network
  double engine_ms = 0;
  double gemm_ms = 0;
  double lt_ms = 0;
  double max_difference = 0;  // of the engine's and of cuBLASLt's outputs
};

class Timer {
 public:
  Timer() {
    LAMELLA_CUDA_CHECK(cudaEventCreate(&begin_));
    LAMELLA_CUDA_CHECK(cudaEventCreate(&end_));
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    (void)cudaEventDestroy(begin_);
    (void)cudaEventDestroy(end_);
  }
  // Milliseconds on the device between the first and the last thing that work enqueues.
  template <class Work>
  double milliseconds(cudaStream_t stream, Work&& work) {
    LAMELLA_CUDA_CHECK(cudaEventRecord(begin_, stream));
    work();
    LAMELLA_CUDA_CHECK(cudaEventRecord(end_, stream));
    LAMELLA_CUDA_CHECK(cudaEventSynchronize(end_));
    float elapsed = 0;
    LAMELLA_CUDA_CHECK(cudaEventElapsedTime(&elapsed, begin_, end_));
    return elapsed;
  }

 private:
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
};

// The largest difference to the CPU engine over the first rows, relative to the largest output.
double difference_to_cpu(const std::shared_ptr<const Network>& network, const float* rows,
                         const float* outputs, std::size_t count) {
  Matrix host_rows(count, network->inputs());
  Matrix found(count, network->outputs());
  Matrix wanted(count, network->outputs());
  LAMELLA_CUDA_CHECK(
      cudaMemcpy(host_rows.data(), rows, host_rows.size() * sizeof(float), cudaMemcpyDeviceToHost));
  LAMELLA_CUDA_CHECK(
      cudaMemcpy(found.data(), outputs, found.size() * sizeof(float), cudaMemcpyDeviceToHost));
  make_engine(network, {.device = Device::parse("cpu")})->run(host_rows, wanted);
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    difference =
        std::max(difference, std::fabs(static_cast<double>(found.data()[i]) - wanted.data()[i]));
    largest = std::max(largest, std::fabs(static_cast<double>(wanted.data()[i])));
  }
  return difference / largest;
}

// The ways in which the engine may be told to compute, and how far from the CPU engine's outputs
// that may lead.
struct Mode {
  const char* name;
  EngineOptions options;
  double tolerance = 1e-4;
};

cuda::DeviceMemory random_values(std::size_t count, std::uint64_t seed, cudaStream_t stream) {
  auto memory = cuda::allocate_device(count * sizeof(float), "random values");
  LAMELLA_CUDA_CHECK(kernels::fill_uniform(static_cast<float*>(memory.get()), count, seed, stream));
  return memory;
}

struct Roofline {
  double copy_bytes_per_second = 0;  // read and written
  double sgemm_flops = 0;            // of one product of square matrices
};

Roofline measure_roofline(bool small) {
  const std::size_t width = small ? 64 : 8192;
  const std::size_t bytes = width * width * sizeof(float);
  const auto stream = cuda::make_stream();
  const auto w = random_values(width * width, 1, stream.get());
  const auto x = random_values(width * width, 2, stream.get());
  const auto y = cuda::allocate_device(bytes, "a product");
  const auto cublas = cuda::make_cublas_handle();
  LAMELLA_CUDA_CHECK(cublasSetStream(cublas.get(), stream.get()));
  Timer timer;
  std::vector<double> copy_ms;
  std::vector<double> gemm_ms;
  for (int i = -2; i < (small ? 1 : 15); ++i) {  // the first two warm up
    const double c = timer.milliseconds(stream.get(), [&] {
      LAMELLA_CUDA_CHECK(
          cudaMemcpyAsync(y.get(), x.get(), bytes, cudaMemcpyDeviceToDevice, stream.get()));
    });
    const double g = timer.milliseconds(stream.get(), [&] {
      cuda::enqueue_gemm(cublas.get(),
                         {.inputs = width, .outputs = width, .w = static_cast<float*>(w.get())},
                         x.get(), y.get(), width);
    });
    if (i >= 0) {
      copy_ms.push_back(c);
      gemm_ms.push_back(g);
    }
  }
  const auto n = static_cast<double>(width);
  return {.copy_bytes_per_second = 2e3 * static_cast<double>(bytes) / bench::median(copy_ms),
          .sgemm_flops = 2e3 * n * n * n / bench::median(gemm_ms)};
}

Result measure(const Case& what, const Mode& mode, int repetitions) {
  const auto network = test::random_network({.widths = what.widths});
  CudaEngine engine(network, mode.options);
  const bench::DeviceNetwork device_network(*network, engine.info().max_rows);
  bench::BareGemms bare(device_network);
  bench::LtNetwork lt(device_network);
  const auto stream = cuda::make_stream();
  // Two inputs in turns, so that a small one is not simply found in cache.
  const std::size_t values = what.rows * network->inputs();
  const cuda::DeviceMemory rows[] = {random_values(values, 0, stream.get()),
                                     random_values(values, 1, stream.get())};
  const auto outputs =
      cuda::allocate_device(what.rows * network->outputs() * sizeof(float), "outputs");
  const auto input = [&rows](int turn) { return static_cast<const float*>(rows[turn % 2].get()); };
  auto* const output = static_cast<float*>(outputs.get());

  Result result{.path = engine.info().path};
  const auto check = [&] {
    LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
    const std::size_t checked = std::min<std::size_t>(what.rows, 1000);
    result.max_difference =
        std::max(result.max_difference, difference_to_cpu(network, input(0), output, checked));
  };
  engine.enqueue(input(0), what.rows, output, stream.get());
  check();
  lt.enqueue(input(0), what.rows, output, stream.get());
  check();

  Timer timer;
  std::vector<double> engine_ms;
  std::vector<double> gemm_ms;
  std::vector<double> lt_ms;
  // The first three warm up. Of calls that take long fewer rounds do.
  constexpr double kLongMs = 1500;
  constexpr int kMinRounds = 5;
  double total_ms = 0;
  for (int i = -3; i < repetitions && (i < kMinRounds || total_ms < kLongMs); ++i) {
    const double e = timer.milliseconds(
        stream.get(), [&] { engine.enqueue(input(i + 4), what.rows, output, stream.get()); });
    const double g = timer.milliseconds(
        stream.get(), [&] { bare.enqueue(input(i + 5), what.rows, output, stream.get()); });
    const double l = timer.milliseconds(
        stream.get(), [&] { lt.enqueue(input(i + 6), what.rows, output, stream.get()); });
    total_ms += e + g + l;
    if (i >= 0) {
      engine_ms.push_back(e);
      gemm_ms.push_back(g);
      lt_ms.push_back(l);
    }
  }
  result.engine_ms = bench::median(engine_ms);
  result.gemm_ms = bench::median(gemm_ms);
  result.lt_ms = bench::median(lt_ms);
  return result;
}

// A network's sizes: calls are measured with each number of rows, in the simulation with so many at
// most.
struct Sizes {
  const char* name;
  std::vector<std::size_t> widths;
  std::vector<std::size_t> rows;
  std::size_t small_rows;
};

std::vector<std::pair<Case, Mode>> runs_of(const Sizes& network, bool small) {
  const Mode by_itself{"auto", {}};
  const Mode layers{"layers", {.path = CudaPath::kLayers}};
  const Mode fast{"layers, fast", {.fast = true, .path = CudaPath::kLayers}};
  const Mode narrower[] = {{"tf32", {.precision = Precision::kTf32}, 2e-2},
                           {"bf16", {.precision = Precision::kBf16}, 5e-2},
                           {"fp16", {.precision = Precision::kFp16}, 2e-2}};
  // Narrow networks may go through one kernel; others take the layers by themselves.
  const bool narrow = *std::ranges::max_element(network.widths) <= 128;
  std::vector<std::pair<Case, Mode>> runs;
  for (const std::size_t rows : network.rows) {
    const Case c{network.name, network.widths, small ? std::min(rows, network.small_rows) : rows};
    runs.emplace_back(c, by_itself);
    if (narrow) {
      runs.emplace_back(c, layers);
    }
    runs.emplace_back(c, fast);
    if (!narrow && rows == network.rows.back()) {
      for (const Mode& mode : narrower) {
        runs.emplace_back(c, mode);
      }
    }
  }
  return runs;
}

int run(bool small, const char* json_file) {
  const Sizes networks[] = {
      {"3-4-2", {3, 4, 2}, {1, 100'000'000}, 1000},
      {"64-64-64-10", {64, 64, 64, 10}, {1, 64, 4096, 1'000'000}, 1000},
      {"784-512-512-10", {784, 512, 512, 10}, {1, 256, 60'000}, 60},
      {"4 x 1024", {1024, 1024, 1024, 1024, 1024}, {1, 32, 1024, 16'384}, 16},
  };
  const DeviceList devices = list_devices();
  if (!devices.cuda_unavailable.empty()) {
    std::fprintf(stderr, "cuda_bench: no CUDA device: %s\n", devices.cuda_unavailable.c_str());
    return 1;
  }
  const DeviceDescription& device = devices.devices.at(1);
  const Roofline roofline = measure_roofline(small);
  fmt::print(
      "{}; {}\nat most: copying {:.0f} GB/s, read and written; one SGEMM {:.1f} TFLOP/s\nmedians "
      "over one run, all interleaved: the engine, its SGEMMs alone, cuBLASLt with bias and ReLU, "
      "all "
      "but tf32, bf16 and fp16 in float32\n\n",
      device.name, device.detail, roofline.copy_bytes_per_second * 1e-9,
      roofline.sgemm_flops * 1e-12);
  fmt::print("{:<15} {:<12} {:>9} {:>9} {:>9} {:>11} {:>8} {:>9} {:>7} {:>7} {:>8}  {}\n",
             "network", "mode", "rows", "engine ms", "SGEMMs ms", "cuBLASLt ms", "/ SGEMMs",
             "rows/s", "TFLOP/s", "GB/s", "max diff", "path");
  nlohmann::json report = {{"device", device.name},
                           {"detail", device.detail},
                           {"copy_bytes_per_second", roofline.copy_bytes_per_second},
                           {"sgemm_flops", roofline.sgemm_flops},
                           {"results", nlohmann::json::array()}};
  bool right = true;
  for (const Sizes& sizes : networks) {
    for (const auto& [c, mode] : runs_of(sizes, small)) {
      const Result r = measure(c, mode, small ? 3 : 30);
      const double rows_per_second = static_cast<double>(c.rows) / r.engine_ms * 1e3;
      const double flops =
          static_cast<double>(test::random_network({.widths = c.widths})->flops_per_row()) *
          rows_per_second;
      // Of rows and outputs alone.
      const double bytes_per_second =
          static_cast<double>((c.widths.front() + c.widths.back()) * sizeof(float)) *
          rows_per_second;
      fmt::print(
          "{:<15} {:<12} {:>9} {:>9.4f} {:>9.4f} {:>11.4f} {:>8.3f} {:>9.4g} {:>7.2f} {:>7.4g} "
          "{:>8.2g}  {}\n",
          c.name, mode.name, c.rows, r.engine_ms, r.gemm_ms, r.lt_ms, r.engine_ms / r.gemm_ms,
          rows_per_second, flops * 1e-12, bytes_per_second * 1e-9, r.max_difference, r.path);
      std::fflush(stdout);
      report["results"].push_back({{"network", c.name},
                                   {"widths", c.widths},
                                   {"mode", mode.name},
                                   {"rows", c.rows},
                                   {"path", r.path},
                                   {"engine_ms", r.engine_ms},
                                   {"sgemms_ms", r.gemm_ms},
                                   {"cublaslt_ms", r.lt_ms},
                                   {"ratio", r.engine_ms / r.gemm_ms},
                                   {"rows_per_second", rows_per_second},
                                   {"flops", flops},
                                   {"bytes_per_second", bytes_per_second},
                                   {"max_relative_difference_to_cpu", r.max_difference}});
      right = right && r.max_difference < mode.tolerance;
    }
  }
  if (json_file != nullptr) {
    std::ofstream(json_file) << report.dump(2) << '\n';
  }
  if (!right) {
    std::fprintf(
        stderr, "cuda_bench: the device's outputs differ from the CPU's; the times mean nothing\n");
  }
  return right ? 0 : 1;
}

}  // namespace
}  // namespace lamella

int main(int argc, char** argv) {
  try {
    bool small = false;
    const char* json_file = nullptr;
    for (int i = 1; i < argc; ++i) {
      if (std::strcmp(argv[i], "--small") == 0) {
        small = true;
      } else if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
        json_file = argv[++i];
      } else {
        std::fprintf(stderr, "cuda_bench: usage: cuda_bench [--small] [--json FILE]\n");
        return 2;
      }
    }
    return lamella::run(small, json_file);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cuda_bench: %s\n", error.what());
    return 1;
  }
}
