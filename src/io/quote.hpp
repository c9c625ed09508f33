// Quotes text from files in messages: one line, printable, short.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lamella::io {

// The text in single quotes; shows control characters as \xHH and cuts text beyond 40 bytes with
// "...".
[[nodiscard]] std::string in_quotes(std::string_view text);
// The same for the name of a node or a tensor, of which the end tells it apart: all of it, or of
// more than 120 bytes the last ones.
[[nodiscard]] std::string name_in_quotes(std::string_view name);

// Up to three of `names` closest to `wanted`, quoted and comma-separated: "'x1', 'x10', 'y1'".
[[nodiscard]] std::string nearest(std::string_view wanted, const std::vector<std::string>& names);

}  // namespace lamella::io
