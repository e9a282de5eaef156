"""Frames of videos as images: for targets that hold images only.

A video item becomes an item for each frame in which something is seen, named as
`dlgeom.video.video_snapshots` names its pictures; an annotation over frames becomes a record in
each of them, with the same object id. What has no place in a frame (subtitles, descriptions)
stays with the video, which such a target cannot hold.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk, Origin
from dlgeom.converters.base import ALL, Reader
from dlgeom.converters.problems import Problems
from dlgeom.definitions import Description, FreeText, Subtitle, Text
from dlgeom.errors import UsageError
from dlgeom.item import Item

__all__ = ["WHICH", "FrameItems", "frame_name"]

WHICH = ("annotated", "key", "all", "none")
"""Which frames become images: those in which something is seen; those with a key frame; all of
them, by the video's number of frames; none, the video is dropped."""

_RECORDS = 4_096
_WITHOUT_PLACE = (Description, FreeText, Subtitle, Text)


def frame_name(video: str | None, frame: int) -> str:
    """Return the name of a frame's picture, as `dlgeom video snapshots` writes it.

    Examples
    --------
    >>> frame_name("a/b.mp4", 30)
    'a/b.mp4.frame.30.png'
    """
    return f"{video or 'video'}.frame.{frame}.png"


class FrameItems:
    """A reader whose videos are images; see `dlgeom.converters.base.Reader`.

    Parameters
    ----------
    reader : Reader
        The source.
    problems : Problems
        Told once what became of each video.
    which : str
        One of `WHICH`, or a number n: every n-th frame.

    Raises
    ------
    UsageError
        If `which` is none of these.
    """

    def __init__(self, reader: Reader, problems: Problems, which: str = "annotated") -> None:
        self._reader = reader
        self._problems = problems
        self._step = _step(which)
        self._which = which
        self._told: set[str] = set()
        self.meta = reader.meta

    def __getattr__(self, name: str) -> Any:
        # close, learn_points, all_filtered: where the source has them.
        if name.startswith("__") or name == "_reader":
            raise AttributeError(name)
        return getattr(self._reader, name)

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other occur anywhere."""
        return set().union(*(chunk.kinds() for chunk in self._chunks(ALL, None)))

    def count(self) -> int | None:
        """Return nothing: how many frames there are is known behind them."""
        return None

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set, always grouped by item."""
        return self._chunks(needs, self._problems)

    def _chunks(self, needs: frozenset[str], problems: Problems | None) -> Iterator[Chunk]:
        number = 0
        for chunk in self._reader.chunks(grouped=True, needs=needs):
            for part in self._parts(chunk, problems):
                items = [
                    msgspec.structs.replace(item, number=number + k)
                    for k, item in enumerate(part.items)
                ]
                number += len(items)
                yield msgspec.structs.replace(part, items=items)

    def _parts(self, chunk: Chunk, problems: Problems | None) -> Iterator[Chunk]:
        """Yield a chunk as it is where it has no video, else its items one after the other."""
        if not any(item.media == "video" for item in chunk.items):
            yield chunk
            return
        offsets = chunk.item_offsets.tolist()
        for index, item in enumerate(chunk.items):
            rows = np.arange(offsets[index], offsets[index + 1])
            alone = _only(chunk, index, rows)
            if item.media != "video":
                yield alone
            else:
                yield from self._film(alone, problems)

    def _film(self, chunk: Chunk, problems: Problems | None) -> Iterator[Chunk]:
        """Yield the frames of one video, a few thousand records at a time; then what is left."""
        item = chunk.items[0]
        # Copies: object ids are given, and the source stays as it is.
        annotations = [msgspec.structs.replace(chunk.annotation(k)) for k in range(len(chunk))]
        left = [k for k, one in enumerate(annotations) if _has_no_place(one)]
        moving = [(k, one) for k, one in enumerate(annotations) if not _has_no_place(one)]
        if self._which == "none":
            left, moving = list(range(len(chunk))), []
        _number_objects([one for _, one in moving])
        block: list[tuple[Item, list[Annotation], list[int]]] = []
        records = frames = seen = 0
        for frame, alive in self._frames(item, moving):
            picture = _picture(item, frame)
            states = [(k, _in_frame(one, frame, picture)) for k, one in alive]
            block.append((picture, [one for _, one in states], [k for k, _ in states]))
            seen += len(states)
            records += len(states) + 1
            frames += 1
            if records >= _RECORDS:
                yield _chunk(chunk, block)
                block, records = [], 0
        if block:
            yield _chunk(chunk, block)
        self._tell(item, len(moving), frames, seen, problems)
        if left or not frames:
            rest = chunk.select(np.array(left, dtype=np.int64))
            # Without a size nobody takes the video itself for an image.
            whole = msgspec.structs.replace(item, width=None, height=None)
            yield msgspec.structs.replace(rest, items=[whole])

    def _tell(
        self, item: Item, tracks: int, frames: int, records: int, problems: Problems | None
    ) -> None:
        name = str(item.name)
        if problems is None or name in self._told or not frames:
            return
        self._told.add(name)
        problems.notice(
            "video.frames",
            f"{tracks} annotations of a video became {records} records in {frames} frames, which "
            f"are images of the target: {frame_name(item.name, 0)!r}...",
            path=item.name,
        )

    def _frames(
        self, item: Item, moving: Sequence[tuple[int, Annotation]]
    ) -> Iterator[tuple[int, list[tuple[int, Annotation]]]]:
        """Yield frames in order with what is seen in each; nothing is kept for a frame."""
        starts = sorted(moving, key=lambda entry: entry[1].start_frame)
        keys = heapq.merge(*(_keys(one) for _, one in moving)) if self._which == "key" else None
        alive: list[tuple[int, Annotation]] = []
        begun = 0
        for frame in self._numbers(item, starts, keys):
            while begun < len(starts) and starts[begun][1].start_frame <= frame:
                alive.append(starts[begun])
                begun += 1
            alive = [entry for entry in alive if entry[1].end_frame >= frame]
            seen = [(k, one) for k, one in alive if one.frames[frame].object_visible]
            seen.sort(key=lambda entry: entry[0])
            if seen or self._which == "all":
                yield frame, seen

    def _numbers(
        self, item: Item, starts: Sequence[tuple[int, Annotation]], keys: Iterator[int] | None
    ) -> Iterator[int]:
        """Yield the numbers of the frames to look at, ascending."""
        if keys is not None:
            last = -1
            for frame in keys:
                if frame != last:
                    yield frame
                    last = frame
            return
        if self._which == "all" and item.frame_count:
            yield from range(item.frame_count)
            return
        # Runs of frames in which anything is alive: what lies between is not walked through.
        reached = -1
        for _, one in starts:
            first = max(one.start_frame, reached + 1)
            first += -first % self._step
            yield from range(first, one.end_frame + 1, self._step)
            reached = max(reached, one.end_frame)


def _step(which: str) -> int:
    """Return how many frames lie between two that are taken."""
    if which in WHICH:
        return 1
    if which.isascii() and which.isdigit() and int(which) > 0:
        return int(which)
    raise UsageError(
        f"frames is {which!r}; it is {', '.join(WHICH)}, or a number n for every n-th frame"
    )


def _has_no_place(annotation: Annotation) -> bool:
    return isinstance(annotation.annotation_definition, _WITHOUT_PLACE)


def _keys(annotation: Annotation) -> Iterator[int]:
    for state in annotation.states:
        if state.fixed and state.object_visible:
            yield state.frame_num
            if state.last > state.frame_num:
                yield state.last


def _number_objects(annotations: Sequence[Annotation]) -> None:
    """Give an object id to what lasts for more than a frame and has none: the way back needs it."""
    used = {one.object_id for one in annotations}
    number = 0
    for one in annotations:
        if one.object_id is None and one.end_frame > one.start_frame:
            while str(number) in used:
                number += 1
            one.object_id = str(number)
            used.add(one.object_id)


def _picture(item: Item, frame: int) -> Item:
    return Item(
        name=frame_name(item.name, frame),
        width=item.width,
        height=item.height,
        subset=item.subset,
    )


def _in_frame(annotation: Annotation, frame: int, picture: Item) -> Annotation:
    """Return the record of one frame."""
    lasting = annotation.end_frame > annotation.start_frame
    return msgspec.structs.replace(
        annotation,
        annotation_definition=annotation.frames[frame].annotation_definition,
        id=None if lasting else annotation.id,
        item=picture,
        frame_num=None,
        end_frame_num=None,
        start_time=None,
        end_time=None,
        fixed=True,
        object_visible=True,
        later=(),
        interpolation="hold",
        record=None,
        _away=None,
    )


def _only(chunk: Chunk, index: int, rows: Any) -> Chunk:
    """Return one item of a grouped chunk with its rows."""
    part = chunk.select(rows)
    paths = chunk.origin.paths
    origin = msgspec.structs.replace(
        part.origin, paths=[paths[index]] if len(paths) else part.origin.paths
    )
    return msgspec.structs.replace(
        part, items=[chunk.items[index]], item=np.zeros(len(rows), dtype=np.int32), origin=origin
    )


def _chunk(source: Chunk, block: list[tuple[Item, list[Annotation], list[int]]]) -> Chunk:
    """Return frames as columns; the records keep the places of the annotations they come from."""
    labels = source.labels
    made = Chunk.of(
        ((item, AnnotationCollection._view(item, found, labels)) for item, found, _ in block),
        labels,
    )
    rows = np.array([row for _, _, places in block for row in places], dtype=np.int64)
    path = source.origin.paths[0] if len(source.origin.paths) else source.origin.path
    return msgspec.structs.replace(
        made,
        order=source.order[rows],
        origin=Origin(
            format=source.origin.format,
            path=path,
            paths=[path] * len(block),
            unit=source.origin.unit,
            number=source.origin.number[rows],
        ),
    )
