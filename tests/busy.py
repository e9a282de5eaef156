"""How long a promise in seconds may take on a machine that has other work to do."""

from __future__ import annotations

import os

__all__ = ["patience"]


def patience(seconds: float) -> float:
    """Return the seconds, times the processes that wait for each processor."""
    if not hasattr(os, "getloadavg"):
        return 2 * seconds
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
