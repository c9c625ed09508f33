#include "io/byte_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lamella/error.hpp>

namespace lamella::io {
namespace {

// Maximum bytes per read or write call; every supported system accepts this size.
constexpr std::size_t kMaxAtOnce = std::size_t{1} << 30;

void throw_if_cancelled(const std::atomic<bool>* cancelled, const std::string& name) {
  if (cancelled != nullptr && cancelled->load()) {
    throw CancelledError(name + ": cancelled while waiting for it; no output file is left");
  }
}

class FileSource final : public ByteSource {
 public:
  FileSource(FileHandle file, std::string name, std::optional<std::uint64_t> size,
             const std::atomic<bool>* cancelled = nullptr)
      : ByteSource(std::move(name)), file_(std::move(file)), size_(size), cancelled_(cancelled) {
    if (!size_) {
      // Grows a pipe to the largest size every user is allowed, so that neither end blocks often.
      // Failure, or a file that is not a pipe, is harmless.
      static_cast<void>(::fcntl(file_.get(), F_SETPIPE_SZ, 1 << 20));
    }
  }

  [[nodiscard]] std::optional<std::uint64_t> size() const override { return size_; }

  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got =
          ::pread(file_.get(), into.data() + done, std::min(into.size() - done, kMaxAtOnce),
                  static_cast<off_t>(offset + done));
      if (got == 0) {
        break;
      }
      done += checked(got);
    }
    return done;
  }

 protected:
  std::size_t read_some(std::span<std::byte> into) override {
    if (!size_ && cancelled_ != nullptr) {
      wait_for_bytes();
    }
    ssize_t got = -1;
    do {
      got = ::read(file_.get(), into.data(), std::min(into.size(), kMaxAtOnce));
    } while (got < 0 && errno == EINTR);
    taken_ += checked(got);
    if (got == 0 && size_ && taken_ < *size_) {
      throw FileError(name(), "was cut short while it was read: it ends after " +
                                  std::to_string(taken_) + " bytes, and had " +
                                  std::to_string(*size_));
    }
    return checked(got);
  }

 private:
  // Polls in steps: another thread can cancel this wait, but not a blocking read.
  void wait_for_bytes() const {
    constexpr int kStepMilliseconds = 100;
    pollfd waiting = {.fd = file_.get(), .events = POLLIN, .revents = 0};
    int ready = 0;
    while (ready == 0 || (ready < 0 && errno == EINTR)) {
      throw_if_cancelled(cancelled_, name());
      ready = ::poll(&waiting, 1, kStepMilliseconds);
    }
  }

  std::size_t checked(ssize_t got) const {
    if (got < 0) {
      if (errno == EINTR) {
        return 0;
      }
      throw FileError(name(), "cannot be read: " + system_message(errno));
    }
    return static_cast<std::size_t>(got);
  }

  FileHandle file_;
  std::optional<std::uint64_t> size_;
  std::uint64_t taken_ = 0;  // bytes read from the stream
  const std::atomic<bool>* cancelled_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::span<const std::byte> bytes, std::string name)
      : ByteSource(std::move(name)), bytes_(bytes) {}

  [[nodiscard]] std::optional<std::uint64_t> size() const override { return bytes_.size(); }

  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset >= bytes_.size()) {
      return 0;
    }
    const auto rest = bytes_.subspan(static_cast<std::size_t>(offset));
    const std::size_t count = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), count, into.begin());
    return count;
  }

 protected:
  std::size_t read_some(std::span<std::byte> into) override {
    const std::size_t count = read_at(position_, into);
    position_ += count;
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
};

// A seekable file's remaining size counts from the descriptor's offset, 0 for files opened here.
std::unique_ptr<ByteSource> source_of(FileHandle file, const std::string& name,
                                      const std::atomic<bool>* cancelled = nullptr) {
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) {
    throw FileError(name, "cannot be read: " + system_message(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    throw FileError(name, "is a directory, not a file");
  }
  std::optional<std::uint64_t> size;
  if (S_ISREG(status.st_mode) && ::lseek(file.get(), 0, SEEK_CUR) == 0) {
    size = static_cast<std::uint64_t>(status.st_size);
  }
  return std::make_unique<FileSource>(std::move(file), name, size, cancelled);
}

}  // namespace

FileHandle::FileHandle(FileHandle&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), owned_(other.owned_) {}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    owned_ = other.owned_;
  }
  return *this;
}

FileHandle::~FileHandle() {
  close();
}

int FileHandle::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor < 0 || !owned_) {
    return 0;
  }
  return ::close(descriptor) == 0 ? 0 : errno;
}

std::string system_message(int error_number) {
  return std::generic_category().message(error_number);
}

std::size_t ByteSource::read(std::span<std::byte> into) {
  std::size_t done = 0;
  if (peeked_used_ < peeked_.size()) {
    done = std::min(into.size(), peeked_.size() - peeked_used_);
    std::copy_n(peeked_.begin() + static_cast<std::ptrdiff_t>(peeked_used_), done, into.begin());
    peeked_used_ += done;
  }
  while (done < into.size()) {
    const std::size_t got = read_some(into.subspan(done));
    if (got == 0) {
      break;
    }
    done += got;
  }
  return done;
}

std::span<const std::byte> ByteSource::peek(std::size_t count) {
  peeked_.erase(peeked_.begin(), peeked_.begin() + static_cast<std::ptrdiff_t>(peeked_used_));
  peeked_used_ = 0;
  while (peeked_.size() < count) {
    const std::size_t before = peeked_.size();
    peeked_.resize(count);
    const std::size_t got = read_some(std::span(peeked_).subspan(before));
    peeked_.resize(before + got);
    if (got == 0) {
      break;
    }
  }
  return std::span<const std::byte>(peeked_).first(std::min(count, peeked_.size()));
}

std::unique_ptr<ByteSource> open_source(const std::string& path,
                                        const std::atomic<bool>* cancelled) {
  if (path == "-") {
    return source_of(FileHandle(STDIN_FILENO, false), "standard input", cancelled);
  }
  int descriptor = -1;
  do {  // opening a FIFO blocks until its other end opens; a signal interrupts it
    throw_if_cancelled(cancelled, path);
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) {
    throw FileError(path, "cannot be opened: " + system_message(errno));
  }
  return source_of(FileHandle(descriptor), path, cancelled);
}

std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes, std::string name) {
  return std::make_unique<MemorySource>(bytes, std::move(name));
}

FileHandle anonymous_file(const std::string& name) {
  const char* variable = std::getenv("TMPDIR");
  std::string path = variable != nullptr && *variable != '\0' ? variable : "/tmp";
  const std::string directory = path;
  path += "/lamella-XXXXXX";
  FileHandle file(::mkostemp(path.data(), O_CLOEXEC));
  if (file.get() < 0) {
    throw FileError(name, "needs a temporary file, which cannot be made in " + directory + ": " +
                              system_message(errno) + "; TMPDIR names another directory");
  }
  ::unlink(path.c_str());
  return file;
}

std::unique_ptr<ByteSource> spooled(ByteSource& source) {
  FileHandle file = anonymous_file(source.name());
  std::vector<std::byte> block(kReadBlock);
  while (const std::size_t got = source.read(block)) {
    write_all(file.get(), std::span(block).first(got), source.name());
  }
  return rewound_source(std::move(file), source.name());
}

std::unique_ptr<ByteSource> rewound_source(FileHandle file, const std::string& name) {
  ::lseek(file.get(), 0, SEEK_SET);
  return source_of(std::move(file), name);
}

void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& name,
               std::optional<std::uint64_t> offset) {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kMaxAtOnce);
    const ssize_t put = offset
                            ? ::pwrite(descriptor, bytes.data(), count, static_cast<off_t>(*offset))
                            : ::write(descriptor, bytes.data(), count);
    if (put < 0) {
      if (errno == EINTR) {
        continue;
      }
      throw FileError(name, "cannot be written: " + system_message(errno));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    if (offset) {
      *offset += static_cast<std::uint64_t>(put);
    }
  }
}

std::vector<std::byte> read_all(ByteSource& source) {
  std::vector<std::byte> bytes;
  if (const auto size = source.size()) {
    bytes.resize(static_cast<std::size_t>(*size));
    bytes.resize(source.read(bytes));
    return bytes;
  }
  for (;;) {
    const std::size_t before = bytes.size();
    bytes.resize(std::max(kReadBlock, before + before / 2));
    const std::size_t got = source.read(std::span(bytes).subspan(before));
    bytes.resize(before + got);
    if (got == 0) {
      return bytes;
    }
  }
}

}  // namespace lamella::io
