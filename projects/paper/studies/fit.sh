#!/usr/bin/env bash
# What `semrestore fit` gains in ten minutes on 100 photos for torchvision's MobileNetV2 (docs/own_network.md). It fits on every tenth
# photo of imagenet_samples, and compares on 200 others, as the command says: right is the answer on the clean photo.
#   projects/paper/studies/fit.sh
set -euo pipefail
cd "$(dirname "$0")/../../.."
PHOTOS=$(realpath "${SEMRESTORE_DATA:-data}/imagenet_samples")
OUT=${OUT:-work_dirs/fit}
MINUTES=${MINUTES:-10}
NETWORK=(torchvision:mobilenet_v2 --checkpoint mobilenet-v2)

rm -rf "$OUT"/{own,others}
mkdir -p "$OUT"/{own,others}
number=0
for photo in "$PHOTOS"/*.*; do
  case "$photo" in *.txt) continue ;; esac
  case $((number++ % 10)) in
    0) ln -s "$photo" "$OUT/own" ;;
    4 | 7) ln -s "$photo" "$OUT/others" ;;
  esac
done
semrestore fit "${NETWORK[@]}" --photos "$OUT/own" --noise 0-60 --minutes "$MINUTES" \
  --out "$OUT/denoiser.safetensors" --overwrite
semrestore check "${NETWORK[@]}" --photos "$OUT/others" --all --noise 30 \
  --denoisers fitted="$OUT/denoiser.safetensors" --out results/fit.json
