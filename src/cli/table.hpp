// Text in aligned columns.
#pragma once

#include <string>
#include <vector>

namespace lamella::cli {

// What is a number in every row stands to the right, other columns to the left.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : lines_{std::move(headings)} {}
  // As many cells as there are headings.
  void add(std::vector<std::string> cells) { lines_.push_back(std::move(cells)); }
  // Its lines, each with its end.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> lines_;
};

}  // namespace lamella::cli
