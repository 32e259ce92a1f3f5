#!/usr/bin/env bash
# Gates for a model in CI: each line fails the build by its exit code.
#   examples/ci_gates.sh mlp          a named model, or any other MODEL
set -euo pipefail
model=${1:-mlp}

layercli cost "$model" --at B=1 --max parameters=200K --max memory=64MiB  # 1: over the budget
layercli diff "$model" "$model" --only structure                           # 1: the models differ
layercli run "$model" --at B=2 --check                                     # 1: a value is not finite
