"""Bad, odd and hostile image files, always the same ones: what an unlucky or a malicious user brings.

    python -m tests.images.bad_images FOLDER

``write`` makes them and says of each what is to become of it. Sizes are (height, width) as the picture is seen, EXIF
orientation applied.
"""

import io
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 43, 61
SEED = 20261
FORMATS = {'PNG': '.png', 'JPEG': '.jpg', 'BMP': '.bmp', 'TIFF': '.tif', 'WEBP': '.webp', 'PPM': '.ppm'}


@dataclass(frozen=True)
class Case:
    """A file, and the result that a reader must give.

    Attributes:
        path: Of the file, or of what is none (a folder, a link to itself).
        size: (height, width) that it has if it is read.
        refused: It must be (True), must not be (False), or may be (None).
    """

    path: Path
    size: tuple[int, int]
    refused: bool | None


def write(folder: Path) -> list[Case]:
    """Write all files into a folder, which is made, and return what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    makers = (truncated, damaged, misnamed, huge, odd, turned, filmed, strangely_named)
    return [case for maker in makers for case in maker(folder)]


def photo(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return an image that no format stores in a few bytes: a ramp with noise, ``(height, width, 3)``, uint8."""
    draws = np.random.default_rng(SEED)
    rows, columns = np.mgrid[:height, :width]
    ramp = np.stack([rows * 3, columns * 2, rows + columns], axis=-1)
    return (ramp + draws.integers(0, 60, ramp.shape)).clip(0, 255).astype(np.uint8)


def encoded(form: str, image: Image.Image | None = None, **options) -> bytes:
    """Return an image, the photo by default, as a file of a format."""
    stream = io.BytesIO()
    (image or Image.fromarray(photo())).save(stream, form, **options)
    return stream.getvalue()


def truncated(folder: Path) -> Iterator[Case]:
    """Yield files cut at every tenth of their length."""
    for form, suffix in FORMATS.items():
        whole = encoded(form)
        for tenth in range(10):
            # Some formats have a tail that says nothing of the pixels, so what is cut there may be read.
            yield put(
                folder / f'cut_{form}_{tenth}{suffix}',
                whole[: len(whole) * tenth // 10],
                refused=True if tenth <= 5 else None,
            )


def damaged(folder: Path) -> Iterator[Case]:
    """Yield files with some bytes changed: read as the image that they declare, or refused."""
    draws = np.random.default_rng(SEED)
    for form, suffix in FORMATS.items():
        whole = np.frombuffer(encoded(form), np.uint8)
        for number in range(10):
            bad = whole.copy()
            # Behind the header, so that the size stays; half of them near it, where structures are.
            last = len(bad) if number % 2 else 400
            where = draws.integers(64, last, 8)
            bad[where] = draws.integers(0, 256, 8)
            yield put(folder / f'damaged_{form}_{number}{suffix}', bad.tobytes(), refused=None)
        for number in range(5):
            bad = whole.copy()
            bad[draws.integers(4, 64, 3)] = draws.integers(0, 256, 3)
            yield put(folder / f'header_{form}_{number}{suffix}', bad.tobytes(), refused=None, size=(-1, -1))


def misnamed(folder: Path) -> Iterator[Case]:
    """Yield images under another format's name, and no images under an image's name."""
    suffixes = list(FORMATS.values())
    for form, suffix in FORMATS.items():
        other = suffixes[(suffixes.index(suffix) + 1) % len(suffixes)]
        yield put(folder / f'is_{form}{other}', encoded(form), refused=False)
        yield put(folder / f'nothing{suffix}', b'', refused=True)
    contents = {
        'text': b'not an image\n' * 40,
        'page': b'<!DOCTYPE html><html><body>404</body></html>',
        'vector': b'<svg xmlns="http://www.w3.org/2000/svg" width="61" height="43"/>',
        'archive': b'PK\x03\x04' + bytes(200),
        'program': b'\x7fELF' + bytes(200),
        'zeros': bytes(5000),
        'ones': b'\xff' * 5000,
        'pickle': b'\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix'
        b'\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.',
        'array': b'\x93NUMPY\x01\x00v\x00' + bytes(118),
        'postscript': b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 61 43\n%%EndComments\n(cat) run\n%%EOF\n',
        'lfs': b'version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 12345\n',
    }
    for name, content in contents.items():
        for suffix in ('.png', '.jpg'):
            yield put(folder / f'{name}{suffix}', content, refused=True)


def huge(folder: Path) -> Iterator[Case]:
    """Yield files of a few bytes that declare, or unpack to, more than a computer holds."""
    for height, width in (
        (2**31 - 1, 2**31 - 1),
        (65535, 65535),
        (1, 2**31 - 1),
        (2**20, 2**20),
        (0, WIDTH),
        (HEIGHT, 0),
    ):
        header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
        content = (
            b'\x89PNG\r\n\x1a\n'
            + chunk(b'IHDR', header)
            + chunk(b'IDAT', zlib.compress(bytes(100)))
            + chunk(b'IEND', b'')
        )
        yield put(folder / f'huge_{height}x{width}.png', content, refused=True)
    side = 20000  # 400 megapixels of one bit each, 50 MB, in 50 kB; as RGB they are 1.2 GB
    yield put(folder / 'bomb.png', encoded('PNG', Image.new('1', (side, side))), refused=True)
    jpeg = bytearray(encoded('JPEG'))
    start = jpeg.index(b'\xff\xc0')
    jpeg[start + 5 : start + 9] = b'\xff\xff\xff\xff'
    yield put(folder / 'huge.jpg', bytes(jpeg), refused=True)
    bitmap = bytearray(encoded('BMP'))
    bitmap[18:26] = struct.pack('<ii', 10**6, 10**6)
    yield put(folder / 'huge.bmp', bytes(bitmap), refused=True)
    bitmap[18:26] = struct.pack('<ii', WIDTH, -(2**31))
    yield put(folder / 'negative.bmp', bytes(bitmap), refused=True)
    for name, size in (('huge', b'1000000 1000000'), ('negative', b'-61 -43'), ('endless', b'1' * 500)):
        yield put(folder / f'{name}.ppm', b'P6 ' + size + b' 255\n' + bytes(100), refused=True)
    tiff = bytearray(encoded('TIFF'))
    offset = struct.unpack('<I', tiff[4:8])[0]
    count = struct.unpack('<H', tiff[offset : offset + 2])[0]
    yield put(folder / 'loop.tif', bytes(tiff[: offset + 2 + 12 * count]) + struct.pack('<I', offset), refused=None)
    for place in range(offset + 2, offset + 2 + 12 * count, 12):
        tag = struct.unpack('<H', tiff[place : place + 2])[0]
        bad = bytearray(tiff)
        bad[place + 4 : place + 8] = b'\xff\xff\xff\x7f'  # how many values it has
        yield put(folder / f'tag_{tag}.tif', bytes(bad), refused=None)
    for name, key in (('text', b'zTXt'), ('profile', b'iCCP')):
        packed = zlib.compress(bytes(200_000_000), 9)
        yield put(folder / f'{name}_bomb.png', with_chunk(key, b'name\0\0' + packed), refused=None)


def odd(folder: Path) -> Iterator[Case]:
    """Yield valid images of unusual kinds: read, or refused where their values have no stated range."""
    rgb = Image.fromarray(photo())
    grey = rgb.convert('L')
    wide = (np.asarray(grey).astype(np.uint16) << 8) + 7
    alpha = rgb.copy()
    alpha.putalpha(grey)
    frames = [Image.fromarray(photo()[::-1].copy()), Image.fromarray(photo()[:, ::-1].copy())]
    plain = {
        'cmyk.jpg': encoded('JPEG', rgb.convert('CMYK')),
        'cmyk.tif': encoded('TIFF', rgb.convert('CMYK')),
        'lab.tif': encoded('TIFF', rgb.convert('LAB')),
        'ycbcr.tif': encoded('TIFF', rgb.convert('YCbCr'), compression='jpeg'),
        'grey.jpg': encoded('JPEG', grey),
        'grey.png': encoded('PNG', grey),
        'palette.png': encoded('PNG', rgb.quantize(16)),
        'palette_of_one.png': encoded('PNG', Image.new('P', (WIDTH, HEIGHT))),
        'clear_palette.png': encoded('PNG', rgb.quantize(16), transparency=3),
        'clear_colour.png': encoded('PNG', rgb, transparency=(3, 2, 1)),
        'one_bit.png': encoded('PNG', rgb.convert('1')),
        'one_bit.tif': encoded('TIFF', rgb.convert('1'), compression='group4'),
        'alpha.png': encoded('PNG', alpha),
        'alpha.webp': encoded('WEBP', alpha, lossless=True),
        'alpha.tif': encoded('TIFF', alpha),
        'grey_alpha.png': encoded('PNG', alpha.convert('LA')),
        'sixteen.png': encoded('PNG', Image.fromarray(wide)),
        'sixteen.tif': encoded('TIFF', Image.fromarray(wide)),
        'animated.png': encoded('PNG', rgb, save_all=True, append_images=frames),
        'animated.webp': encoded('WEBP', rgb, save_all=True, append_images=frames),
        'animated.gif': encoded('GIF', rgb, save_all=True, append_images=frames),
        'pages.tif': encoded('TIFF', rgb, save_all=True, append_images=frames),
        'progressive.jpg': encoded('JPEG', rgb, progressive=True),
        'interlaced.png': interlaced(),
        'lzw.tif': encoded('TIFF', rgb, compression='tiff_lzw'),
        'comment.jpg': encoded('JPEG', rgb, comment=b'\xff\xfe' * 1000),
        'profile.png': encoded('PNG', rgb, icc_profile=b'no profile at all'),
        'profile.jpg': encoded('JPEG', rgb, icc_profile=bytes(100)),
        'trailing.png': encoded('PNG') + b'more' * 1000,
        'trailing.jpg': encoded('JPEG') + b'more' * 1000,
    }
    for name, content in plain.items():
        yield put(folder / f'odd_{name}', content, refused=False)
    sixteen = np.dstack([wide, wide, wide])
    yield put(folder / 'odd_sixteen_rgb.png', png(sixteen.astype('>u2').tobytes(), 16), refused=False)
    for side in ((1, 1), (1, 500), (500, 1), (2, 3), (7, 5)):
        name = f'odd_{side[0]}x{side[1]}.png'
        yield put(folder / name, encoded('PNG', Image.fromarray(photo(*side))), refused=False, size=side)
    for name, values in (('nan', np.nan), ('infinite', np.inf), ('float', 0.5)):
        array = np.full((HEIGHT, WIDTH), values, np.float32)
        yield put(folder / f'odd_{name}.tif', encoded('TIFF', Image.fromarray(array)), refused=True)
    deep = np.full((HEIGHT, WIDTH), 2**20, np.int32)
    yield put(folder / 'odd_deep.tif', encoded('TIFF', Image.fromarray(deep)), refused=True)


def turned(folder: Path) -> Iterator[Case]:
    """Yield photos with an EXIF orientation: 5 to 8 lie on their side; 0, 9 and a text are no orientation."""
    for orientation in (*range(10), 65535, 'up'):
        exif = Image.Exif()
        if isinstance(orientation, int):
            exif[0x0112] = orientation
        else:
            exif[0x010E] = orientation  # a description
        size = (WIDTH, HEIGHT) if orientation in (5, 6, 7, 8) else (HEIGHT, WIDTH)
        yield put(folder / f'turned_{orientation}.jpg', encoded('JPEG', exif=exif), refused=False, size=size)
    loose, many = b'Exif\0\0II*\0\xff\xff\xff\xff', b'Exif\0\0MM\0*\0\0\0\x08\xff\xff' + bytes(40)
    for number, exif in enumerate((b'Exif\0\0', loose, many, b'\xff' * 500)):
        yield put(folder / f'bad_exif_{number}.jpg', encoded('JPEG', exif=exif), refused=None)


def filmed(folder: Path) -> Iterator[Case]:
    """Yield a film cut at every tenth of its length, a damaged one, and files that are not films."""
    import cv2

    whole = folder / 'film.avi'
    size = HEIGHT + 1, WIDTH + 1  # which are even
    film = cv2.VideoWriter(str(whole), cv2.VideoWriter.fourcc(*'MJPG'), 10, size[::-1])
    for turn in range(5):
        film.write(np.roll(photo(*size), 3 * turn, axis=1))
    film.release()
    yield Case(whole, size, refused=None)
    content = np.frombuffer(whole.read_bytes(), np.uint8)
    draws = np.random.default_rng(SEED)
    for tenth in range(10):
        yield put(
            folder / f'cut_film_{tenth}.avi', content[: len(content) * tenth // 10].tobytes(), refused=None, size=size
        )
        bad = content.copy()
        bad[draws.integers(300, len(bad), 20)] = draws.integers(0, 256, 20)
        yield put(folder / f'damaged_film_{tenth}.avi', bad.tobytes(), refused=None, size=size)
    playlist = b'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n'
    yield put(folder / 'list.mp4', b"ffconcat version 1.0\nfile 'film.avi'\nfile 'film.avi'\n", refused=True)
    for suffix in ('.mp4', '.mkv'):
        yield put(folder / f'playlist{suffix}', playlist, refused=True)
        yield put(folder / f'still{suffix}', encoded('JPEG'), refused=None)


def strangely_named(folder: Path) -> Iterator[Case]:
    """Yield good images under names that a shell or a format string trips over, and names behind which is no file."""
    names = (
        'with space.png',
        'new\nline.png',
        'tab\there.png',
        'Grüße, 日本語, 🐈.png',
        '-rf.png',
        '--out.png',
        "quote's.png",
        'double"quote.png',
        '%s%n%d.png',
        '{name}.png',
        '[ab]*?.png',
        '$HOME;true.png',
        '.hidden.png',
        'two.dots.PNG',
        'a' * 251 + '.png',
        'back\\slash.png',
        os.fsdecode(b'no\xffutf8.png'),
    )
    for name in names:
        yield put(folder / name, encoded('PNG'), refused=False)
    good = put(folder / 'target.png', encoded('PNG'), refused=False)
    yield good
    links = {'link.png': 'target.png', 'loop.png': 'loop.png', 'there.png': 'back.png', 'back.png': 'there.png'}
    links['dangling.png'] = 'missing.png'
    for name, target in links.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
        yield Case(folder / name, (HEIGHT, WIDTH), refused=name != 'link.png')
    (folder / 'inner').mkdir(exist_ok=True)
    (folder / 'inner/up').unlink(missing_ok=True)
    (folder / 'inner/up').symlink_to('..', target_is_directory=True)
    (folder / 'folder.png').mkdir(exist_ok=True)
    yield Case(folder / 'folder.png', (HEIGHT, WIDTH), refused=True)
    (folder / 'pipe.png').unlink(missing_ok=True)
    os.mkfifo(folder / 'pipe.png')  # whoever opens it waits for ever
    yield Case(folder / 'pipe.png', (HEIGHT, WIDTH), refused=True)
    yield Case(folder / 'missing.png', (HEIGHT, WIDTH), refused=True)


def put(path: Path, content: bytes, refused: bool | None, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Case:
    """Write a file."""
    path.write_bytes(content)
    return Case(path, size, refused)


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def with_chunk(name: bytes, data: bytes) -> bytes:
    """Return the photo as a PNG with one more chunk behind its header."""
    whole = encoded('PNG')
    return whole[:33] + chunk(name, data) + whole[33:]


def png(rows: bytes, depth: int) -> bytes:
    """Return the bytes of an RGB image's rows as a PNG without filters."""
    length = len(rows) // HEIGHT
    lines = b''.join(b'\0' + rows[length * row : length * (row + 1)] for row in range(HEIGHT))
    header = struct.pack('>IIBBBBB', WIDTH, HEIGHT, depth, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b'')


def interlaced() -> bytes:
    """Return the photo as a PNG in Adam7's seven passes."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    parts = (photo()[top::down, left::right] for top, left, down, right in passes)
    lines = b''.join(b'\0' + row.tobytes() for part in parts for row in part if row.size)
    header = struct.pack('>IIBBBBB', WIDTH, HEIGHT, 8, 2, 0, 0, 1)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b'')


if __name__ == '__main__':
    print(len(write(Path(sys.argv[1]))), 'files')
