// Text from files inside messages: one line, printable, short.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lamella::io {

// text in single quotes; control characters are shown as
// \xHH, and what is longer than 40 bytes is cut with "...".
[[nodiscard]] std::string in_quotes(std::string_view text);

// The up to three of names that are nearest to wanted, quoted, with commas: "'x1', 'x10', 'y1'".
[[nodiscard]] std::string nearest(std::string_view wanted, const std::vector<std::string>& names);

}  // namespace lamella::io
