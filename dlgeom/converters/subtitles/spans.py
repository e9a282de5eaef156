"""Subtitles as annotations: their times, their metadata, and what a file cannot hold of them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from dlgeom.annotation import Annotation
from dlgeom.converters.items import fields_of
from dlgeom.converters.subtitles.times import LONGEST
from dlgeom.definitions import Subtitle
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.video.timebase import milliseconds, subtitle_frames, time_of_frame

__all__ = ["Span", "lost_fields", "span_of", "subtitle_annotation", "user_data"]

_TIMES = frozenset({"start_time", "end_time"})
_FRAMES = frozenset({"frame_num", "end_frame_num"})


class Span(NamedTuple):
    """When a subtitle is shown.

    Parameters
    ----------
    start, end : int
        Milliseconds, ``0 <= start < end``.
    code : str
        "" or what had to be changed: ``negative``, ``order`` or ``no_end``.
    """

    start: int
    end: int
    code: str = ""


def subtitle_annotation(
    text: str, label: str, start: int, end: int, item: Item, user: dict[str, Any]
) -> Annotation:
    """Return the annotation of a cue.

    Parameters
    ----------
    text, label : str
        What is said, and who says it.
    start, end : int
        Milliseconds; they become seconds from which the same milliseconds come back.
    item : Item
        What it belongs to; frames follow from the times where it has a rate.
    user : dict
        What its format keeps beside, as ``{"vtt": {...}}``; nothing if empty.
    """
    first = last = None
    if item.fps:
        first, last = subtitle_frames(Fraction(start, 1000), Fraction(end, 1000), item.fps)
    return Annotation(
        Subtitle(text, label),
        item=item,
        metadata={"user": user} if user else None,
        start_time=start / 1000,
        end_time=end / 1000,
        frame_num=first,
        end_frame_num=last,
    )


def user_data(metadata: dict[str, Any] | None, name: str) -> dict[str, Any]:
    """Return what a format keeps in some metadata, {} if there is nothing or no mapping."""
    user = metadata.get("user") if isinstance(metadata, dict) else None
    found = user.get(name) if isinstance(user, dict) else None
    return found if isinstance(found, dict) else {}


def _time(value: Any, frame: int | None, item: Item) -> int | None:
    """Return a time in milliseconds, from a frame where there is none; None if neither is."""
    if value is not None:
        return milliseconds(value)
    if frame is None or not item.fps:
        return None
    return milliseconds(time_of_frame(frame, item.fps))


def span_of(annotation: Annotation, item: Item) -> Span | str:
    """Return when a subtitle is shown, or the reason why it cannot be written.

    Frames are asked only where there are no times. A start before 0 becomes 0; an end that is not
    after the start becomes the start and 1 ms.

    Returns
    -------
    Span or str
        The reason is one of ``no_time``, ``not_finite`` and ``range``.
    """
    last = annotation.end_frame_num
    try:
        first = _time(annotation.start_time, annotation.frame_num, item)
        end = _time(annotation.end_time, None if last is None else last + 1, item)
    except UsageError:
        return "not_finite"
    if first is None:
        return "no_time"
    stop = first if end is None else end
    if max(first, stop) >= LONGEST:
        return "range"
    code = ""
    if first < 0:
        first, code = 0, "negative"
    if stop <= first:
        stop, code = first + 1, code or ("no_end" if end is None else "order")
    return Span(first, stop, code)


def lost_fields(
    annotation: Annotation, item: Item, default: str, *, own: str, labels: bool
) -> Iterator[str]:
    """Yield the fields of a subtitle that its file does not hold.

    Parameters
    ----------
    annotation : Annotation
        A subtitle with times.
    item : Item
        What it belongs to.
    default : str
        The label that needs no place.
    own : str
        Name of the format; what it keeps in the metadata itself is not lost.
    labels : bool
        Whether the format has labels.
    """
    timed = annotation.start_time is not None
    for name in fields_of(annotation):
        if name in _TIMES or name == "metadata":
            continue
        # Beside times frames say nothing new, and without times they gave them.
        if name in _FRAMES and (timed or item.fps):
            continue
        yield name
    if not labels and annotation.label not in (None, default):
        yield "label"
    yield from _lost_metadata(annotation.metadata, own)


def _lost_metadata(metadata: dict[str, Any] | None, own: str) -> Iterator[str]:
    if not metadata:
        return
    user = metadata.get("user")
    others = [key for key in metadata if key != "user"]
    if isinstance(user, dict):
        for name in ("vtt", "srt"):
            if name != own:
                yield from (f"cue.{key}" for key in user_data(metadata, name) if key in _TOLD)
        others += [key for key in user if key not in ("vtt", "srt")]
    elif user is not None:
        others.append("user")
    if others:
        yield "metadata"


_TOLD = frozenset({"id", "settings", "coordinates"})
"""What cues have beside text and label; that of the text itself is told by the writers."""
