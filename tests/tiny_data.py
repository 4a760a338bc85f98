"""A data root with a few tiny photos in each of the folder trees that the configs read."""

from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = 2


def write(root: Path) -> None:
    """Write all trees."""
    for folder, side in (
        ('bsds432', 136),
        ('cbsd68', 40),
        ('kodak24', 40),
        ('imagenet_samples', 256),
        ('unlabelled628', 136),
    ):
        for index in range(PHOTOS):
            save(photo(side, index), root / folder / f'{index}.png')
    for index in range(10):  # of which 8 are held out
        save(photo(136, index), root / f'photos/{index}.png')
    (root / 'imagenet_samples/labels.txt').write_text('0.png 1\n1.png 0\n')
    for index in range(PHOTOS):
        clean = photo(40, index)
        noisy = (clean + np.random.default_rng(index).normal(0, 5, clean.shape)).clip(0, 255).astype(np.uint8)
        save(clean, root / f'cc15/camera_{index}_mean.png')
        save(noisy, root / f'cc15/camera_{index}_real.png')
    for split in ('train', 'val'):
        for index in range(1000):  # the folders that mmpretrain counts
            (root / f'imagenet/{split}/n{index:08d}').mkdir(parents=True)
        for index in range(PHOTOS):
            save(photo(256, index), root / f'imagenet/{split}/n{index:08d}/{index}.JPEG')
    for split, suffix in (('train', 'webp'), ('val', 'jpeg')):
        for label in range(200):
            save(photo(64, label), root / f'tiny_imagenet/{split}/n{label:08d}/{split}_{label}_0.{suffix}')
    voc(root / 'voc2012')


def photo(side: int, index: int) -> np.ndarray:
    """Return waves of three colours with some noise, ``(side, side, 3)``, uint8."""
    rows, columns = np.mgrid[:side, :side] / side
    waves = [np.sin(7 * (index + 1) * rows + colour + 5 * columns**2) for colour in range(3)]
    noise = np.random.default_rng(index).normal(0, 4, (side, side, 3))
    return (127 + 80 * np.stack(waves, axis=-1) + noise).clip(0, 255).astype(np.uint8)


def save(pixels: np.ndarray, path: Path) -> None:
    """Write an image in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def voc(root: Path) -> None:
    """Write Pascal VOC's tree, and that of its additional annotations."""
    names = [f'2007_00000{index}' for index in range(PHOTOS)]
    for index, name in enumerate(names):
        save(photo(80, index), root / f'JPEGImages/{name}.jpg')
        labels = np.zeros((80, 80), np.uint8)
        labels[20:50, 10:60] = 8 + index
        labels[48:50] = 255  # void
        for folder in ('SegmentationClass', 'SegmentationClassAug'):
            save(labels, root / folder / f'{name}.png')
    lists = root / 'ImageSets/Segmentation'
    lists.mkdir(parents=True)
    for split in ('train', 'val', 'trainaug'):
        (lists / f'{split}.txt').write_text('\n'.join(names) + '\n')
