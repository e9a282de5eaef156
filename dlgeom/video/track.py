"""Tracks: one thing over the frames of a video.

Frames are counted from 0, ranges include both ends. A track is a value: reading a frame never
changes it, and every edit gives a new one.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from dlgeom.annotation.frames import FrameAnnotation, checked_frame
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.video.interpolation import interpolate
from dlgeom.video.timebase import frame_at

if TYPE_CHECKING:
    from dlgeom.annotation import Annotation
    from dlgeom.video.times import FrameTimes

__all__ = ["Keyframe", "Mode", "Track"]

Mode = Literal["hold", "linear", "approach"]


class Keyframe(msgspec.Struct, frozen=True):
    """The state of a thing from one frame on; a value.

    Parameters
    ----------
    frame : int
        From 0.
    definition : Definition
        What it is there: geometry, label, attributes.
    visible : bool, default True
        Whether it can be seen; a hidden one hides it up to the next key frame.
    fixed : bool, default True
        Whether somebody set it on purpose; False where another program computed and stored it.
    """

    frame: int
    definition: Definition
    visible: bool = True
    fixed: bool = True


class Track(msgspec.Struct, frozen=True, eq=True):
    """One thing over frames.

    Parameters
    ----------
    keyframes : iterable of Keyframe
        In any order; of two at one frame the last one given counts, with a warning.
    end_frame : int, optional
        Last frame, inclusive, in which it is there; that of the last key frame if not given. The
        last state holds up to it.
    object_id : str, optional
        Identity of the thing.
    mode : {"linear", "hold", "approach"}
        Between key frames: ``linear`` interpolates, ``hold`` keeps the state. ``approach`` is
        linear and moves towards a hidden key frame too, as CVAT does; otherwise the last visible
        state holds until the thing is hidden. Nothing is ever made up while it is hidden.
    masks : {"hold", "distance"}
        How masks are interpolated; see `dlgeom.video.interpolate`.
    symmetric : bool
        Whether rotated boxes are the same after half a turn; see `dlgeom.video.interpolate`.

    Raises
    ------
    UsageError
        If there is no key frame, a frame is no whole number from 0, the end is before the last
        key frame, or `mode` or `masks` is another.

    Examples
    --------
    >>> from dlgeom.definitions import Box
    >>> track = Track([Keyframe(0, Box(0, 0, 4, 4, "car")), Keyframe(10, Box(20, 0, 24, 4, "car"))])
    >>> track.at(5).left, track.at(5).interpolated, track.at(11)
    (10.0, True, None)
    """

    keyframes: tuple[Keyframe, ...]
    end_frame: int = -1
    object_id: str | None = None
    mode: Mode = "linear"
    masks: Literal["hold", "distance"] = "hold"
    symmetric: bool = False

    def __post_init__(self) -> None:
        put = msgspec.structs.force_setattr
        put(self, "keyframes", _sorted(self.keyframes))
        last = self.keyframes[-1].frame
        if self.end_frame is None or self.end_frame == -1:
            put(self, "end_frame", last)
        end = checked_frame(self.end_frame, "end_frame")
        if end < last:
            raise UsageError(
                f"end_frame is {end}, the last key frame {last}; a track ends with it or later. "
                "Cut it with cut()"
            )
        put(self, "end_frame", end)
        if self.mode not in get_args(Mode):
            raise UsageError(f"mode is {self.mode!r}; it is one of {', '.join(get_args(Mode))}")
        if self.masks not in ("hold", "distance"):
            raise UsageError(f"masks is {self.masks!r}; it is 'hold' or 'distance'")

    # -- reading ---------------------------------------------------------------------------

    @property
    def start_frame(self) -> int:
        """First frame in which it is there."""
        return self.keyframes[0].frame

    @property
    def label(self) -> str | None:
        """Label of the first key frame."""
        return self.keyframes[0].definition.label

    def __len__(self) -> int:
        return self.end_frame - self.start_frame + 1

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.start_frame <= frame <= self.end_frame

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First and last frame of each run of frames in which it is visible, both inclusive."""
        found: list[tuple[int, int]] = []
        ends = [keyframe.frame - 1 for keyframe in self.keyframes[1:]] + [self.end_frame]
        for keyframe, end in zip(self.keyframes, ends, strict=True):
            if not keyframe.visible:
                continue
            if found and found[-1][1] == keyframe.frame - 1:
                found[-1] = (found[-1][0], end)
            else:
                found.append((keyframe.frame, end))
        return found

    def at(self, frame: int, *, times: FrameTimes | None = None) -> FrameAnnotation | None:
        """Return the state in a frame, or None where the track is not.

        Parameters
        ----------
        frame : int
            From 0.
        times : FrameTimes, optional
            Presentation times of a video of variable rate: what moves evenly in time is then
            interpolated by time, not by frame numbers.

        Returns
        -------
        FrameAnnotation or None
            At a key frame exactly its definition. Elsewhere `interpolated` is True; hidden states
            have `object_visible` False.
        """
        number = checked_frame(frame, "frame")
        if not self.start_frame <= number <= self.end_frame:
            return None
        index = bisect_right(self.keyframes, number, key=_frame) - 1
        left = self.keyframes[index]
        if left.frame == number:
            return FrameAnnotation(left.definition, number, left.fixed, left.visible)
        shape = left.definition
        if self._moves(index):
            right = self.keyframes[index + 1]
            part = _part(left.frame, right.frame, number, times)
            shape = interpolate(
                shape, right.definition, part, masks=self.masks, symmetric=self.symmetric
            )
        return FrameAnnotation(shape, number, False, left.visible, True)

    def _moves(self, index: int) -> bool:
        """Whether something changes between a key frame and the next one."""
        if self.mode == "hold" or index + 1 == len(self.keyframes):
            return False
        left, right = self.keyframes[index : index + 2]
        return left.visible and (right.visible or self.mode == "approach")

    def at_time(
        self,
        seconds: float | Fraction,
        fps: float | Fraction | None = None,
        *,
        times: FrameTimes | None = None,
    ) -> FrameAnnotation | None:
        """Return the state in the frame that is on the screen at a time.

        Parameters
        ----------
        seconds : number
            From frame 0.
        fps : number, optional
            Frames in a second, of a video of constant rate.
        times : FrameTimes, optional
            Presentation times, of a video of variable rate.

        Raises
        ------
        UsageError
            If neither `fps` nor `times` is given, or the time is negative.
        """
        if times is not None:
            frame = times.frame_at(seconds)
        elif fps is not None:
            frame = frame_at(seconds, fps)
        else:
            raise UsageError("a time needs a rate to become a frame. Give fps= or times=")
        if frame < 0:
            return None
        return self.at(frame, times=times)

    def states(self, start: int | None = None, end: int | None = None) -> Iterator[FrameAnnotation]:
        """Yield the state of every frame, or of those from `start` to `end`, both inclusive."""
        first = self.start_frame if start is None else max(start, self.start_frame)
        last = self.end_frame if end is None else min(end, self.end_frame)
        for frame in range(first, last + 1):
            state = self.at(frame)
            assert state is not None
            yield state

    # -- annotations -----------------------------------------------------------------------

    @classmethod
    def from_annotation(cls, annotation: Annotation) -> Track:
        """Return the track of an annotation over frames; see `to_annotation`."""
        from dlgeom.video.annotations import track_of

        return track_of(annotation)

    def to_annotation(self, annotation: Annotation | None = None) -> Annotation:
        """Return an annotation over frames.

        Parameters
        ----------
        annotation : Annotation, optional
            What gives all else: id, metadata, item...

        Returns
        -------
        Annotation
            With the key frames as its states and the same mode: each frame has the same state.
        """
        from dlgeom.video.annotations import annotation_of

        return annotation_of(self, annotation)

    # -- edits: each gives a new track -----------------------------------------------------

    def replace(self, **changes: Any) -> Track:
        """Return a track with some fields changed."""
        return msgspec.structs.replace(self, **changes)

    def shift(self, frames: int) -> Track:
        """Return the track some frames later (or earlier).

        Raises
        ------
        UsageError
            If it would begin before frame 0.
        """
        from dlgeom.video.editing import shift

        return shift(self, frames)

    def cut(self, start: int, end: int) -> Track | None:
        """Return the part from `start` to `end`, both inclusive; None if nothing is there."""
        from dlgeom.video.editing import cut

        return cut(self, start, end)

    def resample(self, fps: float | Fraction, to: float | Fraction) -> Track:
        """Return the track at another frame rate, each key frame at the nearest frame."""
        from dlgeom.video.editing import resample

        return resample(self, fps, to)

    def simplify(self, tolerance: float = 0.0) -> tuple[Track, float]:
        """Return the track without key frames that interpolation reproduces, and the deviation.

        Parameters
        ----------
        tolerance : float, default 0
            Largest distance in pixels that any corner or vertex may be off in any frame.

        Returns
        -------
        track : Track
            With a subset of the key frames.
        deviation : float
            Largest distance in pixels that is met, at most `tolerance`.
        """
        from dlgeom.video.simplifying import simplify

        return simplify(self, tolerance)

    def to_dense(self) -> Track:
        """Return the track with a key frame in every frame; computed ones are not `fixed`."""
        from dlgeom.video.editing import to_dense

        return to_dense(self)

    def __repr__(self) -> str:
        name = "" if self.object_id is None else f", object {self.object_id}"
        count = len(self.keyframes)
        kind = type(self.keyframes[0].definition).__name__
        return (
            f"Track({self.start_frame}..{self.end_frame}, {count} key frame"
            f"{'' if count == 1 else 's'}, {kind} {self.label!r}{name}, {self.mode})"
        )


def _frame(keyframe: Keyframe) -> int:
    return keyframe.frame


def _sorted(given: Iterable[Keyframe]) -> tuple[Keyframe, ...]:
    """Return checked key frames, ascending, one a frame."""
    by_frame: dict[int, Keyframe] = {}
    repeated: list[int] = []
    for keyframe in given:
        if not isinstance(keyframe, Keyframe) or not isinstance(keyframe.definition, Definition):
            raise UsageError(f"{keyframe!r} is no key frame; give Keyframe(frame, definition)")
        frame = checked_frame(keyframe.frame, "frame of a key frame")
        if frame in by_frame:
            repeated.append(frame)
        by_frame[frame] = keyframe
    if not by_frame:
        raise UsageError("a track has no key frame; it needs one at least")
    found = tuple(by_frame[frame] for frame in sorted(by_frame))
    if repeated:
        warnings.warn(
            f"two key frames at frame {repeated[0]}; the last one given counts", stacklevel=4
        )
    kinds = {type(keyframe.definition).__name__ for keyframe in found}
    if len(kinds) > 1:
        warnings.warn(
            f"a track of {' and '.join(sorted(kinds))}: between types nothing is interpolated, "
            "the first one holds",
            stacklevel=4,
        )
    return found


def _part(left: int, right: int, frame: int, times: FrameTimes | None) -> float:
    """Return how far a frame is between two others, 0..1."""
    if times is None:
        return (frame - left) / (right - left)
    start, end = times.time(left), times.time(right)
    return float((times.time(frame) - start) / (end - start))
