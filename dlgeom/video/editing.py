"""Edits of tracks: later, shorter, at another rate, joined; each gives a new track."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import msgspec

from dlgeom.annotation.frames import checked_frame
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.video.timebase import Number, as_rate
from dlgeom.video.track import Keyframe, Mode, Track

__all__ = ["cut", "from_detections", "merge", "resample", "shift", "to_dense"]


def shift(track: Track, frames: int) -> Track:
    """Return a track some frames later (or earlier)."""
    if track.start_frame + frames < 0:
        raise UsageError(
            f"the track begins at frame {track.start_frame}; shifted by {frames} it would begin "
            "before frame 0. Cut it first"
        )
    moved = (
        msgspec.structs.replace(keyframe, frame=keyframe.frame + frames)
        for keyframe in track.keyframes
    )
    return track.replace(keyframes=tuple(moved), end_frame=track.end_frame + frames)


def cut(track: Track, start: int, end: int) -> Track | None:
    """Return the part of a track from `start` to `end`, both inclusive; None if there is none.

    Ends between key frames become key frames that are not `fixed`.
    """
    first = max(checked_frame(start, "start"), track.start_frame)
    last = min(checked_frame(end, "end"), track.end_frame)
    if last < first:
        return None
    kept = [keyframe for keyframe in track.keyframes if first <= keyframe.frame <= last]
    for frame in {first, last}:
        index = next((k for k, keyframe in enumerate(kept) if keyframe.frame == frame), None)
        if index is None and (frame == first or _moves_at(track, frame)):
            kept.append(_state(track, frame))
    return track.replace(keyframes=tuple(kept), end_frame=last)


def _moves_at(track: Track, frame: int) -> bool:
    state = track.at(frame)
    before = track.at(frame - 1) if frame > track.start_frame else None
    return (
        state is not None
        and before is not None
        and state.annotation_definition is not before.annotation_definition
    )


def _state(track: Track, frame: int) -> Keyframe:
    state = track.at(frame)
    assert state is not None
    return Keyframe(
        frame, state.annotation_definition, state.object_visible, not state.interpolated
    )


def resample(track: Track, fps: Number, to: Number) -> Track:
    """Return a track of frames of rate `fps` as one of frames of rate `to`.

    Each key frame goes to the nearest frame, halves up; of those that meet in one frame the last
    one counts. The end goes to the nearest frame too, so that a higher rate and back again is
    the identity.
    """
    ratio = as_rate(to) / as_rate(fps)
    found: dict[int, Keyframe] = {}
    for keyframe in track.keyframes:
        frame = _half_up(keyframe.frame * ratio)
        found[frame] = msgspec.structs.replace(keyframe, frame=frame)
    last = max(found)
    # The end of the last frame, which belongs to no frame, is what is kept in time.
    end = _half_up((track.end_frame + 1) * ratio) - 1
    return track.replace(keyframes=tuple(found.values()), end_frame=max(end, last))


def _half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def to_dense(track: Track) -> Track:
    """Return a track with a key frame in every frame."""
    own = {keyframe.frame: keyframe for keyframe in track.keyframes}
    dense = (
        own[frame] if frame in own else _state(track, frame)
        for frame in range(track.start_frame, track.end_frame + 1)
    )
    return track.replace(keyframes=tuple(dense))


def merge(tracks: Sequence[Track], *, object_id: str | None = None) -> Track:
    """Return one track of the frames of several: the same thing, found in pieces.

    Between the end of a piece and the start of the next one the thing is hidden. Where pieces
    overlap the later one in the sequence counts.

    Raises
    ------
    UsageError
        If there is no track, or their modes differ.
    """
    if not tracks:
        raise UsageError("merge has no track; it needs one at least")
    first = tracks[0]
    if any(track.mode != first.mode for track in tracks):
        raise UsageError(
            f"tracks of modes {', '.join(sorted({track.mode for track in tracks}))} do not merge; "
            "set one with replace(mode=...)"
        )
    pieces: list[Track] = []
    for track in tracks:
        rest: list[Track] = []
        for piece in pieces:
            before = (
                cut(piece, piece.start_frame, track.start_frame - 1) if track.start_frame else None
            )
            after = (
                cut(piece, track.end_frame + 1, piece.end_frame)
                if (track.end_frame < piece.end_frame)
                else None
            )
            rest += [part for part in (before, after) if part is not None]
        pieces = [*rest, track]
    pieces.sort(key=lambda piece: piece.start_frame)
    keyframes: list[Keyframe] = []
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        keyframes += piece.keyframes
        keyframes += _closing(piece, following, first.mode)
    name = first.object_id if object_id is None else object_id
    return first.replace(keyframes=tuple(keyframes), end_frame=pieces[-1].end_frame, object_id=name)


def _closing(piece: Track, following: Track | None, mode: Mode) -> list[Keyframe]:
    """Return the key frames that end a piece before the next one begins."""
    if following is None:
        return []
    last = piece.keyframes[-1]
    found = []
    if last.frame < piece.end_frame and mode != "hold":
        # What holds to the end of the piece must not move towards the next one.
        found.append(msgspec.structs.replace(last, frame=piece.end_frame, fixed=False))
    if following.start_frame > piece.end_frame + 1:
        gone = msgspec.structs.replace(last, frame=piece.end_frame + 1, visible=False, fixed=False)
        found.append(gone)
    return found


def from_detections(
    detections: Iterable[tuple[int, Hashable, Definition]],
    *,
    max_gap: int = 0,
    mode: Mode = "linear",
) -> list[Track]:
    """Return the tracks of things that were found frame by frame.

    Parameters
    ----------
    detections : iterable of (frame, object id, definition)
        In any order; of two of one object in one frame the last one counts, with a warning. Each
        one with the id None is a thing of its own.
    max_gap : int, default 0
        Frames without a detection that are bridged; in longer gaps the thing is hidden.
    mode : {"linear", "hold", "approach"}
        Of the tracks.

    Returns
    -------
    list of Track
        In the order in which the objects are first given.

    Raises
    ------
    UsageError
        If a frame or `max_gap` is no whole number from 0.
    """
    max_gap = checked_frame(max_gap, "max_gap")
    things: dict[Hashable, dict[int, Keyframe]] = {}
    for place, (frame, thing, definition) in enumerate(detections):
        number = checked_frame(frame, "frame")
        found = things.setdefault(_Nameless(place) if thing is None else thing, {})
        if number in found:
            warnings.warn(
                f"object {thing} has two detections in frame {number}; the last one counts",
                stacklevel=2,
            )
        found[number] = Keyframe(number, definition)
    tracks = []
    for thing, found in things.items():
        keyframes: list[Keyframe] = []
        for frame in sorted(found):
            if keyframes and frame - keyframes[-1].frame > max_gap + 1:
                last = keyframes[-1]
                keyframes.append(
                    Keyframe(last.frame + 1, last.definition, visible=False, fixed=False)
                )
            keyframes.append(found[frame])
        name = None if isinstance(thing, _Nameless) else str(thing)
        tracks.append(Track(tuple(keyframes), object_id=name, mode=mode))
    return tracks


class _Nameless(NamedTuple):
    """Stands for the id of a thing that has none, equal to no other one."""

    place: int
