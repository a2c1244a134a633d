"""How the process keeps its memory.

glibc gives each thread that allocates a heap of its own, and each keeps what it once needed: with a thread for every
engine a call's 50 turns leave 60 MB lying about. One heap for all costs no time that could be measured here, where the
heavy work is one at a time.
"""

from __future__ import annotations

import ctypes
import gc
import sys

_M_ARENA_MAX = -8  # malloc.h


def keep_for_good() -> None:
    """Exempt what exists now, such as loaded models, from garbage collection.

    A full collection walks every object, and no frame leaves meanwhile: longer than a frame lasts.
    """
    gc.collect()
    gc.freeze()


def share_one_heap() -> None:
    """Let all threads allocate from one heap; heaps that exist stay. Does nothing where the C library is not glibc."""
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        if set_option is not None:
            set_option(_M_ARENA_MAX, 1)
