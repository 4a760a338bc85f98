"""Every form of TIFF, PNG and PPM comes as the array that was written."""

import itertools
import json
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import AppendingTiffWriter

from semrestore.errors import UserError
from semrestore.images import read, read_photo
from semrestore.images.read import is_animated
from tests.images.bad_images import chunk

SHAPE = (30, 45)
TURNED = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: np.rot90(image, 1),
}


def drawn(channels, dtype, seed=0):
    shape = SHAPE if channels == 1 else (*SHAPE, channels)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def whole(picture):
    array = picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])
    return TURNED[picture.orientation](array)


FORMS = [(1, False, False), (1, False, True), (3, False, False), (3, True, False), (4, False, False), (4, True, False)]


@pytest.mark.parametrize('compression', [None, 'zlib'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize(('channels', 'planar', 'white'), FORMS)
def test_every_tiff_is_upright_and_right(tmp_path, channels, planar, white, dtype, compression):
    array = drawn(channels, dtype)
    options = dict(photometric='rgb', planarconfig='separate' if planar else 'contig')
    if channels == 1:
        options = dict(photometric='miniswhite' if white else 'minisblack')
    elif channels == 4:
        options['extrasamples'] = ['unassalpha']
    expected = np.iinfo(dtype).max - array if white else array
    for orientation, turn in TURNED.items():
        path = tmp_path / f'{orientation}.tif'
        data = np.moveaxis(array, -1, 0) if planar else array
        tifffile.imwrite(path, data, compression=compression, extratags=[(274, 3, 1, orientation, True)], **options)
        (picture,) = read(path)
        np.testing.assert_array_equal(whole(picture), turn(expected))
        assert read_photo(path).shape[:2] == turn(expected).shape[:2]


def packed(path, array, bits):
    """Write grey of so many bits a pixel, one behind the other, each row from a byte on."""
    height, width = array.shape
    rows = (array[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    data = np.packbits(rows.reshape(height, -1).astype(np.uint8), axis=1).tobytes()
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    directory = b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack('<2sHI', b'II', 42, 8 + len(data))
    path.write_bytes(head + data + struct.pack('<H', len(tags)) + directory + bytes(4))


@pytest.mark.parametrize('bits', [10, 12, 14])
def test_packed_samples_are_scaled_to_sixteen_bits(tmp_path, bits):
    array = drawn(1, np.uint16) >> (16 - bits)
    packed(tmp_path / 'x.tif', array, bits)
    (picture,) = read(tmp_path / 'x.tif')
    np.testing.assert_array_equal(picture.pixels, np.round(array * (65535 / (2**bits - 1))))


def test_associated_opacity_is_taken_out_of_the_colours(tmp_path):
    colours = drawn(3, np.uint16)
    alpha = np.full(SHAPE, 0x8000, np.uint16)
    stored = np.round(colours * (0x8000 / 65535)).astype(np.uint16)
    tifffile.imwrite(tmp_path / 'x.tif', np.dstack([stored, alpha]), photometric='rgb', extrasamples=['assocalpha'])
    (picture,) = read(tmp_path / 'x.tif')
    assert np.abs(picture.pixels.astype(int) - colours).max() <= 2


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('compression', [1, 5, 8, 32946])  # none, LZW, and Deflate by its two numbers
def test_opacity_that_opencv_writes_without_its_tag_is_kept(tmp_path, dtype, compression):
    array = drawn(4, dtype)
    cv2.imwrite(str(tmp_path / 'x.tif'), array[..., [2, 1, 0, 3]], [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    with tifffile.TiffFile(tmp_path / 'x.tif') as file:
        assert 338 not in file.pages[0].tags, 'ExtraSamples'
    (picture,) = read(tmp_path / 'x.tif')
    np.testing.assert_array_equal(whole(picture), array)


def test_a_thumbnail_is_not_a_second_frame_but_a_page_is(tmp_path):
    pages = [drawn(3, np.uint16, seed) for seed in range(2)]
    for name, subfiletype in (('thumbnail.tif', 1), ('pages.tif', 0)):
        with tifffile.TiffWriter(tmp_path / name) as file:
            file.write(pages[0], photometric='rgb')
            file.write(pages[1] if not subfiletype else pages[1][::4, ::4], photometric='rgb', subfiletype=subfiletype)
    (picture,) = read(tmp_path / 'thumbnail.tif')
    np.testing.assert_array_equal(picture.pixels, pages[0])
    found = list(read(tmp_path / 'pages.tif'))
    assert [one.frame for one in found] == [0, 1]
    np.testing.assert_array_equal(found[1].pixels, pages[1])


def test_a_profile_is_kept(tmp_path):
    tifffile.imwrite(tmp_path / 'x.tif', drawn(3, np.uint16), photometric='rgb', iccprofile=b'a profile')
    (picture,) = read(tmp_path / 'x.tif')
    assert picture.metadata['icc_profile'] == b'a profile'


@pytest.mark.parametrize(('most', 'plain'), itertools.product((65535, 4095, 255), (False, True)))
def test_a_ppm_has_the_depth_that_its_header_says(tmp_path, most, plain):
    array = np.minimum(drawn(3, np.uint16), most)
    head = f'P{3 if plain else 6}\n# a comment\n{SHAPE[1]} {SHAPE[0]}\n{most}\n'.encode()
    kind = '>u2' if most > 255 else 'u1'
    body = ' '.join(map(str, array.ravel())).encode() if plain else array.astype(kind).tobytes()
    (tmp_path / 'x.ppm').write_bytes(head + body)
    (picture,) = read(tmp_path / 'x.ppm')
    expected = np.round(array * (65535 / most)) if most > 255 else array
    np.testing.assert_array_equal(picture.pixels, expected)


def png(path, array, kind, extra=b''):
    rows = b''.join(b'\0' + row.astype('>u2').tobytes() for row in array)
    header = struct.pack('>IIBBBBB', array.shape[1], array.shape[0], 16, kind, 0, 0, 0)
    parts = chunk(b'IHDR', header) + extra + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + parts)


def test_deep_grey_pngs_keep_their_opacity(tmp_path):
    grey, alpha = drawn(1, np.uint16), drawn(1, np.uint16, 1)
    png(tmp_path / 'both.png', np.dstack([grey, alpha]), 4)
    (picture,) = read(tmp_path / 'both.png')
    np.testing.assert_array_equal(picture.pixels, grey)
    np.testing.assert_array_equal(picture.alpha, alpha)
    png(tmp_path / 'one.png', grey, 0, chunk(b'tRNS', struct.pack('>H', int(grey[0, 0]))))
    (picture,) = read(tmp_path / 'one.png')
    np.testing.assert_array_equal(picture.pixels, grey)
    np.testing.assert_array_equal(picture.alpha, np.where(grey == grey[0, 0], 0, 65535))


@pytest.mark.parametrize('bits', [1, 2, 4, 8])
def test_grey_pngs_of_few_bits_keep_their_transparent_value(tmp_path, bits):
    values = np.arange(16) % 2**bits
    row = np.packbits((values[:, None] >> np.arange(bits - 1, -1, -1)) & 1).tobytes()
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', 16, 1, bits, 0, 0, 0, 0)) + chunk(b'tRNS', struct.pack('>H', 1))
    image = chunk(b'IDAT', zlib.compress(b'\0' + row)) + chunk(b'IEND', b'')
    (tmp_path / 'x.png').write_bytes(b'\x89PNG\r\n\x1a\n' + header + image)
    (picture,) = read(tmp_path / 'x.png')
    assert picture.pixels[0].tolist() == [value * 255 // (2**bits - 1) for value in values]
    assert picture.alpha[0].tolist() == [0 if value == 1 else 255 for value in values]


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_the_orientation_in_xmp_turns_a_photo_and_is_kept(tmp_path, suffix):
    array = drawn(3, np.uint8)
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    options = dict(xmp=xmp) if suffix == '.jpg' else {}
    path = tmp_path / f'x{suffix}'
    if suffix == '.png':
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt('XML:com.adobe.xmp', xmp.decode())
        options = dict(pnginfo=info)
    Image.fromarray(array).save(path, **options)
    (picture,) = read(Path(path))
    assert picture.orientation == 6
    assert read_photo(path).shape[:2] == SHAPE[::-1]
    picture.save(tmp_path / 'restored.png')
    with Image.open(tmp_path / 'restored.png') as restored:
        assert ImageOps.exif_transpose(restored).size == SHAPE  # (W, H), of a photo seen upright


PILLOWS = [(mode, None) for mode in ('1', 'L', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'LAB')]
PILLOWS += [
    (mode, compression)
    for mode in ('L', 'P', 'RGB', 'RGBA', 'CMYK')
    for compression in ('tiff_lzw', 'tiff_adobe_deflate', 'packbits', 'lzma')
]
PILLOWS += [('1', 'group3'), ('1', 'group4'), ('1', 'tiff_ccitt'), ('L', 'jpeg'), ('RGB', 'jpeg'), ('YCbCr', 'jpeg')]


def photo():
    return Image.fromarray(np.add.outer(np.arange(60), np.arange(90)).astype(np.uint8)).convert('RGB')


@pytest.mark.parametrize(('mode', 'compression'), PILLOWS)
def test_orientations_are_right_in_every_mode_and_compression_of_pillow(tmp_path, mode, compression):
    image, path = photo().convert(mode), tmp_path / 'x.tif'
    image.save(path, compression=compression)
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert({'1': 'L', 'L': 'L', 'RGBA': 'RGBA'}.get(mode, 'RGB')))
    for orientation, turn in TURNED.items():
        image.save(path, compression=compression, tiffinfo={274: orientation})
        (picture,) = read(path)
        np.testing.assert_array_equal(whole(picture), turn(expected), f'{orientation}')


@pytest.mark.parametrize('mode', ['1', 'L', 'P', 'RGB', 'RGBA', 'CMYK'])
@pytest.mark.parametrize('kind', [{254: 1}, {254: 4}, {255: 2}])
@pytest.mark.parametrize('behind', [True, False])
def test_a_thumbnail_or_mask_is_no_frame_wherever_it_lies(tmp_path, mode, kind, behind):
    image = photo().convert(mode)
    pages = [(image, {254: 0}), (image.resize((18, 12)), kind)]
    with open(tmp_path / 'x.tif', 'w+b') as file, AppendingTiffWriter(file, True) as writer:
        for page, tags in pages if behind else reversed(pages):
            page.save(writer, format='TIFF', tiffinfo=tags)
            writer.newFrame()
    (picture,) = read(tmp_path / 'x.tif')
    assert picture.frame is None
    assert not is_animated(tmp_path / 'x.tif')
    np.testing.assert_array_equal(read_photo(tmp_path / 'x.tif'), np.asarray(image.convert('RGB')))


def test_an_orientation_in_xmp_turns_a_tiff_too(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    for name, mode in (('ours.tif', 'RGB'), ('pillows.tif', 'CMYK')):
        photo().convert(mode).save(tmp_path / name, tiffinfo={700: xmp})
        assert read_photo(tmp_path / name).shape == (90, 60, 3)


@pytest.mark.parametrize('dtype', [np.uint32, np.int32, np.int16, np.float32])
def test_values_without_a_range_are_refused_by_their_tag(tmp_path, dtype):
    """The values themselves do not matter: 0..255 stored in 32 bits would be nearly black on 0..65535."""
    tifffile.imwrite(tmp_path / 'x.tif', drawn(1, np.uint8).astype(dtype), photometric='minisblack')
    with pytest.raises(UserError, match=r'x\.tif'):
        list(read(tmp_path / 'x.tif'))


def test_bands_of_something_else_than_light_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / 'x.tif', drawn(4, np.uint16), photometric='minisblack', planarconfig='contig')
    with pytest.raises(UserError, match=r'x\.tif'):
        list(read(tmp_path / 'x.tif'))


COMPRESSIONS = (None, 'lzw', 'zlib', 'deflate', 'packbits', 'zstd', 'lzma', 'png')
SAMPLES = {
    'grey': dict(photometric='minisblack'),
    'white': dict(photometric='miniswhite'),
    'grey-alpha': dict(photometric='minisblack', extrasamples=['unassalpha']),
    'rgb': dict(photometric='rgb'),
    'rgb-alpha': dict(photometric='rgb', extrasamples=['unassalpha']),
    'rgb-other': dict(photometric='rgb', extrasamples=['unspecified']),
    'rgb-alpha-other': dict(photometric='rgb', extrasamples=['unassalpha', 'unspecified']),
}


def write_forms(folder, orientations):
    """Write TIFFs of every kind of samples, depth, planes, tiles, byte order, predictor and compression."""
    for samples, options in SAMPLES.items():
        channels = (3 if options['photometric'] == 'rgb' else 1) + len(options.get('extrasamples', ()))
        for dtype, planar, tile, order, predictor, compression, turn in itertools.product(
            (np.uint8, np.uint16), (False, True), (None, (16, 16)), '<>', (False, True), COMPRESSIONS, orientations
        ):
            if (predictor and compression in (None, 'packbits', 'png')) or (planar and channels == 1):
                continue
            array = drawn(channels, dtype)
            name = f'{samples} {dtype.__name__} {planar} {bool(tile)} {ord(order)} {predictor} {compression} {turn}.tif'
            more = dict(planarconfig='separate' if planar else 'contig') if channels > 1 else {}
            try:
                tifffile.imwrite(
                    folder / name,
                    np.moveaxis(array, -1, 0) if planar else array,
                    byteorder=order,
                    tile=tile,
                    compression=compression,
                    predictor=predictor or None,
                    extratags=[(274, 3, 1, turn, True)],
                    **options,
                    **more,
                )
            except ValueError:  # such as PNG of five samples
                (folder / name).unlink(missing_ok=True)
                continue
            seen = {'rgb-other': 3, 'rgb-alpha-other': 4}.get(samples)
            array = np.iinfo(dtype).max - array if samples == 'white' else array[..., :seen] if seen else array
            np.save((folder / name).with_suffix('.npy'), TURNED[turn](array))
            yield folder / name


@pytest.mark.parametrize(
    ('orientations', 'least'), [((6,), 150), pytest.param(tuple(range(1, 9)), 9_000, marks=pytest.mark.slow)]
)
def test_every_form_is_right_with_imagecodecs_and_right_or_refused_without(tmp_path, orientations, least):
    pytest.importorskip('imagecodecs')
    files = list(write_forms(tmp_path, orientations))
    files = files if len(orientations) > 1 else files[::7]
    assert len(files) > least
    for path in files:
        (picture,) = read(path)
        np.testing.assert_array_equal(whole(picture), np.load(path.with_suffix('.npy')), path.name)
    found = {}
    for start in range(0, len(files), 1000):
        command = [sys.executable, '-m', 'tests.programs.read_tiffs', *files[start : start + 1000]]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found |= json.loads(done.stdout.splitlines()[-1])
    assert sum(result == 'read' for result in found.values()) > 0.7 * len(files)
    assert {result for result in found.values() if result != 'read' and 'imagecodecs' not in result} == set()


def test_jpeg_2000_keeps_its_depth_with_imagecodecs_and_is_refused_without(tmp_path, monkeypatch):
    imagecodecs = pytest.importorskip('imagecodecs')
    for bits, channels in itertools.product((12, 16), (3, 4)):
        array = drawn(channels, np.uint16) >> (16 - bits)
        content = imagecodecs.jpeg2k_encode(array, reversible=True, level=0, bitspersample=bits)
        (tmp_path / 'x.jp2').write_bytes(content)
        (picture,) = read(tmp_path / 'x.jp2')
        np.testing.assert_array_equal(whole(picture), np.round(array * (65535 / (2**bits - 1))))
    monkeypatch.setitem(sys.modules, 'imagecodecs', None)
    with pytest.raises(UserError, match=r'x\.jp2.*imagecodecs'):
        list(read(tmp_path / 'x.jp2'))


def test_what_is_dropped_of_avif_is_said(tmp_path):
    imagecodecs = pytest.importorskip('imagecodecs')
    array = np.add.outer(np.arange(30), np.arange(45)).astype(np.uint16)[..., None].repeat(3, 2)
    for bits in (8, 10, 12):
        values = array << (bits - 8)
        content = imagecodecs.avif_encode(
            values.astype(np.uint8) if bits == 8 else values, bitspersample=bits, level=99
        )
        (tmp_path / f'{bits}.avif').write_bytes(content)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            (picture,) = read(tmp_path / f'{bits}.avif')
        assert np.abs(picture.pixels.astype(int) - array).mean() < 3
        assert [f'{bits} bits' in str(one.message) for one in caught] == [True] * (bits > 8)
