// Reads and writes .npy files independently of the code under test: NumPy format versions 1 and 2,
// little-endian floats and integers in C order.
#pragma once

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace lamella::test {

struct NpyFile {
  std::string type;  // "<f4"
  std::vector<std::size_t> shape;
  std::vector<double> values;
};

namespace npy_detail {

// The text between two delimiters after a key of the header.
inline std::string between(const std::string& header, const std::string& key, char open,
                           char close) {
  const std::size_t at = header.find(key);
  const std::size_t begin = header.find(open, at + key.size());
  const std::size_t end = header.find(close, begin + 1);
  if (at == std::string::npos || begin == std::string::npos || end == std::string::npos) {
    throw std::runtime_error("no " + key + " in " + header);
  }
  return header.substr(begin + 1, end - begin - 1);
}

template <class T>
std::vector<double> values_of(const std::string& bytes) {
  std::vector<double> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value = 0;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

}  // namespace npy_detail

inline NpyFile parse_npy(const std::string& content) {
  if (content.size() < 12 || content.compare(0, 6, "\x93NUMPY") != 0) {
    throw std::runtime_error("not a .npy file");
  }
  const auto byte = [&content](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(content[i]));
  };
  const bool first_version = content[6] == 1;
  const std::size_t begin = first_version ? 10 : 12;
  const std::size_t length =
      byte(8) + (byte(9) << 8) + (first_version ? 0 : (byte(10) << 16) + (byte(11) << 24));
  const std::string header = content.substr(begin, length);
  if (header.find("'fortran_order': False") == std::string::npos) {
    throw std::runtime_error("C order is wanted: " + header);
  }
  NpyFile file;
  file.type = npy_detail::between(header, "'descr':", '\'', '\'');
  std::size_t count = 1;
  const std::string shape = npy_detail::between(header, "'shape':", '(', ')');
  for (std::size_t at = shape.find_first_of("0123456789"); at != std::string::npos;) {
    const std::size_t end = std::min(shape.find_first_not_of("0123456789", at), shape.size());
    file.shape.push_back(std::stoull(shape.substr(at, end - at)));
    count *= file.shape.back();
    at = shape.find_first_of("0123456789", end);
  }
  const std::string bytes = content.substr(begin + length);
  if (file.type == "<f4") {
    file.values = npy_detail::values_of<float>(bytes);
  } else if (file.type == "<f8") {
    file.values = npy_detail::values_of<double>(bytes);
  } else if (file.type == "<i8") {
    file.values = npy_detail::values_of<long long>(bytes);
  } else {
    throw std::runtime_error("type " + file.type);
  }
  if (file.values.size() != count) {
    throw std::runtime_error("more or fewer values than its shape says");
  }
  return file;
}

inline NpyFile read_npy(const std::string& path) {
  return parse_npy(file_content(path));
}

// float32 [values.size() / columns x columns].
inline std::string make_npy(const std::vector<float>& values, std::size_t columns) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(values.size() / columns) + ", " + std::to_string(columns) +
                       "), }";
  header.resize((header.size() + 11 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string content = "\x93NUMPY\x01";
  content += '\0';
  content += static_cast<char>(header.size() & 0xff);
  content += static_cast<char>(header.size() >> 8);
  content += header;
  content.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return content;
}

}  // namespace lamella::test
