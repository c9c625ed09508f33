// Where the bytes of an input come from: a file, standard input, or memory. The one owner of file
// descriptors that are read.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lamella::io {

// What is read at once where nothing says how much there is, in bytes.
inline constexpr std::size_t kReadBlock = std::size_t{1} << 20;

// Owns a file descriptor, unless told to leave it open.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int descriptor, bool owned = true) : descriptor_(descriptor), owned_(owned) {}
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  FileHandle(FileHandle&& other) noexcept;
  FileHandle& operator=(FileHandle&& other) noexcept;
  ~FileHandle();

  [[nodiscard]] int get() const { return descriptor_; }
  // Closes it now and gives the result of close: 0, or the error number.
  int close();

 private:
  int descriptor_ = -1;
  bool owned_ = true;
};

// The sentence of the operating system for an error number, e.g. "No such file or directory".
[[nodiscard]] std::string system_message(int error_number);

// A stream of bytes with a name for messages. Not thread-safe but for read_at().
class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  [[nodiscard]] const std::string& name() const { return name_; }
  // The bytes in all, where they are known and read_at works (a regular file, memory).
  [[nodiscard]] virtual std::optional<std::uint64_t> size() const = 0;
  // Fills into from the stream, short only at the end. Throws FileError.
  std::size_t read(std::span<std::byte> into);
  // The next bytes, up to count, without taking them from the stream.
  std::span<const std::byte> peek(std::size_t count);
  // Fills into from offset on, short only at the end. Only where size() is known. Throws FileError.
  virtual std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) = 0;

 protected:
  // Some of the next bytes; 0 at the end alone.
  virtual std::size_t read_some(std::span<std::byte> into) = 0;

 private:
  std::string name_;
  std::vector<std::byte> peeked_;
  std::size_t peeked_used_ = 0;
};

// A file, or standard input for "-". Throws FileError; a directory is rejected. Where a flag is
// given, waiting for bytes (of a pipe, a terminal) or for a FIFO's other end stops with
// CancelledError soon after it is set.
[[nodiscard]] std::unique_ptr<ByteSource> open_source(const std::string& path,
                                                      const std::atomic<bool>* cancelled = nullptr);
// Bytes in memory, which the caller keeps alive.
[[nodiscard]] std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes,
                                                        std::string name);
// All that is left of a source whose size is not known, moved into a temporary file without a name,
// so that read_at works.
[[nodiscard]] std::unique_ptr<ByteSource> spooled(ByteSource& source);

// A new file without a name in the directory for temporary files. Throws FileError on behalf of
// name.
[[nodiscard]] FileHandle anonymous_file(const std::string& name);
// What such a file holds, from its beginning.
[[nodiscard]] std::unique_ptr<ByteSource> rewound_source(FileHandle file, const std::string& name);
// Writes all bytes, at offset where one is given. Throws FileError on behalf of name.
void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& name,
               std::optional<std::uint64_t> offset = std::nullopt);

// All bytes of a source.
[[nodiscard]] std::vector<std::byte> read_all(ByteSource& source);

}  // namespace lamella::io
