#!/usr/bin/env bash
# Installs what Lamella is built from on Debian and Ubuntu, and only what is missing; elsewhere says
# what to install. CUDA 13 is optional and installed by hand: https://developer.nvidia.com/cuda-downloads
#
#   cmake/install-dependencies.sh                     what building and testing need
#   cmake/install-dependencies.sh --build             what building needs, without the tests
#   cmake/install-dependencies.sh --all               also what benchmarks, formatting, clang-tidy and the site need
#   cmake/install-dependencies.sh --without-browser   without Chromium, in which the HTML report of explain is tested
#   cmake/install-dependencies.sh --cuda-headers      NVIDIA's headers alone, from PyPI, into build/cuda-headers: the
#                                                     simulated CUDA is compiled against them where there is no toolkit
#
# A compiler named by CXX, as clang++-16, is installed too.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

fail() {
  echo "install-dependencies.sh: $1" >&2
  exit "${2:-1}"
}

mode=${1:-}
case $# in 0 | 1) ;; *) fail "one argument is taken, not $#" 2 ;; esac

as_root=()
if ((EUID != 0)); then
  as_root=(sudo)
fi
may_install() { ((EUID == 0)) || command -v sudo > /dev/null; }
update() { "${as_root[@]}" apt-get update -q; }
install() {
  echo "installing $*"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "$@" < /dev/null
}

# What the simulation includes, of five packages: cuda_runtime.h and what it includes, NVTX, cublas_v2.h and
# cublasLt.h, and <nv/target> (include/cccl). Complete or not there at all.
fetch_cuda_headers() {
  local folder=build/cuda-headers
  if [[ -d $folder ]]; then
    echo "$folder is there"
    return
  fi
  if ! python3 -m pip --version > /dev/null 2>&1; then
    if ! command -v apt-get > /dev/null || ! may_install; then
      fail "the headers are fetched by Python's pip, which is missing"
    fi
    update
    install python3-pip
  fi
  mkdir -p build
  part=$(mktemp -d build/cuda-headers.XXXXXX) # not local: the trap outlives this function
  trap 'rm -rf -- "$part"' EXIT
  trap 'exit 1' HUP INT TERM
  echo "fetching NVIDIA's headers of CUDA 13.0 (some 400 MB, of which 24 MB are kept)"
  # One after the other, so that no more than one is on the disk.
  local package
  for package in nvidia-cuda-runtime nvidia-cuda-crt nvidia-cuda-cccl nvidia-nvtx nvidia-cublas; do
    mkdir "$part/wheel"
    TMPDIR=$PWD/$part python3 -m pip download --no-cache-dir --no-deps --only-binary :all: \
      --dest "$part/wheel" "$package==13.0.*" || fail "$package 13.0 could not be fetched"
    python3 - "$part/wheel" "$part" << 'PYTHON' || fail "$package is not laid out as expected"
import pathlib, sys, zipfile

(wheel,) = pathlib.Path(sys.argv[1]).glob("*.whl")
root = "nvidia/cu13/"
with zipfile.ZipFile(wheel) as archive:
    headers = [entry for entry in archive.infolist()
               if entry.filename.startswith(root + "include/") and not entry.is_dir()]
    if not headers:
        sys.exit(f"{wheel.name} has no headers in {root}include")
    for entry in headers:
        entry.filename = entry.filename[len(root):]
        archive.extract(entry, sys.argv[2])
PYTHON
    rm -r -- "$part/wheel"
  done
  local header
  for header in cuda_runtime.h crt/host_config.h cublas_v2.h cublasLt.h cccl/nv/target nvtx3/nvToolsExt.h; do
    [[ -f $part/include/$header ]] || fail "the packages have no $header"
  done
  chmod 755 "$part"
  # Another one may have been quicker.
  mv -T -- "$part" "$folder" 2> /dev/null || [[ -d $folder ]] || fail "$folder could not be made"
  echo "$folder is ready"
}

packages=(libcli11-dev nlohmann-json3-dev libfmt-dev libfast-float-dev zlib1g-dev)
declare -A tools=([cmake]=cmake [ninja]=ninja-build [g++]=g++) # any that is on the path serves
for word in ${CXX:-}; do # "ccache g++-13 -m64" needs g++-13
  if [[ $word =~ ^(g\+\+|clang\+\+)(-[0-9]+)?$ ]]; then
    tools+=([$word]=${word/#clang++/clang})
  fi
done
wants_browser=true
wants_tests=true
case $mode in
  "") ;;
  --build)
    wants_tests=false
    wants_browser=false
    ;;
  --without-browser) wants_browser=false ;;
  --all)
    packages+=(libbenchmark-dev)
    tools+=([clang-format-14]=clang-format-14 [clang-tidy-14]=clang-tidy-14 [doxygen]=doxygen)
    ;;
  --cuda-headers)
    fetch_cuda_headers
    exit
    ;;
  *) fail "unknown argument '$mode'; --build, --all, --without-browser and --cuda-headers are known" 2 ;;
esac
if $wants_tests; then
  packages+=(libgtest-dev libgmock-dev)
  # With ccache the presets share what they compile alike. Python runs the tests of the pages.
  tools+=([ccache]=ccache [python3]=python3)
  # With these cpack finds out what the .deb depends on, and a test links by pkg-config.
  tools+=([dpkg-shlibdeps]=dpkg-dev [file]=file [pkg-config]=pkg-config)
  # A test runs two parts of a file under Open MPI.
  tools+=([mpirun]=openmpi-bin)
fi

missing=()
for tool in "${!tools[@]}"; do
  command -v "$tool" > /dev/null || missing+=("${tools[$tool]}")
done

for browser in chromium chromium-browser chromium-headless-shell google-chrome; do
  command -v "$browser" > /dev/null && wants_browser=false
done

if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
  cat >&2 << MESSAGE
install-dependencies.sh: no apt-get here, so nothing was installed. Lamella needs a C++20 compiler,
CMake 3.25 or newer, Ninja, CLI11, nlohmann-json, fmt, fast_float, zlib and GoogleTest, from this
system's packages; CUDA 13 is optional, and so is Chromium, for tests alone. When they are there, set
LAMELLA_SKIP_INSTALL=1 and the project's scripts will not come here.
MESSAGE
  exit 1
fi

for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null) || status=missing
  [[ $status == installed ]] || missing+=("$package")
done

if ((${#missing[@]} > 0)) || $wants_browser; then
  if may_install; then
    update || ((${#missing[@]} == 0))
  elif ((${#missing[@]} > 0)); then
    fail "as root, run: apt-get install ${missing[*]}"
  else
    wants_browser=false
  fi
fi
if ((${#missing[@]} > 0)); then
  install "${missing[@]}"
fi
# Ubuntu has it as a snap alone. Without a browser its tests are skipped, and nothing else.
if $wants_browser && apt-cache show chromium > /dev/null 2>&1; then
  install chromium || echo "Chromium could not be installed; the HTML report of explain is not tested in it"
fi

wanted=3.25
found=$(cmake --version | sed -n '1s/[^0-9]*//p')
if [[ $(printf '%s\n' "$wanted" "$found" | sort -V | head -1) != "$wanted" ]]; then
  fail "CMake $wanted or newer is wanted, $found was found; newer ones are at https://cmake.org/download"
fi
