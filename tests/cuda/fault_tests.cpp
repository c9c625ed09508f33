// Every CUDA, cuBLAS and cuBLASLt call fails once, transiently and for good, in every operation
// that makes one: the error arrives and names the call, nothing leaks, and later calls work.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/lamella.h>
#include <lamella/lamella.hpp>

#include "cuda_sim.hpp"
#include "engine/multi_device_engine.hpp"
#include "tests/cuda/on_simulation.hpp"
#include "tests/cuda/sweep_faults.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/npy_file.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/values.hpp"

namespace lamella {
namespace {

using test::DeviceArray;
using test::Fault;
using test::random_network;
using test::random_rows;
using test::require;
using test::sweep_faults;
using testing::IsEmpty;

class DeviceFaults : public test::OnSimulation {};

constexpr std::size_t kTwoPasses = 10;  // rows, for an engine that takes 8 per pass

std::shared_ptr<const Network> small_network() {
  return random_network({.widths = {64, 5, 3}, .last = ActivationKind::kSoftmax});
}

void append(std::vector<float>& all, MatrixView<const float> matrix) {
  all.insert(all.end(), matrix.data(), matrix.data() + matrix.size());
}

// Calls of every kind from host memory: plain, captured, launched as a graph; in several passes;
// with layer outputs; top k only.
std::vector<float> call_every_entry_point(Engine& engine, const Matrix& rows) {
  std::vector<float> all;
  Matrix few(6, 3);
  for (int call = 0; call < 3; ++call) {
    engine.run(rows.view().block(0, 6), few);
  }
  append(all, few);
  Matrix outputs(rows.rows(), 3);
  engine.run(rows, outputs);
  append(all, outputs);
  Matrix sums(rows.rows(), 5);
  Matrix hidden(rows.rows(), 5);
  engine.run(rows, outputs, std::vector<LayerOutput>{{0, true, sums}, {0, false, hidden}});
  append(all, outputs);
  append(all, sums);
  append(all, hidden);
  std::vector<RankedOutput> top(rows.rows() * 2);
  engine.run_top_k(rows, {top.data(), rows.rows(), 2});
  for (const RankedOutput& output : top) {
    all.push_back(static_cast<float>(output.index));
    all.push_back(output.value);
  }
  return all;
}

struct EntryPoint {
  const char* name;
  CudaPath path = CudaPath::kLayers;
  Precision precision = Precision::kFp32;
  bool fast = false;
  bool maps_host_memory = true;
};

constexpr EntryPoint kEntryPoints[] = {
    {.name = "layers"},
    {.name = "fused", .path = CudaPath::kFused},
    {.name = "fused_by_copies", .path = CudaPath::kFused, .maps_host_memory = false},
    {.name = "fast", .fast = true},
    {.name = "tf32", .precision = Precision::kTf32},
    {.name = "bf16", .precision = Precision::kBf16},
    {.name = "fp16", .precision = Precision::kFp16},
};

EngineOptions options_of(const EntryPoint& entry) {
  return {.max_rows = 8, .precision = entry.precision, .fast = entry.fast, .path = entry.path};
}

// What the sweeps below look for in a message.
TEST(FailedCall, IsNamedByItselfAndNotByAnother) {
  using test::names;
  EXPECT_TRUE(names("cuda:0: cudaMemcpyAsync(to, from) failed", "cudaMemcpyAsync", ""));
  EXPECT_FALSE(names("cuda:0: cudaMemcpy(to, from) failed", "cudaMemcpyAsync", ""));
  EXPECT_FALSE(names("cuda:0: kernels::row_softmax(y) failed", "cudaMemcpyAsync", ""));
  EXPECT_TRUE(names("cuda:0: kernels::row_softmax(y) failed", "cudaLaunchKernel", "row_softmax"));
  EXPECT_FALSE(names("cuda:0: kernels::row_softmax(y) failed", "cudaLaunchKernel", "row_top_k"));
  EXPECT_TRUE(names("cuda:0: kernels::to_float(y) failed", "cudaLaunchKernel", "convert"));
  EXPECT_FALSE(names("from_float failed: unknown error", "cudaLaunchKernel", "convert"));
  EXPECT_FALSE(names("from_float failed: unknown error", "cudaStreamSynchronize", ""));
}

TEST_F(DeviceFaults, InAnEnginesLife) {
  const auto network = small_network();
  const Matrix rows = random_rows(kTwoPasses, 64, 3);
  for (const EntryPoint& entry : kEntryPoints) {
    cuda_sim::configure({.maps_host_memory = entry.maps_host_memory});
    const bool all_calls = entry.precision == Precision::kFp32 && !entry.fast;
    const long injected = sweep_faults(
        std::string("life_") + entry.name,
        [&](Fault& fault) {
          fault.arm();
          CudaEngine engine(network, options_of(entry));
          if (all_calls) {
            return call_every_entry_point(engine, rows);
          }
          Matrix outputs(kTwoPasses, 3);
          engine.run(rows, outputs);
          return std::vector<float>(outputs.data(), outputs.data() + outputs.size());
        },
        entry.path == CudaPath::kLayers && all_calls,
        [&](Fault&) {
          CudaEngine engine(network, options_of(entry));
          Matrix outputs(6, 3);
          engine.run(rows.view().block(0, 6), outputs);
          return std::vector<float>(outputs.data(), outputs.data() + outputs.size());
        });
    EXPECT_GT(injected, 60) << entry.name;
  }
}

// Several threads stage the rows, and each enqueues the copies of its own pieces.
TEST_F(DeviceFaults, InACallWhoseRowsAreStagedInPieces) {
  constexpr std::size_t kInputs = 16384;  // 16 rows are 1 MiB
  constexpr std::size_t kStagedRows = 40;
  const auto network = random_network({.widths = {kInputs, 5, 3}});
  const Matrix rows = random_rows(kStagedRows, kInputs, 3);
  const long injected = sweep_faults(
      "staged_in_pieces",
      [&](Fault& fault) {
        CudaEngine engine(network, {.max_rows = 16, .path = CudaPath::kLayers});
        Matrix few(16, 3);
        Matrix outputs(kStagedRows, 3);
        fault.arm();
        for (int call = 0; call < 3; ++call) {
          engine.run(rows.view().block(0, 16), few);
        }
        engine.run(rows, outputs);
        fault.disarm();
        std::vector<float> all = test::values(few);
        append(all, outputs);
        return all;
      },
      false);
  EXPECT_GT(injected, 80);
}

// The same engine keeps working after a failed call, also one that failed during a capture.
TEST_F(DeviceFaults, InOneCallOfAnEngineThatGoesOn) {
  const auto network = small_network();
  const Matrix rows = random_rows(kTwoPasses, 64, 3);
  for (const CudaPath path : {CudaPath::kLayers, CudaPath::kFused}) {
    const EngineOptions options{.max_rows = 8, .path = path};
    const std::vector<float> wanted =
        call_every_entry_point(*std::make_unique<CudaEngine>(network, options), rows);
    long n = 0;
    for (bool fired = true; fired && !HasFailure();) {
      cuda_sim::reset();
      CudaEngine engine(network, options);
      cuda_sim::fail_call(++n);
      bool thrown = false;
      try {
        EXPECT_EQ(call_every_entry_point(engine, rows), wanted) << n;
      } catch (const DeviceError& error) {
        thrown = true;
        EXPECT_TRUE(test::names(error.what(), cuda_sim::failed_call(), cuda_sim::failed_kernel()))
            << error.what();
      }
      fired = cuda_sim::fail_fired();
      EXPECT_TRUE(fired || !thrown);
      cuda_sim::fail_call(0);
      EXPECT_EQ(call_every_entry_point(engine, rows), wanted) << n;
      EXPECT_EQ(cuda_sim::reports(), 0) << cuda_sim::last_report();
    }
    fmt::print("calls of one engine, {}: {} calls failed\n", to_string(path), n - 1);
    RecordProperty("injected_faults_one_engine_" + to_string(path), std::to_string(n - 1));
    EXPECT_GT(n, 80);
  }
}

// On the caller's stream, and into the caller's graph: the caller must end a capture that a failure
// invalidates.
TEST_F(DeviceFaults, InEnqueue) {
  const auto network = small_network();
  const Matrix rows = random_rows(kTwoPasses, 64, 3);
  for (const EntryPoint& entry : kEntryPoints) {
    for (const bool captured : {false, true}) {
      const std::string name = std::string("enqueue_") + entry.name + (captured ? "_captured" : "");
      const long injected = sweep_faults(
          name,
          [&](Fault& fault) {
            CudaEngine engine(network, options_of(entry));
            DeviceArray device_rows({rows.data(), rows.data() + rows.size()});
            DeviceArray outputs(kTwoPasses * 3);
            DeviceArray sums(kTwoPasses * 5);
            const test::TestStream stream;
            const LayerOutput layer_output{0, true, {sums.data(), kTwoPasses, 5}};
            cudaGraph_t graph = nullptr;
            if (captured) {
              require(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
                      "begin");
            }
            try {
              fault.arm();
              engine.enqueue(device_rows.data(), kTwoPasses, outputs.data(), stream.get(),
                             {&layer_output, 1});
              fault.disarm();
            } catch (...) {
              fault.disarm();
              if (captured && cudaStreamEndCapture(stream.get(), &graph) == cudaSuccess) {
                (void)cudaGraphDestroy(graph);
              }
              (void)cudaGetLastError();
              throw;
            }
            if (captured) {
              cudaGraphExec_t executable = nullptr;
              require(cudaStreamEndCapture(stream.get(), &graph), "end");
              require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
              require(cudaGraphLaunch(executable, stream.get()), "launch");
              require(cudaStreamSynchronize(stream.get()), "synchronize");
              require(cudaGraphExecDestroy(executable), "destroy");
              require(cudaGraphDestroy(graph), "destroy");
            }
            std::vector<float> all = outputs.download();
            const std::vector<float> more = sums.download();
            all.insert(all.end(), more.begin(), more.end());
            return all;
          },
          entry.path == CudaPath::kFused || captured);
      EXPECT_GE(injected, 2) << name;
    }
  }
}

TEST_F(DeviceFaults, InAScoredFile) {
  const test::TemporaryFolder inputs;
  const auto network = small_network();
  const Matrix rows = random_rows(kTwoPasses, 64, 3);
  test::write_file(inputs.file("rows.npy"),
                   test::make_npy({rows.data(), rows.data() + rows.size()}, 64));
  for (const bool argmax : {false, true}) {
    const test::TemporaryFolder folder;
    const std::string out = folder.file("out.npy");
    const long injected = sweep_faults(
        argmax ? "score_argmax" : "score",
        [&](Fault& fault) -> std::vector<float> {
          EXPECT_THAT(folder.entries(), IsEmpty()) << "a part of a file was left";
          fault.arm();
          const auto engine = make_engine(
              network,
              {.device = Device::parse("cuda:0"), .max_rows = 8, .path = CudaPath::kLayers});
          score(*engine, {.input = inputs.file("rows.npy"),
                          .output = out,
                          .chunk_rows = 4,
                          .output_kind = argmax ? OutputKind::kArgmax : OutputKind::kOutputs,
                          .verify_rows = argmax ? 0U : 2U});
          const auto written = test::read_npy(out).values;
          std::filesystem::remove(out);
          return {written.begin(), written.end()};
        },
        !argmax);
    EXPECT_GT(injected, 100);
    EXPECT_THAT(folder.entries(), IsEmpty());
  }
}

TEST_F(DeviceFaults, InOneOfSeveralDevices) {
  cuda_sim::configure({.devices = 2});
  const auto network = random_network({.widths = {3, 2}});
  const Matrix rows = random_rows(2 * engine::kMinShareRows, 3, 1);
  const long injected = sweep_faults("two_devices", [&](Fault& fault) {
    fault.arm();
    const auto all = make_engine(network, {.device = Device::parse("cuda:all"),
                                           .max_rows = engine::kMinShareRows,
                                           .path = CudaPath::kLayers});
    Matrix outputs(rows.rows(), 2);
    all->run(rows, outputs);
    return std::vector<float>(outputs.data(), outputs.data() + outputs.size());
  });
  EXPECT_GT(injected, 100);
}

TEST_F(DeviceFaults, InMeasuringPaths) {
  const auto network = random_network({.widths = {3, 2}});
  const long injected = sweep_faults(
      "measure_paths",
      [&](Fault& fault) -> std::vector<float> {
        fault.arm();
        const PathReport report = measure_paths(network, Device::parse("cuda:0"), 2);
        return {static_cast<float>(report.paths.size())};
      },
      false);
  EXPECT_GT(injected, 200);
}

// The status gives the kind of failure, the message names the call.
TEST_F(DeviceFaults, InTheCInterface) {
  const float weights[] = {1, 0, 0, 1, 1, 1};
  const lamella_layer layer = {2, 3, weights, nullptr, "relu"};
  lamella_network* network = nullptr;
  ASSERT_EQ(lamella_network_create(&layer, 1, &network), LAMELLA_OK);
  const auto succeeded = [](lamella_status status) {
    if (status == LAMELLA_ERROR_OUT_OF_MEMORY) {
      throw OutOfMemoryError(lamella_last_error());
    }
    if (status == LAMELLA_ERROR_DEVICE) {
      throw DeviceError(lamella_last_error());
    }
    EXPECT_EQ(status, LAMELLA_OK) << lamella_last_error();
  };
  const long injected = sweep_faults("c_interface", [&](Fault& fault) {
    struct Handles {
      lamella_engine* engine = nullptr;
      lamella_engine* clone = nullptr;
      ~Handles() {
        lamella_engine_release(clone);
        lamella_engine_release(engine);
      }
    } handles;
    lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
    options.device = "cuda";
    options.max_rows = 2;
    const std::vector<float> rows = {1, 2, 3, 4, 5, 6};
    std::vector<float> outputs(9, -1);
    lamella_ranked_output top[3] = {};
    DeviceArray device_rows(rows);
    DeviceArray device_outputs(9);
    fault.arm();
    succeeded(lamella_engine_create(network, &options, &handles.engine));
    succeeded(lamella_engine_clone(handles.engine, &handles.clone));
    succeeded(lamella_engine_run(handles.clone, rows.data(), 3, outputs.data()));
    succeeded(lamella_engine_run_top_k(handles.engine, rows.data(), 3, 1, top));
    succeeded(lamella_engine_enqueue(handles.engine, device_rows.data(), 3, device_outputs.data(),
                                     nullptr));
    fault.disarm();
    const std::vector<float> enqueued = device_outputs.download();
    EXPECT_EQ(enqueued, outputs);
    outputs.push_back(top[2].value);
    return outputs;
  });
  EXPECT_GT(injected, 50);
  lamella_network_release(network);
}

}  // namespace
}  // namespace lamella
