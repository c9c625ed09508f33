// How fast the machine's memory can be read and written.
#pragma once

namespace lamella::cpu {

// Bytes per second, reads and writes counted, of threads that each copy a part of 256 MiB that no
// cache holds; the best of three.
[[nodiscard]] double copy_bandwidth(int threads);

}  // namespace lamella::cpu
