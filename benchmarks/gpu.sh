#!/usr/bin/env bash
# Measure a GPU in ten minutes: the demo, a joint step with and without --amp and compiled, a training under NCCL with
# one process, and restoring by precision.
#   benchmarks/gpu.sh [RESULT.json]       default: results/benchmark/gpu.json
#   SMOKE=1 benchmarks/gpu.sh RESULT.json tries the script on tiny settings, on CPUs as well (with gloo), with limits
#                                         ten times as long
# The script writes the result anew after each part. If a part fails or takes too long, the result says so, and the next
# part runs.
# PARTS='nccl denoise' runs these parts alone. PYTHON names another Python. `python -m benchmarks.page` shows the result
# in docs/performance.md.
set -uo pipefail
[ -z "${PARTS:-}" ] || [ $# -gt 0 ] || { echo "PARTS needs a RESULT.json of its own" >&2; exit 2; }
out=$(realpath -m "${1:-"$(dirname "$0")/../results/benchmark/gpu.json"}")
cd "$(dirname "$0")/.."
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python)}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
smoke=${SMOKE:-0}
ended=0

if [ "$smoke" = 0 ] && ! "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  echo "PyTorch sees no GPU here; SMOKE=1 tries the script on CPUs" >&2
  exit 2
fi

# part NAME SECONDS COMMAND ...: what the command prints goes to NAME.log, its figures, if any, to NAME.json.
part() {
  local name=$1 limit=$2 started=$SECONDS status=0
  [[ " ${PARTS:-$name} " == *" $name "* ]] || return 0
  shift 2
  [ "$smoke" = 0 ] || limit=$((10 * limit))
  echo "$name (at most $limit s)"
  timeout --kill-after 10 "$limit" "$@" > "$folder/$name.log" 2>&1 || status=$?
  echo "$status $((SECONDS - started)) $limit" > "$folder/$name.status"
  [ "$status" = 0 ] || { ended=1 && tail -n 5 "$folder/$name.log" >&2; }
  "$python" -m benchmarks.gpu "$folder" "$out"
}

if [ "$smoke" = 0 ]; then
  demo=() step=(--task vgg16 --batch 32 --steps 20) images=(--batch 8 --rounds 20) training=(--batch 32 --iterations 30)
  narrow=(model.task=None)
else
  demo=(--iterations 2) step=(--task two --size 32 --batch 2 --steps 2) images=(--batch 1 --size 24 32 --rounds 1)
  training=(--batch 2 --iterations 2)
  narrow=(model.task=None model.denoiser.encoder_channels=8 model.denoiser.decoder_channels=8)
fi

part demo 120 "$python" -m semrestore demo "${demo[@]}" --out "$folder/demo"
part step 75 "$python" -m benchmarks.train_step "${step[@]}" --out "$folder/step.json"
part step_amp 75 "$python" -m benchmarks.train_step "${step[@]}" --amp --out "$folder/step_amp.json"
part step_amp_compiled 100 "$python" -m benchmarks.train_step "${step[@]}" --amp --compile \
  --out "$folder/step_amp_compiled.json"
part nccl 75 "$python" -m benchmarks.scaling configs/embedded/denoise_sigma30.py --processes 1 --rounds 1 \
  "${training[@]}" --out "$folder/nccl.json" --cfg-options "${narrow[@]}"
part denoise 50 "$python" -m benchmarks.throughput "${images[@]}" --out "$folder/denoise.json"
part denoise_compiled 100 "$python" -m benchmarks.throughput "${images[@]}" --compile \
  --out "$folder/denoise_compiled.json"
exit "$ended"
