// A substitute for a profiler, which NVTX loads from NVTX_INJECTION64_PATH. It records the ranges
// of Lamella's domain, one per line, indented by their nesting on their thread.
#include <mutex>
#include <string>
#include <string_view>

#include <nvtx3/nvToolsExt.h>

namespace {

std::mutex mutex;
bool recording = false;
std::string recorded;
std::string selected;
thread_local int depth = 0;

nvtxDomainHandle_t NVTX_API create_domain(const char* name) {
  static char ours;
  return std::string_view(name) == "lamella" ? reinterpret_cast<nvtxDomainHandle_t>(&ours)
                                             : nullptr;
}

int NVTX_API push(nvtxDomainHandle_t domain, const nvtxEventAttributes_t* attributes) {
  const std::lock_guard lock(mutex);
  if (recording && domain != nullptr) {
    recorded += std::string(2 * static_cast<std::size_t>(depth), ' ') + attributes->message.ascii +
                " (" + std::to_string(attributes->payload.ullValue) + ")\n";
  }
  return depth++;
}

int NVTX_API pop(nvtxDomainHandle_t /*domain*/) {
  return --depth;
}

template <class Function>
void set(NvtxFunctionTable table, int id, Function* function) {
  *table[id] = reinterpret_cast<NvtxFunctionPointer>(function);
}

}  // namespace

extern "C" {

int NVTX_API InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_export_table) {
  const auto* const callbacks =
      static_cast<const NvtxExportTableCallbacks*>(get_export_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned size = 0;
  if (callbacks == nullptr ||
      callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size) == 0 ||
      size <= NVTX_CBID_CORE2_DomainCreateA) {
    return 0;
  }
  set(table, NVTX_CBID_CORE2_DomainCreateA, create_domain);
  set(table, NVTX_CBID_CORE2_DomainRangePushEx, push);
  set(table, NVTX_CBID_CORE2_DomainRangePop, pop);
  return 1;
}

// For the test, which finds them with dlsym.
void nvtx_recorder_start() {
  const std::lock_guard lock(mutex);
  recorded.clear();
  recording = true;
}

// Returns the recording, valid until the next call, with a note if ranges are still open on this
// thread.
const char* nvtx_recorder_stop() {
  const std::lock_guard lock(mutex);
  recording = false;
  selected = recorded + (depth == 0 ? "" : "ranges are still open\n");
  return selected.c_str();
}
}
