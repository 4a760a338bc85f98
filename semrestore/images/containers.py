"""Check whether a film's container is complete, because FFmpeg skips missing parts silently."""

import os
from pathlib import Path
from typing import IO

__all__ = ['is_whole']

EBML, SEGMENT, CLUSTER, SIMPLE_BLOCK, GROUP, BLOCK = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xA3, 0xA0, 0xA1
INSIDE = frozenset({SEGMENT, CLUSTER, GROUP})
"""Elements of Matroska that are entered; all others are passed over by their length."""

KNOWN = INSIDE | {
    *(EBML, SIMPLE_BLOCK, BLOCK),
    *(0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, 0xEC, 0xBF),  # of a segment
    *(0xE7, 0x5854, 0xA7, 0xAB, 0xAF),  # of a cluster
    *(0x75A1, 0x9B, 0xFA, 0xFB, 0xFD, 0xA4, 0x75A2, 0x8E, 0xC8, 0xA2),  # of a group
}
"""RFC 9559, sections 5.1.1 to 5.1.8."""


LISTS = frozenset({b'RIFF', b'LIST'})
BOXES = frozenset({b'moov', b'trak', b'edts', b'mdia', b'minf', b'dinf', b'stbl', b'mvex', b'moof', b'traf'})
"""Parts of AVI and of MP4 that hold others."""


def is_whole(path: Path) -> bool:
    """Return whether a Matroska, MP4 or AVI file consists of complete parts from end to end.

    What lies in the parts is not looked at.
    """
    size = path.stat().st_size
    with open(path, 'rb') as file:
        start = file.read(4)
        file.seek(0)
        if start == b'RIFF':
            return _chunks_are_whole(file, size)
        return _elements_are_whole(file, size) if start == b'\x1aE\xdf\xa3' else _boxes_are_whole(file, size)


def _chunks_are_whole(file: IO[bytes], size: int) -> bool:
    while len(head := file.read(8)) == 8:
        kind, length = head[:4], int.from_bytes(head[4:], 'little')
        if not _is_name(kind):
            return not any(head + file.read())  # zeros at the end are padding
        if file.tell() + length > size:
            return False
        file.seek(4 if kind in LISTS else length + length % 2, os.SEEK_CUR)
    return True


def _boxes_are_whole(file: IO[bytes], size: int) -> bool:
    """Walk over the boxes of ISO/IEC 14496-12, section 4.2. The last may extend to the end of the file."""
    while file.tell() < size and len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4]), head[4:]
        if length == 0 and kind.isalnum():
            return True
        if not _is_name(kind):
            return not any(head + file.read())
        end = file.tell() + (int.from_bytes(file.read(8)) - 16 if length == 1 else length - 8)
        if not file.tell() <= end <= size:
            return False
        if kind in BOXES and not _boxes_are_whole(file, end):
            return False
        file.seek(end)
    return True


def _is_name(kind: bytes) -> bool:
    return all(32 <= letter < 127 or letter == 169 for letter in kind)  # 169 is QuickTime's ©


def _elements_are_whole(file: IO[bytes], size: int) -> bool:
    while file.tell() < size:
        kind, length = _number(file, keep=True), _number(file)
        if kind not in KNOWN or length is None:
            return False
        unknown = length < 0
        if not unknown and file.tell() + length > size:
            return False
        if kind in (SIMPLE_BLOCK, BLOCK) and length:
            track = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            if track == b'\0':
                return False
        if kind not in INSIDE:
            file.seek(length, os.SEEK_CUR)
    return True


def _number(file: IO[bytes], keep: bool = False) -> int | None:
    """Read one of EBML's numbers (RFC 8794, section 4), with the bits of its length or without; -1 for unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(first + file.read(more))
    if keep:
        return value
    mask = (1 << (7 * (more + 1))) - 1
    return -1 if value & mask == mask else value & mask
