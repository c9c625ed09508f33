#include "io/atomic_file.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <random>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lamella/error.hpp>

#include "io/checksum.hpp"

namespace lamella::io {
namespace {

// Follows symbolic links, so that writing through a link replaces its target and keeps the link.
std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path, WrittenFile* written)
    : name_(path), written_(written) {
  if (path == "-") {
    name_ = "standard output";
    file_ = FileHandle(STDOUT_FILENO, false);
    return;
  }
  struct stat status = {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) {
    throw FileError(name_, "cannot be created: " + system_message(errno));
  }
  if (exists && S_ISDIR(status.st_mode)) {
    throw FileError(name_, "is a directory; the name of a file is wanted");
  }
  if (exists && !S_ISREG(status.st_mode)) {
    open_direct(path);
    return;
  }
  if (exists && ::access(path.c_str(), W_OK) != 0) {
    throw FileError(name_, "cannot be replaced: " + system_message(errno));
  }
  open_beside(resolved(path), status.st_mode, exists);
}

void AtomicFile::open_direct(const std::string& path) {
  file_ = FileHandle(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file_.get() < 0) {
    throw FileError(name_, "cannot be opened for writing: " + system_message(errno));
  }
}

void AtomicFile::open_beside(const std::string& path, unsigned mode, bool exists) {
  // Set first: if anything below threw after the file was created, the file would stay behind,
  // because a constructor that throws runs no destructor.
  target_ = path;
  constexpr int kAttempts = 100;
  std::random_device random;
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  for (int attempt = 0; attempt < kAttempts && file_.get() < 0; ++attempt) {
    temporary_ =
        (directory / fmt::format(".lamella-{:08x}{:08x}.tmp", random(), random())).string();
    file_ = FileHandle(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file_.get() < 0 && errno != EEXIST) {
      break;
    }
  }
  if (file_.get() < 0) {
    const int error = errno;
    temporary_.clear();
    throw FileError(name_, "cannot be created: " + system_message(error));
  }
  if (exists) {
    // Best effort: on failure the file keeps the mode of a new file.
    (void)::fchmod(file_.get(), mode & 07777U);
  }
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  write_all(file_.get(), bytes, name_);
  if (written_ != nullptr) {
    written_->bytes += bytes.size();
    written_->checksum = add_to_checksum(written_->checksum, bytes);
  }
}

void AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  write_all(file_.get(), bytes, name_, offset);
}

void AtomicFile::finish() {
  if (const int error = file_.close(); error != 0) {
    throw FileError(name_, "cannot be written: " + system_message(error));
  }
  if (temporary_.empty()) {
    return;
  }
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) {
    throw FileError(name_, "cannot be given its name: " + system_message(errno));
  }
  temporary_.clear();
}

}  // namespace lamella::io
