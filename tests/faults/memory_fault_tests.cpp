// Every allocation on the host fails once: an exception that says so arrives, from whichever thread
// it was, nothing leaks, no file is left, and what comes after works.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/lamella.h>
#include <lamella/lamella.hpp>

#include "tests/faults/host_faults.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

#ifdef LAMELLA_CUDA_SIM
#include "cuda_sim.hpp"
#endif

namespace lamella {
namespace {

using test::random_network;
using test::random_rows;
using test::sweep_allocations;
using test::TemporaryFolder;
using testing::ElementsAre;

std::string data_file(const std::string& name) {
  return std::string(LAMELLA_TEST_DATA) + "/" + name;
}

std::vector<std::string> devices() {
#ifdef LAMELLA_CUDA_SIM
  return {"cpu", "cuda"};
#else
  return {"cpu"};
#endif
}

// What a device holds is counted too.
void expect_nothing_on_devices() {
#ifdef LAMELLA_CUDA_SIM
  EXPECT_EQ(cuda_sim::live().total(), 0);
#endif
}

TEST(MemoryFaults, WhileAModelIsLoaded) {
  for (const std::string format : {"safetensors", "npz", "onnx", "json"}) {
    const std::string file = data_file("by_hand/model." + format);
    const long injected = sweep_allocations("load_" + format, [&] {
      const LoadedNetwork loaded = load_network(file);
      EXPECT_EQ(loaded.network->parameters().total(), 26U);
    });
    EXPECT_GT(injected, 20);
  }
}

// One engine's life: made, called in every way, destroyed.
TEST(MemoryFaults, WhileAnEngineLives) {
  for (const std::string& device : devices()) {
    for (const std::vector<std::size_t>& widths :
         {std::vector<std::size_t>{3, 4, 2}, std::vector<std::size_t>{40, 33, 5}}) {
      const auto network = random_network({.widths = widths});
      const Matrix rows = random_rows(50, widths.front(), 1);
      std::optional<std::vector<float>> wanted;
      const auto life = [&] {
        const auto engine =
            make_engine(network, {.device = Device::parse(device), .max_rows = 32, .threads = 2});
        Matrix outputs(50, widths.back());
        engine->run(rows, outputs);
        engine->run(rows.view().block(0, 1), outputs.view().block(0, 1));
        Matrix hidden(50, widths[1]);
        engine->run(rows, outputs, std::vector<LayerOutput>{{0, true, hidden}, {0, false, hidden}});
        std::vector<RankedOutput> top(50UL * 2);
        engine->run_top_k(rows, {top.data(), 50, 2});
        std::vector<float> found(outputs.data(), outputs.data() + outputs.size());
        found.push_back(top[0].value);
        found.push_back(hidden(49, 3));
        if (!wanted) {
          wanted = found;
        }
        EXPECT_EQ(found, *wanted);
      };
      const long injected =
          sweep_allocations("engine_" + device + "_" + std::to_string(widths.front()), life,
                            expect_nothing_on_devices);
      EXPECT_GT(injected, 20);
    }
  }
}

TEST(MemoryFaults, WhileAFileIsScored) {
  const TemporaryFolder inputs;
  const auto network = random_network({.widths = {3, 4, 2}});
  std::string csv;
  for (int r = 0; r < 20; ++r) {
    csv += std::to_string(r) + ",0.5,-1\n";
  }
  test::write_file(inputs.file("rows.csv"), csv);
  for (const std::string& device : devices()) {
    for (const std::string output : {"out.npy", "out.csv"}) {
      std::optional<std::string> wanted;
      const TemporaryFolder folder;
      const long injected = sweep_allocations(
          "score_" + device + "_" + output,
          [&] {
            const auto engine =
                make_engine(network, {.device = Device::parse(device), .threads = 2});
            score(*engine, {.input = inputs.file("rows.csv"),
                            .output = folder.file(output),
                            .chunk_rows = 8,
                            .verify_rows = 5});
            const std::string written = test::file_content(folder.file(output));
            if (!wanted) {
              wanted = written;
            }
            EXPECT_EQ(written, *wanted);
            std::filesystem::remove(folder.file(output));
          },
          [&] {
            // All of it, where the failure came after its end, or nothing.
            if (std::filesystem::exists(folder.file(output))) {
              EXPECT_EQ(test::file_content(folder.file(output)), *wanted);
              std::filesystem::remove(folder.file(output));
            }
            EXPECT_THAT(folder.entries(), ElementsAre());
            expect_nothing_on_devices();
          });
      EXPECT_GT(injected, 50);
    }
  }
}

// Not the page, nor what else is written by way of nlohmann::json (safetensors, the records of
// parts): its destructor allocates, and must not throw.
TEST(MemoryFaults, WhileANetworkIsExplained) {
  const auto network = random_network({.widths = {3, 4, 2}});
  const Matrix rows = random_rows(2, 3, 1);
  const TemporaryFolder folder;
  const std::vector<std::string> names = {"trace.npz", "figure.svg"};
  const auto clear = [&] {
    for (const std::string& entry : folder.entries()) {
      EXPECT_THAT(names, testing::Contains(entry));
      EXPECT_GT(std::filesystem::file_size(folder.file(entry)), 300U) << entry;
      std::filesystem::remove(folder.file(entry));
    }
  };
  const long injected = sweep_allocations(
      "explain",
      [&] {
        const ForwardTrace traced = trace_forward(*network, rows);
        save_trace(traced, *network, folder.file(names[0]));
        save_figure(*network, traced, folder.file(names[1]));
      },
      clear);
  EXPECT_EQ(folder.entries().size(), 2U);
  EXPECT_GT(injected, 100);
}

// What a C caller sees: a status, and nothing written through the pointers.
TEST(MemoryFaults, InTheCInterface) {
  const std::string file = data_file("by_hand/model.safetensors");
  // The thread's last message is kept.
  lamella_network* none = nullptr;
  ASSERT_EQ(lamella_network_load("no such file of this long name", nullptr, nullptr, &none),
            LAMELLA_ERROR_FILE);
  for (const std::string& device : devices()) {
    const auto require = [](lamella_status status) {
      if (status != LAMELLA_OK) {
        EXPECT_EQ(status, LAMELLA_ERROR_OUT_OF_MEMORY) << lamella_last_error();
        throw OutOfMemoryError("out of memory");
      }
    };
    const long injected = sweep_allocations(
        "c_" + device,
        [&] {
          struct Handles {
            lamella_network* network = nullptr;
            lamella_engine* engine = nullptr;
            ~Handles() {
              lamella_engine_release(engine);
              lamella_network_release(network);
            }
          } handles;
          require(lamella_network_load(file.c_str(), "relu,relu", nullptr, &handles.network));
          lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
          options.device = device.c_str();
          options.threads = 2;
          require(lamella_engine_create(handles.network, &options, &handles.engine));
          const float rows[3] = {1, 2, 3};
          float outputs[2] = {-1, -1};
          require(lamella_engine_run(handles.engine, rows, 1, outputs));
          EXPECT_GE(outputs[0], 0);
        },
        expect_nothing_on_devices);
    EXPECT_GT(injected, 50);
  }
}

}  // namespace
}  // namespace lamella
