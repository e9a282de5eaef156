"""Tasks that go wrong, for workers that import them by name."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from dlgeom.converters.parallel import emit, tasks

MARK = "DLGEOM_TEST_MARK"


def first_time(number: int) -> bool:
    """Whether this is called for the first time with that number, by any process."""
    try:
        Path(os.environ[MARK], str(number)).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def die() -> None:
    """End this process, if it is a worker, as the system does that has no memory left."""
    if multiprocessing.parent_process() is None:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def form_dying_twice(setup: Any, part: Any, number: int) -> Any:
    """Do a part; the third and the sixth end their process the first time."""
    found = tasks.form(setup, part, number)
    if number in (3, 6) and first_time(number):
        die()
    return found


def form_dying_always(setup: Any, part: Any, number: int) -> Any:
    """Do a part; the third ends each process."""
    if number == 3:
        time.sleep(0.05)
        die()
    return tasks.form(setup, part, number)


def form_hungry(setup: Any, part: Any, number: int) -> Any:
    """Need 4 GiB of memory."""
    return np.ones(1 << 29) if number == 2 else tasks.form(setup, part, number)


def form_slow(setup: Any, part: Any, number: int) -> Any:
    """Do a part in some seconds, but for the first two."""
    if number > 2:
        time.sleep(5)
    return tasks.form(setup, part, number)


def emit_dying_once(shared: dict[str, Any], gathered: Any) -> None:
    """Write half of the files of a part, and a part of one more, then end the process."""
    if first_time(0):
        half = len(gathered.names) // 2
        names, sizes = gathered.names[:half], gathered.sizes[:half]
        emit.emit(shared, emit.Gathered(gathered.spool, names, sizes, [], {}))
        folder = Path(shared["target"], gathered.names[0]).parent
        (folder / f".{shared['token']}.99x0.1.part").write_bytes(b"half of it")
        die()
    emit.emit(shared, gathered)
