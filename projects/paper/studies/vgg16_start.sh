#!/usr/bin/env bash
# What it buys to start VGG-16 from trained convolutions (docs/reproduction.md): two short trainings on Tiny ImageNet, alike but for that.
#   ITERATIONS=600 projects/paper/studies/vgg16_start.sh
set -euo pipefail
cd "$(dirname "$0")/../../.."
PYTHON=${PYTHON:-python}
OUT=${OUT:-work_dirs/vgg16_start}
ITERATIONS=${ITERATIONS:-600}
CONFIG=configs/classification/vgg16_tiny_imagenet
START=work_dirs/vgg16_start.pth

train() { # config, name
  [ -e "$OUT/$2/iter_$ITERATIONS.pth" ] || $PYTHON tools/train.py "$1.py" --amp --resume --work-dir "$OUT/$2" --cfg-options \
    train_cfg.max_iters="$ITERATIONS" train_cfg.val_interval="$ITERATIONS" param_scheduler.1.end="$ITERATIONS" \
    param_scheduler.1.T_max=$((ITERATIONS - 200))
}
[ -e $START ] || $PYTHON -m projects.paper.start_vgg16 $CONFIG.py "${SEMRESTORE_DATA:?set it to the data folder}/heads/vgg16_relu3_3.pth" $START
train $CONFIG start
train ${CONFIG}_scratch scratch
