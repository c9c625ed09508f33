#!/usr/bin/env bash
# Installs what Lamella is built from on Debian and Ubuntu, and only what is missing; elsewhere says
# what to install. CUDA 13 is optional and installed by hand: https://developer.nvidia.com/cuda-downloads
#
#   cmake/install-dependencies.sh                     what building and testing need
#   cmake/install-dependencies.sh --all               also what benchmarks, formatting and the site need
#   cmake/install-dependencies.sh --without-browser   without Chromium, in which the page of explain is tested
set -euo pipefail

packages=(libcli11-dev nlohmann-json3-dev libfmt-dev libfast-float-dev zlib1g-dev libgtest-dev libgmock-dev)
# With ccache the presets share what they compile alike.
declare -A tools=([cmake]=cmake [ninja]=ninja-build [g++]=g++ [ccache]=ccache)  # any that is on the path serves
# With these cpack finds out what the .deb depends on, and a test links by pkg-config.
tools+=([dpkg-shlibdeps]=dpkg-dev [file]=file [pkg-config]=pkg-config)
# A test runs two parts of a file under Open MPI.
tools+=([mpirun]=openmpi-bin)
wants_browser=true
case "${1:-}" in
  "") ;;
  --without-browser) wants_browser=false ;;
  --all)
    packages+=(libbenchmark-dev)
    tools+=([clang-format]=clang-format [doxygen]=doxygen)
    ;;
  *)
    echo "install-dependencies.sh: unknown argument '$1'; --all and --without-browser are known" >&2
    exit 2
    ;;
esac

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

as_root=()
if ((EUID != 0)); then
  as_root=(sudo)
fi
install() {
  echo "installing $*"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "$@" < /dev/null
}
if ((${#missing[@]} > 0)) || $wants_browser; then
  if ((EUID == 0)) || command -v sudo > /dev/null; then
    "${as_root[@]}" apt-get update -q || ((${#missing[@]} == 0))
  elif ((${#missing[@]} > 0)); then
    echo "install-dependencies.sh: as root, run: apt-get install ${missing[*]}" >&2
    exit 1
  else
    wants_browser=false
  fi
fi
if ((${#missing[@]} > 0)); then
  install "${missing[@]}"
fi
# Ubuntu has it as a snap alone. Without a browser its tests are skipped, and nothing else.
if $wants_browser && apt-cache show chromium > /dev/null 2>&1; then
  install chromium || echo "Chromium could not be installed; the page of explain is not tested in it"
fi

wanted=3.25
found=$(cmake --version | sed -n '1s/[^0-9]*//p')
if [[ $(printf '%s\n' "$wanted" "$found" | sort -V | head -1) != "$wanted" ]]; then
  echo "install-dependencies.sh: CMake $wanted or newer is wanted, $found was found; newer ones are at https://cmake.org/download" >&2
  exit 1
fi
