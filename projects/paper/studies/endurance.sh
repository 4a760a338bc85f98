#!/usr/bin/env bash
# Does memory grow (docs/reliability.md)? Each run is watched by benchmarks/memory.py; the rows go to results/endurance/.
#   projects/paper/studies/endurance.sh training   two hours (HOURS) of training and evaluation: configs/denoise/multiscale_real.py
#   projects/paper/studies/endurance.sh images     10,000 photos of odd sizes through `semrestore denoise`
# SEMRESTORE_DATA names the data.
set -euo pipefail
cd "$(dirname "$0")/../../.."
python=${PYTHON:-python}
out=work_dirs/endurance
watch="$python -m benchmarks.memory"

# The learning rate is constant, so the training can be of any length. Tensors of 1 MiB or more stay out of
# glibc's heap, whose free pieces say nothing of what a training holds; a step takes about a fifth longer for it.
# MALLOC_MMAP_THRESHOLD_= takes glibc's own threshold.
training() {
  export MALLOC_MMAP_THRESHOLD_=${MALLOC_MMAP_THRESHOLD_-1048576}
  [ -n "$MALLOC_MMAP_THRESHOLD_" ] || unset MALLOC_MMAP_THRESHOLD_
  $watch --hours "${HOURS:-2}" --out results/endurance/training.csv -- \
    "$python" tools/train.py configs/denoise/multiscale_real.py --work-dir "$out/training" \
    --cfg-options train_cfg.max_iters=100000
}

images() {
  [ -d "$out/photos" ] || "$python" - "$SEMRESTORE_DATA/tiny_imagenet/val_10000.tar.gz" "$out/photos" << 'EOF'
import random, sys, tarfile
from pathlib import Path
from PIL import Image

archive, folder = sys.argv[1], Path(sys.argv[2])
partial = folder.with_name('photos.part')
partial.mkdir(parents=True, exist_ok=True)
draws = random.Random(0)
with tarfile.open(archive) as photos:
    for number, member in enumerate(one for one in photos if one.isfile()):
        sides = draws.randint(8, 64), draws.randint(8, 64)
        Image.open(photos.extractfile(member)).convert('RGB').crop((0, 0, *sides)).save(partial / f'{number:05}.png')
partial.rename(folder)
EOF
  rm -rf "$out/restored"
  $watch --interval 2 --warm-up 0.5 --bound 16 --out results/endurance/images.csv -- \
    "$python" -m semrestore denoise "$out/photos" --model zoo:multiscale-blind --out "$out/restored"
  local restored
  restored=$(find "$out/restored" -name '*.png' | wc -l)
  echo "$restored of 10000 photos restored"
  [ "$restored" -eq 10000 ]
}

if [ $# -ne 1 ] || ! [[ $1 == training || $1 == images ]]; then
  sed -n '2,5s/^# //p' "$0"
  exit 2
fi
"$1"
