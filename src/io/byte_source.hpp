// Sources of input bytes: a file, standard input, or memory. Owns every file descriptor that is
// read.
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

// Read size in bytes when the input's size is unknown.
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
  // Closes now. Returns close()'s result: 0, or the error number.
  int close();

 private:
  int descriptor_ = -1;
  bool owned_ = true;
};

// The system's message for an error number, e.g. "No such file or directory".
[[nodiscard]] std::string system_message(int error_number);

// A byte stream with a name for messages. Only read_at() is thread-safe.
class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  [[nodiscard]] const std::string& name() const { return name_; }
  // Total bytes, if known and read_at works (a regular file, memory).
  [[nodiscard]] virtual std::optional<std::uint64_t> size() const = 0;
  // Fills `into` from the stream; short only at the end. Throws FileError.
  std::size_t read(std::span<std::byte> into);
  // Returns up to `count` of the next bytes without consuming them.
  std::span<const std::byte> peek(std::size_t count);
  // Fills `into` from `offset`; short only at the end. Requires a known size(). Throws FileError.
  virtual std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) = 0;

 protected:
  // Reads at least one byte; returns 0 only at the end.
  virtual std::size_t read_some(std::span<std::byte> into) = 0;

 private:
  std::string name_;
  std::vector<std::byte> peeked_;
  std::size_t peeked_used_ = 0;
};

// Opens a file, or standard input for "-". Throws FileError, also for a directory. With a flag,
// waiting for bytes (pipe, terminal) or for a FIFO's other end throws CancelledError soon after the
// flag is set.
[[nodiscard]] std::unique_ptr<ByteSource> open_source(const std::string& path,
                                                      const std::atomic<bool>* cancelled = nullptr);
// Reads bytes in memory, which the caller must keep alive.
[[nodiscard]] std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes,
                                                        std::string name);
// Copies the rest of a source of unknown size into an unnamed temporary file, so that read_at
// works.
[[nodiscard]] std::unique_ptr<ByteSource> spooled(ByteSource& source);

// Creates an unnamed file in the temporary directory. Throws FileError that names `name`.
[[nodiscard]] FileHandle anonymous_file(const std::string& name);
// Reads such a file from its beginning.
[[nodiscard]] std::unique_ptr<ByteSource> rewound_source(FileHandle file, const std::string& name);
// Writes all bytes, at `offset` if given. Throws FileError that names `name`.
void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& name,
               std::optional<std::uint64_t> offset = std::nullopt);

// Reads a source to its end.
[[nodiscard]] std::vector<std::byte> read_all(ByteSource& source);

}  // namespace lamella::io
