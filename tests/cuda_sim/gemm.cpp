// A cache-blocked GEMM that vectorizes over rows and never over k, so that sums have the requested
// order.
#include "gemm.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <immintrin.h>

#include "sanitizer.hpp"
#include "state.hpp"

namespace cuda_sim {
namespace {

constexpr int kTileRows = 16;
constexpr int kTileColumns = 6;
using TileColumn = float __attribute__((vector_size(kTileRows * sizeof(float))));

struct Tile {
  TileColumn columns[kTileColumns];
};

// ---- Micro-kernel: device-like FMAs, in three instruction sets with identical results ----

using MultiplyTile = void (*)(const float*, const float*, std::int64_t, Tile&);

void multiply_tile_scalar(const float* a, const float* b, std::int64_t k, Tile& result) {
  float sum[kTileColumns][kTileRows] = {};
  for (std::int64_t p = 0; p < k; ++p)
    for (int j = 0; j < kTileColumns; ++j)
      for (int i = 0; i < kTileRows; ++i)
        sum[j][i] = std::fma(a[p * kTileRows + i], b[p * kTileColumns + j], sum[j][i]);
  std::memcpy(&result, sum, sizeof sum);
}

[[gnu::target("avx2,fma")]] void multiply_tile_avx2(const float* a, const float* b, std::int64_t k,
                                                    Tile& result) {
  constexpr int kHalf = kTileRows / 2;
  __m256 sum[kTileColumns][2];
  for (auto& column : sum)
    column[0] = column[1] = _mm256_setzero_ps();
  for (std::int64_t p = 0; p < k; ++p) {
    const __m256 low = _mm256_loadu_ps(a + p * kTileRows);
    const __m256 high = _mm256_loadu_ps(a + p * kTileRows + kHalf);
    for (int j = 0; j < kTileColumns; ++j) {
      const __m256 factor = _mm256_set1_ps(b[p * kTileColumns + j]);
      sum[j][0] = _mm256_fmadd_ps(low, factor, sum[j][0]);
      sum[j][1] = _mm256_fmadd_ps(high, factor, sum[j][1]);
    }
  }
  std::memcpy(&result, sum, sizeof sum);
}

[[gnu::target("avx512f")]] void multiply_tile_avx512(const float* a, const float* b, std::int64_t k,
                                                     Tile& result) {
  __m512 sum[kTileColumns];
  for (auto& column : sum)
    column = _mm512_setzero_ps();
  for (std::int64_t p = 0; p < k; ++p) {
    const __m512 rows = _mm512_loadu_ps(a + p * kTileRows);
    for (int j = 0; j < kTileColumns; ++j)
      sum[j] = _mm512_fmadd_ps(rows, _mm512_set1_ps(b[p * kTileColumns + j]), sum[j]);
  }
  std::memcpy(&result, sum, sizeof sum);
}

MultiplyTile best_multiply_tile() {
  if (__builtin_cpu_supports("avx512f"))
    return multiply_tile_avx512;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? multiply_tile_avx2
                                                                         : multiply_tile_scalar;
}

// ---- Elements ----

float load(const Operand& from, std::int64_t row, std::int64_t column) {
  const std::int64_t i = row + from.leading * column;
  switch (from.type) {
    case CUDA_R_16F:
      return __half2float(static_cast<const __half*>(from.data)[i]);
    case CUDA_R_16BF:
      return __bfloat162float(static_cast<const __nv_bfloat16*>(from.data)[i]);
    default:
      return static_cast<const float*>(from.data)[i];
  }
}

void store(const Operand& to, std::int64_t row, std::int64_t column, float value) {
  const std::int64_t i = row + to.leading * column;
  void* data = const_cast<void*>(to.data);
  switch (to.type) {
    case CUDA_R_16F:
      static_cast<__half*>(data)[i] = __float2half(value);
      return;
    case CUDA_R_16BF:
      static_cast<__nv_bfloat16*>(data)[i] = __float2bfloat16(value);
      return;
    default:
      static_cast<float*>(data)[i] = value;
  }
}

/// Rounds to the nearest value with a ten-bit mantissa, as a TF32 tensor core reads its inputs.
float to_tf32(float x) {
  if (!std::isfinite(x))
    return x;
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) + 0x1000u) & ~0x1fffu);
}

float finish(const Gemm& gemm, float x, std::int64_t row) {
  if (gemm.bias.data)
    x += load(gemm.bias, row, 0);
  if (gemm.epilogue == Epilogue::kRelu)
    return x < 0 || (std::isnan(x) && !state().config.relu_epilogue_keeps_nan) ? 0.0F : x;
  if (gemm.epilogue == Epilogue::kGelu)  // cuBLASLt documents the tanh form
    return 0.5F * x * (1 + std::tanh(0.7978845608F * (x + 0.044715F * x * x * x))) *
           (1 + state().config.gelu_epilogue_error);
  return x;
}

// ---- Memory checks of one operand ----

struct Extent {
  std::int64_t rows;
  std::int64_t columns;
};

std::size_t bytes_of(const Operand& o, Extent e) {
  if (e.rows == 0 || e.columns == 0)
    return 0;
  return static_cast<std::size_t>(o.leading * (e.columns - 1) + e.rows) * element_bytes(o.type);
}

bool usable(const Operand& o, Extent e, int device, const char* name) {
  if (reinterpret_cast<std::uintptr_t>(o.data) % element_bytes(o.type) != 0) {
    report("%s: %p is not aligned to its element", name, o.data);
    fail_device(cudaErrorMisalignedAddress);
    return false;
  }
  return check_device_range(o.data, bytes_of(o, e), device, name);
}

void declare(const Operand& o, Extent e, bool written) {
  const std::size_t size = element_bytes(o.type);
  const auto* start = static_cast<const char*>(o.data);
  for (std::int64_t column = 0; kThreadSanitizer && column < e.columns; ++column) {
    const char* p = start + static_cast<std::size_t>(o.leading * column) * size;
    const std::size_t bytes = static_cast<std::size_t>(e.rows) * size;
    written ? declare_write(const_cast<char*>(p), bytes) : declare_read(p, bytes);
  }
}

bool overlap(const Operand& x, std::size_t x_bytes, const Operand& y, std::size_t y_bytes) {
  const auto* x_start = static_cast<const char*>(x.data);
  const auto* y_start = static_cast<const char*>(y.data);
  return x_bytes && y_bytes && x_start < y_start + y_bytes && y_start < x_start + x_bytes;
}

float value_of(const Scalar& scalar, int device, const char* name) {
  if (!scalar.on_device)
    return scalar.value;
  if (!check_device_range(scalar.on_device, sizeof(float), device, name))
    return 0;
  declare_read(scalar.on_device, sizeof(float));
  return *scalar.on_device;
}

// ---- Packing: op(A) in panels of 16 rows, op(B) in panels of 6 columns, zero-padded ----

/// The index in k of the term at a position of the sum.
std::int64_t term(const Gemm& g, std::int64_t position) {
  return g.summation.descending ? g.k - 1 - position : position;
}

std::vector<float> pack_a(const Gemm& g) {
  const std::int64_t panels = (g.m + kTileRows - 1) / kTileRows;
  std::vector<float> packed(static_cast<std::size_t>(panels * g.k * kTileRows));
  for (std::int64_t i = 0; i < g.m; ++i)
    for (std::int64_t p = 0; p < g.k; ++p) {
      const std::int64_t t = term(g, p);
      const float x = g.transpose_a ? load(g.a, t, i) : load(g.a, i, t);
      packed[static_cast<std::size_t>((i / kTileRows * g.k + p) * kTileRows + i % kTileRows)] =
          g.round_to_tf32 ? to_tf32(x) : x;
    }
  return packed;
}

void pack_b(const Gemm& g, std::int64_t first_column, std::vector<float>& packed) {
  for (std::int64_t j = 0; j < kTileColumns; ++j) {
    const std::int64_t column = first_column + j;
    for (std::int64_t p = 0; p < g.k; ++p) {
      float x = 0;
      if (column < g.n)
        x = g.transpose_b ? load(g.b, column, term(g, p)) : load(g.b, term(g, p), column);
      packed[static_cast<std::size_t>(p * kTileColumns + j)] = g.round_to_tf32 ? to_tf32(x) : x;
    }
  }
}

/// Sums a tile over all of k, one part after another.
void sum_tile(const Gemm& g, const float* a, const float* b, std::int64_t first_part, Tile& sum) {
  static const MultiplyTile multiply = best_multiply_tile();
  const std::int64_t parts =
      std::clamp<std::int64_t>(g.summation.parts, 1, std::max<std::int64_t>(g.k, 1));
  for (std::int64_t i = 0; i < parts; ++i) {
    const std::int64_t part = (first_part + i) % parts;
    const std::int64_t begin = g.k * part / parts;
    const std::int64_t end = g.k * (part + 1) / parts;
    Tile tile;
    multiply(a + begin * kTileRows, b + begin * kTileColumns, end - begin, tile);
    for (int j = 0; j < kTileColumns; ++j)
      sum.columns[j] = i == 0 ? tile.columns[j] : sum.columns[j] + tile.columns[j];
  }
}

void compute(const Gemm& g, float alpha, float beta) {
  static std::int64_t unordered_gemms = 0;  // guarded by mutex(), like everything that runs here
  const std::int64_t first_part = g.summation.unordered ? ++unordered_gemms : 0;
  const std::vector<float> a = pack_a(g);
  std::vector<float> b(static_cast<std::size_t>(std::max<std::int64_t>(g.k, 1) * kTileColumns));
  Tile tile;
  for (std::int64_t j0 = 0; j0 < g.n; j0 += kTileColumns) {
    pack_b(g, j0, b);
    for (std::int64_t i0 = 0; i0 < g.m; i0 += kTileRows) {
      sum_tile(g, a.data() + i0 * g.k, b.data(), first_part, tile);
      for (std::int64_t j = j0; j < std::min(j0 + kTileColumns, g.n); ++j)
        for (std::int64_t i = i0; i < std::min(i0 + kTileRows, g.m); ++i) {
          // With beta = 0, C is not read and may hold anything; -0 still becomes 0, as on an H100.
          const float x =
              alpha * tile.columns[j - j0][i - i0] + (beta != 0 ? beta * load(g.c, i, j) : 0.0F);
          store(g.d, i, j, finish(g, x, i));
        }
    }
  }
}

}  // namespace

bool is_element_type(cudaDataType_t type) {
  return type == CUDA_R_32F || type == CUDA_R_16F || type == CUDA_R_16BF;
}

std::size_t element_bytes(cudaDataType_t type) {
  return type == CUDA_R_32F ? 4 : 2;
}

bool leading_dimensions_valid(const Gemm& g) {
  const std::int64_t a_rows = g.transpose_a ? g.k : g.m;
  const std::int64_t b_rows = g.transpose_b ? g.n : g.k;
  return g.m >= 0 && g.n >= 0 && g.k >= 0 && g.a.leading >= std::max<std::int64_t>(1, a_rows) &&
         g.b.leading >= std::max<std::int64_t>(1, b_rows) &&
         g.c.leading >= std::max<std::int64_t>(1, g.m) &&
         g.d.leading >= std::max<std::int64_t>(1, g.m);
}

bool is_aligned_to(const Gemm& g, std::size_t bytes) {
  const auto fits = [bytes](const Operand& o) {
    return reinterpret_cast<std::uintptr_t>(o.data) % bytes == 0 &&
           static_cast<std::size_t>(o.leading) * element_bytes(o.type) % bytes == 0;
  };
  return fits(g.a) && fits(g.b) && fits(g.d);
}

bool is_worth_splitting(const Gemm& g) {
  constexpr std::int64_t kTile = 64;
  const std::int64_t tiles = ((g.m + kTile - 1) / kTile) * ((g.n + kTile - 1) / kTile);
  return tiles < 4 && g.k >= 32;
}

std::size_t split_bytes(const Gemm& g, int parts) {
  return parts == 1 ? 0 : sizeof(float) * static_cast<std::size_t>(g.m * g.n * parts);
}

Summation summation_by_shape(const Gemm& g, std::size_t workspace_bytes) {
  Summation summation;
  summation.descending = (g.n > 32) != is_aligned_to(g, 16);
  if (const int parts = g.n < 16 ? 4 : 2;
      is_worth_splitting(g) && split_bytes(g, parts) <= workspace_bytes)
    summation.parts = parts;
  return summation;
}

void spoil_workspace(void* workspace, std::size_t bytes, int device) {
  if (bytes == 0 || !check_device_range(workspace, bytes, device, "GEMM workspace"))
    return;
  constexpr std::size_t kSpoiled = 256;
  const std::size_t length = std::min(bytes, kSpoiled);
  char* start = static_cast<char*>(workspace);
  for (char* p : {start, start + bytes - length}) {
    declare_write(p, length);
    fill_unseen(p, length, 0xA5);
  }
}

void run_gemm(const Gemm& original, int device) {
  Gemm g = original;
  const float alpha = value_of(g.alpha, device, "GEMM alpha");
  const float beta = value_of(g.beta, device, "GEMM beta");
  if (alpha == 0)
    g.k = 0;  // BLAS then does not reference A and B
  const Extent a = g.transpose_a ? Extent{g.k, g.m} : Extent{g.m, g.k};
  const Extent b = g.transpose_b ? Extent{g.n, g.k} : Extent{g.k, g.n};
  const Extent d{g.m, g.n};
  const Extent bias{g.bias.data ? g.m : 0, 1};
  if (!usable(g.a, a, device, "GEMM operand A") || !usable(g.b, b, device, "GEMM operand B") ||
      (beta != 0 && !usable(g.c, d, device, "GEMM operand C")) ||
      !usable(g.d, d, device, "GEMM result") || !usable(g.bias, bias, device, "GEMM bias"))
    return;
  if (overlap(g.d, bytes_of(g.d, d), g.a, bytes_of(g.a, a)) ||
      overlap(g.d, bytes_of(g.d, d), g.b, bytes_of(g.b, b)))
    report("GEMM: the result overlaps an operand");
  declare(g.a, a, false);
  declare(g.b, b, false);
  declare(g.bias, bias, false);
  if (beta != 0)
    declare(g.c, d, false);
  declare(g.d, d, true);
  compute(g, alpha, beta);
}

}  // namespace cuda_sim
