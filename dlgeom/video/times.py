"""When each frame of a video is on the screen: a constant rate, or a table of times."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

from dlgeom.errors import UsageError
from dlgeom.video.timebase import HALF_MILLISECOND, Number, as_rate, as_seconds

__all__ = ["FrameTimes"]


class FrameTimes:
    """Presentation times of the frames of a video; immutable.

    Frame numbers are ordinals of pictures. In a video of variable rate (phones, screens, dropped
    frames) they are not ``time * fps``: a player that multiplies shows labels on the wrong
    picture.

    Parameters
    ----------
    ticks : iterable of int
        Presentation time of each frame in units of `unit`, ascending; the first may be anything.
    unit : Fraction
        Seconds of a tick.
    duration : Fraction, optional
        How long the last frame is shown, in seconds; as long as the one before if not given.

    Raises
    ------
    UsageError
        If there is no frame, or times do not ascend.

    Examples
    --------
    >>> times = FrameTimes([0, 50, 90, 180], Fraction(1, 1000))
    >>> times.time(2), times.frame_at(0.1), times.is_constant
    (Fraction(9, 100), 2, False)
    """

    __slots__ = ("_duration", "_ticks", "_unit")

    def __init__(
        self, ticks: Iterable[int], unit: Fraction, duration: Fraction | None = None
    ) -> None:
        given = [int(tick) for tick in ticks]
        if not given or any(b <= a for a, b in pairwise(given)):
            raise UsageError("presentation times ascend, one for each frame, at least one")
        # A constant step needs no list: hours of video cost nothing.
        steps = {b - a for a, b in pairwise(given)}
        self._ticks: range | list[int] = (
            range(given[0], given[-1] + 1, steps.pop()) if len(steps) == 1 else given
        )
        self._unit = Fraction(unit)
        self._duration = duration

    @classmethod
    def constant(cls, fps: Number, count: int) -> FrameTimes:
        """Return the times of `count` frames of a constant rate.

        Raises
        ------
        UsageError
            If there is no frame, or the rate is none.
        """
        if count < 1:
            raise UsageError(f"count is {count}; a video has at least one frame")
        self = cls.__new__(cls)
        self._ticks, self._unit, self._duration = range(count), 1 / as_rate(fps), None
        return self

    def __len__(self) -> int:
        return len(self._ticks)

    @property
    def unit(self) -> Fraction:
        """Seconds of a tick: all times are multiples of it."""
        return self._unit

    @property
    def start(self) -> Fraction:
        """Time of the first frame in the file's own clock, in seconds; subtitles count from 0."""
        return self._ticks[0] * self._unit

    @property
    def is_constant(self) -> bool:
        """Whether all steps are equal, within one tick of the file's clock."""
        if isinstance(self._ticks, range):
            return True
        steps = [b - a for a, b in pairwise(self._ticks)]
        return not steps or max(steps) - min(steps) <= 1

    @property
    def rate(self) -> Fraction | None:
        """Frames in a second by the mean step; None for a single frame."""
        if len(self) < 2:
            return None
        return (len(self) - 1) / ((self._ticks[-1] - self._ticks[0]) * self._unit)

    def time(self, frame: int) -> Fraction:
        """Return when a frame appears, in seconds from frame 0; beyond the end at the last step.

        Raises
        ------
        UsageError
            For a negative frame.
        """
        if frame < 0:
            raise UsageError(f"frame is {frame}; frames count from 0")
        last = len(self) - 1
        if frame <= last:
            return (self._ticks[frame] - self._ticks[0]) * self._unit
        return self.time(last) + (frame - last) * self._last_step

    @property
    def _last_step(self) -> Fraction:
        if self._duration is not None and self._duration > 0:
            return self._duration
        if len(self) < 2:
            return self._unit
        return (self._ticks[-1] - self._ticks[-2]) * self._unit

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame's start to the last one's end."""
        return self.time(len(self))

    def frame_at(self, seconds: Number, *, tolerance: Number = HALF_MILLISECOND) -> int:
        """Return the frame that is on the screen at a time from frame 0; -1 before it.

        `tolerance` in seconds: how much too early the time may be, at most 0.49 of the step to
        the frame in question.
        """
        time = as_seconds(seconds)
        ticks = self._ticks[0] + time / self._unit
        frame = bisect_right(self._ticks, ticks) - 1
        if frame >= len(self) - 1:
            # Beyond the table frames go on at its last step.
            beyond = (time - self.time(len(self) - 1)) / self._last_step
            slack = min(as_seconds(tolerance) / self._last_step, Fraction(49, 100))
            return len(self) - 1 + max(0, math.floor(beyond + slack))
        if frame < 0:
            early = -time
            return 0 if early <= as_seconds(tolerance) else -1
        until = self.time(frame + 1) - time
        step = self.time(frame + 1) - self.time(frame)
        slack = min(as_seconds(tolerance), step * Fraction(49, 100))
        return frame + 1 if until <= slack else frame

    def nearest(self, seconds: Number) -> int:
        """Return the frame whose time is nearest, the later of two equally near ones."""
        time = max(as_seconds(seconds), Fraction(0))
        frame = self.frame_at(time, tolerance=0)
        here, there = time - self.time(frame), self.time(frame + 1) - time
        return frame if here < there else frame + 1

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrameTimes):
            return NotImplemented
        return (
            list(self._ticks) == list(other._ticks)
            and self._unit == other._unit
            and self._duration == other._duration
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        kind = "constant" if self.is_constant else "variable"
        rate = "" if self.rate is None else f", {float(self.rate):.6g} fps"
        return f"FrameTimes({len(self)} frames{rate}, {kind})"
