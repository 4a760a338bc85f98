#!/usr/bin/env bash
# The paper's Tables IV and V with networks trained here (docs/reproduction.md), from photos to the matrices, on two CPU cores:
#   1. VGG-16 on Tiny ImageNet, from the original VGG-16 up to relu3_3, and DeepLab-LargeFOV on it (300 photos of VOC),
#   2. at each noise level a denoiser alone, one jointly with each of the two, and one alone on the photos of the joint training,
#   3. all of them before VGG-16, LargeFOV, and a DeepLabv3-MobileNetV2 that others trained.
# Needs SEMRESTORE_DATA (docs/data.md) and the extra `baselines`. What is done is not done again.
#   SIGMAS="30 60" IMAGES=2000 projects/paper/studies/reproduction.sh
#   SIGMAS="15 45" VGG_STEPS=4500 RESULTS=results PART=_15_45 projects/paper/studies/reproduction.sh     # as published
#   STEPS=3200 OUT=work_dirs/reproduction_3200 projects/paper/studies/reproduction.sh     # longer joint trainings
set -euo pipefail
cd "$(dirname "$0")/../../.."
PYTHON=${PYTHON:-python}
OUT=${OUT:-work_dirs/reproduction}
SIGMAS=${SIGMAS:-30 60}
IMAGES=${IMAGES:-2000} # of the 10,000 of Tiny ImageNet, evenly spread
PHOTOS=${PHOTOS:-223}  # of the 223 of VOC before DeepLabv3-MobileNetV2, which takes them in full size
BM3D=${BM3D:-200}
STEPS=${STEPS:-800}    # of the joint trainings
LENGTH=(train_cfg.max_iters="$STEPS" param_scheduler.1.end="$STEPS" param_scheduler.1.T_max=$((STEPS - 20)))
VGG_STEPS=${VGG_STEPS:-6000} # of VGG-16's own training
HEADS=${SEMRESTORE_DATA:?set it to the data folder}/heads
MNV2=work_dirs/weights/deeplabv3_mobilenetv2_dm05_voc.pth

train() { # CONFIG, folder, last iteration, options: nothing where that is there
  [ -e "$2/iter_$3.pth" ] || $PYTHON tools/train.py "$1" --amp --resume --work-dir "$2" --cfg-options default_hooks.logger.interval=50 "${@:4}"
}

[ -e work_dirs/vgg16_start.pth ] ||
  $PYTHON -m projects.paper.start_vgg16 configs/classification/vgg16_tiny_imagenet.py "$HEADS/vgg16_relu3_3.pth" work_dirs/vgg16_start.pth
train configs/classification/vgg16_tiny_imagenet.py work_dirs/vgg16_tiny_imagenet "$VGG_STEPS" train_cfg.max_iters="$VGG_STEPS" \
  train_cfg.val_interval="$VGG_STEPS" param_scheduler.1.end="$VGG_STEPS" param_scheduler.1.T_max=$((VGG_STEPS - 200))
[ "$VGG_STEPS" = 6000 ] || ln -sf "iter_$VGG_STEPS.pth" work_dirs/vgg16_tiny_imagenet/iter_6000.pth # the configs' name for it
train configs/segmentation/deeplab_largefov_voc2012.py work_dirs/deeplab_largefov_voc2012 500
[ -e $MNV2 ] || $PYTHON -m projects.paper.convert_deeplabv3 "$HEADS"/deeplabv3_mnv2_dm05_voc_257_float.{pth,json} $MNV2

for sigma in $SIGMAS; do
  alone=zoo:multiscale-sigma$sigma
  $PYTHON -c "import sys, semrestore; sys.exit('multiscale-sigma$sigma' not in semrestore.published())" || {
    train configs/denoise/multiscale_sigma30_refined.py "$OUT/alone_sigma$sigma" 2500 \
      model.degradation.sigma="$sigma" load_from=zoo:multiscale-blind
    alone=$OUT/alone_sigma$sigma/iter_2500.pth
  }
  for name in vgg16_tiny_imagenet largefov_voc2012; do
    train "configs/joint/denoise_${name}_sigma30.py" "$OUT/joint_${name}_sigma$sigma" "$STEPS" "${LENGTH[@]}" \
      model.degradation.sigma="$sigma" load_from="$alone"
  done
  train configs/denoise/multiscale_tiny_imagenet_sigma30.py "$OUT/same_photos_sigma$sigma" "$STEPS" "${LENGTH[@]}" \
    model.degradation.sigma="$sigma" load_from="$alone"
  mkdir -p "$OUT/separate"
  $PYTHON -c "import shutil, semrestore.weights.zoo as zoo; shutil.copy(zoo.resolve('$alone'), '$OUT/separate/sigma$sigma.pth')"
done

matrix() { # folder, images, images for BM3D, tasks
  local names=(noisy clean separate same_photos vgg largefov)
  $PYTHON tools/cross_task.py --tasks "${@:4}" --sigma $SIGMAS --reference separate --out "$OUT/$1" \
    --denoisers noisy clean bm3d "separate=$OUT/separate/sigma{sigma}.pth" "same_photos=$OUT/same_photos_sigma{sigma}/iter_$STEPS.pth" \
    "vgg=$OUT/joint_vgg16_tiny_imagenet_sigma{sigma}/iter_$STEPS.pth" "largefov=$OUT/joint_largefov_voc2012_sigma{sigma}/iter_$STEPS.pth" \
    --limit "${names[@]/%/=$2}" bm3d="$3"
}
matrix table4 "$IMAGES" "$BM3D" configs/evaluation/vgg16_tiny_imagenet.py
matrix table5_largefov 223 25 configs/evaluation/largefov_voc2012.py
matrix table5_mobilenetv2 "$PHOTOS" 25 configs/evaluation/deeplabv3_mobilenetv2_voc2012.py
# RESULTS=results puts the figures where reproduction_page.py reads them, in a file of their own with PART=_15_45.
[ -z "${RESULTS:-}" ] || for name in table4 table5_largefov table5_mobilenetv2; do
  cp "$OUT/$name/matrix.json" "$RESULTS/$name${PART:-}.json"
done
