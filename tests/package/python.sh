#!/usr/bin/env bash
# python.sh PREFIX EXAMPLES: a script in Python gives by ctypes what the example in C gives, and tells what is wrong. Exits with
# 77 without python3.
set -euo pipefail
prefix=$1 examples=$2
if ! command -v python3 > /dev/null; then
  echo "python.sh: no python3 here"
  exit 77
fi
LAMELLA_LIBRARY=$(find "$prefix" -name liblamella.so)
export LAMELLA_LIBRARY
script=$(dirname -- "${BASH_SOURCE[0]}")/score.py
python3 "$script" "$examples/by_hand/model.json" < "$examples/c_api/rows.txt" | diff - "$examples/c_api/expected.txt"
if message=$(python3 "$script" /nowhere.json < /dev/null 2>&1) || [[ $message != *"score.py: /nowhere.json: "* ]]; then
  echo "python.sh: a missing model gave: $message"
  exit 1
fi
