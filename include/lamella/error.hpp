// The errors that Lamella throws. Every message is one sentence that a user can act on: which file,
// layer or line, what was found, and what was wanted. Where an option would help, remedy() says
// which, so that a program can name it as its users know it (the command names its flag).
#pragma once

#include <stdexcept>
#include <string>

#pragma GCC visibility push(default)
namespace lamella {

// The option that makes a failed call succeed, or changes what a note reports.
enum class Remedy {
  kNone,
  kAllowNonfinite,  // allow_nonfinite of LoadOptions or NetworkRules
  kActivations,     // LoadOptions::activations
  kWeightsLayout,   // LoadOptions::weights_layout
  kColumns,         // ScoreOptions::columns
  kColumnNumbers,   // the same, with columns numbered from 0
  kClasses,         // OutputKind::kArgmax
  kOutputFile,      // ScoreOptions::output with a name
  kShard,           // ScoreOptions::shard with numbers of the caller's own
  kFewerRows,       // a smaller ScoreOptions::chunk_rows or EngineOptions::max_rows
  kFewerRowsOrCpu,  // the same, or kCpu
  kMoreMemory,      // a larger ScoreOptions::memory_bytes
  kCpu,             // EngineOptions::device {DeviceKind::kCpu}
  kFigure,          // figure_svg() in place of html_report()
};

// The root of the family: catch this to catch everything that Lamella itself reports.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, Remedy remedy = Remedy::kNone)
      : std::runtime_error(what), remedy_(remedy) {}
  [[nodiscard]] Remedy remedy() const noexcept { return remedy_; }

 private:
  Remedy remedy_;
};

// An argument or option whose value cannot mean anything (the command exits with 2 on it).
class UsageError : public Error {
 public:
  using Error::Error;
};

// A file that cannot be opened, read, understood or written. The message begins with its name.
class FileError : public Error {
 public:
  FileError(const std::string& file, const std::string& what, Remedy remedy = Remedy::kNone)
      : Error(file + ": " + what, remedy) {}
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
