#include "io/columns.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/quote.hpp"

namespace lamella::io {
namespace {

std::optional<std::size_t> parse_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

std::size_t select_column(const std::string& column, const std::vector<std::string>& names,
                          std::size_t width, const std::string& file) {
  const auto found = std::find(names.begin(), names.end(), column);
  if (found != names.end()) {
    if (std::find(found + 1, names.end(), column) != names.end()) {
      throw FileError(
          file,
          fmt::format("has more than one column named {}; select it by its number from 0",
                      in_quotes(column)),
          Remedy::kColumnNumbers);
    }
    return static_cast<std::size_t>(found - names.begin());
  }
  const auto number = parse_number(column);
  if (number && *number < width) {
    return *number;
  }
  if (number) {
    throw FileError(
        file, fmt::format("has no column {}: its {} columns are numbered from 0", *number, width),
        Remedy::kColumnNumbers);
  }
  if (names.empty()) {
    throw FileError(file,
                    fmt::format("has no names of columns, so {} cannot be found; select "
                                "columns by number from 0",
                                in_quotes(column)),
                    Remedy::kColumnNumbers);
  }
  throw FileError(file, fmt::format("has no column {} among its {}; the nearest are {}",
                                    in_quotes(column), width, nearest(column, names)));
}

}  // namespace

bool all_numbers(const std::vector<std::string>& columns) {
  return std::all_of(columns.begin(), columns.end(),
                     [](const std::string& column) { return parse_number(column).has_value(); });
}

std::vector<std::size_t> select_columns(const std::vector<std::string>& columns,
                                        const std::vector<std::string>& names, std::size_t width,
                                        const std::string& file) {
  std::vector<std::size_t> selected;
  selected.reserve(columns.size());
  for (const std::string& column : columns) {
    selected.push_back(select_column(column, names, width, file));
  }
  return selected;
}

void check_width(std::size_t found, const RowReadOptions& options, const std::string& file) {
  const std::size_t expected = options.expected_columns;
  if (expected == 0 || found == expected) {
    return;
  }
  const std::string model = options.are_outputs
                                ? fmt::format("the model gives {} outputs", expected)
                                : fmt::format("the model takes {} inputs", expected);
  if (!options.columns.empty()) {
    throw FileError(file, fmt::format("{} columns are selected, {}", found, model));
  }
  throw FileError(file, fmt::format("rows have {} columns, {}", found, model),
                  options.are_outputs ? Remedy::kNone : Remedy::kColumns);
}

}  // namespace lamella::io
