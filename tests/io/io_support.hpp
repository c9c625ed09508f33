// Shared by the file tests: a temporary folder, files assembled byte by byte from the format
// specifications, and a reader's result as text.
#pragma once

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <lamella/error.hpp>
#include <lamella/model_file.hpp>

#include "io/byte_source.hpp"
#include "io/csv_rows.hpp"
#include "io/model_reader.hpp"
#include "io/npy_rows.hpp"
#include "io/rows.hpp"

namespace lamella::io::testing_support {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "lamella-test-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_),
                                                  std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path path_;
};

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

template <class T>
std::string little(T value, std::size_t size = sizeof(T)) {
  std::string text(sizeof(T), '\0');
  std::memcpy(text.data(), &value, sizeof(T));
  return text.substr(0, size);
}

template <class T>
std::string raw(const std::vector<T>& values, bool big_endian = false) {
  std::string text;
  for (const T value : values) {
    std::string one = little(value);
    text += big_endian ? std::string(one.rbegin(), one.rend()) : one;
  }
  return text;
}

// A .npy file with arbitrary header text.
inline std::string npy_with(const std::string& dict, const std::string& data, int version = 1) {
  return std::string("\x93NUMPY") + static_cast<char>(version) + '\0' +
         (version == 1 ? little(static_cast<std::uint16_t>(dict.size()))
                       : little(static_cast<std::uint32_t>(dict.size()))) +
         dict + data;
}

inline std::string npy(const std::string& descr, const std::vector<std::size_t>& shape,
                       const std::string& data, bool fortran = false, int version = 1) {
  return npy_with(
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}{}), }}\n", descr,
                  fortran ? "True" : "False", fmt::join(shape, ", "), shape.size() == 1 ? "," : ""),
      data, version);
}

// A safetensors file with arbitrary header text.
inline std::string safetensors_with(const std::string& header, const std::string& data) {
  return little(std::uint64_t{header.size()}) + header + data;
}

struct TestTensor {
  std::string name;
  std::vector<std::size_t> shape;
  std::string data;
  std::string type = "F32";
};

inline std::string safetensors(const std::vector<TestTensor>& tensors,
                               const std::string& metadata = "") {
  std::string header = metadata.empty() ? "" : "\"__metadata__\":" + metadata;
  std::string data;
  for (const TestTensor& tensor : tensors) {
    header +=
        fmt::format("{}\"{}\":{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                    header.empty() ? "" : ",", tensor.name, tensor.type,
                    fmt::join(tensor.shape, ","), data.size(), data.size() + tensor.data.size());
    data += tensor.data;
  }
  return safetensors_with("{" + header + "}", data);
}

// Random float32 tensors with the given names and shapes.
inline std::vector<TestTensor> random_tensors(
    const std::vector<std::pair<std::string, std::vector<std::size_t>>>& shapes) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal;
  std::vector<TestTensor> tensors;
  for (const auto& [name, shape] : shapes) {
    std::size_t count = 1;
    for (const std::size_t n : shape) {
      count *= n;
    }
    std::vector<float> values(count);
    std::generate(values.begin(), values.end(), [&] { return normal(generator); });
    tensors.push_back({name, shape, raw(values)});
  }
  return tensors;
}

struct ZipOptions {
  bool deflate = false;
  bool zip64 = false;
  bool wrong_crc = false;
  std::int64_t size_error = 0;  // added to the size in the central directory
  std::uint16_t flags = 0;
  std::uint16_t method = 0;  // if not 0, replaces the correct one
};

inline std::string deflated(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string zip(const std::vector<std::pair<std::string, std::string>>& files,
                       const ZipOptions& options = {}) {
  std::string archive;
  std::string directory;
  for (const auto& [name, content] : files) {
    const std::string data = options.deflate ? deflated(content) : content;
    const std::uint32_t crc =
        static_cast<std::uint32_t>(
            crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size())) ^
        (options.wrong_crc ? 1U : 0U);
    const auto method =
        options.method != 0 ? options.method : static_cast<std::uint16_t>(options.deflate ? 8 : 0);
    const std::uint64_t size = content.size() + static_cast<std::uint64_t>(options.size_error);
    const std::uint64_t offset = archive.size();
    const std::string sizes64 = little(size) + little(std::uint64_t{data.size()});
    const std::uint32_t in64 = 0xFFFFFFFF;
    const auto small = [&](std::uint64_t value) {
      return little(options.zip64 ? in64 : static_cast<std::uint32_t>(value));
    };
    const auto extra = [&](const std::string& body) {
      return options.zip64
                 ? little(std::uint16_t{1}) + little(static_cast<std::uint16_t>(body.size())) + body
                 : std::string();
    };
    const std::string common = little(std::uint16_t{45}) + little(options.flags) + little(method) +
                               little(std::uint32_t{0}) + little(crc) + small(data.size()) +
                               small(size) + little(static_cast<std::uint16_t>(name.size()));
    const std::string local_extra = extra(sizes64);
    archive += "PK\x03\x04" + common + little(static_cast<std::uint16_t>(local_extra.size())) +
               name + local_extra + data;
    const std::string central_extra = extra(sizes64 + little(offset));
    directory += "PK\x01\x02" + little(std::uint16_t{45}) + common +
                 little(static_cast<std::uint16_t>(central_extra.size())) + std::string(10, '\0') +
                 small(offset) + name + central_extra;
  }
  const std::uint64_t at = archive.size();
  archive += directory;
  if (options.zip64) {
    const std::uint64_t record = archive.size();
    archive += "PK\x06\x06" + little(std::uint64_t{44}) + little(std::uint32_t{0}) +
               little(std::uint64_t{0}) + little(std::uint64_t{files.size()}) +
               little(std::uint64_t{files.size()}) + little(std::uint64_t{directory.size()}) +
               little(at);
    archive += "PK\x06\x07" + little(std::uint32_t{0}) + little(record) + little(std::uint32_t{1});
  }
  const auto count = static_cast<std::uint16_t>(files.size());
  return archive + "PK\x05\x06" + little(std::uint32_t{0}) + little(count) + little(count) +
         little(options.zip64 ? 0xFFFFFFFFU : static_cast<std::uint32_t>(directory.size())) +
         little(options.zip64 ? 0xFFFFFFFFU : static_cast<std::uint32_t>(at)) +
         little(std::uint16_t{0});
}

inline std::string npz(const std::vector<TestTensor>& tensors, const ZipOptions& options = {}) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const TestTensor& tensor : tensors) {
    files.emplace_back(tensor.name + ".npy",
                       npy(tensor.type == "F32" ? "<f4" : tensor.type, tensor.shape, tensor.data));
  }
  return zip(files, options);
}

inline LoadedNetwork load(const std::string& file, const LoadOptions& options = {},
                          const std::string& name = "model") {
  return read_network(bytes_of(file), name, options);
}

inline RowReadOptions row_options(std::size_t expected, std::vector<std::string> columns = {}) {
  RowReadOptions options;
  options.expected_columns = expected;
  options.columns = std::move(columns);
  return options;
}

// All values of a reader, read chunk_rows at a time.
inline std::vector<float> all_values(RowReader& reader, std::size_t chunk_rows = 3) {
  std::vector<float> values;
  Matrix chunk(chunk_rows, reader.columns());
  while (const std::size_t count = reader.read(chunk)) {
    values.insert(values.end(), chunk.data(), chunk.data() + count * reader.columns());
  }
  return values;
}

inline std::vector<float> csv_values(const std::string& text, const RowReadOptions& options = {},
                                     char delimiter = ',') {
  const auto reader = read_csv_rows(memory_source(bytes_of(text), "rows"), delimiter, options);
  return all_values(*reader);
}

inline std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> result;
  for (const float value : values) {
    result.push_back(std::bit_cast<std::uint32_t>(value));
  }
  return result;
}

// All rows of an unread reader, in chunks from last to first.
inline std::vector<float> values_backwards(const RowReader& reader, std::size_t chunk_rows = 3) {
  EXPECT_TRUE(reader.has_read_at());
  const auto rows = static_cast<std::size_t>(reader.rows().value_or(0));
  Matrix values(rows, reader.columns());
  for (std::size_t end = rows; end > 0;) {
    const std::size_t first = end - std::min(end, chunk_rows);
    reader.read_at(first, MatrixView<float>(values).block(first, end - first));
    end = first;
  }
  return {values.data(), values.data() + rows * reader.columns()};
}

// The values, after checking that both directions agree.
inline std::vector<float> npy_values(const std::string& file, const RowReadOptions& options = {}) {
  const auto reader = read_npy_rows(memory_source(bytes_of(file), "rows"), options);
  const std::vector<float> backwards = values_backwards(*reader);
  std::vector<float> values = all_values(*reader);
  EXPECT_EQ(bits(values), bits(backwards));
  return values;
}

// The message of the Error that `action` throws; empty if none.
inline std::string rejection(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// 0, 1, 2, ...
inline std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

}  // namespace lamella::io::testing_support
