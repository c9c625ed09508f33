// Feeds every file of a folder to the fuzz targets: whole, truncated to every shorter length, and
// with each byte changed in turn. Needs no fuzzer, so it runs in every build.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/targets.hpp"

namespace {

// Limits the truncations and changes per file; larger files are sampled evenly.
constexpr std::size_t kMaxVariants = 600;

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> text((std::istreambuf_iterator<char>(file)),
                               std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void replay(lamella::fuzz::Target target, std::vector<std::byte> bytes) {
  target(bytes);
  const std::size_t step = bytes.size() / kMaxVariants + 1;
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    target(std::vector<std::byte>(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(i)));
    for (const std::byte change : {std::byte{0x01}, std::byte{0x80}, std::byte{0xFF}}) {
      bytes[i] ^= change;
      target(bytes);
      bytes[i] ^= change;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      const auto target = lamella::fuzz::target_for(entry.path().extension().string());
      if (entry.is_regular_file() && target != nullptr) {
        replay(target, read_file(entry.path()));
        ++files;
      }
    }
  }
  std::printf("%zu files replayed\n", files);
  return files > 0 ? 0 : 1;
}
