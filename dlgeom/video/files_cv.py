"""Video files by OpenCV: in order, from the start; never by its own seeking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.limits import DEFAULT_LIMITS
from dlgeom.video.files import unreadable
from dlgeom.video.times import FrameTimes

__all__ = ["CvSource"]

Picture = NDArray[np.uint8]

MICRO = 1_000_000
"""Ticks in a second of the times that OpenCV tells."""


class CvSource:
    """Reads a video in order; OpenCV turns pictures upright itself."""

    _capture: Any = None
    codec = ""
    sample_aspect_ratio: Fraction | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()
        self.rotation = self._rotation()
        ticks = []
        # Counting is reading: the file's own count can be wrong either way.
        while self._capture.grab():
            ticks.append(self._milliseconds())
        self.times = _times(ticks, self._rate())
        self._open()
        done, first = self._capture.read()
        if not done:
            raise unreadable(path, "its first picture cannot be decoded")
        self.height, self.width = first.shape[:2]
        self._open()

    def _open(self) -> None:
        import cv2

        self.close()
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise unreadable(self._path, "OpenCV does not open it")
        sides = [
            int(self._capture.get(name))
            for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        ]
        DEFAULT_LIMITS.check(
            "pixels", max(sides[0] * sides[1], 0), code="limit.pixels", what="the picture"
        )
        self._next = 0

    def _milliseconds(self) -> float:
        import cv2

        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC))

    def _rate(self) -> float:
        import cv2

        return float(self._capture.get(cv2.CAP_PROP_FPS))

    def _rotation(self) -> int:
        import cv2

        # It tells the turn clockwise.
        return -int(self._capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360

    def frame(self, number: int) -> Picture:
        """Return one picture."""
        if number < self._next:
            self._open()
        while self._next < number:
            if not self._capture.grab():
                raise unreadable(self._path, f"picture {number} cannot be decoded")
            self._next += 1
        done, picture = self._capture.read()
        if not done:
            raise unreadable(self._path, f"picture {number} cannot be decoded")
        self._next += 1
        return np.ascontiguousarray(picture[:, :, ::-1])

    def frames(self, numbers: Iterable[int]) -> Iterator[Picture]:
        """Yield pictures; numbers ascend, and may repeat."""
        last, picture = -1, None
        for number in numbers:
            if number != last or picture is None:
                picture = self.frame(number)
                last = number
            yield picture

    def close(self) -> None:
        """Let go of the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def _times(milliseconds: list[float], rate: float) -> FrameTimes:
    """Return the times; exactly those of the file's rate where they are that, rounded."""
    ticks = _ascending(milliseconds, rate)
    if ticks and rate > 0:
        exact = FrameTimes.constant(rate, len(ticks))
        if all(abs(exact.time(k) * MICRO - tick) <= 1 for k, tick in enumerate(ticks)):
            return exact
    return FrameTimes(ticks, Fraction(1, MICRO))


def _ascending(milliseconds: list[float], rate: float) -> list[int]:
    """Return times in microseconds that ascend; by the rate where the file's do not."""
    ticks = [round(time * 1000) for time in milliseconds]
    if ticks and all(a < b for a, b in pairwise(ticks)):
        return ticks
    step = 1 / rate if rate > 0 else 1 / 25
    return [round(number * step * MICRO) for number in range(len(ticks))]
