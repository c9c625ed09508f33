#include "engine/cuda_library.hpp"

#include <cstring>
#include <filesystem>
#include <system_error>

#include <dlfcn.h>
#include <fmt/format.h>

#include <lamella/version.hpp>

#include "core/range.hpp"

// Defined in a program that links the CUDA engine itself.
extern "C" __attribute__((weak)) const lamella::cuda::Plugin* lamella_cuda_plugin();

namespace lamella::engine {
namespace {

// Set by the build: the driver's library (the simulation sets its own), and the engine's file name;
// empty in a build without the CUDA engine.
constexpr const char* kDriverLibrary = LAMELLA_CUDA_DRIVER_LIBRARY;
constexpr const char* kEngineLibrary = LAMELLA_CUDA_ENGINE_LIBRARY;

std::string loader_message() {
  const char* message = dlerror();
  return message == nullptr ? "unknown reason" : message;
}

// The folder that this library was loaded from; the CUDA engine is installed in the same folder.
std::filesystem::path own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&cuda_library), &info) == 0 ||
      info.dli_fname == nullptr) {
    return {};
  }
  return std::filesystem::path(info.dli_fname).parent_path();
}

// Opens the file in this library's folder if it exists, else searches the loader's path.
// (Sanitizers intercept dlopen, which then does not search this library's RUNPATH.)
void* open_library(const char* name) {
  const std::filesystem::path beside = own_folder() / name;
  std::error_code ignored;
  const std::string file = std::filesystem::exists(beside, ignored) ? beside.string() : name;
  return dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
}

CudaLibrary open() {
  CudaLibrary library;
  if (*kEngineLibrary == '\0' && lamella_cuda_plugin == nullptr) {
    library.unavailable = "this build of Lamella has no CUDA engine";
    return library;
  }
  if (open_library(kDriverLibrary) == nullptr) {
    library.unavailable = fmt::format("no NVIDIA driver for CUDA: {}", loader_message());
    return library;
  }
  cuda::PluginFunction function = lamella_cuda_plugin;
  if (function == nullptr) {
    void* const handle = open_library(kEngineLibrary);
    if (handle == nullptr) {
      library.unavailable = fmt::format("the CUDA engine cannot be loaded: {}", loader_message());
      return library;
    }
    function = reinterpret_cast<cuda::PluginFunction>(dlsym(handle, cuda::kPluginSymbol));
  }
  if (function == nullptr) {
    library.unavailable =
        fmt::format("{} is not Lamella's CUDA engine: {}", kEngineLibrary, loader_message());
    return library;
  }
  const cuda::Plugin* const plugin = function();
  if (std::strcmp(plugin->version, version()) != 0) {
    library.unavailable =
        fmt::format("{} is of version {}, this library of {}; install both from one build",
                    kEngineLibrary, plugin->version, version());
    return library;
  }
  library.plugin = plugin;
  core::set_range_sink(*plugin->ranges);
  return library;
}

}  // namespace

const CudaLibrary& cuda_library() {
  static const CudaLibrary library = open();
  return library;
}

}  // namespace lamella::engine
