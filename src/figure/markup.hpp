// Escaping of text for XML.
#pragma once

#include <string>
#include <string_view>

namespace lamella::figure {

// Escapes text for element content or a double-quoted attribute. Replaces what XML 1.0 does not
// allow (control characters, bytes that are not UTF-8) by U+FFFD.
[[nodiscard]] std::string xml_text(std::string_view text);

}  // namespace lamella::figure
