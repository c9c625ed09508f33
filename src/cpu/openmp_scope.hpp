// oneDNN asks OpenMP how many threads it may use. Our pool spreads the work itself, so every call
// into oneDNN is made with that number set to one for the calling thread, which also keeps OpenMP
// from ever starting a team.
#pragma once

extern "C" {
// Resolved from the OpenMP runtime that oneDNN brings; null where oneDNN was built without one.
int omp_get_max_threads() __attribute__((weak));
void omp_set_num_threads(int) __attribute__((weak));
}

namespace lamella::cpu {

class SingleThreadedOpenMp {
 public:
  SingleThreadedOpenMp() {
    if (omp_get_max_threads != nullptr && omp_set_num_threads != nullptr) {
      before_ = omp_get_max_threads();
      if (before_ != 1) {
        omp_set_num_threads(1);
      }
    }
  }
  SingleThreadedOpenMp(const SingleThreadedOpenMp&) = delete;
  SingleThreadedOpenMp& operator=(const SingleThreadedOpenMp&) = delete;
  SingleThreadedOpenMp(SingleThreadedOpenMp&&) = delete;
  SingleThreadedOpenMp& operator=(SingleThreadedOpenMp&&) = delete;
  ~SingleThreadedOpenMp() {
    if (before_ != 1) {
      omp_set_num_threads(before_);
    }
  }

 private:
  int before_ = 1;
};

}  // namespace lamella::cpu
