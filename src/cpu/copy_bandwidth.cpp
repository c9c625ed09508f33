#include "cpu/copy_bandwidth.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <thread>
#include <vector>

#include "core/start_thread.hpp"

namespace lamella::cpu {

double copy_bandwidth(int threads) {
  constexpr std::size_t kBytes = std::size_t{256} << 20;
  const std::vector<char> from(kBytes, 1);
  std::vector<char> to(kBytes, 2);
  const std::size_t part = kBytes / static_cast<std::size_t>(threads);
  double best = 0;
  for (int repetition = 0; repetition < 3; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    {
      std::vector<std::jthread> workers;
      for (int t = 0; t < threads; ++t) {
        const std::size_t begin = static_cast<std::size_t>(t) * part;
        workers.push_back(core::start_thread(
            [&, begin] { std::memcpy(to.data() + begin, from.data() + begin, part); }));
      }
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2 * static_cast<double>(kBytes) / seconds);
  }
  return best;
}

}  // namespace lamella::cpu
