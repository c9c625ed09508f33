#!/usr/bin/env bash
# headers.sh INCLUDE
#
# Every public header compiles by itself and without a warning, as C++20, under g++ and clang++; lamella.h as C99 too. Exits
# with 77 when there is but one of the two compilers, and that one is content.
set -euo pipefail
include=$1
warnings=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$include")
absent=0
for compilers in 'g++ gcc' 'clang++ clang'; do
  read -r cxx cc <<< "$compilers"
  if ! command -v "$cxx" > /dev/null || ! command -v "$cc" > /dev/null; then
    echo "headers.sh: no $cxx or no $cc here; not tried"
    absent=1
    continue
  fi
  for header in "$include"/lamella/*; do
    "$cxx" -std=c++20 "${warnings[@]}" -x c++ - <<< "#include <lamella/${header##*/}>"
  done
  "$cc" -std=c99 "${warnings[@]}" -x c - <<< '#include <lamella/lamella.h>'
done
exit $((absent ? 77 : 0))
