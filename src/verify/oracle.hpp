// The independent reference: a network evaluated in double precision with plain loops, and how far
// a float32 evaluation of it may be off. Shares nothing with the engines but the Network type and
// the names of precisions.
//
// The bound is derived, not guessed. For one layer z = W x + b with k inputs, evaluated in float32
// in any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, 2nd
// ed., 3.1, 3.5):
//     |z^ - z| <= gamma_{k+2} (|W||x| + |b|),   gamma_n = n u / (1 - n u),   u = 2^-24
// and when x itself is off by at most e:  |W| e  more. An activation multiplies the error by at
// most its Lipschitz constant, and its own evaluation in float32 adds a few units in the last
// place. Input steps are single float32 operations, rounded by IEEE 754: their results are exact
// here, and add no error.
//
// In a lower precision the factors of products are rounded, weights and inputs alike, by at most
// u' = 2^-10 (tf32, which devices may truncate), 2^-8 (bf16) or 2^-11 (fp16), so
//     |z^ - z| <= |W| (e + u' (|x| + e)) + u' |W| |x^| + gamma |W||x^|,
// where gamma counts each operation twice, as tensor cores do not round sums to nearest. In the two
// of 16 bits the product of every layer but the last is rounded once more by u' before its bias is
// added. fp16 also loses up to 2^-25 below its normal range; that it overflows beyond 65504 is not
// in the bound, but an error.
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

// The outputs beside the reference, whose shape they have.
struct Comparison {
  std::size_t outside = 0;  // outputs that are not within their bounds
  double share = 0;         // the largest error, as a share of its bound
  std::size_t worst = 0;    // where it is: row * outputs + output
};
[[nodiscard]] Comparison compare(const Reference& reference, MatrixView<const float> outputs);

// Empty when every output is within its bound (NaN where NaN is due, infinities equal); else one
// line about the worst one.
[[nodiscard]] std::string mismatch(const Reference& reference, MatrixView<const float> outputs);

}  // namespace lamella::verify
