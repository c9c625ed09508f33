// Incremental CRC-32, as in zip and gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <zlib.h>

namespace lamella::io {

// Extends a checksum (0 for no data yet) by `bytes`.
[[nodiscard]] inline std::uint32_t add_to_checksum(std::uint32_t checksum,
                                                   std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(checksum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace lamella::io
