// Rows in host memory give the same bits as rows on the device, on every transfer path: read over
// the bus, copied by a graph, staged in pieces, in several chunks. The same tests run in the
// simulation and on a GPU.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/cuda_engine.hpp>

#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/random.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/values.hpp"

namespace lamella {
namespace {

using test::DeviceArray;
using test::random_network;
using test::random_rows;
using test::values;

constexpr std::size_t kWide = 128;  // floats: 512 bytes
constexpr std::size_t kNarrow = 5;
constexpr std::size_t kChunk = 1030;  // rows in an engine's pass

// At most 32 rows of 128 values are read over the bus; from 1024 rows on they are staged in pieces.
constexpr std::size_t kCounts[] = {1, 31, 32, 33, 1023, 1024, 1025, kChunk, 2 * kChunk + 7};

// Bitwise equal, NaN included.
bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<float> on_device(CudaEngine& engine, MatrixView<const float> rows) {
  DeviceArray device_rows(values(rows));
  DeviceArray outputs(rows.rows() * engine.network().outputs());
  engine.enqueue(device_rows.data(), rows.rows(), outputs.data(), nullptr);
  return outputs.download();
}

std::vector<float> from_host(Engine& engine, MatrixView<const float> rows) {
  Matrix outputs(rows.rows(), engine.network().outputs());
  engine.run(rows, outputs);
  return values(outputs);
}

class HostRows : public testing::TestWithParam<CudaPath> {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

TEST_P(HostRows, GiveTheBitsOfRowsOnTheDeviceAtEverySize) {
  for (const bool wide_in : {true, false}) {
    const auto network =
        random_network({.widths = {wide_in ? kWide : kNarrow, 7, wide_in ? kNarrow : kWide},
                        .last = ActivationKind::kTanh});
    CudaEngine engine(network, {.max_rows = kChunk, .path = GetParam()});
    const Matrix rows = random_rows(2 * kChunk + 7, network->inputs(), 1);
    const std::vector<float> all = on_device(engine, rows);
    for (const std::size_t count : kCounts) {
      // Plain, captured, launched as a graph: each time with other rows.
      for (std::size_t call = 0; call < 3; ++call) {
        const std::size_t first = std::min(call, rows.rows() - count);
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first * network->outputs());
        const auto end = begin + static_cast<std::ptrdiff_t>(count * network->outputs());
        EXPECT_TRUE(same(from_host(engine, rows.view().block(first, count)), {begin, end}))
            << count << " rows, call " << call;
      }
    }
  }
}

TEST_P(HostRows, GiveTheSameLayerOutputsAndLargestOutputs) {
  const auto network = random_network({.widths = {kWide, 7, kNarrow}});
  CudaEngine engine(network, {.max_rows = kChunk, .path = GetParam()});
  for (const std::size_t count : kCounts) {
    const Matrix rows = random_rows(count, kWide, 2);
    const std::vector<float> wanted = on_device(engine, rows);
    Matrix outputs(count, kNarrow);
    Matrix hidden(count, 7);
    Matrix last(count, kNarrow);
    engine.run(rows, outputs, std::vector<LayerOutput>{{0, false, hidden}, {1, true, last}});
    EXPECT_TRUE(same(values(outputs), wanted)) << count;
    EXPECT_TRUE(same(values(last), wanted)) << count << ": the last layer has no activation";
    const Network first({network->layers()[0]});
    CudaEngine of_first(std::make_shared<const Network>(first),
                        {.max_rows = kChunk, .path = GetParam()});
    EXPECT_TRUE(same(from_host(of_first, rows), values(hidden))) << count;

    std::vector<RankedOutput> top(count * 2);
    engine.run_top_k(rows, {top.data(), count, 2});
    for (std::size_t r = 0; r < count; ++r) {
      const float* const row = wanted.data() + r * kNarrow;
      const auto largest = static_cast<std::size_t>(std::max_element(row, row + kNarrow) - row);
      ASSERT_EQ(top[2 * r].index, largest) << count << " rows, row " << r;
      ASSERT_EQ(top[2 * r].value, row[largest]);
      ASSERT_EQ(top[2 * r + 1].value, row[top[2 * r + 1].index]);
      ASSERT_LE(top[2 * r + 1].value, row[largest]);
    }
  }
}

TEST_P(HostRows, OfSeveralEnginesAtOnceShareTheThreads) {
  const auto network = random_network({.widths = {kWide, 7, kNarrow}});
  const Matrix rows = random_rows(2 * kChunk + 7, kWide, 3);
  CudaEngine engine(network, {.max_rows = kChunk, .path = GetParam()});
  const std::vector<float> wanted = from_host(engine, rows);
  const auto said = test::on_threads(4, [&](std::size_t thread) -> std::string {
    const auto clone = engine.clone();
    for (int call = 0; call < 3; ++call) {
      const std::size_t count = call == 1 ? 1024 + thread : rows.rows();
      const auto found = from_host(*clone, rows.view().block(0, count));
      if (!same(found,
                {wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(count * kNarrow)})) {
        return "other bits";
      }
    }
    return "";
  });
  EXPECT_THAT(said, testing::Each(""));
}

INSTANTIATE_TEST_SUITE_P(Paths, HostRows, testing::Values(CudaPath::kLayers, CudaPath::kFused),
                         [](const auto& path) { return to_string(path.param); });

}  // namespace
}  // namespace lamella
