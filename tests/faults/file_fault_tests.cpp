// Files that become shorter while they are read: never a signal, never rows that are silently
// missing.
#include <filesystem>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/lamella.hpp>

#include "io/byte_source.hpp"
#include "io/rows.hpp"
#include "tests/support/npy_file.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella {
namespace {

using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

// More than any reader takes at once.
constexpr std::size_t kRows = 300'000;

std::string csv_rows() {
  std::string text;
  for (std::size_t r = 0; r < kRows; ++r) {
    text += std::to_string(r) + ",0.5,-1\n";
  }
  return text;
}

TEST(AFileCutShort, IsAnErrorOfTheReader) {
  const TemporaryFolder folder;
  const std::string npy = test::make_npy(std::vector<float>(kRows * 3, 0.5F), 3);
  std::string fortran = npy;
  const std::string order = "'fortran_order': False";
  fortran.replace(fortran.find(order), order.size(), "'fortran_order': True ");
  const std::string csv = csv_rows();
  for (const auto& [name, content] :
       {std::pair(std::string("rows.csv"), csv), std::pair(std::string("rows.npy"), npy),
        std::pair(std::string("fortran.npy"), fortran)}) {
    const std::string file = folder.file(name);
    test::write_file(file, content);
    const auto reader = io::open_rows(file, {.expected_columns = 3});
    Matrix rows(100, 3);
    ASSERT_EQ(reader->read(rows), 100U);
    // In the middle of the file and at the end of a line, where the rest could pass for all.
    const std::size_t size =
        name == "rows.csv" ? content.find('\n', content.size() - 1000) + 1 : content.size() - 1200;
    std::filesystem::resize_file(file, size);
    EXPECT_THAT(message_of([&] {
                  while (reader->read(rows) == 100) {
                  }
                }),
                testing::StartsWith(file + ": "));
  }
}

// Cuts the file whose rows it computes, at the first of them: a few chunks are read by then, since
// no more fit the slots of the pipeline.
class CuttingEngine final : public Engine {
 public:
  explicit CuttingEngine(std::string file)
      : engine_(make_engine(test::random_network({.widths = {3, 4, 2}}),
                            {.device = Device::parse("cpu"), .threads = 1})),
        file_(std::move(file)) {
    info_ = engine_->info();
  }
  [[nodiscard]] const Network& network() const override { return engine_->network(); }
  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs) override {
    std::filesystem::resize_file(file_, 5000);
    engine_->run(rows, outputs, layer_outputs);
  }
  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) override {
    engine_->run_top_k(rows, top);
  }

 private:
  std::unique_ptr<Engine> engine_;
  std::string file_;
};

TEST(AFileCutShort, LeavesNoOutput) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.csv");
  test::write_file(file, csv_rows());
  CuttingEngine engine(file);
  EXPECT_THAT(message_of([&] {
                score(engine, {.input = file, .output = folder.file("out.npy"), .chunk_rows = 100});
              }),
              HasSubstr("was cut short while it was read"));
  EXPECT_THAT(folder.entries(), ElementsAre("rows.csv"));
}

TEST(AFileCutShort, IsAnErrorOfAModelThatIsRead) {
  const TemporaryFolder folder;
  const std::string file = folder.file("model.onnx");
  test::write_file(file, std::string(5000, 'x'));
  const auto source = io::open_source(file);
  std::filesystem::resize_file(file, 4000);
  EXPECT_EQ(message_of([&] { (void)io::read_all(*source); }),
            file + ": was cut short while it was read: it ends after 4000 bytes, and had 5000");
}

}  // namespace
}  // namespace lamella
