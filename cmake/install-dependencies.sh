#!/usr/bin/env bash
# Installs what Lamella is built from on Debian and Ubuntu, and only what is missing; elsewhere says
# what to install. CUDA 13 is optional and installed by hand: https://developer.nvidia.com/cuda-downloads
#
#   cmake/install-dependencies.sh         what building and testing need
#   cmake/install-dependencies.sh --all   also what benchmarks, formatting and quick rebuilds need
set -euo pipefail

packages=(libdnnl-dev libcli11-dev nlohmann-json3-dev libfmt-dev libfast-float-dev zlib1g-dev libgtest-dev libgmock-dev)
declare -A tools=([cmake]=cmake [ninja]=ninja-build [g++]=g++)  # any that is on the path serves
case "${1:-}" in
  "") ;;
  --all)
    packages+=(libbenchmark-dev)
    tools+=([ccache]=ccache [clang-format]=clang-format)
    ;;
  *)
    echo "install-dependencies.sh: unknown argument '$1'; --all is the only one" >&2
    exit 2
    ;;
esac

missing=()
for tool in "${!tools[@]}"; do
  command -v "$tool" > /dev/null || missing+=("${tools[$tool]}")
done

if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
  cat >&2 << MESSAGE
install-dependencies.sh: no apt-get here, so nothing was installed. Lamella needs a C++20 compiler,
CMake 3.25 or newer, Ninja, oneDNN, CLI11, nlohmann-json, fmt, fast_float, zlib and GoogleTest, from this
system's packages; CUDA 13 is optional. When they are there, set LAMELLA_SKIP_INSTALL=1 and the
project's scripts will not come here.
MESSAGE
  exit 1
fi

for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null) || status=missing
  [[ $status == installed ]] || missing+=("$package")
done

if ((${#missing[@]} > 0)); then
  as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo > /dev/null; then
      echo "install-dependencies.sh: as root, run: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}" < /dev/null
fi

wanted=3.25
found=$(cmake --version | sed -n '1s/[^0-9]*//p')
if [[ $(printf '%s\n' "$wanted" "$found" | sort -V | head -1) != "$wanted" ]]; then
  echo "install-dependencies.sh: CMake $wanted or newer is wanted, $found was found; newer ones are at https://cmake.org/download" >&2
  exit 1
fi
