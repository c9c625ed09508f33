#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include <lamella/log.hpp>

namespace lamella {
namespace {

struct Receiver {
  explicit Receiver(LogCallback c) : callback(std::move(c)) {}
  LogCallback callback;
  int calls = 0;  // in flight
};

struct Log {
  std::mutex mutex;
  std::condition_variable call_ended;
  std::shared_ptr<Receiver> receiver;
  std::atomic<bool> has_receiver = false;
};

Log& log_state() {
  static Log log;
  return log;
}

thread_local bool inside_callback = false;

}  // namespace

void set_log_callback(LogCallback callback) {
  auto receiver = callback ? std::make_shared<Receiver>(std::move(callback)) : nullptr;
  Log& log = log_state();
  std::unique_lock lock(log.mutex);
  log.has_receiver.store(receiver != nullptr, std::memory_order_relaxed);
  log.receiver.swap(receiver);
  if (receiver != nullptr && !inside_callback) {
    log.call_ended.wait(lock, [&] { return receiver->calls == 0; });
  }
  lock.unlock();
  receiver.reset();  // outside the lock: destroying the callback's captures may run any code
}

bool is_logging() noexcept {
  return log_state().has_receiver.load(std::memory_order_relaxed) && !inside_callback;
}

void log_message(LogSeverity severity, std::string_view message) noexcept {
  if (!is_logging()) {
    return;
  }
  Log& log = log_state();
  std::shared_ptr<Receiver> receiver;
  {
    const std::lock_guard lock(log.mutex);
    receiver = log.receiver;
    if (receiver == nullptr) {
      return;
    }
    ++receiver->calls;
  }
  inside_callback = true;
  try {
    receiver->callback(severity, message);
  } catch (...) {
    // As documented, exceptions of the callback are ignored.
  }
  inside_callback = false;
  {
    const std::lock_guard lock(log.mutex);
    --receiver->calls;
    // Notifies under the lock: once a waiter sees the count, it returns and may end the process.
    log.call_ended.notify_all();
  }
}

}  // namespace lamella
