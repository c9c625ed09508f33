// The independent reference: evaluates a network in double precision with plain loops and bounds
// the error of a float32 evaluation. Shares only the Network type and the names of precisions with
// the engines.
//
// The bound is derived. For one layer z = W x + b with k inputs, evaluated in float32 in any order
// of summation (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1, 3.5):
//     |z^ - z| <= gamma_{k+2} (|W||x| + |b|),   gamma_n = n u / (1 - n u),   u = 2^-24
// An error of at most e in x adds |W| e. An activation multiplies the error by at most its
// Lipschitz constant, and its float32 evaluation adds a few units in the last place. Input steps
// are single float32 operations, rounded by IEEE 754: the reference reproduces them exactly, so
// they add no error.
//
// Lower precisions round weights and inputs by at most u' = 2^-10 (tf32, which devices may
// truncate), 2^-8 (bf16) or 2^-11 (fp16), so
//     |z^ - z| <= |W| (e + u' (|x| + e)) + u' |W| |x^| + gamma |W||x^|,
// where gamma counts each operation twice, because tensor cores do not round sums to nearest. bf16
// and fp16 round the GEMM of every layer but the last once more by u' before adding its bias. fp16
// also loses up to 2^-25 below its normal range; overflow beyond 65504 is an error that the bound
// does not cover.
#pragma once

#include <string>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::verify {

struct Reference {
  std::size_t rows = 0;
  std::size_t outputs = 0;
  std::vector<double> values;  // [rows x outputs]
  std::vector<double> bounds;  // [rows x outputs], of |evaluated - value|
};

// To the nearest float; beyond its range, an infinity.
[[nodiscard]] float to_float(double x);

[[nodiscard]] Reference evaluate(const Network& network, MatrixView<const float> rows,
                                 Precision precision = Precision::kFp32);

// Outputs compared with the reference, which must have the same shape.
struct Comparison {
  std::size_t outside = 0;  // outputs outside their bounds
  double share = 0;         // the largest error as a fraction of its bound
  std::size_t worst = 0;    // its index: row * outputs + output
};
[[nodiscard]] Comparison compare(const Reference& reference, MatrixView<const float> outputs);

// Empty if every output is within its bound (NaN matches NaN, equal infinities match); otherwise
// one line about the worst output.
[[nodiscard]] std::string mismatch(const Reference& reference, MatrixView<const float> outputs);

}  // namespace lamella::verify
