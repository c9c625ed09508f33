#include "cuda/event_timing.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <cuda_runtime_api.h>

#include <lamella/error.hpp>

#include "core/call_shapes.hpp"
#include "cuda/check.hpp"
#include "kernels/fill_uniform.hpp"

namespace lamella::cuda {
namespace {

constexpr int kWarmUps = 3;
constexpr int kMin = 3;
constexpr int kMax = 15;
constexpr std::size_t kMaxSets = 32;

double median(std::vector<double>& seconds) {
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

}  // namespace

double seconds_between(const Event& begin, const Event& end) {
  constexpr double kSecondsPerMillisecond = 1e-3;
  float milliseconds = 0;
  LAMELLA_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()));
  return kSecondsPerMillisecond * static_cast<double>(milliseconds);
}

void repeat(const Repetition& repetition, const std::function<void(int)>& turn,
            const std::function<void(int)>& done) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (int n = 0; n < kWarmUps + kMax; ++n) {
    if (repetition.cancelled != nullptr && repetition.cancelled->load(std::memory_order_relaxed)) {
      throw CancelledError("cancelled while measuring");
    }
    const double passed = std::chrono::duration<double>(Clock::now() - start).count();
    if (n >= kWarmUps + kMin && passed > repetition.max_seconds) {
      return;
    }
    turn(n);
    if (n >= kWarmUps) {
      done(n);
    }
  }
}

double median_seconds(const Repetition& repetition, cudaStream_t stream,
                      const std::function<void(int)>& enqueue) {
  const Event begin = make_event(true);
  const Event end = make_event(true);
  std::vector<double> seconds;
  repeat(
      repetition,
      [&](int n) {
        LAMELLA_CUDA_CHECK(cudaEventRecord(begin.get(), stream));
        enqueue(n);
        LAMELLA_CUDA_CHECK(cudaEventRecord(end.get(), stream));
        LAMELLA_CUDA_CHECK(cudaEventSynchronize(end.get()));
      },
      [&](int /*n*/) { seconds.push_back(seconds_between(begin, end)); });
  return median(seconds);
}

std::vector<double> median_seconds_of_parts(const Repetition& repetition,
                                            const std::function<std::vector<double>(int)>& turn) {
  std::vector<double> last;
  std::vector<std::vector<double>> all;
  repeat(
      repetition, [&](int n) { last = turn(n); },
      [&](int /*n*/) {
        all.resize(last.size());
        for (std::size_t i = 0; i < last.size(); ++i) {
          all[i].push_back(last[i]);
        }
      });
  std::vector<double> medians;
  for (std::vector<double>& seconds : all) {
    medians.push_back(median(seconds));
  }
  return medians;
}

TimedRows::TimedRows(const Network& network, std::size_t rows, int device, cudaStream_t stream) {
  core::check_extent(rows, network.inputs(), kMaxSets * sizeof(float));
  core::check_extent(rows, network.outputs());
  values_ = rows * network.inputs();
  outputs_ = allocate_device(rows * network.outputs() * sizeof(float), "outputs");
  int cache = 0;
  LAMELLA_CUDA_CHECK(cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, device));
  const std::size_t wanted = 2 * static_cast<std::size_t>(std::max(cache, 0));
  sets_ = std::clamp<std::size_t>(wanted / (values_ * sizeof(float)) + 1, 2, kMaxSets);
  memory_ = allocate_device(sets_ * values_ * sizeof(float), "rows");
  LAMELLA_CUDA_CHECK(
      kernels::fill_uniform(static_cast<float*>(memory_.get()), sets_ * values_, 1, stream));
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream));
}

}  // namespace lamella::cuda
