#include "io/npz.hpp"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/npy.hpp"
#include "io/quote.hpp"
#include "io/zip.hpp"

namespace lamella::io {
namespace {

// Maximum ratio of decompressed to file size. Trained weights hardly compress, and even mostly zero
// ones stay well below this. A small archive may expand more, since that costs little.
constexpr std::uint64_t kMaxExpansion = 16;
constexpr std::uint64_t kFreeExpansion = std::uint64_t{32} << 20;

[[noreturn]] void throw_other_archive(const std::string& entry) {
  std::string_view what = "; every entry of a .npz is a .npy";
  if (entry.ends_with("data.pkl")) {
    what = "; this is a PyTorch checkpoint: save its state_dict with safetensors.torch.save_file";
  } else if (entry.ends_with("config.json") || entry.ends_with(".weights.h5") ||
             entry.ends_with("metadata.json")) {
    what = "; this is a Keras model: save its arrays with numpy.savez";
  }
  throw Error(fmt::format("is a zip archive with the entry {}, which is not a .npy{}",
                          in_quotes(entry), what));
}

void check_expansion(const std::vector<ZipEntry>& entries, std::size_t file_size) {
  const std::uint64_t limit = kFreeExpansion + kMaxExpansion * file_size;
  std::uint64_t total = 0;
  for (const ZipEntry& entry : entries) {
    // The sum cannot overflow: zip.cpp has checked each size against its compressed bytes.
    total += entry.deflated ? entry.size : 0;
  }
  if (total > limit) {
    throw Error(fmt::format(
        "expands from {} bytes to {}, more than weights compress; save it with numpy.savez, "
        "uncompressed",
        file_size, total));
  }
}

Tensor read_entry(const ZipEntry& entry) {
  constexpr std::string_view kExtension = ".npy";
  const std::string name = entry.name.substr(0, entry.name.size() - kExtension.size());
  NpyHeader header;
  try {
    const std::size_t offset = npy_data_offset(zip_entry_begin(entry, kNpyPreambleSize));
    header = parse_npy_header(zip_entry_begin(entry, offset));
  } catch (const Error& error) {
    throw Error(fmt::format("array {} {}", name_in_quotes(name), error.what()), error.remedy());
  }
  if (entry.size - header.data_offset != header.data_bytes) {
    throw Error(fmt::format("array {} of shape {} takes {} bytes, but its entry holds {}",
                            name_in_quotes(name), shape_text(header.shape), header.data_bytes,
                            entry.size - header.data_offset));
  }
  Tensor tensor;
  tensor.name = name;
  tensor.encoding = header.encoding;
  tensor.fortran_order = header.fortran_order;
  tensor.shape = std::move(header.shape);
  if (entry.deflated) {
    tensor.storage.resize(static_cast<std::size_t>(entry.size));
    inflate_entry(entry, tensor.storage);
    tensor.data = std::span<const std::byte>(tensor.storage).subspan(header.data_offset);
  } else {
    check_stored(entry);
    tensor.data = entry.compressed.subspan(header.data_offset);
  }
  return tensor;
}

}  // namespace

TensorFile read_npz(std::span<const std::byte> bytes) {
  const std::vector<ZipEntry> entries = list_zip(bytes);
  for (const ZipEntry& entry : entries) {
    if (!entry.name.ends_with(".npy")) {
      throw_other_archive(entry.name);
    }
  }
  check_expansion(entries, bytes.size());
  TensorFile file;
  for (const ZipEntry& entry : entries) {
    file.tensors.push_back(read_entry(entry));
  }
  return file;
}

}  // namespace lamella::io
