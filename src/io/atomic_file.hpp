// Output files that appear under their final name only once complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/byte_source.hpp"
#include "io/written_file.hpp"

namespace lamella::io {

// Writes to a temporary file beside the target and renames it in finish(). Writes directly if the
// target is standard output or exists and is not a regular file (/dev/null, a FIFO).
class AtomicFile {
 public:
  // "-" is standard output. A non-null `written` is updated with every append. Throws FileError.
  explicit AtomicFile(const std::string& path, WrittenFile* written = nullptr);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  // Removes the temporary file unless finish() succeeded.
  ~AtomicFile();

  [[nodiscard]] const std::string& name() const { return name_; }
  // Whether write_at works: only for a temporary file whose bytes are not recorded in `written`.
  [[nodiscard]] bool can_rewrite() const { return !temporary_.empty() && written_ == nullptr; }
  // Appends. Throws FileError.
  void write(std::span<const std::byte> bytes);
  // Overwrites bytes already written. Throws FileError.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  // Renames the file to its target. Throws FileError. Call once, last.
  void finish();

 private:
  void open_direct(const std::string& path);
  void open_beside(const std::string& path, unsigned mode, bool exists);

  std::string name_;
  std::string target_;
  std::string temporary_;  // empty if the target is written directly
  FileHandle file_;
  WrittenFile* written_;
};

}  // namespace lamella::io
