#include "cuda/product_ladder.hpp"

#include <algorithm>

namespace lamella::cuda {
namespace {

// Between neighbours an algorithm for the larger number has tiles to spare, but not many.
constexpr std::size_t kStep = 4;
// Fewer rows than this fill no tile. Algorithms for them alone sum in pieces.
constexpr std::size_t kFewestRows = 16;

}  // namespace

LayerProduct& ProductLadder::product_for(std::size_t rows) const {
  const auto rung = std::ranges::find_if(
      rungs_, [rows](const auto& product) { return rows <= product->most_rows(); });
  return rung == rungs_.end() ? *most_ : **rung;
}

std::vector<LtProduct::Choice> ladder_choices(bool may_split) {
  std::vector<LtProduct::Choice> choices;
  for (std::size_t rows = may_split ? 1 : kFewestRows; rows < LtProduct::kMostRows; rows *= kStep) {
    choices.push_back({.most_rows = rows, .may_split = may_split});
  }
  return choices;
}

}  // namespace lamella::cuda
