#include "engine/multi_device_engine.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/call_shapes.hpp"
#include "core/checked.hpp"
#include "core/layer_outputs.hpp"
#include "core/log.hpp"
#include "core/thread_pool.hpp"
#include "core/top_k.hpp"

namespace lamella::engine {
namespace {

// Makes the engine of the i-th device.
using MakeEngine = std::function<std::unique_ptr<Engine>(std::size_t i)>;

// "2 devices: NVIDIA A, NVIDIA B"; "8 devices: 8 x NVIDIA A".
std::string name_all(const std::vector<std::unique_ptr<Engine>>& engines) {
  std::vector<std::pair<std::string, int>> names;
  for (const auto& engine : engines) {
    const std::string& name = engine->info().device_name;
    const auto known = std::ranges::find(names, name, &std::pair<std::string, int>::first);
    if (known == names.end()) {
      names.emplace_back(name, 1);
    } else {
      ++known->second;
    }
  }
  std::string text = fmt::format("{} devices: ", engines.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "" : ", ";
    text += names[i].second == 1 ? "" : fmt::format("{} x ", names[i].second);
    text += names[i].first;
  }
  return text;
}

class MultiDeviceEngine final : public Engine {
 public:
  MultiDeviceEngine(const std::vector<Device>& devices, const MakeEngine& make)
      : devices_(devices), engines_(devices.size()), pool_(static_cast<int>(devices.size())) {
    on_each(devices_.size(), [&](std::size_t i) { engines_[i] = make(i); });
    info_ = engines_[0]->info();
    info_.device = {DeviceKind::kCuda, Device::kAllDevices};
    info_.device_name = name_all(engines_);
    info_.devices = static_cast<int>(engines_.size());
    // Different GPU models round differently, and a row's position decides which one computes it.
    info_.batch_invariant = std::ranges::all_of(engines_, [this](const auto& engine) {
      return engine->info().batch_invariant &&
             engine->info().device_name == engines_[0]->info().device_name &&
             engine->info().path == engines_[0]->info().path;
    });
    const std::size_t row_bytes = (network().inputs() + network().outputs()) * sizeof(float);
    min_share_ = std::clamp<std::size_t>(kMinShareBytes / row_bytes, 1, kMinShareRows);
    core::log(LogSeverity::kInfo, "rows are spread over {}, at least {} of a call for each",
              info_.device_name, min_share_);
    if (!info_.batch_invariant) {
      core::log(LogSeverity::kInfo,
                "a row's last bits may depend on the device that computes it: the devices are not "
                "of one kind, or compute in different ways");
    }
  }

  [[nodiscard]] const Network& network() const override { return engines_[0]->network(); }

  using Engine::clone;
  [[nodiscard]] std::unique_ptr<Engine> clone(int /*threads*/) const override {
    return std::make_unique<MultiDeviceEngine>(
        devices_, [this](std::size_t i) { return engines_[i]->clone(); });
  }

  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs) override {
    core::check_shapes(network(), rows, outputs);
    core::check_layer_outputs(network(), rows.rows(), layer_outputs);
    on_each_share(rows.rows(), [&](Engine& engine, std::size_t first, std::size_t count) {
      engine.run(rows.block(first, count), outputs.block(first, count),
                 core::layer_output_block(layer_outputs, first, count));
    });
  }

  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) override {
    core::check_top_k(network(), rows, top);
    on_each_share(rows.rows(), [&](Engine& engine, std::size_t first, std::size_t count) {
      engine.run_top_k(rows.block(first, count), top.block(first, count));
    });
  }

 private:
  // Calls work(engine, first, count) concurrently for each device's share of the rows.
  template <class Work>
  void on_each_share(std::size_t rows, const Work& work) {
    const std::size_t shares = std::clamp<std::size_t>(rows / min_share_, 1, engines_.size());
    const auto begin = [&](std::size_t share) {
      return static_cast<std::size_t>(core::scaled(rows, share, shares));
    };
    on_each(shares, [&](std::size_t i) { work(*engines_[i], begin(i), begin(i + 1) - begin(i)); });
  }

  // Calls work(i) concurrently for the first count devices.
  template <class Work>
  void on_each(std::size_t count, const Work& work) {
    pool_.for_each(count, [&](std::size_t /*worker*/, std::size_t i) {
      try {
        work(i);
      } catch (const OutOfMemoryError& error) {
        throw OutOfMemoryError(named(i, error), error.remedy());
      } catch (const DeviceError& error) {
        throw DeviceError(named(i, error), error.remedy());
      }
    });
  }

  // Most of the CUDA engine's messages already name the device.
  [[nodiscard]] std::string named(std::size_t i, const DeviceError& error) const {
    const std::string prefix = to_string(devices_[i]) + ": ";
    const std::string message = error.what();
    return message.starts_with(prefix) ? message : prefix + message;
  }

  std::vector<Device> devices_;
  std::vector<std::unique_ptr<Engine>> engines_;
  std::size_t min_share_ = 1;
  core::ThreadPool pool_;  // last, so that its threads end before what they use
};

}  // namespace

std::unique_ptr<Engine> make_multi_device_engine(
    const std::vector<Device>& devices,
    const std::function<std::unique_ptr<Engine>(const Device& device)>& make) {
  return std::make_unique<MultiDeviceEngine>(devices,
                                             [&](std::size_t i) { return make(devices[i]); });
}

}  // namespace lamella::engine
