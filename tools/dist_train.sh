#!/usr/bin/env bash
# Train on the GPUs (or CPU processes) of one machine or of several:
#   tools/dist_train.sh CONFIG PROCESSES [ARGUMENTS OF train.py ...]
# Several machines: the same on each, with NNODES, NODE_RANK, and MASTER_ADDR and MASTER_PORT of the first.
# Exits with status 75 where training was told to stop (SIGTERM) and has saved; start it again with --resume.
set -uo pipefail
if [ $# -lt 2 ]; then
  echo "usage: $0 CONFIG PROCESSES [ARGUMENTS OF train.py ...]" >&2
  exit 2
fi
config=$1 processes=$2
shift 2
SEMRESTORE_PREEMPTED=$(mktemp)
export SEMRESTORE_PREEMPTED
trap 'rm -f "$SEMRESTORE_PREEMPTED"' EXIT
"${PYTHON:-python}" -m torch.distributed.run --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" --nproc-per-node "$processes" \
  --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${MASTER_PORT:-29500}" \
  "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM INT
wait "$child"
status=$?
while kill -0 "$child" 2>/dev/null; do # a signal ends the first wait, not the training
  wait "$child"
  status=$?
done
# torchrun exits with 1 whatever its processes exit with.
[ -s "$SEMRESTORE_PREEMPTED" ] && status=75
exit "$status"
