// Memory bandwidth of the machine.
#pragma once

namespace lamella::cpu {

// Bytes per second, reads plus writes, of threads that each copy a part of 256 MiB, which exceeds
// every cache; the best of three runs.
[[nodiscard]] double copy_bandwidth(int threads);

}  // namespace lamella::cpu
