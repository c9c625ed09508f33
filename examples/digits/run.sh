#!/usr/bin/env bash
# Builds what the example needs, scores the handwritten digits in this folder on the best device, and
# prints the accuracy and the rate.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cd -- "$here/../.."
if ! command -v nvcc > /dev/null && [[ -x /usr/local/cuda/bin/nvcc ]]; then
  PATH=/usr/local/cuda/bin:$PATH
fi
# nvcc takes its time, so it is run only where there is a GPU to use. A driver that is broken fails, lists no GPU, or hangs.
preset=quick
if command -v nvcc > /dev/null && listed=$(timeout 30 nvidia-smi -L 2> /dev/null) && [[ $listed == "GPU "* ]]; then
  preset=quick-gpu
fi
build=build/$preset

[[ -n ${LAMELLA_SKIP_INSTALL:-} ]] || cmake/install-dependencies.sh --build

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# Reduces Ninja's output to a line for every tenth of the way; passes on what compilers print.
in_tenths() {
  local line done_tenths tenths=0
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\  ]]; then
      done_tenths=$((10 * BASH_REMATCH[1] / BASH_REMATCH[2]))
      if ((done_tenths > tenths)); then
        tenths=$done_tenths
        echo "built ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}"
      fi
    elif [[ $line != "ninja: no work to do." ]]; then
      printf '%s\n' "$line"
    fi
  done
}

[[ -x $build/bin/lamella ]] || echo "building into $build (once)"
cmake --preset "$preset" > "$work/log" 2>&1 || {
  cat -- "$work/log" >&2
  exit 1
}
targets=(lamella_command)
if grep -q '^build lamella_cuda:' "$build/build.ninja"; then
  targets+=(lamella_cuda) # opened at run time, so not a dependency of the command
fi
building=(cmake --build "$build" --parallel "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" --target "${targets[@]}")
export NINJA_STATUS="[%f/%t] "
if [[ -t 1 ]]; then
  "${building[@]}" # Ninja keeps one line up to date
else
  "${building[@]}" 2>&1 | in_tenths
fi

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
