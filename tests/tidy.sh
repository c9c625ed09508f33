#!/usr/bin/env bash
# Runs clang-tidy 14, with the settings of .clang-tidy, over the library and the command, without the CUDA engine.
# The exit status is 0 only when it has nothing to report.
#
#   tests/tidy.sh            all of them
#   tests/tidy.sh FILE...    these alone
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

[[ -n ${LAMELLA_SKIP_INSTALL:-} ]] || cmake/install-dependencies.sh --all
tidy=clang-tidy-14
command -v "$tidy" > /dev/null || tidy=clang-tidy
version=$("$tidy" --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
[[ $version == 14 ]] || { echo "tests/tidy.sh: clang-tidy 14 is wanted, not '$version'" >&2 && exit 1; }

# It reads how each file is compiled; nothing is built.
build=build/tidy
cmake --preset cpu -B "$build" -DLAMELLA_BUILD_TESTS=OFF > /dev/null
files=("$@")
if (($# == 0)); then
  mapfile -t files < <(find src -name '*.cpp' -not -path 'src/cuda/*' | sort)
fi
# GCC's warnings are not all known to clang.
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" \
  "$tidy" -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option
echo "${#files[@]} files, nothing to report"
