// The version of the library that is linked.
#pragma once

#pragma GCC visibility push(default)
namespace lamella {

// "major.minor.patch", as in CHANGELOG.md.
[[nodiscard]] const char* version();

}  // namespace lamella
#pragma GCC visibility pop
