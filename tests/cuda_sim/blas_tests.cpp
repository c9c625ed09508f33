// cuBLAS and cuBLASLt. Plain host code that sees NVIDIA's headers and none of the simulation's
// defines. The expected values come from loops in double precision that share nothing with the
// simulator.
#include <chrono>
#include <cmath>
#include <limits>
#include <ostream>

#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "test_support.hpp"

namespace {

struct Shape {
  int m, n, k, lda, ldb, ldc;
  bool transpose_a, transpose_b;

  friend void PrintTo(const Shape& s, std::ostream* stream) {
    *stream << s.m << 'x' << s.n << 'x' << s.k << (s.transpose_a ? "_T" : "_N")
            << (s.transpose_b ? "T" : "N");
  }
};

cublasOperation_t operation(bool transpose) {
  return transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
}

/// alpha op(A) op(B) + beta C at (i, j), and the sum of magnitudes that bounds its rounding error.
struct Expected {
  double value = 0;
  double magnitude = 0;
};
Expected expected_at(const Shape& s, const std::vector<float>& a, const std::vector<float>& b,
                     const std::vector<float>& c, double alpha, double beta, int i, int j) {
  const auto at = [](const std::vector<float>& x, int row, int column, int leading) {
    return static_cast<double>(
        x[static_cast<std::size_t>(row) +
          static_cast<std::size_t>(column) * static_cast<std::size_t>(leading)]);
  };
  Expected e;
  for (int p = 0; p < s.k; ++p) {
    const double x = s.transpose_a ? at(a, p, i, s.lda) : at(a, i, p, s.lda);
    const double y = s.transpose_b ? at(b, j, p, s.ldb) : at(b, p, j, s.ldb);
    e.value += alpha * x * y;
    e.magnitude += std::abs(alpha * x * y);
  }
  e.value += beta * at(c, i, j, s.ldc);
  e.magnitude += std::abs(beta * at(c, i, j, s.ldc));
  return e;
}

std::size_t elements(int rows, int columns, int leading) {
  return static_cast<std::size_t>(leading) * static_cast<std::size_t>(columns - 1) +
         static_cast<std::size_t>(rows);
}

class Gemm : public CudaSim, public testing::WithParamInterface<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, Gemm,
                         testing::Values(Shape{5, 7, 9, 8, 11, 6, false, false},
                                         Shape{5, 7, 9, 10, 11, 5, true, false},
                                         Shape{5, 7, 9, 5, 9, 7, false, true},
                                         Shape{5, 7, 9, 9, 7, 5, true, true},
                                         Shape{33, 50, 17, 17, 17, 33, true, false},
                                         Shape{16, 6, 1, 16, 1, 16, false, false},
                                         Shape{1, 1, 100, 100, 100, 1, true, false}),
                         testing::PrintToStringParamName());

TEST_P(Gemm, MatchesADoublePrecisionLoop) {
  const Shape s = GetParam();
  const std::vector<float> a =
      random_values(s.transpose_a ? elements(s.k, s.m, s.lda) : elements(s.m, s.k, s.lda), 1);
  const std::vector<float> b =
      random_values(s.transpose_b ? elements(s.n, s.k, s.ldb) : elements(s.k, s.n, s.ldb), 2);
  const std::vector<float> c = random_values(elements(s.m, s.n, s.ldc), 3);
  const Blas blas;
  const DeviceArray da(a), db(b), dc(c);
  const float alpha = 0.75F, beta = -0.5F;
  ASSERT_BLAS(cublasSgemm(blas, operation(s.transpose_a), operation(s.transpose_b), s.m, s.n, s.k,
                          &alpha, da.get(), s.lda, db.get(), s.ldb, &beta, dc.get(), s.ldc));
  const std::vector<float> got = dc.values();
  const double bound = (s.k + 3) * 0x1p-24;
  for (int j = 0; j < s.n; ++j)
    for (int i = 0; i < s.m; ++i) {
      const Expected e = expected_at(s, a, b, c, alpha, beta, i, j);
      const auto at = static_cast<std::size_t>(i) +
                      static_cast<std::size_t>(j) * static_cast<std::size_t>(s.ldc);
      EXPECT_LE(std::abs(got[at] - e.value), bound * e.magnitude) << i << ", " << j;
    }
  EXPECT_EQ(cuda_sim::reports(), 0);
}

class CuBlas : public CudaSim {
 protected:
  static constexpr float kOne = 1, kZero = 0;
};

TEST_F(CuBlas, TheShapeAndTheAlignmentChooseTheOrderOfSummation) {
  const int m = 36, n = 40, k = 52;
  const std::vector<float> a = random_values(std::size_t{36} * 52, 4);
  const std::vector<float> b = random_values(std::size_t{40} * 52 + 1, 5);
  const Blas blas;
  const DeviceArray da(a), db(b), whole(std::size_t{36} * 40), some(std::size_t{36} * 40);
  const DeviceArray workspace(std::size_t{1} << 16);
  const auto product = [&](int columns, const float* x, const DeviceArray<float>& y) {
    EXPECT_BLAS(cublasSgemm(blas, CUBLAS_OP_T, CUBLAS_OP_N, m, columns, k, &kOne, da.get(), k, x, k,
                            &kZero, y.get(), m));
    return y.values();
  };
  const std::vector<float> all = product(n, db.get(), whole);
  EXPECT_EQ(product(n, db.get(), some), all) << "the same product";
  const auto begins_alike = [&](const std::vector<float>& values) {
    return std::equal(values.begin(), values.begin() + m, all.begin());
  };
  EXPECT_FALSE(begins_alike(product(1, db.get(), some))) << "fewer columns";
  EXPECT_TRUE(begins_alike(product(n - 1, db.get(), some)));
  std::vector<float> shifted(1);
  shifted.insert(shifted.end(), b.begin(), b.end() - 1);
  const DeviceArray ds(shifted);
  EXPECT_NE(product(n, ds.get() + 1, some), all) << "the same values at another alignment";
  ASSERT_BLAS(cublasSetWorkspace(blas, workspace.get(), std::size_t{1} << 18));
  EXPECT_NE(product(n, db.get(), some), all) << "memory for a split";
}

TEST_F(CuBlas, LeadingDimensionTooSmallIsInvalid) {
  const Blas blas;
  const DeviceArray a(random_values(12, 1)), b(random_values(12, 2)), c(std::size_t{9});
  EXPECT_EQ(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 3, 3, 4, &kOne, a.get(), 2, b.get(), 4,
                        &kZero, c.get(), 3),
            CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(CuBlas, LeadingDimensionTooLargeRunsPastTheBuffer) {
  const Blas blas;
  const DeviceArray a(random_values(12, 1)), b(random_values(12, 2)), c(std::size_t{9});
  ASSERT_BLAS(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 3, 3, 4, &kOne, a.get(), 4, b.get(), 4,
                          &kZero, c.get(), 3));
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_REPORT("GEMM operand A");
  EXPECT_REPORT("run past a device buffer of 48 bytes");
}

TEST_F(CuBlas, ResultOverAnOperandIsReported) {
  const Blas blas;
  const DeviceArray a(random_values(16, 1)), b(random_values(16, 2));
  ASSERT_BLAS(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &kOne, a.get(), 4, b.get(), 4,
                          &kZero, b.get(), 4));
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_REPORT("overlaps an operand");
}

TEST_F(CuBlas, BetaZeroDoesNotReadTheResult) {
  const Blas blas;
  const DeviceArray a(std::vector<float>{2}), b(std::vector<float>{3}), c(std::size_t{1});
  ASSERT_BLAS(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &kOne, a.get(), 1, b.get(), 1,
                          &kZero, c.get(), 1));
  EXPECT_EQ(c.values()[0], 6) << "c held NaN";
}

TEST_F(CuBlas, Tf32RoundsItsInputs) {
  const float x = 1 + 0x1p-12F;
  const Blas blas;
  const DeviceArray a(std::vector<float>{x}), b(std::vector<float>{1}), c(std::size_t{1});
  const auto product = [&] {
    EXPECT_BLAS(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &kOne, a.get(), 1, b.get(), 1,
                            &kZero, c.get(), 1));
    return c.values()[0];
  };
  EXPECT_EQ(product(), x);
  ASSERT_BLAS(cublasSetMathMode(blas, CUBLAS_TF32_TENSOR_OP_MATH));
  EXPECT_EQ(product(), 1);
}

TEST_F(CuBlas, HalfAndBfloat16AccumulateInFloat) {
  const Blas blas;
  const std::vector<float> values = random_values(8, 6);
  std::vector<__half> halves(8);
  std::vector<__nv_bfloat16> bfloats(8);
  double half_sum = 0, bfloat_sum = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    halves[i] = __float2half(values[i]);
    bfloats[i] = __float2bfloat16(values[i]);
    half_sum += std::pow(static_cast<double>(__half2float(halves[i])), 2);
    bfloat_sum += std::pow(static_cast<double>(__bfloat162float(bfloats[i])), 2);
  }
  const DeviceArray dh(halves);
  const DeviceArray dbf(bfloats);
  const DeviceArray c(std::size_t{1});
  const auto square = [&](const void* x, cudaDataType type) {
    EXPECT_BLAS(cublasGemmEx(blas, CUBLAS_OP_T, CUBLAS_OP_N, 1, 1, 8, &kOne, x, type, 8, x, type, 8,
                             &kZero, c.get(), CUDA_R_32F, 1, CUBLAS_COMPUTE_32F,
                             CUBLAS_GEMM_DEFAULT));
    return c.values()[0];
  };
  EXPECT_NEAR(square(dh.get(), CUDA_R_16F), half_sum, 1e-5);
  EXPECT_NEAR(square(dbf.get(), CUDA_R_16BF), bfloat_sum, 1e-5);
}

TEST_F(CuBlas, BatchesStepByTheirStrides) {
  const Blas blas;
  const DeviceArray a(std::vector<float>{1, 2, 3}), b(std::vector<float>{10}), c(std::size_t{3});
  ASSERT_BLAS(cublasSgemmStridedBatched(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &kOne, a.get(), 1,
                                        1, b.get(), 1, 0, &kZero, c.get(), 1, 1, 3));
  EXPECT_EQ(c.values(), (std::vector<float>{10, 20, 30}));
}

TEST_F(CuBlas, CaptureNeedsACallersWorkspaceAndSetStreamDropsIt) {
  const Blas blas;
  const Stream stream;
  const DeviceArray a(std::vector<float>{2}), c(std::size_t{1});
  const DeviceArray workspace(std::size_t{256});
  const auto nodes_captured = [&] {
    EXPECT_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    EXPECT_BLAS(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &kOne, a.get(), 1, a.get(), 1,
                            &kZero, c.get(), 1));
    cudaGraph_t graph = nullptr;
    EXPECT_CUDA(cudaStreamEndCapture(stream, &graph));
    std::size_t nodes = 0;
    EXPECT_CUDA(cudaGraphGetNodes(graph, nullptr, &nodes));
    EXPECT_CUDA(cudaGraphDestroy(graph));
    return nodes;
  };
  ASSERT_BLAS(cublasSetStream(blas, stream));
  ASSERT_BLAS(cublasSetWorkspace(blas, workspace.get(), 1024));
  EXPECT_EQ(nodes_captured(), 1u);
  EXPECT_EQ(cuda_sim::reports(), 0);
  ASSERT_BLAS(cublasSetStream(blas, stream));
  EXPECT_EQ(nodes_captured(), 2u);
  EXPECT_REPORT("without a caller's workspace");
  EXPECT_EQ(cublasSetWorkspace(blas, workspace.get() + 1, 512), CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(CuBlas, IsFastEnoughToTestWith) {
  if (kUnderAsan || kUnderTsan)
    GTEST_SKIP() << "speed is that of an ordinary build";
  const int n = 768;
  const Blas blas;
  const DeviceArray a(random_values(std::size_t{768} * 768, 1));
  const DeviceArray c(std::size_t{768} * 768);
  ASSERT_CUDA(cudaDeviceSynchronize());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_BLAS(cublasSgemm(blas, CUBLAS_OP_T, CUBLAS_OP_N, n, n, n, &kOne, a.get(), n, a.get(), n,
                          &kZero, c.get(), n));
  ASSERT_CUDA(cudaDeviceSynchronize());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const double gflops = 2e-9 * n * n * n / seconds.count();
  RecordProperty("gflops", std::to_string(gflops));
  std::printf("%.1f GFLOP/s\n", gflops);
  EXPECT_GT(gflops, 0.5) << "an order of magnitude below what it should be, even on a busy machine";
}

/// A cuBLASLt GEMM with one element type, y = epilogue(op_T(W) x + bias), as in Lamella's layers.
class CuBlasLt : public CudaSim {
 protected:
  static constexpr int kOutputs = 5, kRows = 4, kInputs = 3;

  void SetUp() override {
    ASSERT_BLAS(cublasLtCreate(&handle));
    ASSERT_BLAS(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    ASSERT_BLAS(cublasLtMatmulPreferenceCreate(&preference));
  }
  void TearDown() override {
    for (cublasLtMatrixLayout_t layout : {w_layout, x_layout, y_layout})
      EXPECT_BLAS(cublasLtMatrixLayoutDestroy(layout));
    EXPECT_BLAS(cublasLtMatmulPreferenceDestroy(preference));
    EXPECT_BLAS(cublasLtMatmulDescDestroy(product));
    EXPECT_BLAS(cublasLtDestroy(handle));
    EXPECT_EQ(cuda_sim::live().handles, 0);
  }
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, T value) {
    EXPECT_BLAS(cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof value));
  }
  void make_layouts(cudaDataType type) {
    ASSERT_BLAS(cublasLtMatrixLayoutCreate(&w_layout, type, kInputs, kOutputs, kInputs));
    ASSERT_BLAS(cublasLtMatrixLayoutCreate(&x_layout, type, kInputs, kRows, kInputs));
    ASSERT_BLAS(cublasLtMatrixLayoutCreate(&y_layout, CUDA_R_32F, kOutputs, kRows, kOutputs));
  }
  cublasStatus_t run(const void* w, const void* x, float* y) {
    cublasLtMatmulHeuristicResult_t choice;
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle, product, w_layout, x_layout, y_layout, y_layout, preference, 1, &choice, &found);
    if (status != CUBLAS_STATUS_SUCCESS || found != 1)
      return status;
    const float one = 1, zero = 0;
    return cublasLtMatmul(handle, product, &one, w, w_layout, x, x_layout, &zero, y, y_layout, y,
                          y_layout, &choice.algo, nullptr, 0, nullptr);
  }

  void make_float_layouts(int outputs, int rows, int inputs) {
    const auto make = [](cublasLtMatrixLayout_t* layout, int height, int width) {
      ASSERT_BLAS(cublasLtMatrixLayoutCreate(layout, CUDA_R_32F, static_cast<std::uint64_t>(height),
                                             static_cast<std::uint64_t>(width), height));
    };
    make(&w_layout, inputs, outputs);
    make(&x_layout, inputs, rows);
    make(&y_layout, outputs, rows);
  }
  void set_rows(std::uint64_t rows) {
    for (cublasLtMatrixLayout_t layout : {x_layout, y_layout})
      ASSERT_BLAS(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_COLS, &rows,
                                                   sizeof rows));
  }
  template <class T>
  void prefer(cublasLtMatmulPreferenceAttributes_t attribute, T value) {
    EXPECT_BLAS(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value));
  }
  void prefer_alignment(std::uint32_t bytes) {
    for (const auto attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      prefer(attribute, bytes);
  }
  std::vector<cublasLtMatmulHeuristicResult_t> choices(int wanted) {
    std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<std::size_t>(wanted));
    int found = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, product, w_layout, x_layout, y_layout, y_layout,
                                       preference, wanted, results.data(), &found);
    EXPECT_EQ(status == CUBLAS_STATUS_SUCCESS, found > 0);
    results.resize(static_cast<std::size_t>(found));
    return results;
  }
  static std::uint32_t attribute_of(const cublasLtMatmulAlgo_t& algo,
                                    cublasLtMatmulAlgoConfigAttributes_t attribute) {
    std::uint32_t value = 0;
    std::size_t written = 0;
    EXPECT_BLAS(
        cublasLtMatmulAlgoConfigGetAttribute(&algo, attribute, &value, sizeof value, &written));
    EXPECT_EQ(written, sizeof value);
    return value;
  }
  cublasStatus_t check(const cublasLtMatmulAlgo_t& algo) {
    cublasLtMatmulHeuristicResult_t result{};
    return cublasLtMatmulAlgoCheck(handle, product, w_layout, x_layout, y_layout, y_layout, &algo,
                                   &result);
  }
  cublasStatus_t run_by(const cublasLtMatmulAlgo_t* algo, const float* weights, const float* rows,
                        float* y, void* workspace = nullptr, std::size_t bytes = 0) {
    const float one = 1, zero = 0;
    return cublasLtMatmul(handle, product, &one, weights, w_layout, rows, x_layout, &zero, y,
                          y_layout, y, y_layout, algo, workspace, bytes, nullptr);
  }

  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatrixLayout_t w_layout = nullptr, x_layout = nullptr, y_layout = nullptr;
  const Shape shape{kOutputs, kRows, kInputs, kInputs, kInputs, kOutputs, true, false};
  const std::vector<float> w = random_values(15, 1), x = random_values(12, 2),
                           bias = random_values(5, 3), zeros = std::vector<float>(20);
};

TEST_F(CuBlasLt, AppliesBiasAndActivation) {
  make_layouts(CUDA_R_32F);
  const DeviceArray dw(w), dx(x), db(bias), dy(std::size_t{20});
  set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(db.get()));
  for (const auto epilogue : {CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_BIAS,
                              CUBLASLT_EPILOGUE_RELU_BIAS, CUBLASLT_EPILOGUE_GELU_BIAS}) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    ASSERT_BLAS(run(dw.get(), dx.get(), dy.get()));
    const std::vector<float> y = dy.values();
    for (int i = 0; i < 20; ++i) {
      double e = expected_at(shape, w, x, zeros, 1, 0, i % 5, i / 5).value;
      if (epilogue != CUBLASLT_EPILOGUE_DEFAULT)
        e += static_cast<double>(bias[static_cast<std::size_t>(i % 5)]);
      if (epilogue == CUBLASLT_EPILOGUE_RELU_BIAS)
        e = std::max(e, 0.0);
      if (epilogue == CUBLASLT_EPILOGUE_GELU_BIAS)
        e = 0.5 * e * (1 + std::tanh(std::sqrt(2 / M_PI) * (e + 0.044715 * e * e * e)));
      EXPECT_NEAR(y[static_cast<std::size_t>(i)], e, 1e-6) << epilogue << " at " << i;
    }
  }
}

TEST_F(CuBlasLt, ReadsBfloat16) {
  make_layouts(CUDA_R_16BF);
  std::vector<__nv_bfloat16> bw(15), bx(12);
  std::vector<float> rounded_w(15), rounded_x(12);
  for (std::size_t i = 0; i < 15; ++i)
    rounded_w[i] = __bfloat162float(bw[i] = __float2bfloat16(w[i]));
  for (std::size_t i = 0; i < 12; ++i)
    rounded_x[i] = __bfloat162float(bx[i] = __float2bfloat16(x[i]));
  const DeviceArray dw(bw);
  const DeviceArray dx(bx);
  const DeviceArray dy(std::size_t{20});
  ASSERT_BLAS(run(dw.get(), dx.get(), dy.get()));
  const std::vector<float> y = dy.values();
  for (int i = 0; i < 20; ++i)
    EXPECT_NEAR(y[static_cast<std::size_t>(i)],
                expected_at(shape, rounded_w, rounded_x, zeros, 1, 0, i % 5, i / 5).value, 1e-6);
}

TEST_F(CuBlasLt, TheHeuristicRanksSeveralAlgorithmsThatTheLimitsAllow) {
  make_float_layouts(20, 8, 40);
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{1} << 20);
  const auto all = choices(16);
  ASSERT_GT(all.size(), 3U);
  EXPECT_EQ(choices(2).size(), 2U) << "as many as are wanted";
  EXPECT_GT(attribute_of(all[0].algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM), 1U)
      << "long sums in few tiles";
  for (const auto& choice : all) {
    EXPECT_BLAS(choice.state);
    EXPECT_BLAS(check(choice.algo));
    const bool split = attribute_of(choice.algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM) > 1;
    EXPECT_EQ(split, attribute_of(choice.algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME) !=
                         CUBLASLT_REDUCTION_SCHEME_NONE);
  }
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{0});
  EXPECT_LT(choices(16).size(), all.size()) << "some need a workspace";
  prefer_alignment(4);
  EXPECT_LT(choices(16).size(), all.size() - 1) << "some need aligned operands";
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_NONE});
  for (const auto& choice : choices(16))
    EXPECT_EQ(attribute_of(choice.algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM), 1U);
  set_rows(1);
  const cublasLtMatmulAlgo_t for_one_row = choices(1)[0].algo;
  EXPECT_BLAS(check(for_one_row));
  set_rows(8);
  EXPECT_EQ(check(for_one_row), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(run_by(&for_one_row, nullptr, nullptr, nullptr), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(check({}), CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(CuBlasLt, AFixedAlgorithmSumsInItsOwnOrderForAnyNumberOfRows) {
  const int outputs = 20, rows = 40, inputs = 52;
  make_float_layouts(outputs, rows, inputs);
  prefer_alignment(4);
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_NONE});
  const DeviceArray dw(random_values(std::size_t{20} * 52, 1));
  const DeviceArray dx(random_values(std::size_t{40} * 52, 2));
  const DeviceArray dy(std::size_t{20} * 40);
  int serving_one_row = 0;
  std::vector<std::vector<float>> results;
  for (const auto& choice : choices(16)) {
    set_rows(rows);
    ASSERT_BLAS(run_by(&choice.algo, dw.get(), dx.get(), dy.get()));
    results.push_back(dy.values());
    set_rows(1);
    if (check(choice.algo) != CUBLAS_STATUS_SUCCESS)
      continue;
    ++serving_one_row;
    ASSERT_BLAS(run_by(&choice.algo, dw.get(), dx.get(), dy.get()));
    EXPECT_EQ(dy.values()[7], results.back()[7]);
    ASSERT_BLAS(run_by(&choice.algo, dw.get(), dx.get() + 39 * inputs, dy.get() + 1));
    EXPECT_EQ(dy.values()[1 + 7], results.back()[39 * outputs + 7]);
  }
  EXPECT_EQ(serving_one_row, 2);
  EXPECT_NE(results[1], results[2]) << "two algorithms, two orders";
  set_rows(rows);
  ASSERT_BLAS(run_by(nullptr, dw.get(), dx.get(), dy.get())) << "the library's choice";
  const std::vector<float> all = dy.values();
  set_rows(1);
  ASSERT_BLAS(run_by(nullptr, dw.get(), dx.get(), dy.get()));
  EXPECT_FALSE(std::equal(all.begin(), all.begin() + outputs, dy.values().begin()));
}

TEST_F(CuBlasLt, AnAlgorithmIsHeldToItsAlignmentAndItsWorkspaceAndAtomicsToNoOrder) {
  make_float_layouts(20, 8, 40);
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{1} << 20);
  const DeviceArray dw(random_values(800, 1)), dx(random_values(321, 2)), dy(std::size_t{160});
  const DeviceArray workspace(std::size_t{2} * 160);
  for (const auto& choice : choices(16)) {
    const auto run_at = [&](int offset, std::size_t bytes) {
      return run_by(&choice.algo, dw.get(), dx.get() + offset, dy.get(), workspace.get(), bytes);
    };
    ASSERT_BLAS(run_at(0, 4 * 2 * 160));
    const std::vector<float> once = dy.values();
    ASSERT_BLAS(run_at(0, 4 * 2 * 160));
    const auto scheme = attribute_of(choice.algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME);
    EXPECT_EQ(dy.values() == once, scheme != CUBLASLT_REDUCTION_SCHEME_INPLACE);
    EXPECT_EQ(run_at(0, 0) == CUBLAS_STATUS_SUCCESS, choice.workspaceSize == 0);
    const bool wide_accesses =
        attribute_of(choice.algo, CUBLASLT_ALGO_CONFIG_STAGES_ID) == CUBLASLT_MATMUL_STAGES_32x4;
    EXPECT_EQ(run_at(1, 4 * 2 * 160) == CUBLAS_STATUS_SUCCESS, !wide_accesses);
  }
  EXPECT_CUDA(cudaDeviceSynchronize());
}

TEST_F(CuBlasLt, ReluOfNanIsASetting) {
  std::vector<float> rows = x;
  rows[4] = std::numeric_limits<float>::quiet_NaN();
  make_layouts(CUDA_R_32F);
  for (const bool keeps : {true, false}) {
    cuda_sim::Config config;
    config.relu_epilogue_keeps_nan = keeps;
    TearDown();
    cuda_sim::configure(config);
    SetUp();
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_RELU);
    make_layouts(CUDA_R_32F);
    const DeviceArray dw(w), dx(rows), dy(std::size_t{20});
    ASSERT_BLAS(run(dw.get(), dx.get(), dy.get()));
    const std::vector<float> y = dy.values();
    EXPECT_EQ(std::isnan(y[5]), keeps);
    EXPECT_FALSE(std::isnan(y[4]));
  }
}

TEST_F(CuBlasLt, UnknownCombinationsAreNotSupported) {
  make_layouts(CUDA_R_32F);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DGELU);
  EXPECT_EQ(run(nullptr, nullptr, nullptr), CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(CuBlasLt, ShapesMustMatch) {
  make_layouts(CUDA_R_32F);
  set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_N);
  EXPECT_EQ(run(nullptr, nullptr, nullptr), CUBLAS_STATUS_INVALID_VALUE);
}

}  // namespace
