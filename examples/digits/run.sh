#!/usr/bin/env bash
# Builds Lamella if needed, scores the handwritten digits in this folder on the best device, and
# prints the accuracy and the rate.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
if ! command -v nvcc > /dev/null && [[ -x /usr/local/cuda/bin/nvcc ]]; then
  PATH=/usr/local/cuda/bin:$PATH
fi
preset=cpu
if command -v nvcc > /dev/null; then
  preset=release
fi

[[ -n ${LAMELLA_SKIP_INSTALL:-} ]] || "$root/cmake/install-dependencies.sh" --without-browser

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
quietly() { # shows a step's output only if it fails
  "$@" > "$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
  }
}
build=$root/build/$preset
cd "$root"
[[ -x $build/bin/lamella ]] || echo "building into $build (once)"
quietly cmake --preset "$preset"
targets=(lamella_command)
if grep -q '^build lamella_cuda:' "$build/build.ninja"; then
  targets+=(lamella_cuda) # opened at run time, so not a dependency of the command
fi
quietly cmake --build "$build" --parallel "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" --target "${targets[@]}"

report=$("$build/bin/lamella" run "$here/model.safetensors" "$here/test.csv" -o "$work/classes.csv" \
  --argmax --activations relu,relu,identity --json)
value_of() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p" <<< "$report"; }

# Both files have a header line and one class per row.
paste -d, "$work/classes.csv" "$here/labels.csv" |
  awk -F, -v device="$(value_of device) ($(value_of device_name))" -v rate="$(value_of rows_per_second)" '
    NR > 1 { rows++; right += ($1 == $2) }
    END {
      printf "accuracy %.4f (%d of %d digits), %.0f rows/s on %s\n", right / rows, right, rows, rate, device
    }'
