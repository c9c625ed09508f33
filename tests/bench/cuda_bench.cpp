// The CUDA engine beside bare cuBLAS: for each network the time of one enqueue, and that of the
// SGEMMs alone that any such engine must run, interleaved in one run. Outputs are checked against
// the CPU engine before times count. Prints a table of medians; --json FILE writes the same for
// machines;
// --small takes sizes that also the simulated CUDA can run, whose times mean nothing.
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
#include "cuda/device_algorithms.hpp"
#include "cuda/gemm.hpp"
#include "cuda/handles.hpp"
#include "plan/cuda_plan.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

struct Case {
  std::string name;
  std::vector<std::size_t> widths;
  std::size_t rows;
};

struct Result {
  Case what;
  double engine_ms = 0;
  double gemm_ms = 0;
  double max_difference = 0;
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

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// The network's matrix products and nothing else, in passes like the engine's.
class BareGemms {
 public:
  BareGemms(const Network& network, std::size_t max_rows)
      : network_(network), max_rows_(max_rows), handle_(cuda::make_cublas_handle()) {
    workspace_ = cuda::allocate_device(plan::kCublasWorkspaceBytes, "cuBLAS");
    for (auto& buffer : buffers_) {
      buffer = cuda::allocate_device(max_rows * network.max_width() * sizeof(float), "activations");
    }
    for (const Layer& layer : network.layers()) {
      const std::size_t bytes = layer.weights.size() * sizeof(float);
      weights_.push_back(cuda::allocate_device(bytes, "weights"));
      LAMELLA_CUDA_CHECK(
          cudaMemcpy(weights_.back().get(), layer.weights.data(), bytes, cudaMemcpyHostToDevice));
    }
    LAMELLA_CUDA_CHECK(cudaDeviceSynchronize());
  }

  void enqueue(const float* rows, std::size_t count, float* outputs, cudaStream_t stream) {
    LAMELLA_CUDA_CHECK(cublasSetStream(handle_.get(), stream));
    LAMELLA_CUDA_CHECK(
        cublasSetWorkspace(handle_.get(), workspace_.get(), plan::kCublasWorkspaceBytes));
    for (std::size_t first = 0; first < count; first += max_rows_) {
      const std::size_t n = std::min(max_rows_, count - first);
      const float* x = rows + first * network_.inputs();
      const auto layers = network_.layers();
      for (std::size_t i = 0; i < layers.size(); ++i) {
        float* const y = i + 1 == layers.size() ? outputs + first * network_.outputs()
                                                : static_cast<float*>(buffers_[i % 2].get());
        const cuda::ProductMatrices matrices{
            .inputs = layers[i].inputs, .outputs = layers[i].outputs, .w = weights_[i].get()};
        cuda::enqueue_gemm(handle_.get(), matrices, x, y, n);
        x = y;
      }
    }
  }

 private:
  const Network& network_;
  std::size_t max_rows_;
  cuda::CublasHandle handle_;
  cuda::DeviceMemory workspace_;
  cuda::DeviceMemory buffers_[2];
  std::vector<cuda::DeviceMemory> weights_;
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

Result measure(const Case& what, int repetitions) {
  const auto network = testing::random_network({.widths = what.widths});
  CudaEngine engine(network);
  const std::size_t max_rows = engine.info().max_rows;
  BareGemms bare(*network, max_rows);
  const auto stream = cuda::make_stream();
  // Two inputs in turns, so that a small one is not simply found in cache.
  cuda::DeviceMemory rows[2];
  const std::size_t values = what.rows * network->inputs();
  for (std::uint64_t i = 0; i < 2; ++i) {
    rows[i] = cuda::allocate_device(values * sizeof(float), "rows");
    cuda::fill_uniform(static_cast<float*>(rows[i].get()), values, i, stream.get());
  }
  const auto outputs =
      cuda::allocate_device(what.rows * network->outputs() * sizeof(float), "outputs");
  const auto input = [&rows](int turn) { return static_cast<const float*>(rows[turn % 2].get()); };
  auto* const output = static_cast<float*>(outputs.get());

  Result result{.what = what};
  engine.enqueue(input(0), what.rows, output, stream.get());
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
  result.max_difference =
      difference_to_cpu(network, input(0), output, std::min<std::size_t>(what.rows, 1000));

  Timer timer;
  std::vector<double> engine_ms;
  std::vector<double> gemm_ms;
  for (int i = -3; i < repetitions; ++i) {  // the first three warm up
    const double e = timer.milliseconds(
        stream.get(), [&] { engine.enqueue(input(i + 4), what.rows, output, stream.get()); });
    const double g = timer.milliseconds(
        stream.get(), [&] { bare.enqueue(input(i + 5), what.rows, output, stream.get()); });
    if (i >= 0) {
      engine_ms.push_back(e);
      gemm_ms.push_back(g);
    }
  }
  result.engine_ms = median(engine_ms);
  result.gemm_ms = median(gemm_ms);
  return result;
}

int run(bool small, const char* json_file) {
  const std::size_t shrink = small ? 1000 : 1;
  const std::vector<Case> cases = {
      {"3-4-2", {3, 4, 2}, 10'000'000 / shrink},
      {"64-64-64-10", {64, 64, 64, 10}, 1'000'000 / shrink},
      {"784-512-512-10", {784, 512, 512, 10}, 60'000 / shrink},
      {"4 x 1024", {1024, 1024, 1024, 1024, 1024}, small ? 16U : 16'384U},
  };
  const DeviceList devices = list_devices();
  if (!devices.cuda_unavailable.empty()) {
    std::fprintf(stderr, "cuda_bench: no CUDA device: %s\n", devices.cuda_unavailable.c_str());
    return 1;
  }
  const DeviceDescription& device = devices.devices.at(1);
  fmt::print("{}; {}\nmedians over one run, engine and bare SGEMMs interleaved\n\n", device.name,
             device.detail);
  fmt::print("{:<16} {:>10} {:>11} {:>11} {:>8} {:>12} {:>10} {:>10}\n", "network", "rows",
             "engine ms", "SGEMMs ms", "ratio", "rows/s", "TFLOP/s", "max diff");
  nlohmann::json report = {
      {"device", device.name}, {"detail", device.detail}, {"results", nlohmann::json::array()}};
  bool right = true;
  for (const Case& c : cases) {
    const Result r = measure(c, small ? 3 : 30);
    const double flop =
        static_cast<double>(testing::random_network({.widths = c.widths})->flops_per_row()) *
        static_cast<double>(c.rows);
    const double rows_per_second = static_cast<double>(c.rows) / r.engine_ms * 1e3;
    fmt::print("{:<16} {:>10} {:>11.4f} {:>11.4f} {:>8.3f} {:>12.4g} {:>10.2f} {:>10.2g}\n", c.name,
               c.rows, r.engine_ms, r.gemm_ms, r.engine_ms / r.gemm_ms, rows_per_second,
               flop / r.engine_ms * 1e-9, r.max_difference);
    report["results"].push_back({{"network", c.name},
                                 {"rows", c.rows},
                                 {"engine_ms", r.engine_ms},
                                 {"sgemms_ms", r.gemm_ms},
                                 {"ratio", r.engine_ms / r.gemm_ms},
                                 {"rows_per_second", rows_per_second},
                                 {"max_relative_difference_to_cpu", r.max_difference}});
    right = right && r.max_difference < 1e-4;
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
