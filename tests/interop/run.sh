#!/usr/bin/env bash
# run.sh ENVIRONMENT ARGUMENTS...: interop.py with the packages of that environment; exits with 77
# (skipped) where it is not there.
set -euo pipefail
environment=$1
shift
if [[ ! -x $environment/bin/python ]]; then
  echo "skipped: no Python environment at $environment; the target interop_environment makes it"
  exit 77
fi
exec "$environment/bin/python" "$(dirname -- "${BASH_SOURCE[0]}")/interop.py" "$@"
