"""Video files by PyAV: the index from packets, pictures by seeking."""

from __future__ import annotations

from bisect import bisect_left
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

__all__ = ["AvSource"]

Picture = NDArray[np.uint8]

AHEAD = 60
"""Pictures up to which going on decoding is taken to be cheaper than seeking."""


class AvSource:
    """Reads one video stream; pictures are upright and RGB."""

    def __init__(self, path: Path) -> None:
        import av

        self._path = path
        self._container: Any = None
        try:
            self._container = av.open(str(path))
            if not self._container.streams.video:
                raise unreadable(path, "it has no picture stream")
            self._stream = self._container.streams.video[0]
            self._stream.thread_type = "AUTO"
            self._check_size()
            self._ticks = self._index()
            if not self._ticks:
                raise unreadable(path, "it has no picture")
            self._rewind()
            first = self._decoded(0)
        except (av.FFmpegError, OSError, ValueError) as error:
            self.close()
            if hasattr(error, "code") and hasattr(error, "annotation_id"):
                raise
            raise unreadable(path, error) from error
        self.rotation = int(first.rotation) % 360
        turned = self.rotation in (90, 270)
        sides = (first.width, first.height)
        self.width, self.height = sides[::-1] if turned else sides
        unit = Fraction(self._stream.time_base)
        self.times = FrameTimes(self._ticks, unit, self._last_duration(unit))
        self.codec = str(self._stream.codec_context.name)
        ratio = self._stream.sample_aspect_ratio
        self.sample_aspect_ratio = None if not ratio or ratio == 1 else Fraction(ratio)

    def _check_size(self) -> None:
        context = self._stream.codec_context
        DEFAULT_LIMITS.check(
            "pixels", context.width * context.height, code="limit.pixels", what="the picture"
        )

    def _index(self) -> list[int]:
        """Return the presentation time of each picture in ticks, ascending.

        Packets that are marked to be discarded (edit lists) are decoded but not shown.
        """
        import av

        ticks: set[int] = set()
        missing = False
        self._durations: dict[int, int] = {}
        try:
            for packet in self._container.demux(self._stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                if packet.pts is None:
                    missing = True
                    continue
                ticks.add(packet.pts)
                if packet.duration:
                    self._durations[packet.pts] = packet.duration
        except av.FFmpegError:
            # A file that breaks off has the pictures before that place.
            pass
        self._counted = missing
        return self._count() if missing else sorted(ticks)

    def _count(self) -> list[int]:
        """Return the times of all pictures by decoding them: old files have none in packets."""
        import av

        self._rewind()
        ticks: list[int] = []
        try:
            for picture in self._container.decode(self._stream):
                tick = picture.pts if picture.pts is not None else picture.dts
                ticks.append(len(ticks) if tick is None else int(tick))
        except av.FFmpegError:
            pass
        if any(b <= a for a, b in pairwise(ticks)):
            ticks = list(range(len(ticks)))
        return ticks

    def _last_duration(self, unit: Fraction) -> Fraction | None:
        duration = self._durations.get(self._ticks[-1])
        return None if not duration else duration * unit

    def _rewind(self) -> None:
        """Begin anew: seeking to the start fails in streams without an index."""
        import av

        self._container.close()
        self._container = av.open(str(self._path))
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._decoder: Iterator[Any] | None = None
        self._next = 0

    def _decoded(self, number: int) -> Any:
        """Return the decoded picture of a frame."""
        if self._decoder is not None and self._next <= number <= self._next + AHEAD:
            picture = self._until(number)
            if picture is not None:
                return picture
        ways = (self._start,) if self._counted else (self._seek, self._start)
        for way in ways:
            way(number)
            picture = self._until(number)
            if picture is not None:
                return picture
        raise unreadable(self._path, f"picture {number} of {len(self._ticks)} cannot be decoded")

    def _seek(self, number: int) -> None:
        self._container.seek(self._ticks[number], stream=self._stream, backward=True)
        self._decoder = self._container.decode(self._stream)

    def _start(self, number: int) -> None:
        self._rewind()
        self._decoder = self._container.decode(self._stream)

    def _until(self, number: int) -> Any:
        """Decode up to a frame; None if it does not come."""
        tick = self._ticks[number]
        assert self._decoder is not None
        for picture in self._decoder:
            if picture.pts is None and self._counted:
                self._next += 1
                if self._next > number:
                    return picture
                continue
            if picture.pts is None or picture.pts < tick:
                continue
            self._next = bisect_left(self._ticks, picture.pts) + 1
            # Later than asked for: the seek went too far.
            return picture if picture.pts == tick else None
        self._decoder = None
        return None

    def frame(self, number: int) -> Picture:
        """Return one picture."""
        import av

        try:
            return self._upright(self._decoded(number))
        except av.FFmpegError as error:
            raise unreadable(self._path, f"picture {number}: {error}") from error

    def frames(self, numbers: Iterable[int]) -> Iterator[Picture]:
        """Yield pictures; numbers ascend, and may repeat."""
        last, picture = -1, None
        for number in numbers:
            if number != last or picture is None:
                picture = self.frame(number)
                last = number
            yield picture

    def _upright(self, picture: Any) -> Picture:
        pixels: Picture = picture.to_ndarray(format="rgb24")
        turns = self.rotation // 90
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels

    def close(self) -> None:
        """Let go of the file."""
        if self._container is not None:
            self._container.close()
            self._container = None
