// The callback for diagnostics: who is called when, and what it may do.
#include <atomic>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/engine.hpp>
#include <lamella/lamella.h>

#include "core/log.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::random_network;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class Log : public testing::Test {
 protected:
  ~Log() override { set_log_callback({}); }
  std::vector<std::pair<LogSeverity, std::string>> messages_;
};

TEST_F(Log, GoesToTheCallbackUntilAnotherIsSet) {
  core::log(LogSeverity::kWarning, "to {}", "nobody");
  set_log_callback([this](LogSeverity severity, std::string_view message) {
    messages_.emplace_back(severity, message);
  });
  core::log(LogSeverity::kInfo, "{} of {}", 1, 2);
  core::log(LogSeverity::kWarning, "a warning");
  set_log_callback({});
  core::log(LogSeverity::kWarning, "to nobody");
  EXPECT_FALSE(is_logging());
  EXPECT_THAT(messages_, ElementsAre(Pair(LogSeverity::kInfo, "1 of 2"),
                                     Pair(LogSeverity::kWarning, "a warning")));
}

TEST_F(Log, SaysWhichDeviceWasTakenAndWhy) {
  set_log_callback([this](LogSeverity severity, std::string_view message) {
    messages_.emplace_back(severity, message);
  });
  const auto engine = make_engine(random_network({.widths = {3, 2}}), {.threads = 1});
  set_log_callback({});
  std::string all;
  for (const auto& [severity, message] : messages_) {
    all += message + "\n";
  }
  EXPECT_THAT(all, HasSubstr("device auto: " + to_string(engine->info().device) +
                             " is taken: " + engine->info().reason));
}

TEST_F(Log, SurvivesACallbackThatThrowsAndOneThatCallsTheLibrary) {
  int calls = 0;
  set_log_callback([&](LogSeverity, std::string_view) {
    ++calls;
    (void)make_engine(random_network({.widths = {3, 2}}), {.threads = 1});  // would report, too
    throw std::runtime_error("no");
  });
  core::log(LogSeverity::kInfo, "first");
  core::log(LogSeverity::kInfo, "second");
  EXPECT_EQ(calls, 2);
  // One that removes itself is not called again, and does not wait for its own end.
  set_log_callback([&](LogSeverity, std::string_view) {
    ++calls;
    set_log_callback({});
  });
  core::log(LogSeverity::kInfo, "third");
  core::log(LogSeverity::kInfo, "fourth");
  EXPECT_EQ(calls, 3);
}

TEST_F(Log, IsNotInACallbackAnyMoreOnceAnotherIsSet) {
  constexpr int kRounds = 200;
  std::atomic<bool> stop = false;
  std::atomic<int> late = 0;
  std::atomic<int> heard = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        core::log(LogSeverity::kDebug, "message");
      }
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<bool> set = true;
    set_log_callback([&late, &heard, &set](LogSeverity, std::string_view) {
      late += set ? 0 : 1;
      std::this_thread::yield();
      late += set ? 0 : 1;
      ++heard;
    });
    for (const int before = heard; heard == before;) {
      std::this_thread::yield();
    }
    set_log_callback({});
    set = false;
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(late, 0);
}

TEST_F(Log, HasAFormForC) {
  std::vector<std::string> texts;
  const auto callback = [](lamella_log_severity severity, const char* message, void* user) {
    static_cast<std::vector<std::string>*>(user)->push_back(std::to_string(severity) + message);
  };
  EXPECT_EQ(lamella_set_log_callback(callback, &texts), LAMELLA_OK);
  core::log(LogSeverity::kDebug, "zero");
  log_message(LogSeverity::kWarning, std::string_view("two and more", 3));
  EXPECT_EQ(lamella_set_log_callback(nullptr, &texts), LAMELLA_OK);
  core::log(LogSeverity::kWarning, "none");
  EXPECT_THAT(texts, ElementsAre("0zero", "2two"));
}

// Nothing of the library's own prints: the file has no reference to what does.
TEST(Library, HasNothingToPrintWith) {
  const std::string command = "nm -D --undefined-only '" LAMELLA_SHARED_LIBRARY "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> output(popen(command.c_str(), "r"), pclose);
  ASSERT_NE(output, nullptr);
  std::string names = "\n";
  char line[4096];
  while (std::fgets(line, sizeof line, output.get()) != nullptr) {
    std::string name(line);
    names += name.substr(name.rfind(' ') + 1);
  }
  EXPECT_THAT(names, HasSubstr("\n__cxa_throw")) << "it has no references at all";
  for (const char* const printing :
       {"printf", "vprintf", "puts", "putchar", "perror", "_ZSt4cout", "_ZSt4cerr", "_ZSt4clog"}) {
    for (const char* const end : {"\n", "@"}) {
      EXPECT_EQ(names.find("\n" + std::string(printing) + end), std::string::npos) << printing;
    }
  }
}

}  // namespace
}  // namespace lamella
