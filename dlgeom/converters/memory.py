"""How the C library treats memory that was freed."""

from __future__ import annotations

import contextlib
import os
import sys

__all__ = ["keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_BLOCK, _KEPT = 8 << 20, 32 << 20


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
