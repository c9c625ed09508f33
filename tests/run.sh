#!/usr/bin/env bash
# Installs what is missing, then builds and tests every configuration that can run here:
#
#   release or cpu   with CUDA where nvcc is, else without
#   sim              the CUDA engine against the simulated CUDA; no GPU needed
#   asan, tsan       AddressSanitizer and UBSan over everything, ThreadSanitizer over what has threads; without the
#                    simulated CUDA where its headers are missing
#
# and checks the formatting. Ends with a table and the line "N passed, N failed"; the exit status is
# 0 only when nothing failed.
#
#   tests/run.sh              all of them
#   tests/run.sh cpu asan     these presets alone
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit 1

root=$PWD
jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
if ! command -v nvcc > /dev/null && [[ -x /usr/local/cuda/bin/nvcc ]]; then
  PATH=/usr/local/cuda/bin:$PATH
fi

has_nvcc() { command -v nvcc > /dev/null; }

# The simulation is compiled against NVIDIA's headers.
has_cuda_headers() {
  local folder
  for folder in "${CUDA_PATH:-}" "${CUDA_HOME:-}" "$(dirname -- "$(command -v nvcc || echo /none)")/.." \
    /usr/local/cuda /usr/local/cuda-13*; do
    if [[ -f $folder/include/cuda_runtime_api.h ]] &&
      grep -q '#define CUDART_VERSION *1[3-9]' "$folder/include/cuda_runtime_api.h"; then
      return 0
    fi
  done
  return 1
}

table=()
passed=0
failed=0
# add_row PRESET RESULT SECONDS...
add_row() { table+=("$(printf '%-9s %-34s %s' "$1" "$2" "$3")"); }

check_format() {
  local start=$SECONDS version
  if ! command -v clang-format > /dev/null; then
    add_row format "not run: no clang-format" ""
    return
  fi
  version=$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/')
  if [[ $version != 14 ]]; then
    add_row format "not run: version 14 is wanted, not $version" ""
    return
  fi
  if find include src kernels tests examples -type f \
    \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 2> /dev/null |
    xargs -0 clang-format --dry-run -Werror; then
    add_row format "ok" "$((SECONDS - start)) s"
    passed=$((passed + 1))
  else
    add_row format "FAILED: clang-format -i mends it" "$((SECONDS - start)) s"
    failed=$((failed + 1))
  fi
}

# The number that an attribute of ctest's JUnit report holds, in the first element that has it.
count_in() { sed -n "s/^.*[[:space:]]$2=\"\([0-9]*\)\".*$/\1/p" "$1" | head -1; }

run_preset() {
  local preset=$1 build=$root/build/$1 report=$root/build/$1/junit.xml
  local start=$SECONDS configured built tests failures skipped disabled times
  local -a settings=(-DLAMELLA_WERROR=ON -DLAMELLA_BUILD_TESTS=ON)
  if [[ $preset == sim ]]; then
    # Less is done beside release or cpu, which test the rest and compile file by file. Both are set
    # in either case, since a build folder remembers what it was told before.
    local beside=OFF
    [[ " ${presets[*]} " =~ ' '(release|cpu)' ' ]] && beside=ON
    settings+=(-DLAMELLA_CUDA_TESTS_ALONE=$beside -DLAMELLA_COMPILE_AS_ONE=$beside)
  fi
  if [[ $preset == sim || $preset == asan || $preset == tsan ]] && ! has_cuda_headers; then
    if [[ $preset == sim ]]; then
      add_row sim "not run: no headers of CUDA 13" ""
      return
    fi
    settings+=(-DLAMELLA_CUDA_SIM=OFF -DLAMELLA_CUDA=OFF)
  fi

  echo "== $preset"
  if ! cmake --preset "$preset" "${settings[@]}"; then
    add_row "$preset" "FAILED to configure" "$((SECONDS - start)) s"
    failed=$((failed + 1))
    return
  fi
  configured=$SECONDS
  if ! cmake --build "$build" --parallel "$jobs"; then
    add_row "$preset" "FAILED to build" "$((SECONDS - start)) s"
    failed=$((failed + 1))
    return
  fi
  built=$SECONDS
  rm -rf -- "$report" "$build/gtest"
  local status=0
  ctest --preset "$preset" --parallel "$jobs" --output-junit "$report" < /dev/null || status=$?
  times="configure $((configured - start)) s, build $((built - configured)) s, test $((SECONDS - built)) s"
  if [[ ! -f $report ]]; then
    add_row "$preset" "FAILED to run the tests" "$times"
    failed=$((failed + 1))
    return
  fi
  tests=$(count_in "$report" tests)
  failures=$(count_in "$report" failures)
  skipped=$(count_in "$report" skipped)
  disabled=$(count_in "$report" disabled)
  if ((status != 0 && failures == 0)); then
    failures=1 # no tests at all, for instance
  fi
  skipped=$((skipped + disabled))
  local good=$((tests - failures - skipped)) one
  # Executables that ctest knows as one test each: those that passed count as what they ran.
  for one in "$build"/gtest/*.xml; do
    if [[ -f $one ]] && ! grep -q '<failure' "$one"; then
      good=$((good - 1 + $(grep -c 'result="completed"' "$one")))
      skipped=$((skipped + $(grep -c 'result="skipped"' "$one")))
    fi
  done
  passed=$((passed + good))
  failed=$((failed + failures))
  add_row "$preset" "$good passed, $failures failed, $skipped skipped" "$times"
}

if [[ -z ${LAMELLA_SKIP_INSTALL:-} ]]; then
  cmake/install-dependencies.sh || exit 1
  for browser in chromium chromium-browser chromium-headless-shell google-chrome; do
    # One that is there must be found by the tests of explain's page.
    command -v "$browser" > /dev/null && export LAMELLA_REQUIRE_BROWSER=1
  done
fi

presets=("$@")
if ((${#presets[@]} == 0)); then
  if has_nvcc; then presets=(release); else presets=(cpu); fi
  presets+=(sim asan tsan)
fi
check_format
for preset in "${presets[@]}"; do
  run_preset "$preset"
done

echo
printf '%s\n' "${table[@]}"
echo "$passed passed, $failed failed"
((failed == 0))
