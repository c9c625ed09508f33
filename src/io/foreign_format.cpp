#include "io/foreign_format.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "io/bytes.hpp"

namespace lamella::io {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPickle =
    "a Python pickle; save its arrays with safetensors or numpy.savez";
constexpr std::string_view kHtml = "an HTML page, perhaps of an error or a login; download again";

struct Signature {
  std::string_view begin;
  std::string_view what;
};
constexpr std::array kBinary = {
    Signature{"version https://git-lfs"sv,
              "a Git LFS pointer, not the file itself; git lfs pull fetches that"},
    Signature{"\x89HDF\r\n"sv, "an HDF5 file (Keras .h5); save its arrays with numpy.savez"},
    Signature{"\x80\x02"sv, kPickle},
    Signature{"\x80\x03"sv, kPickle},
    Signature{"\x80\x04"sv, kPickle},
    Signature{"\x80\x05"sv, kPickle},
    Signature{"\x1f\x8b"sv, "compressed with gzip; decompress it first"},
    Signature{"\x28\xb5\x2f\xfd"sv, "compressed with zstd; decompress it first"},
    Signature{"\xfd\x37zXZ"sv, "compressed with xz; decompress it first"},
    Signature{"BZh91AY&SY"sv, "compressed with bzip2; decompress it first"},
    Signature{"GGUF\x02\0"sv, "a GGUF file"},
    Signature{"GGUF\x03\0"sv, "a GGUF file"},
    Signature{
        "PAR1\x15"sv,
        "a Parquet file; duckdb -csv -c \"FROM 'FILE'\" writes its rows as csv, also to a pipe"},
    Signature{"ARROW1\0\0"sv,
              "an Arrow file (Feather); write its rows as csv or .npy, with pyarrow for instance"},
    Signature{"%PDF-"sv, "a PDF"},
};
// In any case of letters, after white space.
constexpr std::array kMarkup = {
    Signature{"<!doctype html"sv, kHtml}, Signature{"<html"sv, kHtml}, Signature{"<head>"sv, kHtml},
    Signature{"<?xml"sv, "an XML file, perhaps of an error; download again"}};

}  // namespace

std::string_view foreign_format(std::span<const std::byte> first_bytes) {
  for (const Signature& signature : kBinary) {
    if (begins_with(first_bytes, signature.begin)) {
      return signature.what;
    }
  }
  std::string_view text = as_text(first_bytes);
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (const Signature& signature : kMarkup) {
    if (lower.starts_with(signature.begin)) {
      return signature.what;
    }
  }
  return {};
}

}  // namespace lamella::io
