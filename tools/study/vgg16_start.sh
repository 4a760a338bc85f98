#!/usr/bin/env bash
# What it buys to start VGG-16 from trained convolutions (docs/reproduction.md): two short trainings on Tiny ImageNet, alike but for that.
#   ITERATIONS=600 tools/study/vgg16_start.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python}
OUT=${OUT:-work_dirs/vgg16_start}
ITERATIONS=${ITERATIONS:-600}
CONFIG=configs/classification/vgg16_tiny_imagenet.py
START=work_dirs/vgg16_start.pth

train() { # name, options
  $PYTHON tools/train.py $CONFIG --amp --resume --work-dir "$OUT/$1" --cfg-options train_cfg.max_iters="$ITERATIONS" \
    train_cfg.val_interval="$ITERATIONS" param_scheduler.1.end="$ITERATIONS" param_scheduler.1.T_max=$((ITERATIONS - 200)) "${@:2}"
}
[ -e $START ] || $PYTHON tools/convert/vgg16_start.py $CONFIG "${SEMRESTORE_DATA:?set it to the data folder}/heads/vgg16_relu3_3.pth" $START
train start
train scratch load_from=None model.backbone.frozen_stages=-1 optim_wrapper.paramwise_cfg.custom_keys=None
