"""Reading one image: what only looks like 16 bits, and how it is turned."""

import cv2
import numpy as np
import pytest
from PIL import Image

from semrestore.images import read_photo

SIDES = (71, 72)
PIXELS = np.random.default_rng(0).integers(0, 256, (*SIDES, 3), dtype=np.uint8)


@pytest.mark.parametrize('suffix', ['.bmp', '.pcx', '.tif', '.png'])
@pytest.mark.parametrize('width', [16, 54, 72])
def test_eight_bits_are_read_whatever_the_width(tmp_path, suffix, width):
    """Widths at which a stride or an offset in the file has the digits 16 in it."""
    pixels = np.ascontiguousarray(PIXELS[:, :width])
    Image.fromarray(pixels).save(tmp_path / f'photo{suffix}')
    assert (read_photo(tmp_path / f'photo{suffix}') == pixels).all()


@pytest.mark.parametrize(
    'widths', [(*range(16, 2000, 62), 540, 720), pytest.param(range(16, 2000), marks=pytest.mark.slow)]
)
@pytest.mark.parametrize('mode', ['RGB', 'RGBA'])
def test_bitmaps_of_24_and_32_bits_are_read_at_every_width(tmp_path, widths, mode):
    for width in widths:
        pixels = np.random.default_rng(width).integers(0, 256, (2, width, len(mode)), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / 'photo.bmp')
        np.testing.assert_array_equal(read_photo(tmp_path / 'photo.bmp'), pixels[..., :3], f'{width}')


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_tiff_of_16_bits_is_turned_once(tmp_path, orientation):
    """Pillow turns the same file with 8 bits, which gives the expected pixels."""
    deep, shallow = tmp_path / 'deep.tif', tmp_path / 'shallow.tif'
    cv2.imwrite(str(deep), PIXELS[..., ::-1].astype(np.uint16) << 8, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    Image.fromarray(PIXELS).save(shallow)
    for path in (deep, shallow):
        _tag(path, orientation)
    expected = read_photo(shallow)
    assert expected.shape[:2] == (SIDES if orientation < 5 else SIDES[::-1])
    assert (read_photo(deep) == expected).all()


def test_damaged_exif_leaves_a_photo_as_it_is(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / 'photo.png', exif=b'Exif\0\0nothing of the kind')
    assert (read_photo(tmp_path / 'photo.png') == PIXELS).all()


def _tag(path, orientation):
    """Append a directory to a TIFF that has the orientation, too."""
    import struct

    data = bytearray(path.read_bytes())
    order = '<' if data[:2] == b'II' else '>'
    (start,) = struct.unpack_from(f'{order}I', data, 4)
    (count,) = struct.unpack_from(f'{order}H', data, start)
    entries = [bytes(data[start + 2 + 12 * number :][:12]) for number in range(count)]
    entries = [entry for entry in entries if struct.unpack(f'{order}H', entry[:2])[0] != 274]
    entries.append(struct.pack(f'{order}HHIHH', 274, 3, 1, orientation, 0))
    entries.sort(key=lambda entry: struct.unpack(f'{order}H', entry[:2])[0])
    struct.pack_into(f'{order}I', data, 4, len(data))
    data += struct.pack(f'{order}H', len(entries)) + b''.join(entries) + bytes(4)
    path.write_bytes(data)
