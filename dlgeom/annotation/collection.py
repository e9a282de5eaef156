"""The collection of all annotations of one item."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from dlgeom.annotation.columns import ColumnMethods
from dlgeom.annotation.drawing import DrawableCollection
from dlgeom.annotation.frames import checked_frame
from dlgeom.annotation.moving import MovingCollection
from dlgeom.annotation.single import (
    Annotation,
    checked_definition,
    checked_object_id,
    id_of,
    own_copy,
)
from dlgeom.annotation.table import table
from dlgeom.definitions import Segmentation, Subtitle
from dlgeom.definitions.base import Definition, number
from dlgeom.enums import ViewAnnotationOptions
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["AnnotationCollection", "ItemAnnotations"]

Result = TypeVar("Result")
PathLike = str | os.PathLike[str]
DEFAULT_FPS = float("25")
"""The documented default of `fps`, told by identity from the same number when it is given."""


class _Filling(Generic[Result]):
    """A method that fills: a new collection if called on the class, else the one it is called on.

    The documents have it both ways: ``AnnotationCollection.from_vtt_file(path)`` and
    ``item.annotations.builder().from_vtt_file(path)``.
    """

    def __init__(self, function: Callable[..., Result]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: Any) -> Callable[..., Result]:
        import functools

        target = owner() if instance is None else instance
        return functools.wraps(self._function)(functools.partial(self._function, target))


class AnnotationCollection(ColumnMethods, MovingCollection, DrawableCollection):
    """All annotations of one item, in the order they were given.

    Parameters
    ----------
    item : Item, optional
        What they belong to.
    annotations : iterable of Annotation
        The annotations.
    labels : LabelTable, optional
        Everything that the source says about the labels that the annotations name.

    Examples
    --------
    >>> from dlgeom.definitions import Box
    >>> builder = AnnotationCollection(Item(name="a.jpg", width=64, height=48))
    >>> builder.add(Box(1, 2, 30, 40, "cat"))
    >>> len(builder), builder[0].label
    (1, 'cat')
    """

    __slots__ = ("_by_object", "_indexed", "annotations", "extra", "item", "labels", "record")

    def __init__(
        self,
        item: Item | None = None,
        annotations: Iterable[Annotation] = (),
        labels: LabelTable | None = None,
    ) -> None:
        self.item = item
        self.annotations: list[Annotation] = []
        self.labels = labels
        self._start()
        for annotation in annotations:
            self._append(annotation)

    @classmethod
    def _view(
        cls, item: Item | None, annotations: list[Annotation], labels: LabelTable | None
    ) -> AnnotationCollection:
        """Take a list of annotations as it is."""
        self = cls.__new__(cls)
        self.item = item
        self.annotations = annotations
        self.labels = labels
        self._start()
        return self

    def _start(self) -> None:
        # What the source says beside its annotations, and the source's own text of it.
        self.extra: dict[str, Any] = {}
        self.record: Any = None
        self._by_object: dict[str, int] = {}
        self._indexed = 0

    def _append(self, annotation: object) -> None:
        if not isinstance(annotation, Annotation):
            raise UsageError(
                f"{annotation!r} is no Annotation; a collection holds annotations. "
                "Use add() for definitions"
            )
        self.annotations.append(annotation)

    def add(
        self,
        annotation_definition: Definition | Annotation | Iterable[Definition | Annotation],
        object_id: str | int | None = None,
        frame_num: int | None = None,
        end_frame_num: int | None = None,
        start_time: float | None = None,
        end_time: float | None = None,
        automated: bool = True,
        fixed: bool = True,
        object_visible: bool = True,
        metadata: dict[str, Any] | None = None,
        parent_id: int | str | Annotation | None = None,
        model_info: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a definition or several; an `Annotation` is taken as it is.

        In a video a definition of an `object_id` that is there already continues that annotation
        over frames, as `Annotation.add_frames` does. It is a video if the item says so, or,
        without a named item, if a frame is given.

        Parameters
        ----------
        annotation_definition : Definition, Annotation, or iterable of them
            What to add.
        object_id : str or int, optional
            Identity of the thing across frames: digits, kept as text.
        frame_num, end_frame_num : int, optional
            First and last frame, counted from 0, both inclusive.
        start_time, end_time : float, optional
            Time range in seconds.
        automated : bool, default True
            Whether a program made it.
        fixed, object_visible : bool, default True
            Whether the frames of the range are key frames, and the thing is visible in them.
        metadata : dict, optional
            Copied in.
        parent_id : int, str or Annotation, optional
            The annotation it belongs to, or its id; an annotation without an id gets one.
        model_info : mapping, optional
            ``{"name": ..., "confidence": ...}`` of the model that made it; the confidence, in
            [0, 1], also becomes the `score`.

        Raises
        ------
        UsageError
            If something is no definition, parents go round in a circle, the confidence is
            missing or outside of [0, 1], or a frame or object id does not fit. Nothing is added
            then.
        """
        given: list[object]
        if isinstance(annotation_definition, Definition | Annotation):
            given = [annotation_definition]
        else:
            given = list(annotation_definition)
        thing = checked_object_id(object_id)
        parent = id_of(parent_id)
        score = None if model_info is None else _confidence(model_info)
        first = None if frame_num is None else checked_frame(frame_num, "frame_num")
        last = None if end_frame_num is None else checked_frame(end_frame_num, "end_frame_num")
        span = (first, last, start_time, end_time)
        fresh: list[Annotation] = []
        continued: list[tuple[Annotation, Definition]] = []
        known = self._object(thing) if thing is not None and self._in_video(span) else None
        for entry in given:
            if isinstance(entry, Annotation):
                fresh.append(entry)
                continue
            shape = checked_definition(entry)
            if known is not None:
                _refuse_other_type(known, shape, thing)
                continued.append((known, shape))
                continue
            made = Annotation(
                shape,
                item=self.item,
                object_id=thing,
                start_time=start_time,
                end_time=end_time,
                automated=automated,
                fixed=fixed,
                object_visible=object_visible,
                metadata=_metadata(metadata, model_info),
                parent_id=parent,
                score=score,
            )
            _span(made, first, last)
            fresh.append(made)
            if thing is not None and self._in_video(span):
                known = made
        self._refuse_circles(parent, fresh)
        self.annotations += fresh
        for annotation, shape in continued:
            annotation.add_frames(shape, *span, fixed=fixed, object_visible=object_visible)

    def _in_video(self, span: tuple[object, ...]) -> bool:
        """Whether the same object id means the same annotation, in another frame."""
        if self.item is not None and self.item.tells_media:
            return self.item.media == "video"
        return any(value is not None for value in span)

    def _object(self, thing: str) -> Annotation | None:
        """Return the first annotation of an object id."""
        if self._indexed > len(self.annotations):
            self._by_object, self._indexed = {}, 0
        for index in range(self._indexed, len(self.annotations)):
            name = self.annotations[index].object_id
            if name is not None:
                self._by_object.setdefault(name, index)
        self._indexed = len(self.annotations)
        index = self._by_object.get(thing, -1)
        if index < 0:
            return None
        if self.annotations[index].object_id == thing:
            return self.annotations[index]
        # Somebody changed the list or the id since.
        self._by_object, self._indexed = {}, 0
        return self._object(thing)

    def _refuse_circles(self, parent: object, fresh: Sequence[Annotation]) -> None:
        """Raise `UsageError` if a chain of parents never ends."""
        given = (annotation for annotation in fresh if annotation.parent_id is not None)
        starts = {parent, *(annotation.parent_id for annotation in given)} - {None}
        if not starts:
            return
        parents = {
            annotation.id: annotation.parent_id
            for annotation in (*self.annotations, *fresh)
            if annotation.id is not None
        }
        done: set[object] = set()
        for above in starts:
            seen: set[object] = set()
            while above is not None and above not in done:
                if above in seen:
                    raise UsageError(
                        f"annotation {above!r} is its own ancestor; parents form a tree. "
                        "Correct parent_id"
                    )
                seen.add(above)
                above = parents.get(above)
            done |= seen

    # Files and the platform's JSON: through the adapters.

    @classmethod
    def from_json(
        cls,
        _json: Any,
        item: Item | None = None,
        is_video: bool | None = None,
        fps: float | None = DEFAULT_FPS,
        height: int | None = None,
        width: int | None = None,
        is_audio: bool | None = None,
        on_error: str = "raise",
    ) -> AnnotationCollection:
        """Read the platform's JSON: a list of annotations, or an item with its annotations.

        Parameters
        ----------
        _json : list or mapping
            As the platform, its exports and its SDK write it.
        item : Item, optional
            What they belong to; made from the JSON if not given.
        is_video, is_audio : bool, optional
            Overrule what the item says.
        fps : float, optional
            Frames in a second, also where the item says otherwise; those of the item, 25 or
            (audio) 1000 if not given.
        height, width : int, optional
            Size in pixels, where the JSON does not say it.
        on_error : {"raise", "skip"}
            Whether an annotation that cannot be read raises, or is left out and told by index
            and id in ``extra["errors"]``.

        Raises
        ------
        FormatError
            If it is no such JSON.
        """
        from dlgeom.converters.dataloop.api import collection_from_json

        # The default itself is no wish: a number that is given is another object.
        fps = None if fps is DEFAULT_FPS else fps
        return collection_from_json(_json, item, is_video, fps, height, width, is_audio, on_error)

    @classmethod
    def from_json_file(
        cls,
        filepath: PathLike,
        item: Item | None = None,
        is_video: bool | None = None,
        fps: float | None = DEFAULT_FPS,
        height: int | None = None,
        width: int | None = None,
        is_audio: bool | None = None,
        on_error: str = "raise",
    ) -> AnnotationCollection:
        """Read a file of the platform's JSON; see `from_json`."""
        from dlgeom.converters.dataloop.api import collection_from_file

        fps = None if fps is DEFAULT_FPS else fps
        return collection_from_file(
            filepath, item, is_video, fps, height, width, is_audio, on_error
        )

    def to_json(self) -> dict[str, Any]:
        """Return the platform's JSON, ``{"_id", "filename", "annotations"}``.

        An annotation that was read and not changed comes out as it was, unknown keys included.
        """
        from dlgeom.converters.dataloop.api import collection_to_json

        return collection_to_json(self)

    @_Filling
    def from_vtt_file(self, filepath: PathLike, **options: Any) -> AnnotationCollection:
        """Add the cues of a WebVTT file as subtitles, and return the collection.

        Called on the class it returns a new collection. The speaker becomes the label, times
        keep the file's milliseconds.

        Parameters
        ----------
        filepath : path
            The file.
        **options
            As for reading the format ``vtt``.

        Raises
        ------
        FormatError
            If it is no WebVTT file.
        """
        from dlgeom.converters.vtt.api import read_vtt_file

        self._take(read_vtt_file(filepath, item=self.item, **options))
        return self

    def _take(self, other: AnnotationCollection) -> None:
        """Take all of another collection."""
        if self.item is None:
            self.item = other.item
        for annotation in other:
            annotation.item = self.item
        self.annotations += other.annotations
        self.extra.update(other.extra)

    def download(
        self,
        filepath: PathLike,
        img_filepath: PathLike | None = None,
        annotation_format: str | Sequence[str] = ViewAnnotationOptions.JSON,
        height: int | None = None,
        width: int | None = None,
        thickness: int = 1,
        with_text: bool = False,
        orientation: int = 0,
        alpha: float = 1,
    ) -> str:
        """Write the annotations to a file and return its path.

        Parameters
        ----------
        filepath : path
            The file to write; without a suffix it gets that of the format.
        annotation_format : ViewAnnotationOptions or str, default JSON
            ``json``, the platform's JSON; ``vtt``, subtitles; ``mask``, ``instance`` and
            ``object_id``, the pictures that `show` returns; ``img_mask``, the image with its
            annotations.
        img_filepath : path, optional
            The image to draw on; of masks it gives the size. It is turned upright, as its EXIF
            header says. Of a video item the video: a video is written, one picture for each of
            its own (``.mp4``; ids, which have to stay exact, as ``.mkv``).
        height, width : int, optional
            Size of masks in pixels; that of the image or item if not given.
        thickness : int, default 1
            Of outlines and lines in pixels; -1 fills. See `show`.
        with_text : bool, default False
            Whether label, score and attribute values are written on the picture.
        orientation : int, default 0
            EXIF orientation, 1 to 8, of the image as it is stored: overrules its header, and the
            picture is turned back to be as the image is stored. 0 writes upright pictures.
        alpha : float, default 1
            Opacity of annotations.

        Raises
        ------
        UsageError
            If the format is none of these, or a picture cannot be written under such a name.
        FormatError
            If the image cannot be read.
        OutputError
            If the file cannot be written.
        """
        from dlgeom.converters.download import download

        return download(
            self,
            filepath,
            annotation_format,
            img_filepath=img_filepath,
            height=height,
            width=width,
            thickness=thickness,
            with_text=with_text,
            orientation=orientation,
            alpha=alpha,
        )

    # Masks.

    @_Filling
    def from_instance_mask(
        self, mask: ArrayLike, instance_map: Mapping[str, int] | None = None
    ) -> AnnotationCollection:
        """Add a segmentation for each id in a mask, and return the collection.

        Called on the class it returns a new collection.

        Parameters
        ----------
        mask : array_like of int, shape (H, W)
            Ids; 0 is the background.
        instance_map : mapping of str to int, optional
            Label -> id, in the order of the segmentations; ids outside of it are left out, and
            ``$default``, the background, is none. Without it the collection's labels, sorted by
            name and counted from 1; without labels each id becomes a label of its digits.

        Raises
        ------
        UsageError
            If the mask is not of whole numbers in two dimensions.
        """
        ids = np.asarray(mask)
        if ids.ndim != 2 or ids.dtype.kind not in "iub":
            raise UsageError(
                f"mask has shape {ids.shape} and dtype {ids.dtype}; it holds ids, shape (H, W). "
                "Convert it first"
            )
        if instance_map is None:
            if self.labels is not None and len(self.labels):
                names = sorted(set(self.labels.names))
                instance_map = {name: k for k, name in enumerate(names, 1)}
            else:
                instance_map = {str(k): k for k in np.unique(ids).tolist() if k}
        from dlgeom.geometry.segments import segment_runs

        # One walk over the pixels for all ids; 0 is none of a picture's segments.
        found, runs = segment_runs(ids.astype(np.uint8) if ids.dtype == np.bool_ else ids)
        row_of = {number: row for row, number in enumerate(found.tolist())}
        shape = (int(ids.shape[0]), int(ids.shape[1]))
        for label, value in instance_map.items():
            if label == "$default":
                continue
            if value in row_of:
                self.add(Segmentation._of_counts(runs.row(row_of[value]), shape, label))
            elif value == 0 and not ids.all():
                self.add(Segmentation(ids == 0, label))
        return self

    @_Filling
    def from_color_mask(
        self, mask: ArrayLike, color_map: Mapping[str, Sequence[int]]
    ) -> AnnotationCollection:
        """Add a segmentation for each colour in a mask, and return the collection.

        Called on the class it returns a new collection.

        Parameters
        ----------
        mask : array_like of uint8, shape (H, W, 3) or (H, W, 4)
            Red, green, blue; what is transparent (alpha 0) is background.
        color_map : mapping of str to (r, g, b)
            Label -> colour, in the order of the segmentations; other colours are left out.

        Raises
        ------
        UsageError
            If the mask has another shape, or a colour is none.
        """
        colors = np.asarray(mask)
        if colors.ndim != 3 or colors.shape[2] not in (3, 4):
            raise UsageError(
                f"mask has shape {colors.shape}; it holds colours, shape (H, W, 3). "
                "Convert it first"
            )
        seen = colors[..., 3] > 0 if colors.shape[2] == 4 else None
        for label, color in color_map.items():
            wanted = np.asarray(color)
            if wanted.shape not in ((3,), (4,)):
                raise UsageError(f"colour of {label!r} is {color!r}; it is (r, g, b), 0..255")
            found = (colors[..., :3] == wanted[:3]).all(axis=2)
            found = found if seen is None else found & seen
            if label != "$default" and found.any():
                self.add(Segmentation(found, label))
        return self

    def merge_masks(self) -> AnnotationCollection:
        """Return a collection in which masks of one label and object id are one mask.

        The first annotation of each label and object id takes the pixels of the others; all
        that is no mask, or has frames, stays as it is. Masks of different sizes are not merged.
        """
        from dlgeom.geometry import rle

        merged: list[Annotation] = []
        place: dict[Any, int] = {}
        for annotation in self.annotations:
            shape = annotation.annotation_definition
            if not isinstance(shape, Segmentation) or annotation.later:
                merged.append(annotation)
                continue
            key = (shape.label, annotation.object_id, shape.shape, annotation.frame_num)
            if key not in place:
                place[key] = len(merged)
                merged.append(annotation)
                continue
            first = merged[place[key]].copy()
            mask = first.annotation_definition
            assert isinstance(mask, Segmentation)
            first.annotation_definition = Segmentation._of_counts(
                rle.union(mask.counts, shape.counts),
                shape.shape,
                mask.label,
                mask.attributes,
                mask.description,
            )
            merged[place[key]] = first
        return self._view(self.item, merged, self.labels)

    # Frames.

    def get_frame(self, frame_num: int) -> AnnotationCollection:
        """Return the annotations that are alive in a frame, each in its state there.

        Parameters
        ----------
        frame_num : int
            Counted from 0.

        Returns
        -------
        AnnotationCollection
            Copies; hidden ones (`object_visible` False) are among them. This collection stays as
            it is. A subtitle is alive in the frames that show it.
        """
        frame = checked_frame(frame_num, "frame_num")
        alive = []
        for annotation in self.annotations:
            if isinstance(annotation.annotation_definition, Subtitle):
                if _subtitle_shows(annotation, frame):
                    alive.append(annotation.copy())
                continue
            copy = annotation.copy()
            if copy.set_frame(frame):
                alive.append(copy)
        return self._view(self.item, alive, self.labels)

    def print(self, to_return: bool = False, columns: Sequence[str] | None = None) -> str | None:
        """Show the annotations as a table.

        Parameters
        ----------
        to_return : bool, default False
            Return the text instead of printing it.
        columns : sequence of str, optional
            Names of attributes of annotations to show; the most telling ones if not given.

        Raises
        ------
        UsageError
            If annotations have no such attribute.
        """
        text = table(self.annotations, columns)
        if to_return:
            return text
        print(text)  # noqa: T201 - it is what the method is for
        return None

    def __len__(self) -> int:
        return len(self.annotations)

    def __iter__(self) -> Iterator[Annotation]:
        return iter(self.annotations)

    @overload
    def __getitem__(self, index: int) -> Annotation: ...

    @overload
    def __getitem__(self, index: slice) -> AnnotationCollection: ...

    def __getitem__(self, index: int | slice) -> Annotation | AnnotationCollection:
        if isinstance(index, slice):
            return self._view(self.item, self.annotations[index], self.labels)
        return self.annotations[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AnnotationCollection):
            return NotImplemented
        return self.item == other.item and self.annotations == other.annotations

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = self.item.name if self.item is not None else None
        of = "" if name is None else f" of {name!r}"
        count = len(self.annotations)
        return f"AnnotationCollection({count} annotation{'' if count == 1 else 's'}{of})"


def _span(annotation: Annotation, first: int | None, last: int | None) -> None:
    """Give an annotation the frames that it was added with."""
    if first is None and last is None:
        return
    start = annotation.start_frame if first is None else first
    end = start if last is None else last
    if end < start:
        raise UsageError(
            f"end_frame_num ({end}) is before frame_num ({start}); ranges run forwards. "
            "Exchange them"
        )
    shape = annotation.annotation_definition
    annotation.frame_num, annotation.end_frame_num = start, end
    if not isinstance(shape, Subtitle):
        times = annotation.start_time, annotation.end_time
        annotation.add_frames(
            shape, start, end, fixed=annotation.fixed, object_visible=annotation.object_visible
        )
        # Times that were given stay what they are.
        annotation.start_time = annotation.start_time if times[0] is None else times[0]
        annotation.end_time = annotation.end_time if times[1] is None else times[1]


def _refuse_other_type(known: Annotation, shape: Definition, thing: str | None) -> None:
    if type(known.annotation_definition) is not type(shape):
        raise UsageError(
            f"object {thing} is a {type(known.annotation_definition).__name__}, the definition a "
            f"{type(shape).__name__}; all frames of an object have one type. Use another "
            "object_id"
        )


def _subtitle_shows(annotation: Annotation, frame: int) -> bool:
    if annotation.start_time is None or annotation.end_time is None:
        return annotation.start_frame <= frame <= annotation.end_frame
    from dlgeom.video.timebase import subtitle_frames

    span = subtitle_frames(annotation.start_time, annotation.end_time, annotation.fps)
    return span is not None and span[0] <= frame <= span[1]


def _confidence(model_info: Mapping[str, Any]) -> float:
    value = model_info.get("confidence")
    if value is None:
        raise UsageError("model_info has no confidence; give {'name': ..., 'confidence': 0.9}")
    score = number(value, "model_info: confidence")
    if not 0 <= score <= 1:
        raise UsageError(f"model_info: confidence is {score}; it lies in [0, 1]")
    return score


def _metadata(
    metadata: dict[str, Any] | None, model_info: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Return a copy of the metadata with the model's entry where the platform has it."""
    if model_info is None:
        return None if metadata is None else dict(own_copy(metadata))
    result = dict(own_copy(metadata or {}))
    result["user"] = {**(result.get("user") or {}), "model": own_copy(dict(model_info))}
    return result


class ItemAnnotations:
    """What ``item.annotations`` gives: collections tied to that item."""

    __slots__ = ("_item",)

    def __init__(self, item: Item) -> None:
        self._item = item

    def builder(self) -> AnnotationCollection:
        """Return an empty collection of this item."""
        return AnnotationCollection(item=self._item)
