#!/usr/bin/env bash
# Tests tests/gpu/run.sh where there is no GPU: its arguments, its refusal, and, with stand-ins for the
# tools that it calls, what it says when all goes well, when something fails and when time runs out.
#
#   tests/gpu/run_tests.sh WORK      WORK: an empty folder of its own
set -uo pipefail
script=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/run.sh
work=${1:?a folder to work in is wanted}
rm -rf -- "$work" && mkdir -p -- "$work/tools" && work=$(cd -- "$work" && pwd) || exit 1
wrong=0

# expect STATUS TEXT ARGUMENTS... runs the script: its status, and a text in what it prints.
expect() {
  local status=0 wanted=$1 text=$2
  shift 2
  said=$("$script" "$@" 2>&1) || status=$?
  if [[ $status != "$wanted" || $said != *"$text"* ]]; then
    printf 'WRONG: run.sh %s\n  status %s, wanted %s with "%s"; it said:\n%s\n' "$*" "$status" "$wanted" "$text" "$said"
    wrong=1
  fi
}

# The rows that the table must have, after a run.
expect_rows() {
  local row
  for row in "$@"; do
    grep -Eq -- "$row" "$work/results/table.txt" && continue
    printf 'WRONG: the table has no row "%s":\n' "$row"
    cat -- "$work/results/table.txt"
    wrong=1
  done
  python3 -m json.tool "$work/results/summary.json" > /dev/null || wrong=1
}

tool() { cat > "$work/tools/$1" && chmod +x "$work/tools/$1"; }

expect 0 "Usage:" --help
expect 2 "there is no option '--fast'" --fast
expect 2 "--seconds is '0'" --seconds 0
expect 2 "--seconds is '1m'" --seconds 1m
expect 2 "--build needs a value" --build
expect 2 "'b' is another" a b
expect 2 "there is no folder" --dependencies "$work/none"

# Before anything is built: one line.
tool nvidia-smi << 'END'
#!/bin/sh
echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
exit 9
END
PATH=$work/tools:$PATH
expect 1 "no working NVIDIA GPU: NVIDIA-SMI has failed" --build "$work/build"
[[ $said != *$'\n'* && ! -e $work/build ]] || { echo "WRONG: more than a line, or a folder left: $said" && wrong=1; }

tool nvidia-smi << 'END'
#!/bin/sh
echo 'NVIDIA "H100", PCIe, 580.65.06'
echo 'NVIDIA "H100", PCIe, 580.65.06'
END
# Makes what a build makes: programs that pass, but for the one named in FAILS; SLOW sleeps.
tool cmake << 'END'
#!/bin/bash
echo "cmake $*"
program() {
  mkdir -p "$(dirname "$1")"
  printf '#!/bin/sh\necho "%s $*"\n%s\necho "[  PASSED  ] 5 tests."\n' "${1##*/}" "$2" > "$1" && chmod +x "$1"
}
[[ $* != *--preset* || ${FAILS:-} != configure ]] || exit 1
if [[ $1 == --build && $2 == */cuda_app ]]; then
  program "$2/cuda_app" ""
elif [[ $1 == --build ]]; then
  [[ ${FAILS:-} != build ]] || exit 1
  for name in kernel_tests cuda_engine_tests cuda_bench; do
    ending=""
    [[ ${FAILS:-} != "$name" ]] || ending="exit 3"
    [[ ${SLOW:-} != "$name" ]] || ending="sleep 30"
    program "$2/bin/$name" "$ending"
  done
fi
END
tool ctest << 'END'
#!/bin/bash
echo "ctest $*"
[[ ${LAMELLA_REQUIRE_GPU:-} == 1 && $* == *"--label-regex ^gpu$"* ]] || exit 9
while (($# > 1)); do [[ $1 != --test-dir ]] || build=$2; shift; done
mkdir -p "$build/gtest"
failing=${FAILING_TESTS:-0}
for executable in a b; do
  {
    printf '<testsuites tests="6" failures="%s" disabled="0" errors="0" name="AllTests">\n' "${FAILING_TESTS:-0}"
    for test in 1 2 3 4 5 6; do printf '    <testcase name="%s" status="run" result="completed" />\n' "$test"; done
  } > "$build/gtest/$executable.xml"
  FAILING_TESTS=0
done
[[ ${SLOW:-} != ctest ]] || { echo "The stop time has been passed. Stopping all tests." && exit 8; }
((failing == 0)) || exit 8
END
tool compute-sanitizer << 'END'
#!/bin/bash
while [[ $1 == --* ]]; do shift 2; done
[[ ${FAILS:-} != sanitizer-runs-nothing ]] || exit 0
exec "$@"
END

real_python=$(PATH=${PATH#"$work/tools:"} command -v python3)
tool python3 << END
#!/bin/bash
case \$1 in
  -c) exit "\${NO_TORCH:-0}" ;;
  tests/bench/cuda_torch.py) echo "python3 \$*" && exit "\${TORCH_STATUS:-0}" ;;
esac
exec "$real_python" "\$@"
END

run=("$work/results" --build "$work/build" --architectures 90 --dependencies "$work")
expect 0 "everything passed" "${run[@]}"
expect_rows '^NVIDIA "H100", PCIe, driver 580.65.06; 20..-' '^configure +ok' '^build +ok' '^tests +ok; 12 of 12 passed' \
  '^memcheck kernel_tests +ok' '^synccheck cuda_engine_tests +ok' "^beside NVIDIA's libraries +ok" '^beside PyTorch +ok' '^cuda_app +ok'
grep -q -- "-DCMAKE_CUDA_ARCHITECTURES=90 -DCMAKE_PREFIX_PATH=$work" "$work/results/configure.log" || { echo "WRONG: settings" && wrong=1; }

FAILS=configure expect 1 "FAILED with status 1: configure.log" "${run[@]}"
[[ $said != *"build.log"* ]] || { echo "WRONG: went on after a failed configure" && wrong=1; }
FAILS=build expect 1 "FAILED with status 1: build.log" "${run[@]}"
FAILING_TESTS=3 expect 1 "FAILED or cut off" "${run[@]}"
expect_rows '^tests +FAILED with status 8: tests.log; 9 of 12 passed' '^memcheck kernel_tests +ok'
NO_TORCH=1 expect 0 "beside PyTorch               not run: python3 has no torch" "${run[@]}"
TORCH_STATUS=3 expect 1 "beside PyTorch               cut off: not all was measured" "${run[@]}"
SLOW=ctest expect 1 "FAILED or cut off" "${run[@]}"
expect_rows '^tests +cut off after 100 s; 12 passed, 0 failed'
FAILS=kernel_tests expect 1 "FAILED or cut off" "${run[@]}"
expect_rows '^racecheck kernel_tests +FAILED with status 3: racecheck-kernel_tests.log' '^racecheck cuda_engine_tests +ok'
FAILS=sanitizer-runs-nothing expect 1 "FAILED or cut off" "${run[@]}"
expect_rows '^initcheck kernel_tests +FAILED: no test was run'
SLOW=cuda_bench expect 1 "FAILED or cut off" "${run[@]}" --seconds 30
expect_rows "^beside NVIDIA's libraries +cut off after 3 s" '^cuda_app +ok'
SLOW=kernel_tests expect 1 "FAILED or cut off" "${run[@]}" --seconds 8
expect_rows '^memcheck kernel_tests +cut off after [1-9] s'

# Without a GPU it builds, and no more.
tool nvidia-smi << 'END'
#!/bin/sh
exit 9
END
expect 0 "everything passed" "${run[@]}" --build-only
[[ $(grep -c " ok " "$work/results/table.txt") == 2 ]] || { echo "WRONG: more than a build" && wrong=1; }

((wrong)) || echo "run.sh does what it says"
exit "$wrong"
