// Text inside XML.
#pragma once

#include <string>
#include <string_view>

namespace lamella::figure {

// The text as the content of an element or an attribute in double quotes. What XML 1.0 has no place
// for (control characters, bytes that are not UTF-8) becomes U+FFFD.
[[nodiscard]] std::string xml_text(std::string_view text);

}  // namespace lamella::figure
