"""Unlabelled photos and the transforms that load images; labelled data is mmpretrain's and mmseg's own."""

from semrestore.datasets.colour import RandomColour
from semrestore.datasets.label_map import LoadLabelMap
from semrestore.datasets.pair_folder import LoadPair, PairFolder
from semrestore.datasets.photo_folder import EmbeddedPhotos, PhotoFolder
from semrestore.datasets.resident import DeviceResidentPatches
from semrestore.datasets.stream import StreamDataset, StreamSampler
from semrestore.datasets.transforms import CaffeCenterCrop, LoadPhoto, RandomCrop, RandomDihedral

__all__ = [
    'CaffeCenterCrop',
    'DeviceResidentPatches',
    'EmbeddedPhotos',
    'LoadLabelMap',
    'LoadPair',
    'LoadPhoto',
    'PairFolder',
    'PhotoFolder',
    'RandomColour',
    'RandomCrop',
    'RandomDihedral',
    'StreamDataset',
    'StreamSampler',
]
