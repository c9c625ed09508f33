// An application whose rows originate on the GPU: its own kernel generates them, Lamella scores
// them in place, and another kernel consumes the scores. All work runs on one stream of the
// application, captured once in a CUDA graph that is launched for every step. Only the final counts
// are copied to the host.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <cuda_runtime.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/lamella.hpp>

namespace {

constexpr unsigned kRows = 10'000;
constexpr unsigned kInputs = 16;
constexpr unsigned kClasses = 4;
constexpr unsigned kSteps = 5;
constexpr unsigned kThreads = 256;

void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) {
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
  }
}

// The value of one input, in [-1, 1): the same on the device and, for the final check, on the host.
__host__ __device__ inline float input_value(std::uint32_t step, std::uint32_t index) {
  std::uint32_t x = index * 2654435761U + step * 40503U + 12345U;
  x ^= x >> 15;
  x *= 2246822519U;
  x ^= x >> 13;
  return static_cast<float>(x >> 8) * (1.0F / 8388608.0F) - 1.0F;
}

__global__ void make_rows(float* rows, unsigned values, const unsigned* step) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < values) {
    rows[i] = input_value(*step, i);
  }
}

// Counts the rows of each class (the largest score), and advances to the next step.
__global__ void count_classes(const float* scores, unsigned rows, unsigned* counts,
                              unsigned* step) {
  const unsigned row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row < rows) {
    unsigned best = 0;
    for (unsigned c = 1; c < kClasses; ++c) {
      if (scores[row * kClasses + c] > scores[row * kClasses + best]) {
        best = c;
      }
    }
    atomicAdd(&counts[best], 1U);
  }
  if (row == 0) {
    *step += 1;  // no thread of this kernel reads it
  }
}

// A network with generated weights; a real application would call lamella::load_network(file).
std::shared_ptr<const lamella::Network> make_network() {
  std::vector<lamella::Layer> layers;
  const unsigned widths[] = {kInputs, 32, kClasses};
  for (unsigned l = 0; l < 2; ++l) {
    lamella::Layer layer;
    layer.inputs = widths[l];
    layer.outputs = widths[l + 1];
    for (unsigned i = 0; i < widths[l] * widths[l + 1]; ++i) {
      layer.weights.push_back(input_value(1000 + l, i));
    }
    layer.bias.assign(layer.outputs, 0.125F);
    layer.activation = l == 0 ? lamella::ActivationKind::kRelu : lamella::ActivationKind::kSoftmax;
    layers.push_back(layer);
  }
  return std::make_shared<const lamella::Network>(layers);
}

struct FreeDevice {
  void operator()(void* memory) const { cudaFree(memory); }
};
template <class T>
std::unique_ptr<T, FreeDevice> device_array(std::size_t count) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, count * sizeof(T)), "cudaMalloc");
  return std::unique_ptr<T, FreeDevice>(static_cast<T*>(memory));
}

// Computes the expected counts by Lamella's CPU engine on the same rows.
std::vector<unsigned> expected_counts(const std::shared_ptr<const lamella::Network>& network) {
  std::vector<unsigned> counts(kClasses);
  const auto engine = lamella::make_engine(network, {.device = lamella::Device::parse("cpu")});
  lamella::Matrix rows(kRows, kInputs);
  lamella::Matrix scores(kRows, kClasses);
  for (unsigned step = 0; step < kSteps; ++step) {
    for (unsigned i = 0; i < kRows * kInputs; ++i) {
      rows.data()[i] = input_value(step, i);
    }
    engine->run(rows, scores);
    for (unsigned r = 0; r < kRows; ++r) {
      unsigned best = 0;
      for (unsigned c = 1; c < kClasses; ++c) {
        best = scores(r, c) > scores(r, best) ? c : best;
      }
      ++counts[best];
    }
  }
  return counts;
}

int run() {
  const auto network = make_network();
  const auto rows = device_array<float>(std::size_t{kRows} * kInputs);
  const auto scores = device_array<float>(std::size_t{kRows} * kClasses);
  const auto counts = device_array<unsigned>(kClasses);
  const auto step = device_array<unsigned>(1);
  check(cudaMemset(counts.get(), 0, kClasses * sizeof(unsigned)), "cudaMemset");
  check(cudaMemset(step.get(), 0, sizeof(unsigned)), "cudaMemset");
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");

  lamella::CudaEngine engine(network, {.max_rows = kRows});
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");

  cudaGraph_t graph = nullptr;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  const unsigned values = kRows * kInputs;
  make_rows<<<(values + kThreads - 1) / kThreads, kThreads, 0, stream>>>(rows.get(), values,
                                                                         step.get());
  engine.enqueue(rows.get(), kRows, scores.get(), stream);
  count_classes<<<(kRows + kThreads - 1) / kThreads, kThreads, 0, stream>>>(
      scores.get(), kRows, counts.get(), step.get());
  check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  for (unsigned i = 0; i < kSteps; ++i) {
    check(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
  }

  std::vector<unsigned> found(kClasses);
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  check(cudaMemcpy(found.data(), counts.get(), kClasses * sizeof(unsigned), cudaMemcpyDeviceToHost),
        "cudaMemcpy");
  check(cudaGraphExecDestroy(executable), "cudaGraphExecDestroy");
  check(cudaGraphDestroy(graph), "cudaGraphDestroy");
  check(cudaStreamDestroy(stream), "cudaStreamDestroy");

  const auto expected = expected_counts(network);
  unsigned different = 0;
  std::printf("%u steps of %u rows on %s\n", kSteps, kRows, engine.info().device_name.c_str());
  for (unsigned c = 0; c < kClasses; ++c) {
    std::printf("class %u: %u rows (CPU: %u)\n", c, found[c], expected[c]);
    different += found[c] > expected[c] ? found[c] - expected[c] : expected[c] - found[c];
  }
  // Near-ties, whose scores differ only in the last bit, may swap between devices: a few in 50,000.
  if (different > kSteps * kRows / 1000) {
    std::fprintf(stderr, "cuda_app: the device and the CPU disagree on %u rows\n", different);
    return 1;
  }
  return 0;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cuda_app: %s\n", error.what());
    return 1;
  }
}
