// The version of the linked library; LAMELLA_VERSION is that of the headers.
//
// Versions are semantic (semver.org). The public interface is include/lamella. C++: recompile
// programs for each major version, and before 1.0 for each minor version; the library's file name
// (SOVERSION) changes with it, so the loader cannot confuse them. C: see lamella.h.
#pragma once

#include <lamella/version.h>

#pragma GCC visibility push(default)
namespace lamella {

// Returns "major.minor.patch", as in CHANGELOG.md.
[[nodiscard]] const char* version();

}  // namespace lamella
#pragma GCC visibility pop
