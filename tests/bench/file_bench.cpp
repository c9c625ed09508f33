// How quick row files are read and written, beside what the number conversions alone and the
// system's calls alone take. One thread; everything in one run, in turns. The files are in the page
// cache, since it is not the disk that is measured.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <lamella/error.hpp>

#include "cpu/fma_peak.hpp"
#include "io/atomic_file.hpp"
#include "io/byte_source.hpp"
#include "io/rows.hpp"
#include "tests/bench/median.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella::bench {
namespace {

constexpr int kRounds = 9;
constexpr std::size_t kColumns = 64;
constexpr std::size_t kRows = 200'000;
constexpr std::size_t kChunkRows = 4096;  // 1 MiB, as the pipeline has them

// One way through a file, and what it takes.
struct Job {
  std::string name;
  std::size_t bytes;
  double wanted;  // MB/s; 0 where nothing is promised
  std::function<void()> run;
  std::vector<double> rates = {};  // MB/s of each round
};

void read_file(const std::string& path, Matrix& chunk) {
  const auto reader = io::open_rows(path);
  while (reader->read(chunk) == chunk.rows()) {
  }
}

void write_file(const std::string& path, const Matrix& rows) {
  const auto writer = io::create_rows(path, {.columns = rows.columns(), .rows = rows.rows()});
  const MatrixView<const float> view = rows;
  for (std::size_t first = 0; first < rows.rows(); first += kChunkRows) {
    writer->write(view.block(first, std::min(kChunkRows, rows.rows() - first)));
  }
  writer->finish();
}

void read_bytes(const std::string& path, std::vector<std::byte>& block) {
  const auto source = io::open_source(path);
  while (source->read(block) == block.size()) {
  }
}

void write_bytes(const std::string& path, std::span<const std::byte> bytes) {
  io::AtomicFile file(path);
  for (std::size_t first = 0; first < bytes.size(); first += io::kReadBlock) {
    file.write(bytes.subspan(first, std::min(io::kReadBlock, bytes.size() - first)));
  }
  file.finish();
}

// Whether a file holds these rows, bit for bit.
bool holds(const std::string& path, const Matrix& rows) {
  Matrix read(rows.rows(), rows.columns());
  return io::open_rows(path)->read(read) == rows.rows() &&
         std::memcmp(read.data(), rows.data(), rows.size() * sizeof(float)) == 0;
}

// The conversions alone, on text that is in memory and known to be sound.
void parse_with_fast_float(std::string_view text, std::vector<float>& values) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::size_t count = 0;
  while (at != end) {
    at = fast_float::from_chars(at, end, values[count % values.size()]).ptr + 1;
    ++count;
  }
}

void parse_with_strtof(std::string_view text, std::vector<float>& values) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::size_t count = 0;
  while (at != end) {
    char* stop = nullptr;
    values[count % values.size()] = std::strtof(at, &stop);
    at = stop + 1;
    ++count;
  }
}

void print_with_to_chars(MatrixView<const float> rows, std::vector<char>& text) {
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    char* at = text.data();
    for (const float value : rows.row(r)) {
      at = std::to_chars(at, at + 24, value).ptr;
      *at++ = ',';
    }
  }
}

int run() {
  const test::TemporaryFolder folder;
  const std::string csv = folder.file("rows.csv");
  const std::string npy = folder.file("rows.npy");
  const std::string out = folder.file("out");
  const Matrix rows = test::random_rows(kRows, kColumns, 1);
  write_file(csv, rows);
  write_file(npy, rows);
  if (!holds(csv, rows) || !holds(npy, rows)) {
    fmt::print(stderr, "file_bench: a file does not hold the rows that were written to it\n");
    return 1;
  }
  const std::string text = test::file_content(csv);
  const auto text_bytes = std::as_bytes(std::span(text));
  const std::size_t npy_bytes = rows.size() * sizeof(float);
  Matrix chunk(kChunkRows, kColumns);
  std::vector<std::byte> block(io::kReadBlock);
  std::vector<float> values(kChunkRows * kColumns);
  std::vector<char> line(kColumns * 25);

  std::vector<Job> jobs = {
      {"read csv", text.size(), 450, [&] { read_file(csv, chunk); }},
      {"  its bytes alone", text.size(), 0, [&] { read_bytes(csv, block); }},
      {"  fast_float alone", text.size(), 0, [&] { parse_with_fast_float(text, values); }},
      {"  strtof alone", text.size(), 0, [&] { parse_with_strtof(text, values); }},
      {"write csv", text.size(), 250, [&] { write_file(out + ".csv", rows); }},
      {"  its bytes alone", text.size(), 0, [&] { write_bytes(out + ".bin", text_bytes); }},
      {"  std::to_chars alone", text.size(), 0, [&] { print_with_to_chars(rows, line); }},
      {"read npy", npy_bytes, 0, [&] { read_file(npy, chunk); }},
      {"  its bytes alone", npy_bytes, 0, [&] { read_bytes(npy, block); }},
      {"write npy", npy_bytes, 0, [&] { write_file(out + ".npy", rows); }},
  };
  for (int round = 0; round < kRounds; ++round) {
    for (Job& job : jobs) {
      const double before = cpu::thread_seconds();
      job.run();
      job.rates.push_back(static_cast<double>(job.bytes) / 1e6 / (cpu::thread_seconds() - before));
    }
  }
  fmt::print("one thread, {} rows of {} values; medians of {} rounds in turns\n\n", kRows, kColumns,
             kRounds);
  fmt::print("{:<24}{:>10}{:>10}\n", "", "MB/s", "wanted");
  bool met = true;
  for (const Job& job : jobs) {
    const double rate = median(job.rates);
    met &= rate >= job.wanted;
    fmt::print("{:<24}{:>10.0f}{:>10}\n", job.name, rate,
               job.wanted > 0 ? fmt::format("{:.0f}", job.wanted) : "");
  }
  if (!met) {
    fmt::print(stderr, "file_bench: a wanted rate was not reached\n");
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace lamella::bench

int main(int argc, char** /*argv*/) {
  if (argc > 1) {
    fmt::print(stderr, "usage: file_bench\n");
    return 2;
  }
  try {
    return lamella::bench::run();
  } catch (const lamella::Error& error) {
    fmt::print(stderr, "file_bench: {}\n", error.what());
    return 1;
  }
}
