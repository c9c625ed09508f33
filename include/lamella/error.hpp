// Errors that Lamella throws. Every message is one sentence that a user can act on: which file,
// layer or line, what was found, what was wanted, and which flag or argument changes it.
#pragma once

#include <stdexcept>
#include <string>

#pragma GCC visibility push(default)
namespace lamella {

// Base class of all errors that Lamella itself reports.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An invalid argument, option or flag (the command exits with status 2).
class UsageError : public Error {
 public:
  using Error::Error;
};

// A file that cannot be opened, read, parsed or written. The message begins with its name.
class FileError : public Error {
 public:
  FileError(const std::string& file, const std::string& what) : Error(file + ": " + what) {}
};

// Mismatched shapes: layers that do not chain, rows of the wrong width.
class ShapeError : public Error {
 public:
  using Error::Error;
};

// A missing or failed device, or a failed CUDA call. The message holds the failing expression and
// CUDA's reason.
class DeviceError : public Error {
 public:
  using Error::Error;
};

// Host or device memory could not be allocated. The message holds the size requested.
class OutOfMemoryError : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

// The caller cancelled the work (in the command: Ctrl-C). No partial output is left.
class CancelledError : public Error {
 public:
  using Error::Error;
};

}  // namespace lamella
#pragma GCC visibility pop
