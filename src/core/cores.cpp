#include "core/cores.hpp"

#include <algorithm>
#include <thread>

#include <sched.h>

namespace lamella::core {

int usable_cores() {
  // Machines with more cores than a cpu_set_t holds make the call fail; then all of them count.
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return std::max(CPU_COUNT(&allowed), 1);
  }
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

}  // namespace lamella::core
