"""Signals that wait while something must not be left half done."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Held"]


class Held:
    """A block during which Ctrl-C and SIGTERM wait; what came is acted on at its end.

    Python runs the handlers of signals in its main thread, between any two steps: a second
    Ctrl-C would interrupt the cleaning up after the first. Outside of the main thread there is
    nothing to hold.
    """

    __slots__ = ("_came", "_error", "_old")

    def __init__(self) -> None:
        self._old: dict[int, Any] = {}
        self._came: list[int] = []
        self._error: BaseException | None = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came.append(number)

    def __enter__(self) -> Held:
        """Hold the signals; one that comes meanwhile waits too, so that this never raises."""
        if threading.current_thread() is threading.main_thread():
            for _ in range(3):
                try:
                    self._hold()
                    break
                except BaseException as error:  # by the handler of a signal
                    self._error = error
        return self

    def _hold(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            old = self._old.setdefault(number, signal.getsignal(number))
            # One that was not set by Python (None) could not be put back.
            if old is not None and signal.getsignal(number) != self._note:
                signal.signal(number, self._note)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, old in self._old.items():
            if old is not None:
                signal.signal(number, old)
        if self._error is not None:
            raise self._error
        for number in self._came[:1]:
            old = self._old[number]
            if callable(old):
                old(number, None)
            elif old == signal.SIG_DFL:
                signal.raise_signal(number)
