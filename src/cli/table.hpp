// Text in aligned columns.
#pragma once

#include <string>
#include <vector>

namespace lamella::cli {

// Right-aligns columns that hold a number in every row, left-aligns the others.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : lines_{std::move(headings)} {}
  // One cell per heading.
  void add(std::vector<std::string> cells) { lines_.push_back(std::move(cells)); }
  // The formatted lines, each with a line break.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> lines_;
};

}  // namespace lamella::cli
