// The version of the library that is linked; LAMELLA_VERSION is that of the headers.
//
// Versions are semantic (semver.org). What is public is what stands in include/lamella. C++:
// programs are to be compiled again for each major version, and for each minor one before 1.0; the
// library's file name (SOVERSION) changes with it, so that one cannot be taken for the other. C:
// lamella.h says what stays.
#pragma once

#include <lamella/version.h>

#pragma GCC visibility push(default)
namespace lamella {

// "major.minor.patch", as in CHANGELOG.md.
[[nodiscard]] const char* version();

}  // namespace lamella
#pragma GCC visibility pop
