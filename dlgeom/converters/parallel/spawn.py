"""Processes of our own: started fresh, bounded in memory, gone when we are."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.context
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

from dlgeom.converters.memory import keep_freed_memory

__all__ = ["Context", "begin", "cut_off"]

_hiding = threading.Lock()
_ALONE = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""A worker is one of many: threads of its own would only take address space, 70 MB each."""


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    """Hide the user's main module in the block: a worker has no need to run it again.

    A new process imports the main module by its path. A script without the usual guard
    around its calls would start from the top there, and never end.
    """
    with _hiding:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        added = [name for name in _ALONE if name not in os.environ]
        os.environ.update(dict.fromkeys(added, "1"))
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            for name in added:
                os.environ.pop(name, None)


class _Process(multiprocessing.context.SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - the name that multiprocessing calls
        with _main_hidden():
            return multiprocessing.context.SpawnProcess._Popen(process_obj)


class Context(multiprocessing.context.SpawnContext):
    """Starts processes that know nothing of this one, and remembers them.

    Forked processes would share locks and memory with threads that they do not have.
    """

    def __init__(self) -> None:
        self.started: list[Any] = []

    def Process(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # noqa: N802
        """Return a new process."""
        process = _Process(*args, **kwargs)
        self.started.append(process)
        return process

    def has_lost(self) -> bool:
        """Whether one of the processes has ended."""
        return any(process.exitcode is not None for process in self.started)

    def kill(self, seconds: float = 1.0) -> None:
        """End all processes at once."""
        for process in self.started:
            with contextlib.suppress(Exception):
                process.kill()
        for process in self.started:
            with contextlib.suppress(Exception):
                process.join(seconds)
        self.started.clear()


def cut_off(pool: Any, seconds: float = 0.5) -> None:
    """Close the ends of pipes that dead workers had: nothing here waits for them then.

    This process has copies of both ends. A worker that was killed while it sent leaves half a
    message, and the thread that reads it waits for the rest until the last writer has closed;
    a task larger than the pipe waits for a reader alike.

    Parameters
    ----------
    pool : ProcessPoolExecutor
        All of its processes have ended.
    seconds : float
        How long its own thread has to do the second by itself (it does since Python 3.11.5).
    """
    thread = getattr(pool, "_executor_manager_thread", None)
    tasks = getattr(getattr(pool, "_call_queue", None), "_reader", None)
    answers = getattr(getattr(pool, "_result_queue", None), "_writer", None)
    if answers is not None:
        with contextlib.suppress(OSError):
            answers.close()
    if thread is not None:
        thread.join(seconds)
        if thread.is_alive() and tasks is not None:
            with contextlib.suppress(OSError):
                tasks.close()


def begin(memory: int) -> None:
    """Prepare a worker (runs in it, before its first task).

    Parameters
    ----------
    memory : int
        Bytes of address space it may have, where the system can bound it.
    """
    # Ctrl-C reaches all processes of a terminal; the one that was asked ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound(memory)
    keep_freed_memory()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _bound(memory: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _follow(parent: Any) -> None:
    """End with the process that was asked, however that ends."""
    parent.join()
    os._exit(1)
