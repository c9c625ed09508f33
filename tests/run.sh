#!/usr/bin/env bash
# Installs what is missing, then builds and tests every configuration that can run here:
#
#   release or cpu   with CUDA where nvcc is, else without
#   sim              the CUDA engine against the simulated CUDA; no GPU needed
#   asan, tsan       AddressSanitizer and UBSan over everything, ThreadSanitizer over what has threads; without the
#                    simulated CUDA where its headers are missing
#
# and checks the formatting. Ends with a table of results and times, what took longest, and the line
# "N passed, N failed"; the exit status is 0 only when nothing failed.
#
#   tests/run.sh              all of them
#   tests/run.sh cpu asan     these presets alone
#
# LAMELLA_REQUIRE_ALL=1     what cannot run here is a failure; installs clang-format and, where there is
#                           no toolkit, fetches CUDA's headers, too
# LAMELLA_SKIP_INSTALL=1    nothing is installed
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
    /usr/local/cuda /usr/local/cuda-13* build/cuda-headers; do
    if [[ -f $folder/include/cuda_runtime_api.h ]] &&
      grep -q '#define CUDART_VERSION *1[3-9]' "$folder/include/cuda_runtime_api.h"; then
      return 0
    fi
  done
  return 1
}

table=()
hint=""
passed=0
failed=0
# add_row PRESET RESULT ALL [CONFIGURE BUILD TEST]: seconds, or nothing for what was not done
add_row() {
  local row time
  row=$(printf '%-9s %-42s' "$1" "$2")
  for time in "${4:-}" "${5:-}" "${6:-}" "$3"; do
    row+=$(printf ' %11s' "${time:+$time s}")
  done
  table+=("$row")
}

# not_run PRESET WHY
not_run() {
  if [[ -n ${LAMELLA_REQUIRE_ALL:-} ]]; then
    add_row "$1" "FAILED: not run: $2" ""
    failed=$((failed + 1))
  else
    add_row "$1" "not run: $2" ""
  fi
}

# Lines "SECONDS PRESET WHAT" of everything compiled and tested.
compilations=""
tested=""
# longest HEADING LINES: the five that took longest
longest() {
  sort -rn <<< "$2" | awk -v heading="$1" '
    NF && NR == 1 { print heading }
    NF && NR <= 5 {
      printf "%9.1f s  %-9s ", $1, $2
      $1 = $2 = ""
      print substr($0, 3, 90)
    }'
}

check_format() {
  local start=$SECONDS formatter=clang-format-14 version
  command -v "$formatter" > /dev/null || formatter=clang-format
  if ! command -v "$formatter" > /dev/null; then
    not_run format "no clang-format-14"
    return
  fi
  version=$("$formatter" --version | sed 's/.*version \([0-9]*\).*/\1/')
  if [[ $version != 14 ]]; then
    not_run format "clang-format is $version, not 14"
    return
  fi
  if find include src kernels tests examples -type f \
    \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 2> /dev/null |
    xargs -0 "$formatter" --dry-run -Werror; then
    add_row format "ok" "$((SECONDS - start))"
    passed=$((passed + 1))
  else
    add_row format "FAILED: clang-format -i mends it" "$((SECONDS - start))"
    failed=$((failed + 1))
  fi
}

# The number that an attribute of ctest's JUnit report holds, in the first element that has it.
count_in() { sed -n "s/^.*[[:space:]]$2=\"\([0-9]*\)\".*$/\1/p" "$1" | head -1; }

run_preset() {
  local preset=$1 build=$root/build/$1 report=$root/build/$1/junit.xml
  local start=$SECONDS configured built tests failures skipped disabled log_before
  local -a settings=(-DLAMELLA_WERROR=ON -DLAMELLA_BUILD_TESTS=ON)
  if [[ $preset == sim ]]; then
    # Less is done beside release or cpu, which test the rest and compile the library file by file. Both are set
    # in either case, since a build folder remembers what it was told before.
    local beside=OFF
    [[ " ${presets[*]} " =~ ' '(release|cpu)' ' ]] && beside=ON
    settings+=("-DLAMELLA_CUDA_TESTS_ONLY=$beside" "-DLAMELLA_UNITY_BUILD=$beside")
  fi
  if [[ $preset == sim || $preset == asan || $preset == tsan ]] && ! has_cuda_headers; then
    hint="cmake/install-dependencies.sh --cuda-headers fetches the headers of CUDA 13 for the simulated CUDA"
    if [[ $preset == sim ]]; then
      not_run sim "no headers of CUDA 13"
      return
    fi
    not_run "$preset" "no simulated CUDA, for want of headers"
    settings+=(-DLAMELLA_CUDA_SIM=OFF -DLAMELLA_CUDA=OFF)
  fi

  echo "== $preset"
  if ! cmake --preset "$preset" "${settings[@]}"; then
    add_row "$preset" "FAILED to configure" "$((SECONDS - start))"
    failed=$((failed + 1))
    return
  fi
  configured=$SECONDS
  log_before=$(cat -- "$build/.ninja_log" 2> /dev/null)
  if ! cmake --build "$build" --parallel "$jobs"; then
    add_row "$preset" "FAILED to build" "$((SECONDS - start))" "$((configured - start))"
    failed=$((failed + 1))
    return
  fi
  built=$SECONDS
  # Ninja notes begin and end in milliseconds, and what was built before as well.
  compilations+=$(grep -vxFf <(echo "$log_before") -- "$build/.ninja_log" |
    awk -v preset="$preset" '$4 ~ /\.o$/ { gsub(/CMakeFiles\/|\.dir|\.o$/, "", $4); print ($2 - $1) / 1000, preset, $4 }')$'\n'
  rm -rf -- "$report" "$build/gtest"
  local status=0
  ctest --preset "$preset" --parallel "$jobs" --output-junit "$report" < /dev/null || status=$?
  local -a times=("$((SECONDS - start))" "$((configured - start))" "$((built - configured))" "$((SECONDS - built))")
  if [[ ! -f $report ]]; then
    add_row "$preset" "FAILED to run the tests" "${times[@]}"
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
  tested+=$(sed -n "s/^.*<testcase name=\"\([^\"]*\)\".* time=\"\([0-9.]*\)\".*$/\2 $preset \1/p" "$report")$'\n'
  add_row "$preset" "$good passed, $failures failed, $skipped skipped" "${times[@]}"
}

has_nvcc && compiled=release || compiled=cpu
presets=("$@")
if (($# == 0)); then
  presets=("$compiled" sim asan tsan)
fi

if [[ -z ${LAMELLA_SKIP_INSTALL:-} ]]; then
  if [[ -n ${LAMELLA_REQUIRE_ALL:-} ]]; then
    cmake/install-dependencies.sh --all || exit 1
    if [[ " ${presets[*]} " =~ ' '(sim|asan|tsan)' ' ]] && ! has_cuda_headers; then
      cmake/install-dependencies.sh --cuda-headers || exit 1
    fi
  else
    cmake/install-dependencies.sh || exit 1
  fi
  for browser in chromium chromium-browser chromium-headless-shell google-chrome; do
    # One that is there must be found by the tests of explain's report.
    command -v "$browser" > /dev/null && export LAMELLA_REQUIRE_BROWSER=1
  done
fi

check_format
for preset in "${presets[@]}"; do
  run_preset "$preset"
done

echo
printf '%-9s %-42s %11s %11s %11s %11s\n' preset result configure build test all
printf '%s\n' "${table[@]}" ${hint:+"$hint"}
longest "longest to compile" "$compilations"
longest "longest to test" "$tested"
echo "$passed passed, $failed failed"
((failed == 0))
