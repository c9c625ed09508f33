#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: builds for that card, runs every test that needs one (absence fails),
# compute-sanitizer over a reduced set, the baseline beside bare cublasSgemm, and examples/cuda_app.
#
#   tests/gpu/run.sh [RESULTS]      results (JUnit, logs, benchmark) go to RESULTS, default build/gpu/results
#
# Needs the CUDA Toolkit 13, CMake, Ninja and the libraries that cmake/install-dependencies.sh lists; no
# network. Libraries may lie in a folder of their own: LAMELLA_DEPENDENCIES=/path (an install prefix, as
# for CMAKE_PREFIX_PATH).
set -euo pipefail
cd "$(dirname "$0")/../.."
results=${1:-build/gpu/results}
mkdir -p "$results"
results=$(cd "$results" && pwd)
jobs=$(nproc)

say() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

if ! command -v nvidia-smi > /dev/null; then
  echo "tests/gpu/run.sh: this machine has no NVIDIA driver (no nvidia-smi on the path), so no GPU to test on" >&2
  exit 1
fi
if ! nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader > "$results/gpu.txt" 2>&1; then
  echo "tests/gpu/run.sh: this machine has no working NVIDIA GPU: $(head -n 1 "$results/gpu.txt")" >&2
  exit 1
fi
{ date -u +%Y-%m-%d; git rev-parse HEAD 2> /dev/null || echo "not a git checkout"; } >> "$results/gpu.txt"
cat "$results/gpu.txt"

say "configure and build for this card"
cmake --preset gpu ${LAMELLA_DEPENDENCIES:+-DCMAKE_PREFIX_PATH="$LAMELLA_DEPENDENCIES"} > "$results/configure.log"
cmake --build --preset gpu -j "$jobs" > "$results/build.log" || { tail -n 40 "$results/build.log" >&2; exit 1; }

failed=()
say "tests on the GPU"
LAMELLA_REQUIRE_GPU=1 ctest --preset gpu --output-junit "$results/junit.xml" > "$results/tests.log" || failed+=("tests")
tail -n 15 "$results/tests.log"

if command -v compute-sanitizer > /dev/null; then
  # A reduced set: the tools slow kernels down by 10 to 100 times.
  for tool in memcheck racecheck initcheck synccheck; do
    say "compute-sanitizer $tool"
    LAMELLA_REQUIRE_GPU=1 compute-sanitizer --tool "$tool" --error-exitcode 3 build/gpu/bin/kernel_tests \
      --gtest_filter='-*StepsOver*' > "$results/$tool-kernels.log" 2>&1 || failed+=("$tool kernels")
    LAMELLA_REQUIRE_GPU=1 compute-sanitizer --tool "$tool" --error-exitcode 3 build/gpu/bin/cuda_engine_tests \
      --gtest_filter='CudaEngineTest.EnqueuesOnTheCallersStream:CudaEngineTest.SplitsMoreThanMaxRows' \
      > "$results/$tool-engine.log" 2>&1 || failed+=("$tool engine")
    tail -n 1 "$results/$tool-kernels.log" "$results/$tool-engine.log"
  done
else
  echo "compute-sanitizer is not installed; its checks did not run"
  failed+=("compute-sanitizer is missing")
fi

say "the baseline beside bare cublasSgemm"
build/gpu/bin/cuda_bench --json "$results/cuda_bench.json" | tee "$results/cuda_bench.txt" || failed+=("benchmark")

say "examples/cuda_app from the installed package"
{
  cmake --install build/gpu --prefix build/gpu/prefix
  cmake -S examples/cuda_app -B build/gpu/cuda_app -DCMAKE_PREFIX_PATH="$PWD/build/gpu/prefix" \
    -DCMAKE_CUDA_ARCHITECTURES=native
  cmake --build build/gpu/cuda_app
} > "$results/cuda_app.log" && build/gpu/cuda_app/cuda_app | tee -a "$results/cuda_app.log" || failed+=("cuda_app")

say "done"
if [ "${#failed[@]}" -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
fi
echo "everything passed; results are in $results"
