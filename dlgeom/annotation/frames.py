"""The states of one annotation over the frames of a video.

Frames are counted from 0; ranges include both ends. A state holds from its frame until the next
one, unless the annotation says that what lies between them is interpolated; reading never
changes anything.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from dlgeom.definitions.base import Bounds, Definition
from dlgeom.definitions.drawing import Drawable
from dlgeom.errors import UsageError

__all__ = [
    "FrameAnnotation",
    "Frames",
    "Interpolation",
    "checked_frame",
    "put_state",
    "state_at",
]

Interpolation = Literal["hold", "linear", "approach"]


def checked_frame(value: object, what: str) -> int:
    """Return a frame number, or raise `UsageError` that names `what`."""
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        number = -1
    if isinstance(value, bool) or number != value or number < 0:
        raise UsageError(f"{what} is {value!r}; frames are whole numbers from 0. Correct it")
    return int(number)


class FrameAnnotation(Drawable, msgspec.Struct, frozen=True):
    """The state of an annotation from one frame on; a value.

    Geometry (``left``, ``geo``...), `label` and `attributes` are those of the definition.

    Parameters
    ----------
    annotation_definition : Definition
        What it draws or says there.
    frame_num : int
        The first frame in which it holds, from 0.
    fixed : bool, default True
        Whether the frame is a key frame: set on purpose, not computed.
    object_visible : bool, default True
        Whether the thing can be seen.
    interpolated : bool, default False
        Whether nobody stored the state: it is held from an earlier frame.
    until : int, optional
        Last frame, inclusive, up to which each frame counts as set like this one; `frame_num` if
        None. Beyond it the state is only held.
    """

    annotation_definition: Definition
    frame_num: int
    fixed: bool = True
    object_visible: bool = True
    interpolated: bool = False
    until: int | None = None

    @classmethod
    def new(
        cls,
        annotation: object = None,
        annotation_definition: Definition | None = None,
        frame_num: int = 0,
        fixed: bool = True,
        object_visible: bool = True,
    ) -> FrameAnnotation:
        """Build a state; `annotation`, where it is given, only lends its definition.

        Raises
        ------
        UsageError
            If there is no definition, or the frame is no whole number from 0.
        """
        definition = annotation_definition
        if definition is None:
            definition = getattr(annotation, "annotation_definition", None)
        if not isinstance(definition, Definition):
            raise UsageError(
                f"annotation_definition is {definition!r}; a state needs a definition such as "
                "Box(left=1, top=2, right=3, bottom=4, label='cat')"
            )
        return cls(definition, checked_frame(frame_num, "frame_num"), fixed, object_visible)

    @classmethod
    def from_snapshot(
        cls, annotation: Any, _json: Mapping[str, Any], fps: float | None = None
    ) -> FrameAnnotation:
        """Read a snapshot of the platform's JSON.

        Parameters
        ----------
        annotation : Annotation
            What it belongs to: what the snapshot does not say is taken from it.
        _json : mapping
            One entry of ``metadata.system.snapshots_``.
        fps : float, optional
            Frames in a second, where the snapshot tells its time only.

        Raises
        ------
        FormatError
            If it is none.
        """
        from dlgeom.converters.dataloop.api import state_from_snapshot

        return state_from_snapshot(annotation, _json, fps)

    @property
    def last(self) -> int:
        """The last frame that counts as set like this one."""
        return self.frame_num if self.until is None else self.until

    @property
    def type(self) -> str:
        """Type string of the definition."""
        return self.annotation_definition.type

    @property
    def label(self) -> str | None:
        """Name of its class."""
        return self.annotation_definition.label

    @property
    def attributes(self) -> Any:
        """Attributes, read-only."""
        return self.annotation_definition.attributes

    @property
    def description(self) -> str | None:
        """Free text."""
        return self.annotation_definition.description

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom in pixels."""
        return self.annotation_definition.bounds

    def __getattr__(self, name: str) -> Any:
        # Geometry of any kind of definition: left, x, rx, front_tl...
        if name.startswith("_") or name in self.__struct_fields__:
            raise AttributeError(name)
        return getattr(self.annotation_definition, name)


States = tuple[FrameAnnotation, ...]


def _first(state: FrameAnnotation) -> int:
    return state.frame_num


def state_at(states: States, frame: int) -> FrameAnnotation:
    """Return the state that holds in a frame: the last one that began before or in it.

    Parameters
    ----------
    states : tuple of FrameAnnotation
        Ascending by frame, not empty.
    frame : int
        Not before the first state.

    Returns
    -------
    FrameAnnotation
        As stored; or a copy for that frame, which is not `fixed` and counts as `interpolated`
        where the state is only held.
    """
    state = states[max(bisect_right(states, frame, key=_first) - 1, 0)]
    if frame == state.frame_num and state.until is None:
        return state
    held = frame > state.last
    return FrameAnnotation(
        state.annotation_definition,
        frame,
        fixed=state.fixed and not held,
        object_visible=state.object_visible,
        interpolated=held,
    )


def _between(
    left: FrameAnnotation, right: FrameAnnotation, held: FrameAnnotation, mode: Interpolation
) -> FrameAnnotation:
    """Return what lies between two states in the frame of `held`, the state that would hold."""
    if not right.object_visible and mode != "approach":
        return held
    from dlgeom.video.interpolation import interpolate

    part = (held.frame_num - left.last) / (right.frame_num - left.last)
    shape = interpolate(left.annotation_definition, right.annotation_definition, part)
    return msgspec.structs.replace(held, annotation_definition=shape)


def put_state(states: States, state: FrameAnnotation) -> States:
    """Return the states with another one in its place; what it covers goes."""
    first, last = state.frame_num, state.last
    if not states or states[-1].last < first:
        return (*states, state)
    # States do not overlap: one may reach in from before, those that begin inside go.
    low = bisect_left(states, first, key=_first)
    high = bisect_right(states, last, key=_first)
    before, middle = states[:low], [state]
    if low and states[low - 1].last >= first:
        reaching = states[low - 1]
        before = (*states[: low - 1], _ending(reaching, first - 1))
        if reaching.last > last:
            middle.append(_starting(reaching, last + 1))
    middle += [_starting(other, last + 1) for other in states[low:high] if other.last > last]
    return (*before, *middle, *states[high:])


def _ending(state: FrameAnnotation, last: int) -> FrameAnnotation:
    return msgspec.structs.replace(state, until=None if last == state.frame_num else last)


def _starting(state: FrameAnnotation, first: int) -> FrameAnnotation:
    until = None if first == state.last else state.until
    return msgspec.structs.replace(state, frame_num=first, until=until)


class Frames(Mapping[int, FrameAnnotation]):
    """All frames of an annotation, first to last, each with its state; read-only.

    Nothing is stored for a frame: a range of a million frames costs nothing.
    """

    __slots__ = ("_first", "_head", "_last", "_later", "_mode")

    def __init__(
        self,
        head: FrameAnnotation | None,
        later: States,
        last: int,
        mode: Interpolation = "hold",
    ) -> None:
        # Head and rest apart: joining them for each access would cost as much as all states.
        self._head, self._later = head, later
        self._mode = mode
        self._first = 0 if head is None else head.frame_num
        self._last = -1 if head is None else last

    @property
    def states(self) -> States:
        """The states that are stored, ascending by frame."""
        return () if self._head is None else (self._head, *self._later)

    def __getitem__(self, frame: int) -> FrameAnnotation:
        if self._head is None or frame not in self:
            raise KeyError(frame)
        number = int(frame)
        first = not self._later or number < self._later[0].frame_num
        held = state_at((self._head,) if first else self._later, number)
        if self._mode == "hold" or not held.interpolated or not held.object_visible:
            return held
        after = 0 if first else bisect_right(self._later, number, key=_first)
        if after >= len(self._later):
            return held
        left = self._head if first else self._later[after - 1]
        return _between(left, self._later[after], held, self._mode)

    def __contains__(self, frame: object) -> bool:
        return (
            hasattr(frame, "__index__")
            and not isinstance(frame, bool)
            and self._first <= frame <= self._last  # type: ignore[operator]
        )

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._first, self._last + 1))

    def __len__(self) -> int:
        return self._last + 1 - self._first

    def __repr__(self) -> str:
        if self._head is None:
            return "Frames()"
        return f"Frames({self._first}..{self._last}, {1 + len(self._later)} states)"
