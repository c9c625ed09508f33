#include "cli/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "cli/terminal.hpp"

namespace lamella::cli {

void ModelArguments::add_to(CommandLine& command) {
  command.add_option("MODEL", file, "the trained network: .safetensors, .npz, .onnx or .json")
      .type_name("FILE")
      .required();
  command
      .add_option(
          "--activations", activations,
          "one per layer, as relu,relu,identity; default: the file's, else relu and identity "
          "on the last layer")
      .type_name("A,...");
  command
      .add_option("--weights-layout", weights_layout,
                  "auto; out-in: [outputs x inputs] as PyTorch stores them; in-out: as Keras does")
      .type_name("LAYOUT");
  command.add_flag(
      "--no-fold", no_fold,
      "keep a model's scalers operation by operation instead of folding them into layer 1");
  command.add_flag("--allow-nonfinite", allow_nonfinite,
                   "take NaN and infinities among the weights");
}

LoadedNetwork ModelArguments::load(const std::atomic<bool>* cancelled) const {
  LoadOptions options;
  if (!activations.empty()) {
    options.activations = parse_activations(activations);
  }
  options.weights_layout = parse_weights_layout(weights_layout);
  options.allow_nonfinite = allow_nonfinite;
  options.fold = !no_fold;
  options.cancelled = cancelled;
  return load_network(file, options);
}

void EngineArguments::add_to(CommandLine& command, Check mode) {
  command
      .add_option("--device", device,
                  "auto (default: CUDA where it works), cpu, cuda, cuda:N, cuda:all")
      .type_name("DEVICE");
  command.add_option("--precision", precision, "fp32 (default); on CUDA also tf32, bf16, fp16")
      .type_name("P");
  command
      .add_option("--path", path,
                  "on CUDA: layers (layer by layer), fused (one kernel, widths up to 128), auto "
                  "(default: whichever should be faster)")
      .type_name("PATH");
  command.add_flag(
      "--fast", fast,
      "on CUDA give up batch invariance where that is faster: a row's last bits may then "
      "depend on its batch");
  command
      .add_option("--threads", threads,
                  "threads of the CPU engine; default: as lamella devices shows")
      .type_name("N");
  if (mode == Check::kOption) {
    command.add_flag("--check", check, "first run the self-test that the model file carries");
  }
}

EngineOptions EngineArguments::options() const {
  EngineOptions options{.device = Device::parse(device)};
  options.precision = parse_precision(precision);
  options.fast = fast;
  options.path = parse_cuda_path(path);
  if (!threads.empty()) {
    constexpr std::size_t kMaxThreads = 4096;
    options.threads = static_cast<int>(parse_count("--threads", threads, kMaxThreads));
  }
  return options;
}

std::unique_ptr<Engine> EngineArguments::make(const LoadedNetwork& loaded,
                                              const std::string& file) const {
  const EngineOptions wanted = options();
  std::unique_ptr<Engine> engine = make_engine(loaded.network, wanted);
  if (wanted.threads != 0 && engine->info().device.kind != DeviceKind::kCpu) {
    print_warning(fmt::format("--threads counts on the CPU alone; computing on {}",
                              to_string(engine->info().device)));
  }
  if (check) {
    check_model(*engine, loaded, file);
  }
  return engine;
}

SelfTestReport check_model(Engine& engine, const LoadedNetwork& loaded, const std::string& file) {
  if (!loaded.self_test) {
    throw FileError(
        file, "carries no self-test; lamella convert --self-test ROWS writes a file with one");
  }
  try {
    return run_self_test(engine, *loaded.self_test);
  } catch (const DeviceError&) {
    throw;
  } catch (const Error& error) {
    throw FileError(file, error.what(), error.remedy());
  }
}

std::size_t parse_count(std::string_view option, std::string_view text, std::size_t max) {
  std::size_t count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc() || end != last || count == 0 || count > max) {
    const std::string limit = max == std::numeric_limits<std::size_t>::max()
                                  ? std::string("1 up")
                                  : fmt::format("1 to {}", max);
    throw UsageError(
        fmt::format("{} is '{}': a whole number from {} is wanted", option, text, limit));
  }
  return count;
}

double parse_size(std::string_view option, std::string_view text) {
  double size = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, size);
  if (error != std::errc() || end != last || !std::isfinite(size) || size < 0) {
    throw UsageError(
        fmt::format("{} is '{}': a number from 0 up is wanted, as 1e-5", option, text));
  }
  return size;
}

std::size_t parse_bytes(std::string_view option, std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  double amount = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, amount);
  std::string_view unit(end, static_cast<std::size_t>(last - end));
  if (!unit.empty() && kUnits.find(unit[0]) != std::string_view::npos) {
    amount = std::ldexp(amount, 10 * (1 + static_cast<int>(kUnits.find(unit[0]))));
    unit.remove_prefix(1);
  }
  constexpr double kMax = 0x1p60;
  if (error != std::errc() || !unit.empty() || !(amount >= 1 && amount <= kMax)) {
    throw UsageError(
        fmt::format("{} is '{}': a number of bytes is wanted, as 64M or 2G", option, text));
  }
  return static_cast<std::size_t>(amount);
}

std::vector<std::string> parse_list(std::string_view option, std::string_view text) {
  std::vector<std::string> entries;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end == begin) {
      throw UsageError(
          fmt::format("{} is '{}': entry {} is empty; a comma-separated list is wanted", option,
                      text, entries.size() + 1));
    }
    entries.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return entries;
}

}  // namespace lamella::cli
