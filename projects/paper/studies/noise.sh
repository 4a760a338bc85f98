#!/usr/bin/env bash
# Does joint training help where the noise is not Gaussian, and is it the task's loss or the noise of the training that counts?
# (docs/results.md) Four denoisers for each task, alone and joint, on Gaussian noise and on a mixture, before the classifier and the
# segmenter: a sensor's noise, and noise stored as JPEG. About an hour and a half on two CPU cores. What is done is not done again.
#   IMAGES=250 projects/paper/studies/noise.sh
set -euo pipefail
cd "$(dirname "$0")/../../.."
PYTHON=${PYTHON:-python}
OUT=${OUT:-work_dirs/noise}
IMAGES=${IMAGES:-250} # of the 1000 of imagenet_samples; of VOC at most its 223
HEADS=${SEMRESTORE_DATA:?set it to the data folder}/heads/deeplabv3_mnv2_dm05_voc_257_float
WEIGHTS=work_dirs/weights/deeplabv3_mobilenetv2_dm05_voc.pth

[ -e $WEIGHTS ] || $PYTHON -m projects.paper.convert_deeplabv3 "$HEADS.pth" "$HEADS.json" $WEIGHTS

train() { # name, folder, last iteration, options
  [ -e "$OUT/$2/iter_$3.pth" ] || $PYTHON tools/train.py "configs/study/$1.py" --amp --resume --work-dir "$OUT/$2" "${@:4}"
}
MIXED=$OUT/alone_mixture/iter_1500.pth
train denoise_mixture alone_mixture 1500
for name in joint_efficientnet_lite0 joint_deeplabv3_mobilenetv2; do
  train ${name}_sigma30 ${name}_gaussian 800 --cfg-options 'model.degradation.sigma=(0,60)' load_from=zoo:multiscale-blind
  train ${name}_mixture ${name}_mixture 800 --cfg-options load_from="$MIXED"
done

names=(noisy clean gaussian mixture classifier_gaussian classifier_mixture segmenter_gaussian segmenter_mixture)
for task in efficientnet_lite0_imagenet_samples deeplabv3_mobilenetv2_voc2012; do
  limit=$IMAGES
  [ $task = deeplabv3_mobilenetv2_voc2012 ] && [ "$limit" -gt 223 ] && limit=223
  for reference in gaussian mixture; do # from which differences are taken; the second time nothing is measured again
    $PYTHON tools/cross_task.py --tasks configs/evaluation/$task.py --reference $reference --out "$OUT/matrix_$task" \
      --noise sensor=configs/_base_/degradations/poisson_gaussian.py jpeg=configs/_base_/degradations/noisy_jpeg.py \
      --denoisers noisy clean gaussian=zoo:multiscale-blind mixture="$MIXED" \
      classifier_gaussian="$OUT/joint_efficientnet_lite0_gaussian/iter_800.pth" \
      classifier_mixture="$OUT/joint_efficientnet_lite0_mixture/iter_800.pth" \
      segmenter_gaussian="$OUT/joint_deeplabv3_mobilenetv2_gaussian/iter_800.pth" \
      segmenter_mixture="$OUT/joint_deeplabv3_mobilenetv2_mixture/iter_800.pth" \
      --limit "${names[@]/%/=$limit}"
    cp "$OUT/matrix_$task/matrix.json" "${RESULTS:-$OUT}/noise_${task%%_*}_less_$reference.json"
  done
done
