#include "plan/tuning_cache.hpp"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <lamella/error.hpp>
#include <lamella/version.hpp>

#include "core/log.hpp"
#include "json/value.hpp"

namespace lamella::plan {
namespace {

using Json = json::Value;

constexpr std::uintmax_t kMaxBytes = std::uintmax_t{4} << 20;

std::filesystem::path folder_in(const char* variable, const char* below) {
  const char* const value = std::getenv(variable);
  return value == nullptr || *value == '\0' ? std::filesystem::path()
                                            : std::filesystem::path(value) / below;
}

Json without(const std::filesystem::path& file, const std::string& what) {
  core::log(LogSeverity::kWarning,
            "{}: {}; what was measured before is not known, and predictions serve", file.string(),
            what);
  return Json::object();
}

// Reads a JSON object; empty if the file does not exist or holds no object.
Json read(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error == std::errc::no_such_file_or_directory) {
    return Json::object();
  }
  if (error) {
    return without(file, "cannot be read: " + error.message());
  }
  if (size > kMaxBytes) {
    return without(file, fmt::format("has {} bytes, more than such a file may have", size));
  }
  std::ifstream stream(file);
  if (!stream) {
    return without(file, "cannot be opened");
  }
  try {
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    Json json = json::parse(text);
    if (json.if_object() != nullptr) {
      return json;
    }
  } catch (const json::Exception&) {  // reported below
  }
  return without(file, "is not a JSON object");
}

std::optional<double> seconds_in(const Json& entry, const char* name) {
  const Json* const found = entry.find(name);
  if (found == nullptr || !found->is_number()) {
    return std::nullopt;
  }
  const double seconds = found->number();
  return std::isfinite(seconds) && seconds > 0 ? std::optional(seconds) : std::nullopt;
}

// An exclusive lock on the folder against other threads and processes. Where the file system cannot
// lock folders (NFS), or a signal interrupts the wait, work continues without the lock, and one of
// two concurrent additions may be lost.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ >= 0) {
      ::flock(descriptor_, LOCK_EX);
    }
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }

 private:
  int descriptor_;
};

}  // namespace

std::string TuningKey::text(const Network& network) const {
  std::string text =
      fmt::format("{}; driver {}, runtime {}, cuBLAS {}.{}, lamella {}; {} rows; {}", device,
                  driver, runtime, cublas_major, cublas_minor, version(), rows, network.inputs());
  for (const Layer& layer : network.layers()) {
    text += fmt::format("-{}{} {}", layer.outputs, layer.has_bias() ? "" : " without bias",
                        to_string(layer.activation));
  }
  return text + fmt::format("; {} input steps", network.input_steps().size());
}

std::filesystem::path tuning_cache_file() {
  for (const auto& folder :
       {folder_in("LAMELLA_CACHE_DIR", ""), folder_in("XDG_CACHE_HOME", "lamella"),
        folder_in("HOME", ".cache/lamella")}) {
    if (!folder.empty()) {
      return folder / "tuning.json";
    }
  }
  return {};
}

std::optional<TuningResult> find_tuning_result(const std::filesystem::path& file,
                                               const std::string& key) {
  if (file.empty()) {
    return std::nullopt;
  }
  const Json all = read(file);
  const Json* const entry = all.find(key);
  if (entry == nullptr) {
    return std::nullopt;
  }
  const auto layers = seconds_in(*entry, "layers_seconds");
  if (!layers) {
    return std::nullopt;
  }
  TuningResult measured{.layers = *layers,
                        .fused = seconds_in(*entry, "fused_seconds").value_or(0.0)};
  const Json* const algorithms = entry->find("algorithms");
  if (algorithms != nullptr && algorithms->if_array() != nullptr) {
    for (const Json& algorithm : *algorithms->if_array()) {
      const std::uint64_t* const number = algorithm.if_unsigned();
      measured.algorithms.push_back(number == nullptr ? 0 : *number);
    }
  }
  return measured;
}

void store_tuning_result(const std::filesystem::path& file, const std::string& key,
                         const TuningResult& measured) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  const FolderLock lock(file.parent_path());
  Json all = read(file);
  Json entry = {{"layers_seconds", measured.layers}, {"algorithms", measured.algorithms}};
  if (measured.fused > 0) {
    entry["fused_seconds"] = measured.fused;
  }
  all[key] = std::move(entry);
  std::random_device random;
  std::filesystem::path beside = file;
  beside += fmt::format(".{:08x}{:08x}", random(), random());
  {
    std::ofstream stream(beside);
    stream << all.text({.indentation = 2}) << '\n';
    stream.close();
    if (!stream) {
      std::filesystem::remove(beside, error);
      throw FileError(file.string(), "cannot be written");
    }
  }
  std::filesystem::rename(beside, file, error);
  if (error) {
    const std::string reason = error.message();
    std::filesystem::remove(beside, error);
    throw FileError(file.string(), "cannot be written: " + reason);
  }
}

}  // namespace lamella::plan
