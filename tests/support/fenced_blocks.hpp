// Code blocks of a Markdown document, for tests that run or parse them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace lamella::test {

// The contents of the blocks whose fence has this info word.
inline std::vector<std::string> fenced_blocks(const std::string& page, const std::string& word) {
  const std::string fence = "\n```" + word + "\n";
  std::vector<std::string> found;
  for (std::size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at)) {
    at += fence.size();
    found.push_back(page.substr(at, page.find("```", at) - at));
  }
  return found;
}

}  // namespace lamella::test
