"""Jobs of workers that die while they send what they have done."""

from __future__ import annotations

import os
import signal
from multiprocessing import connection
from pathlib import Path
from typing import Any


def _half(self: Any, data: bytes, write: Any = None) -> None:
    os.write(self._handle, bytes(data)[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


def dies_while_sending(mark: str, once: bool, _load: bytes = b"") -> bytes:
    """Return a large answer, of which the first worker sends only a piece."""
    path = Path(mark)
    if not (once and path.exists()):
        path.touch()
        connection.Connection._send = _half
    return b"x" * 100_000


def answers(_load: bytes = b"") -> int:
    """Return at once."""
    return 7
