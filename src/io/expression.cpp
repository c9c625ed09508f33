#include "io/expression.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lamella::io {
namespace {

// The largest known form, the tanh form of GELU, has 6 atoms.
constexpr std::size_t kMostAtoms = 24;
constexpr std::size_t kMostProducts = 12;

// float32 constants, and some that exporters round to four digits (0.7071, 0.7979).
bool nearly_equal(double a, double b) {
  constexpr double kTolerance = 2e-5;
  return a == b || std::fabs(a - b) <= kTolerance * std::max(std::fabs(a), std::fabs(b));
}

}  // namespace

Expression Expression::constant(double value) {
  Expression result;
  result.add({value, {}});
  return result;
}

Expression Expression::of_atom(Atom atom) {
  Expression result;
  if (atom.argument != nullptr && atom.argument->too_large_) {
    result.too_large_ = true;
    return result;
  }
  result.add({1, {std::move(atom)}});
  return result;
}

Expression Expression::variable() {
  return of_atom({});
}

Expression Expression::apply(Function function, const Expression& argument) {
  return of_atom({function, {}, std::make_shared<const Expression>(argument)});
}

Expression Expression::apply(const Activation& activation, const Expression& argument) {
  return of_atom({Function::kActivation, activation, std::make_shared<const Expression>(argument)});
}

void Expression::add(const Product& product) {
  if (product.coefficient == 0) {
    return;
  }
  const auto like = std::find_if(products_.begin(), products_.end(),
                                 [&](const Product& p) { return same_atoms(p, product); });
  if (like != products_.end()) {
    like->coefficient += product.coefficient;
    if (like->coefficient == 0) {
      products_.erase(like);
    }
    return;
  }
  products_.push_back(product);
  for (const Atom& atom : product.atoms) {
    size_ += 1 + (atom.argument == nullptr ? 0 : atom.argument->size_);
  }
  if (size_ > kMostAtoms || products_.size() > kMostProducts) {
    products_.clear();
    size_ = 0;
    too_large_ = true;
  }
}

Expression operator+(const Expression& a, const Expression& b) {
  Expression sum = a;
  sum.too_large_ |= b.too_large_;
  for (const Expression::Product& product : b.products_) {
    if (!sum.too_large_) {
      sum.add(product);
    }
  }
  return sum;
}

Expression operator*(const Expression& a, const Expression& b) {
  Expression result;
  result.too_large_ = a.too_large_ || b.too_large_;
  for (const Expression::Product& left : a.products_) {
    for (const Expression::Product& right : b.products_) {
      if (result.too_large_) {
        return result;
      }
      Expression::Product product = left;
      product.coefficient *= right.coefficient;
      product.atoms.insert(product.atoms.end(), right.atoms.begin(), right.atoms.end());
      result.add(product);
    }
  }
  return result;
}

Expression Expression::power(int exponent) const {
  Expression result = constant(1);
  for (int i = 0; i < exponent && !result.too_large_; ++i) {
    result = result * *this;
  }
  return result;
}

bool Expression::matches(const Atom& a, const Atom& b) {
  if (a.argument == nullptr || b.argument == nullptr) {
    return a.argument == b.argument;
  }
  return a.function == b.function && a.activation == b.activation &&
         a.argument->matches(*b.argument);
}

bool Expression::same_atoms(const Product& a, const Product& b) {
  return a.atoms.size() == b.atoms.size() &&
         std::is_permutation(a.atoms.begin(), a.atoms.end(), b.atoms.begin(),
                             [](const Atom& x, const Atom& y) { return matches(x, y); });
}

bool Expression::matches(const Expression& other) const {
  if (too_large_ || other.too_large_) {
    return false;
  }
  return products_.size() == other.products_.size() &&
         std::is_permutation(products_.begin(), products_.end(), other.products_.begin(),
                             [](const Product& a, const Product& b) {
                               return nearly_equal(a.coefficient, b.coefficient) &&
                                      same_atoms(a, b);
                             });
}

bool Expression::is_variable() const {
  return products_.size() == 1 && products_[0].coefficient == 1 && products_[0].atoms.size() == 1 &&
         products_[0].atoms[0].argument == nullptr;
}

std::optional<Expression::Line> Expression::as_line() const {
  if (too_large_) {
    return std::nullopt;
  }
  Line line;
  for (const Product& product : products_) {
    if (product.atoms.empty()) {
      line.offset = product.coefficient;
    } else if (product.atoms.size() == 1 && product.atoms[0].argument == nullptr) {
      line.slope = product.coefficient;
    } else {
      return std::nullopt;
    }
  }
  return line;
}

bool Expression::is(Function function) const {
  return matches(apply(function, variable()));
}

std::optional<Activation> Expression::as_activation() const {
  using Kind = ActivationKind;
  if (is_variable()) {
    return Activation(Kind::kIdentity);
  }
  // One operator: an activation of x itself.
  if (products_.size() == 1 && products_[0].coefficient == 1 && products_[0].atoms.size() == 1) {
    const Atom& atom = products_[0].atoms[0];
    if (atom.function == Function::kActivation && atom.argument->is_variable()) {
      return atom.activation;
    }
  }
  const Expression x = variable();
  const Expression one = constant(1);
  const Expression half = constant(0.5);
  const auto exp_of = [](const Expression& e) { return apply(Function::kExp, e); };
  const Expression minus_x = constant(-1) * x;
  const Expression sigmoid = apply(Activation(Kind::kSigmoid), x);
  const Expression spelled_sigmoid = apply(Function::kReciprocal, one + exp_of(minus_x));
  const Expression gelu_tanh =
      apply(Activation(Kind::kTanh),
            constant(std::sqrt(2 / std::acos(-1.0))) * (x + constant(0.044715) * x.power(3)));
  const std::pair<Expression, Activation> forms[] = {
      {x * sigmoid, Kind::kSilu},
      {x * spelled_sigmoid, Kind::kSilu},
      {spelled_sigmoid, Kind::kSigmoid},
      {half * x * (one + apply(Function::kErf, constant(std::sqrt(0.5)) * x)), Kind::kGelu},
      {half * x * (one + gelu_tanh), Kind::kGeluTanh},
      {apply(Function::kLog, one + exp_of(x)), Kind::kSoftplus},
  };
  for (const auto& [form, activation] : forms) {
    if (matches(form)) {
      return activation;
    }
  }
  return std::nullopt;
}

}  // namespace lamella::io
