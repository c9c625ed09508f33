// The version of the library that is linked.
#pragma once

namespace lamella {

// "major.minor.patch", as in CHANGELOG.md.
[[nodiscard]] const char* version();

}  // namespace lamella
