#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: builds for that card, runs every test that needs one (absence fails),
# measures the engine beside NVIDIA's libraries and PyTorch, builds and runs examples/cuda_app, and puts
# compute-sanitizer over a reduced set of tests. Ends with a table; the exit status is 0 only when all of
# it ran and passed, 1 when something failed or was cut off, 2 for wrong usage.
set -uo pipefail

usage() {
  cat << 'END'
Usage: tests/gpu/run.sh [OPTIONS] [RESULTS]

Results (table, summary.json, JUnit, benchmarks, logs) go to RESULTS; default: BUILD/results.

  --build FOLDER          where to build; default: build/gpu
  --architectures LIST    compile for these, as 90 or "90;100"; default: the card at hand
  --dependencies FOLDER   where the libraries are installed, if not in the system's folders
  --seconds N             for everything, 540 by default; what does not fit is cut off, and said
  --build-only            needs no GPU: configures and builds, and ends there
  --help                  this text

Needs CUDA Toolkit 13, CMake, Ninja and the libraries that cmake/install-dependencies.sh lists; no network.
In a copy without git LAMELLA_COMMIT names the commit for the results.
END
}

wrong_usage() {
  echo "tests/gpu/run.sh: $1; --help lists the options" >&2
  exit 2
}

results=""
build=build/gpu
architectures=""
dependencies=""
budget=540
build_only=""
while (($# > 0)); do
  case $1 in
    --help) usage && exit 0 ;;
    --build-only) build_only=1 && shift && continue ;;
    --build | --architectures | --dependencies | --seconds)
      [[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
      case $1 in
        --build) build=$2 ;;
        --architectures) architectures=$2 ;;
        --dependencies) dependencies=$2 ;;
        --seconds)
          [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || wrong_usage "--seconds is '$2': a whole number from 1 is wanted"
          budget=$2
          ;;
      esac
      shift 2
      ;;
    -*) wrong_usage "there is no option '$1'" ;;
    *)
      [[ -z $results ]] || wrong_usage "one folder for results is taken, '$1' is another"
      results=$1 && shift
      ;;
  esac
done
[[ -z $dependencies || -d $dependencies ]] || wrong_usage "--dependencies: there is no folder '$dependencies'"

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 1

card="no GPU asked for"
driver=none
if [[ -z $build_only ]]; then
  if ! command -v nvidia-smi > /dev/null; then
    echo "tests/gpu/run.sh: this machine has no NVIDIA driver (no nvidia-smi on the path), so no GPU to test on" >&2
    exit 1
  fi
  if ! said=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>&1) || [[ $said != *,* ]]; then
    echo "tests/gpu/run.sh: this machine has no working NVIDIA GPU: $(head -n 1 <<< "$said")" >&2
    exit 1
  fi
  card=$(head -n 1 <<< "${said%%$'\n'*}" | sed 's/,[^,]*$//')
  driver=$(head -n 1 <<< "$said" | sed 's/.*, *//')
fi
if ! command -v nvcc > /dev/null && [[ -x /usr/local/cuda/bin/nvcc ]]; then
  PATH=/usr/local/cuda/bin:$PATH
fi

# For what is linked with them and installed elsewhere, at link time and when it runs.
for folder in "$dependencies"/lib "$dependencies"/lib64 "$dependencies"/lib/*-linux-gnu; do
  [[ -z $dependencies || ! -d $folder ]] || export LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done

results=${results:-$build/results}
mkdir -p -- "$results" "$build" || exit 1
results=$(cd -- "$results" && pwd)
build=$(cd -- "$build" && pwd)
date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
commit=${LAMELLA_COMMIT:-$(git rev-parse HEAD 2> /dev/null || echo "not a git checkout")}
echo "$card, driver $driver; $date; $commit"

table=()   # a line for each phase
phases=()  # the same as JSON
failed=0

json_text() { printf '"%s"' "$(sed 's/\\/\\\\/g; s/"/\\"/g' <<< "$1")"; }

# add_row PHASE RESULT SECONDS
add_row() {
  table+=("$(printf '%-28s %-44s %5s s' "$1" "$2" "$3")")
  phases+=("{\"phase\": $(json_text "$1"), \"result\": $(json_text "$2"), \"seconds\": $3}")
  case $2 in
    FAILED* | "cut off"* | "not run: the time"*) failed=1 ;;
  esac
}

# limited LIMIT PHASE LOG COMMAND... runs it for at most LIMIT of every 540 seconds that there are, and no
# longer than is left; sets result and seconds. The status is 0 where it passed.
limited() {
  local limit=$(($1 * budget / 540)) left=$((budget - SECONDS)) phase=$2 log=$results/$3 start=$SECONDS status=0
  shift 3
  seconds=0
  result="not run: the time was up"
  ((limit > 0)) || limit=1
  ((limit <= left)) || limit=$left
  ((limit > 0)) || return 1
  printf '\n== %s (%s s of %s)\n' "$phase" "$SECONDS" "$budget"
  timeout --kill-after=5 "$limit" "$@" > "$log" 2>&1 < /dev/null || status=$?
  tail -n 5 -- "$log"
  seconds=$((SECONDS - start))
  case $status in
    0) result=ok ;;
    124 | 137) result="cut off after $limit s" ;;
    *) result="FAILED with status $status: ${log##*/}" ;;
  esac
  ((status == 0))
}

# The same with its row in the table.
phase() {
  local status=0
  limited "$@" || status=1
  add_row "$2" "$result" "$seconds"
  return "$status"
}

finish() {
  local i separator=""
  {
    echo "$card, driver $driver; $date; $commit"
    printf '%s\n' "${table[@]}"
  } > "$results/table.txt"
  {
    printf '{"card": %s, "driver": %s, "date": %s, "commit": %s, "seconds": %s, "phases": [' "$(json_text "$card")" \
      "$(json_text "$driver")" "$(json_text "$date")" "$(json_text "$commit")" "$SECONDS"
    for i in "${phases[@]}"; do
      printf '%s%s' "$separator" "$i"
      separator=", "
    done
    printf ']}\n'
  } > "$results/summary.json"
  echo
  cat -- "$results/table.txt"
  if ((failed)); then
    echo "FAILED or cut off, see above; results are in $results"
    exit 1
  fi
  echo "everything passed; results are in $results"
  exit 0
}

settings=()
[[ -z $architectures ]] || settings+=("-DCMAKE_CUDA_ARCHITECTURES=$architectures")
[[ -z $dependencies ]] || settings+=("-DCMAKE_PREFIX_PATH=$dependencies")
phase 80 configure configure.log cmake --preset gpu -B "$build" ${settings[@]+"${settings[@]}"} || finish
phase 270 build build.log cmake --build "$build" --parallel "$(nproc)" --target gpu_tests cuda_bench lamella_command lamella_texts || finish
[[ -z $build_only ]] || finish

# ctest stops by itself a little before, so that it still writes its report. The executables' own reports
# tell their tests.
run_tests() {
  local limit=$((100 * budget / 540)) one tests=0 failures=0 skipped=0
  rm -rf -- "$build/gtest" "$results/gtest"
  limited 110 "tests" tests.log env LAMELLA_REQUIRE_GPU=1 ctest --test-dir "$build" --label-regex '^gpu$' \
    --no-tests=error --output-on-failure --parallel 4 --output-junit "$results/junit.xml" \
    --stop-time "$(date -d "+$limit seconds" +%H:%M:%S)"
  for one in "$build"/gtest/*.xml; do
    [[ -f $one ]] || continue
    tests=$((tests + $(grep -c '<testcase ' "$one")))
    skipped=$((skipped + $(grep -c 'result="skipped"' "$one")))
    failures=$((failures + $(sed -n 's/^<testsuites .*failures="\([0-9]*\)".*/\1/p' "$one" | head -n 1)))
    mkdir -p -- "$results/gtest" && cp -- "$one" "$results/gtest"
  done
  if grep -qi "stop time has been passed" "$results/tests.log"; then
    result="cut off after $limit s; $((tests - failures - skipped)) passed, $failures failed"
  elif ((tests > 0)); then
    result="$result; $((tests - failures - skipped)) of $tests passed"
  fi
  add_row tests "$result" "$seconds"
}
run_tests

phase 60 "beside NVIDIA's libraries" cuda_bench.txt "$build/bin/cuda_bench" --json "$results/cuda_bench.json"
if python3 -c 'import torch; assert torch.cuda.is_available()' > /dev/null 2>&1; then
  limited 90 "beside PyTorch" cuda_torch.txt python3 tests/bench/cuda_torch.py "$results/cuda_bench.json" \
    --json "$results/cuda_torch.json" --seconds "$((75 * budget / 540))"
  [[ $result != "FAILED with status 3"* ]] || result="cut off: not all was measured"
  add_row "beside PyTorch" "$result" "$seconds"
else
  add_row "beside PyTorch" "not run: python3 has no torch that sees the GPU" 0
fi

# The downstream project from the installed package.
build_example() {
  local prefix=$build/prefix example=$build/cuda_app
  phase 20 "install" install.log cmake --install "$build" --prefix "$prefix" &&
    phase 50 "configure cuda_app" cuda_app-configure.log cmake -G Ninja -S examples/cuda_app -B "$example" \
      "-DCMAKE_PREFIX_PATH=$prefix" "-DCMAKE_CUDA_ARCHITECTURES=${architectures:-native}" &&
    phase 50 "build cuda_app" cuda_app-build.log cmake --build "$example" &&
    phase 20 "cuda_app" cuda_app.txt "$example/cuda_app"
}
build_example

# compute-sanitizer slows kernels down by 10 to 100 times: a reduced set, and the time that is left for it. Last comes what
# takes longest.
sanitize() {
  local run tool program runs=8 filter
  if ! command -v compute-sanitizer > /dev/null; then
    add_row "compute-sanitizer" "FAILED: it is not installed" 0
    return
  fi
  for run in {memcheck,initcheck,synccheck}" kernel_tests" {memcheck,initcheck,synccheck,racecheck}" cuda_engine_tests" \
    "racecheck kernel_tests"; do
    tool=${run% *} program=${run#* }
    filter='-*StepsOver*'
    [[ $program == kernel_tests ]] ||
      filter='CudaEngineTest.EnqueuesOnTheCallersStream:CudaEngineTest.SplitsMoreThanMaxRows'
    local share=$(((budget - SECONDS) * 540 / budget / runs))
    runs=$((runs - 1))
    if limited "$share" "$run" "$tool-$program.log" env LAMELLA_REQUIRE_GPU=1 \
      compute-sanitizer --tool "$tool" --error-exitcode 3 "$build/bin/$program" "--gtest_filter=$filter" &&
      ! grep -q '^\[  PASSED  \] [1-9]' "$results/$tool-$program.log"; then
      result="FAILED: no test was run"
    fi
    add_row "$run" "$result" "$seconds"
  done
}
sanitize
finish
