#!/usr/bin/env bash
# pkg_config.sh PREFIX WORK C_EXAMPLE MODEL
#
# Builds the example in C with what pkg-config says of the package at PREFIX, once with the shared library and once with the
# static one, and runs both. Exits with 77 without pkg-config.
set -euo pipefail
prefix=$1 work=$2 example=$3 model=$4
if ! command -v pkg-config > /dev/null; then
  echo "pkg_config.sh: no pkg-config here"
  exit 77
fi
rm -rf -- "$work"
mkdir -p -- "$work"
cd -- "$work"
libraries=$(dirname -- "$(find "$prefix" -name liblamella.a)")
export PKG_CONFIG_PATH=$libraries/pkgconfig

build() { # NAME FLAGS, as pkg-config has written them: a space within a path is escaped
  eval "cc -std=c99 -Wall -Wextra -Wpedantic -Werror -o '$1' '$example/score.c' $2"
}
build shared "$(pkg-config --cflags --libs lamella)"
LD_LIBRARY_PATH=$libraries ./shared "$model" < "$example/rows.txt" | diff - "$example/expected.txt"

flags=$(pkg-config --cflags --libs --static lamella)
build static "${flags/-llamella/-l:liblamella.a}"
./static "$model" < "$example/rows.txt" | diff - "$example/expected.txt"
if readelf -d static | grep -q 'NEEDED.*lamella'; then
  echo "pkg_config.sh: the static program wants a shared library of Lamella"
  exit 1
fi
