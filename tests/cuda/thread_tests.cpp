// Many threads, each with its own engine and stream, enqueue on one device at once.
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

namespace lamella {
namespace {

using test::DeviceArray;
using test::on_threads;
using test::random_network;
using test::random_rows;
using test::require;
using test::TestStream;

TEST(CudaThreads, EnqueueOnTheirOwnStreamsAtOnce) {
  LAMELLA_NEEDS_CUDA_DEVICE();
  constexpr std::size_t kRows = 21;
  const auto network = random_network({.widths = {6, 9, 3}});
  const Matrix rows = random_rows(kRows, 6, 1);
  const std::vector<float> values(rows.data(), rows.data() + rows.size());
  for (const CudaPath path : {CudaPath::kLayers, CudaPath::kFused}) {
    const auto scored = [&] {
      CudaEngine engine(network, {.max_rows = 16, .path = path});
      DeviceArray device_rows(values);
      DeviceArray outputs(kRows * 3);
      DeviceArray hidden(kRows * 9);
      const LayerOutput layer_output{0, false, {hidden.data(), kRows, 9}};
      const TestStream stream;
      engine.enqueue(device_rows.data(), kRows, outputs.data(), stream.get(), {&layer_output, 1});
      engine.enqueue(device_rows.data(), kRows, outputs.data(), stream.get());
      require(cudaStreamSynchronize(stream.get()), "synchronize");
      std::vector<float> all = outputs.download();
      const std::vector<float> more = hidden.download();
      all.insert(all.end(), more.begin(), more.end());
      return all;
    };
    const std::vector<float> wanted = scored();
    const auto said = on_threads(8, [&](std::size_t /*thread*/) -> std::string {
      for (int life = 0; life < 2; ++life) {
        if (scored() != wanted) {
          return "other bits";
        }
      }
      return "";
    });
    EXPECT_THAT(said, testing::Each(""));
  }
}

}  // namespace
}  // namespace lamella
