#include "cuda/product_ladder.hpp"

#include <algorithm>

namespace lamella::cuda {
namespace {

// Between neighbours an algorithm for the larger number has tiles to spare, but not many.
constexpr std::size_t kStep = 4;
// For fewer rows the heuristic's answers took up to eight times as long as others (on an H100), and
// its best ones sum in pieces.
constexpr std::size_t kFewestRows = 1024;

}  // namespace

LayerProduct& ProductLadder::product_for(std::size_t rows) const {
  const auto rung = std::ranges::find_if(
      rungs_, [rows](const auto& product) { return rows <= product->most_rows(); });
  return rung == rungs_.end() ? *most_ : **rung;
}

std::vector<LtProduct::Choice> ladder_choices(bool may_split) {
  std::vector<LtProduct::Choice> choices;
  for (std::size_t rows = kFewestRows; rows < LtProduct::kMostRows; rows *= kStep) {
    choices.push_back({.most_rows = rows, .may_split = may_split});
  }
  return choices;
}

}  // namespace lamella::cuda
