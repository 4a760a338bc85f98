#!/usr/bin/env bash
# Train weights of round 0 again, by name, on two CPU cores: multiscale-sigma{25,30,60}, -blind and -real
#   projects/zoo/train.sh NAME ...
# A stopped run continues. Logs and checkpoints are in work_dirs/round0/NAME/. It publishes nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python}
out=${OUT:-work_dirs/round0}
amp=${AMP---amp} # AMP= for float32, which processors without bfloat16 arithmetic are faster in

train() { # CONFIG FOLDER [OPTION=VALUE ...]: nothing where the last checkpoint is there
  local config=$1 folder=$2
  shift 2
  [ -e "$folder/finished" ] && return
  "$python" tools/train.py "$config" $amp --resume --work-dir "$folder" ${1:+--cfg-options "$@"}
  touch "$folder/finished"
}

last() { # FOLDER: its last checkpoint
  ls -v "$1"/iter_*.pth | tail -n 1
}

on_cpu() {
  local first=$out/multiscale-sigma25-first second=$out/multiscale-sigma25
  train configs/denoise/multiscale_sigma25_short.py "$first"
  train configs/denoise/multiscale_sigma25_refined.py "$second" load_from="$(last "$first")"
  case $1 in
    multiscale-sigma25) ;;
    multiscale-sigma30 | multiscale-blind)
      train "configs/denoise/${1/-/_}_refined.py" "$out/$1" load_from="$(last "$second")"
      ;;
    multiscale-sigma60 | multiscale-real)
      local blind=$out/multiscale-blind
      train configs/denoise/multiscale_blind_refined.py "$blind" load_from="$(last "$second")"
      if [ "$1" = multiscale-real ]; then
        train configs/denoise/multiscale_real.py "$out/$1-first" load_from="$(last "$blind")"
        train configs/denoise/multiscale_real_annealed.py "$out/$1" load_from="$(last "$out/$1-first")"
      else
        train configs/denoise/multiscale_sigma30_refined.py "$out/$1" \
          model.degradation.sigma=60 load_from="$(last "$blind")"
      fi
      ;;
    *)
      echo "no recipe for '$1' on a CPU; there are multiscale-sigma25, -sigma30, -sigma60, -blind and -real" >&2
      exit 2
      ;;
  esac
}

if [ $# -gt 0 ]; then
  for name in "$@"; do on_cpu "$name"; done
else
  sed -n '2,4s/^# //p' "$0"
  exit 2
fi
