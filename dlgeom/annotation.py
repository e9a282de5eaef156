"""Annotations and the collection of all annotations of one item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, overload

import msgspec

from dlgeom.definitions.base import AttributesLike, Bounds, Definition, number
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["Annotation", "AnnotationCollection", "ItemAnnotations"]


class Annotation(msgspec.Struct, eq=False):
    """A definition with what is known about it.

    Unlike its definition an annotation may be changed. Geometry (``left``, ``geo``...) is that of
    the definition; setting `label`, `attributes` or `description` gives it a new definition.

    Parameters
    ----------
    annotation_definition : Definition
        What it draws or says. Of a record with several shapes the first of pose, polygon,
        mask, rotated box, box.
    id : int or str, optional
        Id in the source.
    companions : tuple of Definition
        The other shapes of the same record, usually none.
    stored_bounds : tuple of float, optional
        Left, top, right, bottom in pixels as the source stores them beside another shape.
    stored_area : float, optional
        Area in square pixels as the source stores it.
    score : float, optional
        Confidence.
    crowd : bool
        Whether it stands for a group that was not separated.
    extra : dict
        Fields of the source that no other field holds.
    children : tuple of Annotation
        Annotations that belong to it, such as the parts of a VOC object.
    parent_id : int or str, optional
        Id of the annotation it belongs to.
    object_id : str, optional
        Identity of the thing across frames and annotations.
    status : str, optional
        Review status.
    metadata : dict, optional
        Anything else, in the platform's form ``{"system": {...}, "user": {...}}``.
    automated : bool
        Whether a program made it.
    frame_num, end_frame_num : int, optional
        First and last frame, counted from 0, both inclusive.
    start_time, end_time : float, optional
        Time range in seconds.
    fixed, object_visible : bool
        Whether the first frame is a key frame, and the thing is visible in it.
    creator, created_at, updated_by, updated_at, source : str, optional
        Who made it, when, and with what.
    item : Item, optional
        What it belongs to; does not count in comparisons.
    """

    annotation_definition: Definition
    id: Any = None
    companions: tuple[Definition, ...] = ()
    stored_bounds: Bounds | None = None
    stored_area: float | None = None
    score: float | None = None
    crowd: bool = False
    item: Item | None = None
    extra: dict[str, Any] = msgspec.field(default_factory=dict)
    children: tuple[Annotation, ...] = ()
    parent_id: Any = None
    object_id: str | None = None
    status: str | None = None
    metadata: dict[str, Any] | None = None
    automated: bool = True
    frame_num: int | None = None
    end_frame_num: int | None = None
    start_time: float | None = None
    end_time: float | None = None
    fixed: bool = True
    object_visible: bool = True
    creator: str | None = None
    created_at: str | None = None
    updated_by: str | None = None
    updated_at: str | None = None
    source: str | None = None

    @classmethod
    def new(
        cls,
        item: Item | None = None,
        annotation_definition: Definition | None = None,
        object_id: str | int | None = None,
        automated: bool = True,
        metadata: dict[str, Any] | None = None,
        frame_num: int | None = None,
        parent_id: int | str | None = None,
        start_time: float | None = None,
        item_height: int | None = None,
        item_width: int | None = None,
        end_time: float | None = None,
    ) -> Annotation:
        """Build an annotation.

        Parameters
        ----------
        item : Item, optional
            What it belongs to.
        annotation_definition : Definition
            What it draws or says.
        object_id : str or int, optional
            Identity of the thing across frames; kept as text.
        automated : bool, default True
            Whether a program made it.
        metadata : dict, optional
            Copied in.
        frame_num : int, optional
            First frame, counted from 0.
        parent_id : int or str, optional
            Id of the annotation it belongs to.
        start_time, end_time : float, optional
            Time range in seconds.
        item_height, item_width : int, optional
            Size of the image in pixels, used where no item is given.

        Raises
        ------
        UsageError
            If the definition is missing or is none.
        """
        if item is None and (item_height is not None or item_width is not None):
            item = Item(width=item_width, height=item_height)
        return cls(
            checked_definition(annotation_definition),
            item=item,
            object_id=None if object_id is None else str(object_id),
            automated=automated,
            metadata=None if metadata is None else dict(metadata),
            frame_num=frame_num,
            parent_id=parent_id,
            start_time=start_time,
            end_time=end_time,
        )

    # What the definition says.

    @property
    def type(self) -> str:
        """Type string of the definition, as the platform has it."""
        return self.annotation_definition.type

    @property
    def label(self) -> str | None:
        """Name of its class; may be set."""
        return self.annotation_definition.label

    @label.setter
    def label(self, value: str | None) -> None:
        self.annotation_definition = self.annotation_definition.replace(label=value)
        self.companions = tuple(shape.replace(label=value) for shape in self.companions)

    @property
    def attributes(self) -> Any:
        """Attributes, read-only; may be set as a whole."""
        return self.annotation_definition.attributes

    @attributes.setter
    def attributes(self, value: AttributesLike) -> None:
        self.annotation_definition = self.annotation_definition.replace(attributes=value)

    @property
    def description(self) -> str | None:
        """Free text; may be set."""
        return self.annotation_definition.description

    @description.setter
    def description(self, value: str | None) -> None:
        self.annotation_definition = self.annotation_definition.replace(description=value)

    @property
    def geo(self) -> Any:
        """Geometry of the definition."""
        return self.annotation_definition.geo

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom of the definition, in pixels."""
        return self.annotation_definition.bounds

    @property
    def left(self) -> float:
        """Left edge of the definition, in pixels."""
        return self.annotation_definition.left

    @property
    def top(self) -> float:
        """Upper edge of the definition, in pixels."""
        return self.annotation_definition.top

    @property
    def right(self) -> float:
        """Right edge of the definition, in pixels."""
        return self.annotation_definition.right

    @property
    def bottom(self) -> float:
        """Lower edge of the definition, in pixels."""
        return self.annotation_definition.bottom

    @property
    def width(self) -> float:
        """Width of the definition, in pixels."""
        return self.annotation_definition.width

    @property
    def height(self) -> float:
        """Height of the definition, in pixels."""
        return self.annotation_definition.height

    @property
    def x(self) -> Any:
        """Horizontal coordinates of the definition."""
        return self.annotation_definition.x

    @property
    def y(self) -> Any:
        """Vertical coordinates of the definition."""
        return self.annotation_definition.y

    @property
    def angle(self) -> float | None:
        """Angle of the definition, in degrees clockwise on screen."""
        return self.annotation_definition.angle

    @property
    def area(self) -> float:
        """Area of the definition, in square pixels; `stored_area` is what the source says."""
        return self.annotation_definition.area

    @property
    def shapes(self) -> tuple[Definition, ...]:
        """The definition and its companions."""
        return (self.annotation_definition, *self.companions)

    def copy(self) -> Annotation:
        """Return a copy that can be changed without changing this one."""
        return msgspec.structs.replace(
            self,
            extra=dict(self.extra),
            metadata=None if self.metadata is None else dict(self.metadata),
            children=tuple(child.copy() for child in self.children),
        )

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _COMPARED)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = [repr(self.annotation_definition)]
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            default = {} if field.name == "extra" else field.default
            if field.name not in ("annotation_definition", "item") and value != default:
                parts.append(f"{field.name}={value!r}")
        return f"Annotation({', '.join(parts)})"


_COMPARED = tuple(name for name in Annotation.__struct_fields__ if name != "item")


def checked_definition(value: object) -> Definition:
    """Return a definition, or raise `UsageError`."""
    if isinstance(value, Definition):
        return value
    raise UsageError(
        f"annotation_definition is {value!r}; it has to be a definition such as "
        "Box(left=1, top=2, right=3, bottom=4, label='cat')"
    )


class AnnotationCollection:
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

    __slots__ = ("annotations", "item", "labels")

    def __init__(
        self,
        item: Item | None = None,
        annotations: Iterable[Annotation] = (),
        labels: LabelTable | None = None,
    ) -> None:
        self.item = item
        self.annotations: list[Annotation] = []
        self.labels = labels
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
        return self

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
        parent_id: int | str | None = None,
        model_info: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a definition or several; an `Annotation` is taken as it is.

        Parameters
        ----------
        annotation_definition : Definition, Annotation, or iterable of them
            What to add.
        object_id : str or int, optional
            Identity of the thing across frames; kept as text.
        frame_num, end_frame_num : int, optional
            First and last frame, counted from 0, both inclusive.
        start_time, end_time : float, optional
            Time range in seconds.
        automated : bool, default True
            Whether a program made it.
        fixed, object_visible : bool, default True
            Whether the first frame is a key frame, and the thing is visible in it.
        metadata : dict, optional
            Copied in.
        parent_id : int or str, optional
            Id of the annotation it belongs to.
        model_info : mapping, optional
            ``{"name": ..., "confidence": ...}`` of the model that made it; the confidence, in
            [0, 1], also becomes the `score`.

        Raises
        ------
        UsageError
            If something is no definition, parents go round in a circle, or the confidence is
            missing or outside of [0, 1]. Nothing is added then.
        """
        given: Iterable[object]
        if isinstance(annotation_definition, Definition | Annotation):
            given = [annotation_definition]
        else:
            given = list(annotation_definition)
        self._refuse_circle(parent_id)
        score = None if model_info is None else _confidence(model_info)
        fresh = []
        for entry in given:
            if isinstance(entry, Annotation):
                fresh.append(entry)
                continue
            fresh.append(
                Annotation(
                    checked_definition(entry),
                    item=self.item,
                    object_id=None if object_id is None else str(object_id),
                    frame_num=frame_num,
                    end_frame_num=end_frame_num,
                    start_time=start_time,
                    end_time=end_time,
                    automated=automated,
                    fixed=fixed,
                    object_visible=object_visible,
                    metadata=_metadata(metadata, model_info),
                    parent_id=parent_id,
                    score=score,
                )
            )
        self.annotations += fresh

    def _refuse_circle(self, parent_id: object) -> None:
        """Raise `UsageError` if the chain of parents never ends."""
        parents = {
            annotation.id: annotation.parent_id
            for annotation in self.annotations
            if annotation.id is not None
        }
        seen = set()
        while parent_id is not None:
            if parent_id in seen:
                raise UsageError(
                    f"annotation {parent_id!r} is its own ancestor; parents form a tree. "
                    "Correct parent_id"
                )
            seen.add(parent_id)
            parent_id = parents.get(parent_id)

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
        return None if metadata is None else dict(metadata)
    result = dict(metadata or {})
    result["user"] = {**(result.get("user") or {}), "model": dict(model_info)}
    return result


class ItemAnnotations:
    """What ``item.annotations`` gives: collections tied to that item."""

    __slots__ = ("_item",)

    def __init__(self, item: Item) -> None:
        self._item = item

    def builder(self) -> AnnotationCollection:
        """Return an empty collection of this item."""
        return AnnotationCollection(item=self._item)
