#!/usr/bin/env bash
# ImageNet-C's protocol on 200 of the 1000 photos of imagenet_samples: what restoring brings, and what it harms (docs/evaluation.md).
# Before EfficientNet-Lite0, and before MobileNetV2, which no published weights were trained through. All five severities. About three
# hours on one CPU core with AMP=1, which computes in bfloat16; what is done is not done again.
#   projects/paper/studies/corruptions.sh
#   GATES="recognition=noise:5" projects/paper/studies/corruptions.sh     # also with a gate (docs/own_network.md)
set -euo pipefail
cd "$(dirname "$0")/../../.."
PYTHON=${PYTHON:-python}
OUT=${OUT:-work_dirs/corruptions}
IMAGES=${IMAGES:-200}
names=(noisy blind real recognition universal clean)

$PYTHON tools/cross_task.py --tasks configs/evaluation/{efficientnet_lite0,mobilenetv2}_imagenet_samples.py \
  --denoisers noisy blind=multiscale-blind real=multiscale-real recognition=recognition-blind \
  universal=recognition-universal clean \
  --corruptions imagenet-c --reference blind --limit "${names[@]/%/=$IMAGES}" ${AMP:+--amp} ${GATES:+--gate $GATES} --out "$OUT"
[ "$IMAGES" = 200 ] && [ -z "${GATES:-}" ] || exit 0 # the table and the pages are of the whole study
grep -v ',top-5,' "$OUT/corruptions.csv" > results/imagenet_c.csv
$PYTHON -m projects.zoo page
