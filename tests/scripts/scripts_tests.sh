#!/usr/bin/env bash
# Tests examples/digits/run.sh, cmake/install-dependencies.sh and tests/run.sh in a copy of the tree, with stand-ins
# for the tools that they call: nothing is installed, fetched or built.
#
#   tests/scripts/scripts_tests.sh WORK      WORK: an empty folder of its own
set -uo pipefail
source=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
work=${1:?a folder to work in is wanted}
rm -rf -- "$work" && mkdir -p -- "$work/tools" "$work/tree/tests" "$work/tree/examples" && work=$(cd -- "$work" && pwd) || exit 1
cp -r -- "$source/cmake" "$work/tree/" && cp -- "$source/tests/run.sh" "$work/tree/tests/" &&
  cp -r -- "$source/examples/digits" "$work/tree/examples/" || exit 1
cd -- "$work/tree" || exit 1
wrong=0
unset CXX CMAKE_BUILD_PARALLEL_LEVEL LAMELLA_SKIP_INSTALL LAMELLA_REQUIRE_ALL CUDA_PATH CUDA_HOME
export CALLS=$work/calls

# Nothing is on the path but these, and the stand-ins.
for tool in awk bash cat chmod cp dirname env find grep head mkdir mktemp mv nproc paste rm sed sh sleep sort timeout xargs; do
  ln -s -- "$(command -v "$tool")" "$work/tools/$tool" || exit 1
done
real_python=$(python3 -c 'import sys; print(sys.executable)') || { echo "no python3" && exit 77; }
tool() { cat > "$work/tools/$1" && chmod +x "$work/tools/$1"; }
# with TOOL... : these do nothing but be there.
with() { for one in "$@"; do tool "$one" <<< '#!/bin/sh'; done; }
without() { for one in "$@"; do rm -f -- "$work/tools/$one"; done; }

# expect STATUS TEXT COMMAND...: its status, and a text in what it prints.
expect() {
  local status=0 wanted=$1 text=$2
  shift 2
  : > "$CALLS"
  said=$(PATH=$work/tools "$@" 2>&1 < /dev/null) || status=$?
  if [[ $status != "$wanted" || $said != *"$text"* ]]; then
    printf 'WRONG: %s\n  status %s, wanted %s with "%s"; it said:\n%s\n' "$*" "$status" "$wanted" "$text" "$said"
    wrong=1
  fi
}
# called PATTERN, not_called PATTERN: of the lines that the stand-ins wrote in the last run.
called() { grep -Eq -- "$1" "$CALLS" || { printf 'WRONG: not called: %s; but:\n%s\n' "$1" "$(cat -- "$CALLS")" && wrong=1; }; }
not_called() { ! grep -E -- "$1" "$CALLS" || { printf 'WRONG: called, see above: %s\n' "$1" && wrong=1; }; }
shows() { [[ $said == *"$1"* ]] || { printf 'WRONG: "%s" is not in:\n%s\n' "$1" "$said" && wrong=1; }; }

tool cmake << 'END'
#!/bin/bash
[[ $1 != --version ]] || { echo "cmake version 3.25.1" && exit; }
echo "cmake $*" >> "$CALLS"
if [[ $1 == --preset ]]; then
  mkdir -p "build/$2/bin"
  echo "build ${CUDA_TARGET:-nothing}: phony" > "build/$2/build.ninja"
  printf '# ninja log v5\n0\t9000\t1\told/CMakeFiles/x.dir/old.cpp.o\tabc\n' > "build/$2/.ninja_log"
  [[ -z ${CONFIGURE_FAILS:-} ]] || { echo "CMake Error: no compiler" && exit 1; }
  exit
fi
for ((i = 1; i <= 200; ++i)); do echo "[$i/200] Building CXX object $i.o"; done
printf '0\t1500\t2\tsrc/CMakeFiles/one.dir/core/new.cpp.o\tdef\n1500\t9000\t2\tlib/liblamella.so\tdef\n' >> "$2/.ninja_log"
[[ -z ${BUILD_FAILS:-} ]] || { printf 'FAILED: 7.o\na.cpp:1:1: error: no such thing\n' && exit 1; }
cat > "$2/bin/lamella" << 'LAMELLA'
#!/bin/bash
while (($# > 1)); do [[ $1 != -o ]] || output=$2; shift; done
cp examples/digits/labels.csv "$output"
echo '{"device":"cpu","device_name":"a CPU","rows_per_second":1000.5}'
LAMELLA
chmod +x "$2/bin/lamella"
END
tool apt-get << 'END'
#!/bin/sh
echo "apt-get $*" >> "$CALLS"
END
with apt-cache ninja g++ sudo
tool sudo << 'END'
#!/bin/sh
exec "$@"
END
tool dpkg-query << 'END'
#!/bin/sh
for last; do :; done
[ "$last" != "${LACKS:-}" ] || exit 1
printf installed
END

# The digits. That the machine of the test may have a toolkit in /usr/local/cuda makes no difference.
digits=examples/digits/run.sh
expect 0 "accuracy 1.0000 (450 of 450 digits), 1000 rows/s on cpu (a CPU)" "$digits"
called '^cmake --preset quick$'
called '^cmake --build build/quick .*--target lamella_command$'
not_called apt-get
[[ $(grep -c '^built' <<< "$said") == 10 ]] || { echo "WRONG: progress is shown as $said" && wrong=1; }
tool nvcc << 'END'
#!/bin/sh
echo nvcc >> "$CALLS"
END
for answer in "exit 9" "echo 'No devices were found'" "echo 'NVIDIA-SMI has failed'; exit 9"; do
  tool nvidia-smi <<< "#!/bin/sh"$'\n'"$answer"
  expect 0 "accuracy" "$digits"
  called '^cmake --preset quick$'
done
tool nvidia-smi <<< "#!/bin/sh"$'\n'"echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'"
CUDA_TARGET=lamella_cuda expect 0 "accuracy" "$digits"
called '^cmake --preset quick-gpu$'
called '^cmake --build build/quick-gpu .*--target lamella_command lamella_cuda$'
BUILD_FAILS=1 expect 1 "a.cpp:1:1: error: no such thing" "$digits"
[[ $said != *accuracy* ]] || { echo "WRONG: $said" && wrong=1; }
CONFIGURE_FAILS=1 expect 1 "CMake Error: no compiler" "$digits"
without nvcc nvidia-smi

# What is installed.
install=cmake/install-dependencies.sh
LACKS=libfmt-dev expect 0 "installing libfmt-dev" "$install" --build
called '^apt-get install .* libfmt-dev$'
LACKS=libgtest-dev expect 0 "" "$install" --build
not_called apt-get
CXX=clang++-16 expect 0 "installing clang-16" "$install" --build
expect 0 "openmpi-bin" "$install" --without-browser
called '^apt-get install .* ccache'
expect 2 "--cuda-headers are known" "$install" --everything
expect 2 "one argument" "$install" --all --build
without apt-get
expect 1 "no apt-get here" "$install"

# NVIDIA's headers: PACKS says what is in the wheels.
tool python3 << END
#!/bin/bash
[[ \$1 == -m ]] || exec "$real_python" "\$@"
echo "python3 \$*" >> "\$CALLS"
[[ \$3 != --version ]] || exit 0
for last; do :; done
[[ \$last != \${NOT_THERE:-none}* ]] || { echo half > "\$TMPDIR/wheel/half.whl" && exit 1; }
while [[ \$1 != --dest ]]; do shift; done
exec "$real_python" - "\$2/a.whl" "\$last" << 'PYTHON'
import os, sys, zipfile
headers = {"nvidia-cuda-runtime": "cuda_runtime.h", "nvidia-cuda-crt": "crt/host_config.h", "nvidia-nvtx": "nvtx3/nvToolsExt.h",
           "nvidia-cuda-cccl": "cccl/nv/target", "nvidia-cublas": "cublas_v2.h cublasLt.h"}
name = sys.argv[2].removesuffix("==13.0.*")
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("nvidia/cu13/lib/library.so", "large")
    for header in headers[name].split():
        wheel.writestr(os.environ.get("PACKS", "nvidia/cu13/include") + "/" + header, name)
PYTHON
END
nothing_left() { [[ -z $(find build -maxdepth 1 -name 'cuda-headers*') ]] || { echo "WRONG: left: $(echo build/cuda-headers*)" && wrong=1; }; }
NOT_THERE=nvidia-cublas expect 1 "nvidia-cublas 13.0 could not be fetched" "$install" --cuda-headers
nothing_left
PACKS=nvidia/elsewhere expect 1 "nvidia-cuda-runtime is not laid out as expected" "$install" --cuda-headers
nothing_left
expect 0 "build/cuda-headers is ready" "$install" --cuda-headers
[[ $(cd build/cuda-headers && find . -type f | sort | tr '\n' ' ') == "./include/cccl/nv/target ./include/crt/host_config.h ./include/cublasLt.h ./include/cublas_v2.h ./include/cuda_runtime.h ./include/nvtx3/nvToolsExt.h " ]] ||
  { echo "WRONG: headers: $(find build/cuda-headers)" && wrong=1; }
expect 0 "is there" "$install" --cuda-headers
not_called pip
[[ $(echo build/cuda-headers*) == build/cuda-headers ]] || { echo "WRONG: left: $(echo build/*)" && wrong=1; }

# tests/run.sh
tool ctest << 'END'
#!/bin/bash
while (($# > 1)); do [[ $1 != --output-junit ]] || report=$2; shift; done
cat > "$report" << 'REPORT'
<testsuite name="Linux"
	tests="3"
	failures="0"
	disabled="0"
	skipped="1"
>
	<testcase name="Quick.One" classname="Quick.One" time="0.25" status="run">
	<testcase name="Slow.One" classname="Slow.One" time="2.5" status="run">
REPORT
END
export LAMELLA_SKIP_INSTALL=1
expect 0 "2 passed, 0 failed" tests/run.sh cpu
shows "not run: no clang-format-14"
shows "2 passed, 0 failed, 1 skipped"
shows "1.5 s  cpu       src/one/core/new.cpp"
shows "2.5 s  cpu       Slow.One"
[[ $said != *old.cpp* && ${said##*$'\n'} == "2 passed, 0 failed" ]] || { echo "WRONG: table: $said" && wrong=1; }
LAMELLA_REQUIRE_ALL=1 expect 1 "2 passed, 1 failed" tests/run.sh cpu
shows "FAILED: not run: no clang-format-14"
BUILD_FAILS=1 expect 1 "0 passed, 1 failed" tests/run.sh cpu

((wrong)) || echo "the scripts do what they say"
exit "$wrong"
