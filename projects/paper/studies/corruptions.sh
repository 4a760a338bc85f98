#!/usr/bin/env bash
# ImageNet-C's protocol on 200 of the 1000 photos of imagenet_samples: what restoring brings, and what it harms (docs/evaluation.md).
# Before EfficientNet-Lite0, and before MobileNetV2, which no published weights were trained through. All five severities. About five
# hours on one CPU core; what is done is not done again.
#   projects/paper/studies/corruptions.sh
set -euo pipefail
cd "$(dirname "$0")/../../.."
PYTHON=${PYTHON:-python}
OUT=${OUT:-work_dirs/corruptions}
IMAGES=${IMAGES:-200}
names=(noisy blind real recognition clean)

$PYTHON tools/cross_task.py --tasks configs/evaluation/{efficientnet_lite0,mobilenetv2}_imagenet_samples.py \
  --denoisers noisy blind=multiscale-blind real=multiscale-real recognition=recognition-blind clean \
  --corruptions imagenet-c --reference blind --limit "${names[@]/%/=$IMAGES}" ${AMP:+--amp} --out "$OUT"
for kind in csv md; do cp "$OUT/corruptions.$kind" "results/imagenet_c.$kind"; done
