#!/usr/bin/env bash
# The study of docs/results.md, from photos to the matrix, on two CPU cores in about two hours:
#   1. a denoiser alone (BSDS432, sigma 30),
#   2. from it, one jointly with EfficientNet-Lite0 (unlabelled photos) and one jointly with DeepLabv3-MobileNetV2 (voc2012's train list),
#   3. all of them before both tasks: 1000 ImageNet photos and the 223 of voc2012's val list.
# Needs SEMRESTORE_DATA (docs/data.md) and the extra `baselines`. What is done is not done again.
set -euo pipefail
cd "$(dirname "$0")/../../.."
PYTHON=${PYTHON:-python}
OUT=${OUT:-work_dirs/study}
HEADS=${SEMRESTORE_DATA:?set it to the data folder}/heads/deeplabv3_mnv2_dm05_voc_257_float
WEIGHTS=work_dirs/weights/deeplabv3_mobilenetv2_dm05_voc.pth

[ -e $WEIGHTS ] || $PYTHON -m projects.paper.convert_deeplabv3 "$HEADS.pth" "$HEADS.json" $WEIGHTS

train() { # name, last iteration, options
  [ -e "$OUT/$1/iter_$2.pth" ] || $PYTHON tools/train.py "configs/study/$1.py" --amp --resume --work-dir "$OUT/$1" "${@:3}"
}
ALONE=$OUT/denoise_sigma30/iter_4000.pth
train denoise_sigma30 4000
train joint_efficientnet_lite0_sigma30 800 --cfg-options load_from="$ALONE"
train joint_deeplabv3_mobilenetv2_sigma30 800 --cfg-options load_from="$ALONE"

$PYTHON tools/cross_task.py \
  --tasks configs/evaluation/{efficientnet_lite0_imagenet_samples,deeplabv3_mobilenetv2_voc2012}.py \
  --denoisers noisy clean bm3d "separate=$ALONE" \
    "joint_classifier=$OUT/joint_efficientnet_lite0_sigma30/iter_800.pth" \
    "joint_segmenter=$OUT/joint_deeplabv3_mobilenetv2_sigma30/iter_800.pth" \
  --sigma 30 --limit bm3d=25 --reference separate --out "$OUT/matrix"
