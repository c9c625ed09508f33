// The errors that Lamella throws. Every message is one sentence that a user can act on: which file,
// layer or line, what was found, what was wanted, and which flag or argument changes it.
#pragma once

#include <stdexcept>
#include <string>

#pragma GCC visibility push(default)
namespace lamella {

// The root of the family: catch this to catch everything that Lamella itself reports.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An argument, option or flag whose value cannot mean anything (the command exits with 2 on it).
class UsageError : public Error {
 public:
  using Error::Error;
};

// A file that cannot be opened, read, understood or written. The message begins with its name.
class FileError : public Error {
 public:
  FileError(const std::string& file, const std::string& what) : Error(file + ": " + what) {}
};

// Shapes that do not fit each other: layers that do not chain, rows of another width.
class ShapeError : public Error {
 public:
  using Error::Error;
};

// A device that is absent, failed, or rejected a call. The message holds the failing expression and
// the reason that CUDA gives.
class DeviceError : public Error {
 public:
  using Error::Error;
};

// Memory, of the host or of a device, that could not be had. The message says how much was asked.
class OutOfMemoryError : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

// The work was stopped at the caller's wish (Ctrl-C in the command); nothing half-written is left.
class CancelledError : public Error {
 public:
  using Error::Error;
};

}  // namespace lamella
#pragma GCC visibility pop
