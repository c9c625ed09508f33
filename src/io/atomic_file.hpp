// Output files that appear under their own name only when they are complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/byte_source.hpp"
#include "io/written_file.hpp"

namespace lamella::io {

// A file that is written beside its target and renamed at the end. Where the target exists and is
// not a regular file (/dev/null, a FIFO), or is standard output, it is written directly.
class AtomicFile {
 public:
  // "-" is standard output. Where written is not null, it follows what is appended. Throws
  // FileError.
  explicit AtomicFile(const std::string& path, WrittenFile* written = nullptr);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  // Removes what was written, unless finish() succeeded.
  ~AtomicFile();

  [[nodiscard]] const std::string& name() const { return name_; }
  // Whether write_at works: the file is on its way to a name, not a stream, and not recorded.
  [[nodiscard]] bool can_rewrite() const { return !temporary_.empty() && written_ == nullptr; }
  // Appends. Throws FileError.
  void write(std::span<const std::byte> bytes);
  // Replaces bytes that were written before. Throws FileError.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  // Gives the file its name. Throws FileError. Call once, last.
  void finish();

 private:
  void open_direct(const std::string& path);
  void open_beside(const std::string& path, unsigned mode, bool exists);

  std::string name_;
  std::string target_;
  std::string temporary_;  // empty where the target is written directly
  FileHandle file_;
  WrittenFile* written_;
};

}  // namespace lamella::io
