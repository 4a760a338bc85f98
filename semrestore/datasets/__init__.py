"""Data sets of unlabelled photos and boxes, and transforms that load images."""

from semrestore.datasets.boxes import BoxesFromMask, EmbeddedBoxes, PackBoxes, VOCBoxes
from semrestore.datasets.colour import RandomColour
from semrestore.datasets.corrupted_folder import CorruptedFolder
from semrestore.datasets.hugging_face_photos import HuggingFacePhotos
from semrestore.datasets.label_map import LoadLabelMap
from semrestore.datasets.pair_folder import LoadPair, PairFolder
from semrestore.datasets.photo_folder import EmbeddedPhotos, PhotoFolder
from semrestore.datasets.resident import DeviceResidentPatches
from semrestore.datasets.stream import StreamDataset, StreamSampler
from semrestore.datasets.transforms import CaffeCenterCrop, LoadPhoto, RandomCrop, RandomDihedral
from semrestore.datasets.webdataset_photos import WebDatasetPhotos

__all__ = [
    'BoxesFromMask',
    'CaffeCenterCrop',
    'CorruptedFolder',
    'DeviceResidentPatches',
    'EmbeddedBoxes',
    'EmbeddedPhotos',
    'HuggingFacePhotos',
    'LoadLabelMap',
    'LoadPair',
    'LoadPhoto',
    'PackBoxes',
    'PairFolder',
    'PhotoFolder',
    'RandomColour',
    'RandomCrop',
    'RandomDihedral',
    'StreamDataset',
    'StreamSampler',
    'VOCBoxes',
    'WebDatasetPhotos',
]
