// Runs threads that start simultaneously.
#pragma once

#include <barrier>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace lamella::test {

// Calls work(i) for each i below `count`, each on its own thread, after all threads have started.
// Returns the results; an exception's message replaces its result.
inline std::vector<std::string> on_threads(std::size_t count,
                                           const std::function<std::string(std::size_t i)>& work) {
  std::vector<std::string> said(count);
  std::barrier together(static_cast<std::ptrdiff_t>(count));
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      together.arrive_and_wait();
      try {
        said[i] = work(i);
      } catch (const std::exception& error) {
        said[i] = error.what();
      }
    });
  }
  threads.clear();
  return said;
}

}  // namespace lamella::test
