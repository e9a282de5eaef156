"""Images as the frames of videos: for targets that hold nothing else.

Images of one video are told by ``video.mp4.frame.30.png``, the names that frames get on their way
to images; else those of one folder are one video, in the order of the numbers in their names. A
record with an object id is a state of that object, also under the names by which other formats
have it; where an object is missing for some frames it is hidden. The images of a video come one
after the other or not: all records are kept until the end, as columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.chunk import Chunk, Origin
from dlgeom.converters.base import ALL, Meta, Reader
from dlgeom.converters.problems import Problems
from dlgeom.definitions.base import Definition
from dlgeom.item import Item

__all__ = ["FilmItems"]

_FRAME = re.compile(r"(?P<video>.+)\.frame\.(?P<number>[0-9]{1,9})(?:\.[A-Za-z0-9]+)?\Z")
_NUMBERS = re.compile(r"[0-9]+")
_IDS = ("object_id", "track_id", "instance_id", "trackId")
"""Keys of unknown fields under which formats keep the identity of a thing."""


class _Picture(NamedTuple):
    """One image: where it belongs, and what it has."""

    film: str
    order: tuple[Any, ...]
    number: int | None
    item: Item
    annotations: list[Annotation]


class FilmItems:
    """A reader whose images are videos; see `dlgeom.converters.base.Reader`.

    Parameters
    ----------
    reader : Reader
        The source.
    problems : Problems
        Told what became of the images.
    """

    def __init__(self, reader: Reader, problems: Problems) -> None:
        self._reader = reader
        self._problems = problems
        self.meta: Meta = reader.meta

    def __getattr__(self, name: str) -> Any:
        # close, learn_points, all_filtered: where the source has them.
        if name.startswith("__") or name == "_reader":
            raise AttributeError(name)
        return getattr(self._reader, name)

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other occur anywhere."""
        return self._reader.kinds() | {"other"}

    def count(self) -> int | None:
        """Return nothing: how many videos there are is known at the end."""
        return None

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the videos, each with the records of its images."""
        films: dict[str, list[_Picture]] = {}
        number = 0
        for chunk in self._reader.chunks(grouped=True, needs=ALL):
            for item, found in chunk.pairs():
                if item.media == "video":
                    whole = msgspec.structs.replace(item, number=number)
                    number += 1
                    yield _chunk(self.meta, whole, list(found))
                    continue
                picture = _picture(item, list(found))
                films.setdefault(picture.film, []).append(picture)
        for name, pictures in films.items():
            pictures.sort(key=lambda picture: picture.order)
            item, annotations = _film(name, pictures)
            self._tell(name, pictures, annotations)
            whole = msgspec.structs.replace(item, number=number)
            number += 1
            yield _chunk(self.meta, whole, annotations)

    def _tell(self, name: str, pictures: list[_Picture], made: list[Annotation]) -> None:
        records = [one for picture in pictures for one in picture.annotations]
        second = sum(len(one.companions) for one in records) - sum(len(a.companions) for a in made)
        more = f"; {second} second shapes of records have no place over frames" if second else ""
        self._problems.notice(
            "video.frames",
            f"{len(pictures)} images became the frames of one video, their {len(records)} records "
            f"{len(made)} annotations over frames{more}",
            path=name.partition("\0")[2],
        )


def _picture(item: Item, annotations: list[Annotation]) -> _Picture:
    name = item.name or f"{item.number}"
    subset = item.subset or ""
    fields = item.extra
    told = fields.get("frame_id", fields.get("frame_index"))
    if match := _FRAME.fullmatch(name):
        number: int | None = int(match["number"])
        return _Picture(f"{subset}\0{match['video']}", (number,), number, item, annotations)
    film, _, base = name.rpartition("/")
    if isinstance(told, int) and not isinstance(told, bool) and told >= 0:
        film = str(fields.get("video_id", film))
        return _Picture(f"{subset}\0{film}", (told,), told, item, annotations)
    digits = tuple(int(text) for text in _NUMBERS.findall(base))
    return _Picture(f"{subset}\0{film}", (digits, base), None, item, annotations)


def _film(name: str, pictures: list[_Picture]) -> tuple[Item, list[Annotation]]:
    """Return a video and its annotations, objects in the order in which they are first seen."""
    things: dict[tuple[str, str], dict[int, Annotation]] = {}
    lone: list[Annotation] = []
    last = -1
    for place, picture in enumerate(pictures):
        frame = place if picture.number is None else picture.number
        last = max(last, frame)
        for annotation in picture.annotations:
            thing = _thing(annotation)
            # States of one annotation have one type, and one is in one place.
            states = {} if thing is None else things.setdefault((thing, annotation.type), {})
            if thing is None or frame in states:
                lone.append(_alone(annotation, frame))
            else:
                states[frame] = annotation
    first = pictures[0].item
    film = name.partition("\0")[2]
    if pictures[0].number is not None and not _FRAME.fullmatch(first.name or ""):
        # Told by an id: the folder of the pictures is the better name.
        film = (first.name or "").rpartition("/")[0] or film
    item = Item(
        name=film or "video",
        width=first.width,
        height=first.height,
        media="video",
        frame_count=last + 1,
        subset=first.subset,
        id=None,
    )
    made = [_track(thing, found) for (thing, _), found in things.items()]
    for annotation in (*made, *lone):
        annotation.item = item
    return item, [*made, *lone]


def _thing(annotation: Annotation) -> str | None:
    """Return the identity of what a record shows."""
    if annotation.object_id is not None:
        return annotation.object_id
    for key in _IDS:
        value = annotation.extra.get(key)
        if isinstance(value, int | str) and not isinstance(value, bool) and str(value).isdigit():
            return str(value)
    return None


def _alone(annotation: Annotation, frame: int) -> Annotation:
    return msgspec.structs.replace(annotation, frame_num=frame, end_frame_num=frame, record=None)


def _track(thing: str, found: dict[int, Annotation]) -> Annotation:
    """Return one annotation with a state for each record of an object."""
    states: list[FrameAnnotation] = []
    for frame in sorted(found):
        if states and frame > states[-1].frame_num + 1:
            gone = states[-1]
            states.append(
                FrameAnnotation(
                    gone.annotation_definition, gone.frame_num + 1, False, object_visible=False
                )
            )
        states.append(FrameAnnotation(_state(found[frame], len(found)), frame))
    base = found[states[0].frame_num]
    alone = len(found) == 1
    return msgspec.structs.replace(
        base,
        annotation_definition=states[0].annotation_definition,
        id=base.id if alone else None,
        object_id=thing,
        frame_num=states[0].frame_num,
        end_frame_num=states[-1].frame_num,
        later=tuple(states[1:]),
        companions=base.companions if alone else (),
        stored_bounds=base.stored_bounds if alone else None,
        stored_area=base.stored_area if alone else None,
        score=base.score if alone else None,
        extra={k: v for k, v in base.extra.items() if k not in (*_IDS, "video_id")},
        interpolation="linear",
        record=None,
    )


def _state(annotation: Annotation, frames: int) -> Definition:
    """Return the shape of a record with its score, which differs from frame to frame."""
    shape, attributes = annotation.annotation_definition, annotation.attributes
    if frames == 1 or annotation.score is None or not isinstance(attributes, dict):
        return shape
    if "score" in attributes:
        return shape
    return shape.replace(attributes={**attributes, "score": annotation.score})


def _chunk(meta: Meta, item: Item, annotations: list[Annotation]) -> Chunk:
    collection = AnnotationCollection._view(item, annotations, meta.labels)
    made = Chunk.of([(item, collection)], meta.labels)
    return msgspec.structs.replace(
        made,
        origin=Origin(
            format=meta.format, number=made.order, path=item.name or "", unit="record {}"
        ),
    )
