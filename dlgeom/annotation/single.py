"""Annotations: a definition with what is known about it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from typing import Any

import msgspec

from dlgeom.annotation.drawing import DrawableAnnotation
from dlgeom.annotation.frames import (
    FrameAnnotation,
    Frames,
    Interpolation,
    States,
    checked_frame,
    put_state,
)
from dlgeom.annotation.moving import MovingOne
from dlgeom.definitions.base import AttributesLike, Bounds, Definition, FrozenDict
from dlgeom.enums import ViewAnnotationOptions
from dlgeom.errors import UsageError
from dlgeom.item import Item

__all__ = ["NO_DEFINITION", "Annotation", "checked_definition", "checked_object_id", "own_copy"]

FPS, AUDIO_FPS = 25.0, 1000.0
"""Frames in a second where nobody says; of audio a frame is a millisecond."""

_local_ids = itertools.count(1)


class _NoDefinition(Definition):
    """Stands for the definition of an annotation that has none yet."""

    __slots__ = ()

    label = None
    attributes = FrozenDict()
    description = None

    def replace(self, **_: object) -> _NoDefinition:
        """Refuse: there is nothing to change."""
        raise _no_definition()

    def __reduce__(self) -> str:
        return "NO_DEFINITION"


NO_DEFINITION = _NoDefinition()
"""The definition of an annotation that waits for its first frame."""


class Annotation(DrawableAnnotation, MovingOne, msgspec.Struct, eq=False):
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
    later : tuple of FrameAnnotation
        The states after the first one, ascending by frame; see `add_frame`.
    interpolation : {"hold", "linear", "approach"}
        What `frames` has between the states: the one before; or what lies between them, where
        both are visible (or, with ``approach``, the first one is); see `dlgeom.video.Track`.
    record : object
        The source's own record, kept so that what is not changed comes out as it was; does not
        count in comparisons.

    Notes
    -----
    In a video the definition, `fixed` and `object_visible` are those of the current frame: the
    first one, until `set_frame` chooses another. What is set then holds from that frame on.
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
    later: States = ()
    interpolation: Interpolation = "hold"
    record: Any = None
    # Where the current frame is not the first: the first state, and the current one as it was
    # loaded, so that a change of the fields above can be told.
    _away: tuple[FrameAnnotation, FrameAnnotation] | None = None

    @classmethod
    def new(
        cls,
        item: Item | None = None,
        annotation_definition: Definition | None = None,
        object_id: str | int | None = None,
        automated: bool = True,
        metadata: dict[str, Any] | None = None,
        frame_num: int | None = None,
        parent_id: int | str | Annotation | None = None,
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
        annotation_definition : Definition, optional
            What it draws or says; may come later, with `add_frame`.
        object_id : str or int, optional
            Identity of the thing across frames: digits, kept as text.
        automated : bool, default True
            Whether a program made it.
        metadata : dict, optional
            Copied in.
        frame_num : int, optional
            First frame, counted from 0.
        parent_id : int, str or Annotation, optional
            The annotation it belongs to, or its id; an annotation without an id gets one.
        start_time, end_time : float, optional
            Time range in seconds.
        item_height, item_width : int, optional
            Size of the image in pixels, used where no item is given.

        Raises
        ------
        UsageError
            If the definition is none, the object id is no number, or a frame is none.
        """
        if item is None and (item_height is not None or item_width is not None):
            item = Item(width=item_width, height=item_height)
        given = annotation_definition
        return cls(
            NO_DEFINITION if given is None else checked_definition(given),
            item=item,
            object_id=checked_object_id(object_id),
            automated=automated,
            metadata=own_copy(metadata),
            frame_num=None if frame_num is None else checked_frame(frame_num, "frame_num"),
            parent_id=id_of(parent_id),
            start_time=start_time,
            end_time=end_time,
        )

    # The platform's JSON, and files: through the adapters.

    @classmethod
    def from_json(
        cls,
        _json: Mapping[str, Any],
        item: Item | None = None,
        is_video: bool | None = None,
        fps: float | None = None,
        item_metadata: Mapping[str, Any] | None = None,
        is_audio: bool | None = None,
    ) -> Annotation:
        """Read an annotation of the platform's JSON.

        Parameters
        ----------
        _json : mapping
            The annotation as the platform writes it; only ``type`` and ``label`` are needed.
        item : Item, optional
            What it belongs to.
        is_video, is_audio : bool, optional
            Overrule what the item says; without an item the annotation tells.
        fps : float, optional
            Frames in a second; those of the item, 25 or (audio) 1000 if not given.
        item_metadata : mapping, optional
            Metadata of the item, where there is no `item`.

        Raises
        ------
        FormatError
            If it is no such annotation.
        """
        from dlgeom.converters.dataloop.api import annotation_from_json

        return annotation_from_json(_json, item, is_video, fps, item_metadata, is_audio)

    def to_json(self) -> dict[str, Any]:
        """Return the platform's JSON; what was read and not changed comes out as it was."""
        from dlgeom.converters.dataloop.api import annotation_to_json

        return annotation_to_json(self)

    @property
    def coordinates(self) -> Any:
        """The definition's geometry in the platform's form."""
        from dlgeom.converters.dataloop.api import coordinates_of

        return coordinates_of(self.annotation_definition)

    def download(
        self,
        filepath: str | os.PathLike[str],
        annotation_format: str = ViewAnnotationOptions.JSON,
        height: int | None = None,
        width: int | None = None,
        thickness: int = 1,
        with_text: bool = False,
        alpha: float = 1,
    ) -> str:
        """Write a file with this annotation alone; see `AnnotationCollection.download`."""
        from dlgeom.annotation.collection import AnnotationCollection

        return AnnotationCollection(self.item, [self]).download(
            filepath,
            annotation_format=annotation_format,
            height=height,
            width=width,
            thickness=thickness,
            with_text=with_text,
            alpha=alpha,
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

    def __getattr__(self, name: str) -> Any:
        # Geometry that only some definitions have: rx, front_tl, text, points...
        if name.startswith("_") or name in self.__struct_fields__:
            raise AttributeError(name)
        try:
            return getattr(self.annotation_definition, name)
        except AttributeError:
            kind = type(self.annotation_definition).__name__
            raise AttributeError(
                f"neither Annotation nor its definition, a {kind}, has {name!r}"
            ) from None

    @property
    def attributes_v1(self) -> list[str]:
        """The older form of attributes, a list of names; also where `attributes` is a dict."""
        found = self.attributes
        if isinstance(found, list):
            return list(found)
        older = self.extra.get("attributes")
        return list(older) if isinstance(older, list) else []

    # Frames.

    @property
    def is_video(self) -> bool:
        """Whether it lies in a video: as the item says, without one as the frames tell."""
        if self.item is not None and self.item.tells_media:
            return self.item.media == "video"
        return bool(self.later) or (self.object_id is not None and (self.end_frame_num or 0) > 1)

    @property
    def is_audio(self) -> bool:
        """Whether it lies in an audio file, as the item says."""
        return self.item is not None and self.item.media == "audio"

    @property
    def fps(self) -> float:
        """Frames in a second: those of the item, else 25, of audio 1000."""
        if self.item is not None and self.item.fps:
            return self.item.fps
        return AUDIO_FPS if self.is_audio else FPS

    @property
    def start_frame(self) -> int:
        """First frame, from 0; made from `start_time` where nobody gave it."""
        if self.frame_num is not None:
            return self.frame_num
        return self._frame_of(self.start_time, 0)

    @property
    def end_frame(self) -> int:
        """Last frame, inclusive; made from `end_time` where nobody gave it."""
        start = self.start_frame
        last = self.later[-1].last if self.later else start
        if self.end_frame_num is not None:
            return max(self.end_frame_num, last)
        return max(self._frame_of(self.end_time, start), last)

    def _frame_of(self, seconds: float | None, default: int) -> int:
        if seconds is None:
            return default
        from dlgeom.video.timebase import frame_of_time

        return max(frame_of_time(seconds, self.fps), 0)

    def _time_of(self, frame: int) -> float:
        from dlgeom.video.timebase import time_of_frame

        return float(time_of_frame(frame, self.fps))

    @property
    def states(self) -> States:
        """All states that are stored, the first one included, ascending by frame."""
        if self._away is None:
            return (self._shown(self.start_frame), *self.later)
        first, loaded = self._away
        states: States = (first, *self.later)
        now = self._shown(loaded.frame_num)
        if (now.annotation_definition is loaded.annotation_definition) and (
            (now.fixed, now.object_visible) == (loaded.fixed, loaded.object_visible)
        ):
            return states
        # Somebody set it on purpose, so that it is a key frame unless they said otherwise.
        fixed = now.fixed if now.fixed != loaded.fixed else loaded.fixed or loaded.interpolated
        return put_state(states, msgspec.structs.replace(now, fixed=fixed))

    def _shown(self, frame: int) -> FrameAnnotation:
        """Return the fields as the state of a frame."""
        return FrameAnnotation(self.annotation_definition, frame, self.fixed, self.object_visible)

    def _keep(self, states: States) -> None:
        """Take the states; the first one becomes the current one."""
        first = states[0]
        self.annotation_definition = first.annotation_definition
        self.fixed, self.object_visible = first.fixed, first.object_visible
        self.frame_num, self.later, self._away = first.frame_num, states[1:], None
        if first.until is not None:
            rest = msgspec.structs.replace(first, frame_num=first.frame_num + 1)
            if rest.frame_num == rest.until:
                rest = msgspec.structs.replace(rest, until=None)
            self.later = (rest, *self.later)

    @property
    def frames(self) -> Frames:
        """Every frame from the first to the last with its state: a read-only mapping.

        Reading changes nothing. A frame without a state of its own has the last one before it,
        or what `interpolation` says, as a copy that is not `fixed`.
        """
        if self.annotation_definition is NO_DEFINITION:
            return Frames(None, (), -1)
        if self._away is None:
            first = self._shown(self.start_frame)
            return Frames(first, self.later, self.end_frame, self.interpolation)
        states = self.states
        return Frames(states[0], states[1:], self.end_frame, self.interpolation)

    @property
    def current_frame(self) -> int:
        """The frame whose state the annotation shows."""
        return self.start_frame if self._away is None else self._away[1].frame_num

    def set_frame(self, frame: int) -> bool:
        """Show the state of another frame; what is changed afterwards holds from there on.

        Parameters
        ----------
        frame : int
            Counted from 0.

        Returns
        -------
        bool
            False, and nothing happens, if the annotation is not alive in that frame.
        """
        frames = self.frames
        if frame not in frames:
            return False
        end = self.end_frame
        self._keep(frames.states)
        self.end_frame_num = end
        if frame != self.start_frame:
            loaded = frames[int(frame)]
            self._away = (frames.states[0], loaded)
            self.annotation_definition = loaded.annotation_definition
            self.fixed, self.object_visible = loaded.fixed, loaded.object_visible
        return True

    def add_frame(
        self,
        annotation_definition: Definition,
        frame_num: int | None = None,
        fixed: bool = True,
        object_visible: bool = True,
    ) -> bool:
        """Set the state from a frame on, until the next state.

        Parameters
        ----------
        annotation_definition : Definition
            Of the same type as the annotation's; label and attributes may differ.
        frame_num : int, optional
            Counted from 0; the one after the last if not given. A frame before the first becomes
            the first, one after the last the last.
        fixed, object_visible : bool, default True
            Whether it is a key frame, and the thing is visible from there on.

        Returns
        -------
        bool
            True.

        Raises
        ------
        UsageError
            If the definition has another type, or the frame is no whole number from 0.
        """
        return self.add_frames(
            annotation_definition,
            frame_num,
            frame_num,
            fixed=fixed,
            object_visible=object_visible,
        )

    def add_frames(
        self,
        annotation_definition: Definition,
        frame_num: int | None = None,
        end_frame_num: int | None = None,
        start_time: float | None = None,
        end_time: float | None = None,
        fixed: bool = True,
        object_visible: bool = True,
    ) -> bool:
        """Set the state of all frames of a range, both ends included; see `add_frame`.

        Parameters
        ----------
        frame_num, end_frame_num : int, optional
            First and last frame; made from the times where not given.
        start_time, end_time : float, optional
            In seconds.
        fixed : bool, default True
            Whether each frame of the range is a key frame.
        """
        shape = checked_definition(annotation_definition)
        empty = self.annotation_definition is NO_DEFINITION
        if not empty and type(shape) is not type(self.annotation_definition):
            raise UsageError(
                f"the annotation is a {type(self.annotation_definition).__name__}, the frame a "
                f"{type(shape).__name__}; all frames of an annotation have one type. Add "
                "another annotation, with another object_id"
            )
        after = self.start_frame if empty else self.end_frame + 1
        first = self._frame_of(start_time, after) if frame_num is None else frame_num
        last = self._frame_of(end_time, first) if end_frame_num is None else end_frame_num
        first, last = checked_frame(first, "frame_num"), checked_frame(last, "end_frame_num")
        if last < first:
            raise UsageError(
                f"end_frame_num ({last}) is before frame_num ({first}); ranges run forwards. "
                "Exchange them"
            )
        # Repeats of a state that is only held say nothing: its first frame is enough.
        until = last if fixed and last > first else None
        state = FrameAnnotation(shape, first, fixed, object_visible, until=until)
        end = last if empty else max(self.end_frame, last)
        if not empty and self._away is None and first > self.end_frame:
            # One more at the end: what is there stays, however much it is.
            self.frame_num, self.later = self.start_frame, (*self.later, state)
        else:
            self._keep((state,) if empty else put_state(self.states, state))
        self.end_frame_num = end
        self.start_time, self.end_time = self._time_of(self.start_frame), self._time_of(end)
        return True

    # Values.

    def copy(self) -> Annotation:
        """Return a copy that can be changed without changing this one."""
        return msgspec.structs.replace(
            self,
            extra=own_copy(self.extra),
            metadata=own_copy(self.metadata),
            children=tuple(child.copy() for child in self.children),
        )

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        if not all(getattr(self, name) == getattr(other, name) for name in _COMPARED):
            return False
        if self._away is None and other._away is None:
            return all(getattr(self, name) == getattr(other, name) for name in _OF_FRAMES)
        return self.states == other.states and self.end_frame == other.end_frame

    def __ne__(self, other: object) -> bool:
        # msgspec's own compares identities; Python would not turn __eq__ around here.
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = [repr(self.annotation_definition)]
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            default = {} if field.name == "extra" else field.default
            if field.name not in _NOT_SHOWN and value != default:
                parts.append(f"{field.name}={value!r}")
        return f"Annotation({', '.join(parts)})"


_NOT_SHOWN = frozenset({"annotation_definition", "item", "record", "_away"})
_OF_FRAMES = (
    "annotation_definition",
    "frame_num",
    "end_frame_num",
    "fixed",
    "object_visible",
    "later",
    "interpolation",
)
_COMPARED = tuple(
    name
    for name in Annotation.__struct_fields__
    if name not in {*_OF_FRAMES, "item", "record", "_away"}
)


def checked_definition(value: object) -> Definition:
    """Return a definition, or raise `UsageError`."""
    if isinstance(value, Definition):
        return value
    raise UsageError(
        f"annotation_definition is {value!r}; it has to be a definition such as "
        "Box(left=1, top=2, right=3, bottom=4, label='cat')"
    )


def checked_object_id(value: object) -> str | None:
    """Return the identity of a thing as text of digits, or raise `UsageError`."""
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        raise UsageError(
            f"object_id is {value!r}; the identity of a thing is a whole number from 0, or its "
            "digits as text. Number the things"
        )
    return text


def own_copy(value: Any) -> Any:
    """Return a copy of a JSON value that shares no dict and no list with it."""
    if isinstance(value, dict):
        return {key: own_copy(entry) for key, entry in value.items()} if value else {}
    if isinstance(value, list):
        return [own_copy(entry) for entry in value]
    return value


def id_of(value: object) -> Any:
    """Return the id of an annotation; one without an id gets a new one."""
    if isinstance(value, Annotation):
        if value.id is None:
            value.id = f"local-{next(_local_ids)}"
        return value.id
    return value


def _no_definition() -> UsageError:
    return UsageError(
        "the annotation has no definition yet; it gets one from add_frame() or "
        "annotation_definition=. Give it first"
    )
