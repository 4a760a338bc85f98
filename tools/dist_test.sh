#!/usr/bin/env bash
# Evaluate on the GPUs (or CPU processes) of one machine or of several, as tools/dist_train.sh:
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [ARGUMENTS OF test.py ...]
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: $0 CONFIG CHECKPOINT PROCESSES [ARGUMENTS OF test.py ...]" >&2
  exit 2
fi
config=$1 checkpoint=$2 processes=$3
shift 3
exec "${PYTHON:-python}" -m torch.distributed.run --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" --nproc-per-node "$processes" \
  --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${MASTER_PORT:-29500}" \
  "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
