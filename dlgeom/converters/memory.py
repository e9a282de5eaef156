"""Memory in bulk work: the garbage collector, and what the C library keeps of what was freed."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Iterator

__all__ = ["gc_paused", "keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_BLOCK, _KEPT = 8 << 20, 32 << 20


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector: bulk work makes many objects and no cycles.

    Measured: 2.8 times faster parsing, 1.4 times faster conversions.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def keep_freed_memory() -> None:
    """Keep up to 32 MiB of freed memory for the next windows of a file; for processes of our own.

    The windows and their arrays are blocks of a few MiB, which glibc takes from the system and
    gives back each time: a tenth of the time of a conversion goes into pages that are filled with
    zeros anew. Where the user has tuned the allocator, or there is another, nothing is done.
    """
    tuned = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if sys.platform != "linux" or tuned:
        return
    import ctypes  # numpy loads it anyway

    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _BLOCK)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
