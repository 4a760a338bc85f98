"""What keeps a long training's memory where it is."""

import contextlib
import ctypes
import os

M_MMAP_THRESHOLD = -3  # of malloc.h
LARGE = 2**20


def return_freed_memory() -> None:
    """Have glibc give the memory of tensors of a mebibyte or more back to the system when they are freed.

    By itself it keeps blocks of up to 32 MiB, once such were freed, in one heap, which tensors that come and go leave in ever more pieces:
    a training on a CPU that held 3.3 GiB took 4.2 GiB in its first hour and 4.5 in the second (docs/reliability.md). A step takes no
    longer. ``MALLOC_MMAP_THRESHOLD_`` in the environment, another allocator and other C libraries are left alone.
    """
    if 'MALLOC_MMAP_THRESHOLD_' not in os.environ:
        with contextlib.suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)
