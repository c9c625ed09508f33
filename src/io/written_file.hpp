// Statistics of a written file, for its manifest.
#pragma once

#include <cstdint>

namespace lamella::io {

struct WrittenFile {
  std::uint64_t bytes = 0;
  std::uint64_t header_bytes = 0;  // of the header, before the first row
  std::uint32_t checksum = 0;      // CRC-32 of all bytes
};

}  // namespace lamella::io
