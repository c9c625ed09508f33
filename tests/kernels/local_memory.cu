// A kernel whose array cannot stay in registers: a test checks that the kernels' build flags reject
// it.
__global__ void local_memory_kernel(float* values, const int* order) {
  float copies[64];
  for (int i = 0; i < 64; ++i) {
    copies[order[i]] = values[i];
  }
  for (int i = 0; i < 64; ++i) {
    values[i] = copies[order[i + 64]];
  }
}
