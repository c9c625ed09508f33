#include "io/zip.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>
#include <zlib.h>

#include <lamella/error.hpp>

#include "io/bytes.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

constexpr std::uint32_t kEndSignature = 0x06054B50;
constexpr std::uint32_t kZip64EndSignature = 0x06064B50;
constexpr std::uint32_t kZip64LocatorSignature = 0x07064B50;
constexpr std::uint32_t kCentralSignature = 0x02014B50;
constexpr std::uint32_t kLocalSignature = 0x04034B50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kZip64LocatorSize = 20;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kLocalSize = 30;
constexpr std::uint32_t kIn64Bits = 0xFFFFFFFF;  // "see the zip64 field"
// Deflate expands at most 1032-fold (zlib's documentation, "Maximum Expansion Factor").
constexpr std::uint64_t kDeflateExpansion = 1032;

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
};

[[noreturn]] void throw_truncated(const char* what) {
  throw Error(fmt::format(
      "is a damaged zip archive: {}; the file is truncated or was not written to its end", what));
}

template <class T>
T wanted(const ByteView& view, std::uint64_t offset, const char* what) {
  const auto value = view.number<T>(offset);
  if (!value) {
    throw_truncated(what);
  }
  return *value;
}

// The end record comes last, before a comment of up to 65535 bytes.
std::optional<std::uint64_t> find_end_record(const ByteView& view) {
  if (view.size() < kEndSize) {
    return std::nullopt;
  }
  const std::uint64_t last = view.size() - kEndSize;
  const std::uint64_t first = last - std::min<std::uint64_t>(last, 0xFFFF);
  for (std::uint64_t at = last + 1; at-- > first;) {
    if (view.number<std::uint32_t>(at) == kEndSignature &&
        *view.number<std::uint16_t>(at + 20) == last - at) {
      return at;
    }
  }
  return std::nullopt;
}

Directory find_directory(const ByteView& view) {
  const auto end = find_end_record(view);
  if (!end) {
    throw_truncated("the end of its central directory is missing");
  }
  Directory directory = {.offset = *view.number<std::uint32_t>(*end + 16),
                         .size = *view.number<std::uint32_t>(*end + 12),
                         .entries = *view.number<std::uint16_t>(*end + 10)};
  const bool one_disk =
      *view.number<std::uint16_t>(*end + 4) == 0 || *view.number<std::uint16_t>(*end + 4) == 0xFFFF;
  std::uint64_t directory_end = *end;
  if (*end >= kZip64LocatorSize &&
      view.number<std::uint32_t>(*end - kZip64LocatorSize) == kZip64LocatorSignature) {
    constexpr const char* kWhat = "its zip64 end record is missing";
    const std::uint64_t record = wanted<std::uint64_t>(view, *end - kZip64LocatorSize + 8, kWhat);
    if (view.number<std::uint32_t>(record) != kZip64EndSignature) {
      throw_truncated(kWhat);
    }
    directory = {.offset = wanted<std::uint64_t>(view, record + 48, kWhat),
                 .size = wanted<std::uint64_t>(view, record + 40, kWhat),
                 .entries = wanted<std::uint64_t>(view, record + 32, kWhat)};
    directory_end = record;
  }
  if (!one_disk) {
    throw Error("is one part of a zip archive over several disks, which is not read");
  }
  if (directory.offset > directory_end || directory.size != directory_end - directory.offset ||
      directory.entries > directory.size / kCentralSize) {
    throw Error(
        fmt::format("is a damaged zip archive: its central directory of {} entries is said to be "
                    "{} bytes at {}, "
                    "but ends at {}",
                    directory.entries, directory.size, directory.offset, directory_end));
  }
  return directory;
}

// An entry's 64-bit numbers are in its extra field, but only those that do not fit elsewhere.
class Zip64Field {
 public:
  explicit Zip64Field(std::span<const std::byte> extra) {
    ByteView rest(extra);
    while (rest.size() >= 4) {
      const std::uint16_t size = *rest.number<std::uint16_t>(2);
      const auto body = rest.part(4, size);
      if (!body) {
        return;
      }
      if (*rest.number<std::uint16_t>(0) == 1) {
        body_ = ByteView(*body);
        return;
      }
      rest = ByteView(rest.all().subspan(4U + size));
    }
  }

  std::uint64_t take(std::uint32_t small, const std::string& name) {
    if (small != kIn64Bits) {
      return small;
    }
    const auto value = body_.number<std::uint64_t>(position_);
    if (!value) {
      throw Error(
          fmt::format("is a damaged zip archive: entry {} lacks its zip64 sizes", in_quotes(name)));
    }
    position_ += sizeof(std::uint64_t);
    return *value;
  }

 private:
  ByteView body_;
  std::uint64_t position_ = 0;
};

// An entry and its extent in the file.
struct Placed {
  ZipEntry entry;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Follows the local header to the data, which must precede the central directory.
void place(Placed& placed, const ByteView& before_directory, std::uint64_t compressed_size) {
  const auto local = before_directory.part(placed.begin, kLocalSize);
  const auto throw_unsupported = [&](const char* what) {
    throw Error(fmt::format("is a damaged zip archive: {} of entry {} {}", what,
                            in_quotes(placed.entry.name), "lies outside the file or is not sound"));
  };
  if (!local || load_little<std::uint32_t>(local->data()) != kLocalSignature) {
    throw_unsupported("the local header");
  }
  const std::uint16_t name_size = load_little<std::uint16_t>(local->data() + 26);
  const std::uint16_t extra_size = load_little<std::uint16_t>(local->data() + 28);
  const auto name = before_directory.part(placed.begin + kLocalSize, name_size);
  if (!name || as_text(*name) != placed.entry.name) {
    throw_unsupported("the local name");
  }
  const std::uint64_t data = placed.begin + kLocalSize + name_size + extra_size;
  const auto compressed = before_directory.part(data, compressed_size);
  if (!compressed) {
    throw_unsupported("the data");
  }
  placed.entry.compressed = *compressed;
  placed.end = data + compressed_size;
}

void check_sizes(const ZipEntry& entry) {
  const std::uint64_t stored = entry.compressed.size();
  const bool possible =
      entry.deflated ? entry.size / kDeflateExpansion <= stored : entry.size == stored;
  if (!possible) {
    throw Error(
        fmt::format("is a damaged zip archive: entry {} is said to hold {} bytes, which {} stored "
                    "bytes cannot give",
                    in_quotes(entry.name), entry.size, stored));
  }
}

Placed read_central(const ByteView& directory, std::uint64_t& at,
                    const ByteView& before_directory) {
  const auto fixed = directory.part(at, kCentralSize);
  if (!fixed || load_little<std::uint32_t>(fixed->data()) != kCentralSignature) {
    throw_truncated("an entry of its central directory is missing");
  }
  const ByteView record(*fixed);
  const std::uint16_t name_size = *record.number<std::uint16_t>(28);
  const std::uint16_t extra_size = *record.number<std::uint16_t>(30);
  const std::uint16_t comment_size = *record.number<std::uint16_t>(32);
  const auto name = directory.part(at + kCentralSize, name_size);
  const auto extra = directory.part(at + kCentralSize + name_size, extra_size);
  if (!name || !extra) {
    throw_truncated("an entry of its central directory is cut");
  }
  at += kCentralSize + name_size + extra_size + comment_size;

  Placed placed;
  placed.entry.name = as_text(*name);
  const std::uint16_t flags = *record.number<std::uint16_t>(8);
  const std::uint16_t method = *record.number<std::uint16_t>(10);
  if ((flags & 1U) != 0 || (method != 0 && method != 8)) {
    throw Error(fmt::format(
        "has the entry {}, which is {}; stored and deflated entries are read",
        in_quotes(placed.entry.name),
        (flags & 1U) != 0 ? "encrypted" : fmt::format("compressed by method {}", method)));
  }
  placed.entry.deflated = method == 8;
  placed.entry.crc = *record.number<std::uint32_t>(16);
  Zip64Field field(*extra);
  placed.entry.size = field.take(*record.number<std::uint32_t>(24), placed.entry.name);
  const std::uint64_t compressed = field.take(*record.number<std::uint32_t>(20), placed.entry.name);
  placed.begin = field.take(*record.number<std::uint32_t>(42), placed.entry.name);
  place(placed, before_directory, compressed);
  check_sizes(placed.entry);
  return placed;
}

[[noreturn]] void throw_bad_crc(const ZipEntry& entry) {
  throw Error(
      fmt::format("entry {} is damaged: its CRC does not match its data", in_quotes(entry.name)));
}

std::uint32_t crc_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// A stream of raw deflate data.
class Inflater {
 public:
  explicit Inflater(const ZipEntry& entry) : entry_(entry), input_(entry.compressed) {
    if (::inflateInit2(&stream_, -MAX_WBITS) != Z_OK) {
      throw Error("zlib could not be started");
    }
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream_); }

  // Fills `into`; short only at the end of the data.
  std::size_t read(std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size() && !ended_) {
      const auto available =
          static_cast<uInt>(std::min<std::size_t>(into.size() - done, kMaxAtOnce));
      step(reinterpret_cast<Bytef*>(into.data() + done), available);
      done += available - stream_.avail_out;
    }
    return done;
  }

  // Whether the stream ends here and consumed all its input.
  bool at_end() {
    std::byte more{};
    return read({&more, 1}) == 0 && input_.empty() && stream_.avail_in == 0;
  }

 private:
  static constexpr std::size_t kMaxAtOnce = std::size_t{1} << 30;

  void step(Bytef* to, uInt available) {
    if (stream_.avail_in == 0 && !input_.empty()) {
      const std::size_t count = std::min(input_.size(), kMaxAtOnce);
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input_.data()));
      stream_.avail_in = static_cast<uInt>(count);
      input_ = input_.subspan(count);
    }
    stream_.next_out = to;
    stream_.avail_out = available;
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    ended_ = result == Z_STREAM_END;
    const bool starved =
        stream_.avail_out == available && stream_.avail_in == 0 && input_.empty() && !ended_;
    if ((result != Z_OK && !ended_) || starved) {
      throw Error(fmt::format("entry {} is damaged: its deflated data cannot be decompressed",
                              in_quotes(entry_.name)));
    }
  }

  const ZipEntry& entry_;
  std::span<const std::byte> input_;
  z_stream stream_ = {};
  bool ended_ = false;
};

}  // namespace

bool looks_like_zip(std::span<const std::byte> first_bytes) {
  return begins_with(first_bytes, "PK\x03\x04") || begins_with(first_bytes, "PK\x05\x06");
}

std::vector<ZipEntry> list_zip(std::span<const std::byte> bytes) {
  const ByteView view(bytes);
  const Directory where = find_directory(view);
  const ByteView directory(*view.part(where.offset, where.size));
  const ByteView before_directory(*view.part(0, where.offset));

  std::vector<Placed> placed;
  std::unordered_set<std::string> names;
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < where.entries; ++i) {
    placed.push_back(read_central(directory, at, before_directory));
    if (!names.insert(placed.back().entry.name).second) {
      throw Error(fmt::format("has the entry {} twice", in_quotes(placed.back().entry.name)));
    }
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::vector<ZipEntry> entries;
  for (Placed& one : placed) {
    ranges.emplace_back(one.begin, one.end);
    entries.push_back(std::move(one.entry));
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) {
      throw Error("is a damaged zip archive: its entries overlap");
    }
  }
  return entries;
}

std::vector<std::byte> zip_entry_begin(const ZipEntry& entry, std::size_t count) {
  std::vector<std::byte> begin(
      static_cast<std::size_t>(std::min<std::uint64_t>(count, entry.size)));
  if (entry.deflated) {
    Inflater inflater(entry);
    begin.resize(inflater.read(begin));
  } else {
    std::copy_n(entry.compressed.begin(), begin.size(), begin.begin());
  }
  return begin;
}

void inflate_entry(const ZipEntry& entry, std::span<std::byte> into) {
  Inflater inflater(entry);
  const std::size_t got = inflater.read(into);
  if (got != into.size() || !inflater.at_end()) {
    throw Error(fmt::format(
        "entry {} is damaged: it does not decompress to the {} bytes that it is said to hold",
        in_quotes(entry.name), entry.size));
  }
  if (crc_of(into) != entry.crc) {
    throw_bad_crc(entry);
  }
}

void check_stored(const ZipEntry& entry) {
  if (crc_of(entry.compressed) != entry.crc) {
    throw_bad_crc(entry);
  }
}

}  // namespace lamella::io
