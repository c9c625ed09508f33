#include "cuda/nvtx.hpp"

#include <nvtx3/nvToolsExt.h>

namespace lamella::cuda {
namespace {

nvtxDomainHandle_t domain = nullptr;

void push(const char* name, std::uint64_t amount) {
  nvtxEventAttributes_t attributes{};
  attributes.version = NVTX_VERSION;
  attributes.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
  attributes.messageType = NVTX_MESSAGE_TYPE_ASCII;
  attributes.message.ascii = name;
  attributes.payloadType = NVTX_PAYLOAD_TYPE_UNSIGNED_INT64;
  attributes.payload.ullValue = amount;
  nvtxDomainRangePushEx(domain, &attributes);
}

void pop() {
  nvtxDomainRangePop(domain);
}

constexpr core::RangeSink kSink{push, pop};

}  // namespace

const core::RangeSink& nvtx_ranges() {
  // NVTX initializes itself at its first call, so that call must happen once, before all others.
  static const nvtxDomainHandle_t made = domain = nvtxDomainCreateA("lamella");
  (void)made;
  return kSink;
}

}  // namespace lamella::cuda
