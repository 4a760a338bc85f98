"""Read and write images: the decoder, the writer, video frames and tiles of training, inference and rating."""

from semrestore.images.listing import find
from semrestore.images.photo import decode_photo, read_photo
from semrestore.images.picture import Picture, from_array, from_pil
from semrestore.images.read import decode, read
from semrestore.images.tiles import Tile, tiles

__all__ = [
    'Picture',
    'Tile',
    'decode',
    'decode_photo',
    'find',
    'from_array',
    'from_pil',
    'read',
    'read_photo',
    'tiles',
]
