// Reads zip archives (PKWARE APPNOTE 6.3) as NumPy writes them: stored or deflated entries, with or
// without zip64, one disk, no encryption.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lamella::io {

struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t size = 0;                 // after decompression
  std::span<const std::byte> compressed;  // into the archive's bytes
};

[[nodiscard]] bool looks_like_zip(std::span<const std::byte> first_bytes);

// The entries of the central directory, validated: inside the file, disjoint, uniquely named.
// Throws Error.
[[nodiscard]] std::vector<ZipEntry> list_zip(std::span<const std::byte> bytes);

// Up to `count` of an entry's first bytes; the CRC is not checked. Throws Error.
[[nodiscard]] std::vector<std::byte> zip_entry_begin(const ZipEntry& entry, std::size_t count);

// Decompresses a deflated entry into `into`, which has entry.size bytes; checks CRC and size.
// Throws Error.
void inflate_entry(const ZipEntry& entry, std::span<std::byte> into);

// Checks the CRC of a stored entry. Throws Error.
void check_stored(const ZipEntry& entry);

}  // namespace lamella::io
