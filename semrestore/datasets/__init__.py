"""Unlabelled photos and the transforms that load them; labelled data is mmpretrain's and mmseg's own."""

from semrestore.datasets.photo_folder import EmbeddedPhotos, PhotoFolder
from semrestore.datasets.transforms import LoadPhoto, RandomCrop, RandomDihedral, read_photo

__all__ = ['EmbeddedPhotos', 'LoadPhoto', 'PhotoFolder', 'RandomCrop', 'RandomDihedral', 'read_photo']
