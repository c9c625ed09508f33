// Errors that Lamella throws. Every message is one sentence that a user can act on: which file,
// layer or line, what was found, and what was wanted. If an option would help, remedy() returns it,
// so that a program can name it as its users know it (the command names its flag).
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
  kShard,           // ScoreOptions::shard with explicit numbers
  kFewerRows,       // a smaller ScoreOptions::chunk_rows or EngineOptions::max_rows
  kFewerRowsOrCpu,  // the same, or kCpu
  kMoreMemory,      // a larger ScoreOptions::memory_bytes
  kCpu,             // EngineOptions::device {DeviceKind::kCpu}
  kFigure,          // figure_svg() instead of html_report()
};

// Base class of all errors that Lamella itself reports.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, Remedy remedy = Remedy::kNone)
      : std::runtime_error(what), remedy_(remedy) {}
  [[nodiscard]] Remedy remedy() const noexcept { return remedy_; }

 private:
  Remedy remedy_;
};

// An invalid argument or option (the command exits with status 2).
class UsageError : public Error {
 public:
  using Error::Error;
};

// A file that cannot be opened, read, parsed or written. The message begins with its name.
class FileError : public Error {
 public:
  FileError(const std::string& file, const std::string& what, Remedy remedy = Remedy::kNone)
      : Error(file + ": " + what, remedy) {}
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
