// Functions of one variable as graphs of operators spell them out, and which activation each is.
//
// An expression is kept expanded as a polynomial of atoms, where an atom is the variable or a
// function of another expression. 0.5 * x * (1 + erf(x / sqrt 2)) in any order and grouping is then
// the same sum of two products, so that comparing it with the few known forms is exact about
// structure; constants may differ as much as exporters round them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lamella/activation.hpp>

namespace lamella::io {

class Expression {
 public:
  enum class Function { kExp, kLog, kErf, kReciprocal, kActivation };

  Expression() = default;  // 0
  [[nodiscard]] static Expression constant(double value);
  [[nodiscard]] static Expression variable();
  [[nodiscard]] static Expression apply(Function function, const Expression& argument);
  [[nodiscard]] static Expression apply(const Activation& activation, const Expression& argument);

  friend Expression operator+(const Expression& a, const Expression& b);
  friend Expression operator*(const Expression& a, const Expression& b);
  [[nodiscard]] Expression power(int exponent) const;  // exponent from 0 up

  [[nodiscard]] bool is_variable() const;
  // a * x + b.
  struct Line {
    double slope = 0;
    double offset = 0;
  };
  [[nodiscard]] std::optional<Line> as_line() const;
  // Whether it is function(x).
  [[nodiscard]] bool is(Function function) const;
  // The activation that it is; nothing where it is none of them.
  [[nodiscard]] std::optional<Activation> as_activation() const;
  // Grown beyond what any activation needs; such an expression is nothing, and stays so.
  [[nodiscard]] bool too_large() const { return too_large_; }

  [[nodiscard]] bool matches(const Expression& other) const;

 private:
  struct Atom {
    Function function = Function::kExp;
    Activation activation;
    std::shared_ptr<const Expression> argument;  // null: the variable itself
  };
  struct Product {
    double coefficient = 1;
    std::vector<Atom> atoms;
  };

  [[nodiscard]] static bool matches(const Atom& a, const Atom& b);
  [[nodiscard]] static bool same_atoms(const Product& a, const Product& b);
  [[nodiscard]] static Expression of_atom(Atom atom);
  void add(const Product& product);

  std::vector<Product> products_;  // their sum; no atoms: a constant
  std::size_t size_ = 0;           // atoms, those inside atoms included
  bool too_large_ = false;
};

}  // namespace lamella::io
