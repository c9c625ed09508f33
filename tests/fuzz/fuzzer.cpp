// A libFuzzer program; LAMELLA_FUZZ_TARGET names a function of targets.hpp.
#include <cstdint>

#include "fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lamella::fuzz::LAMELLA_FUZZ_TARGET(std::as_bytes(std::span(data, size)));
  return 0;
}
