"""Strategies for annotations, alone and over the frames of a video."""

from typing import Any

from hypothesis import strategies as st

from dlgeom.annotation import Annotation
from dlgeom.definitions import Definition
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.testing.strategies import values
from dlgeom.testing.strategies.anything import STRATEGIES, definitions
from dlgeom.testing.strategies.knobs import Space

__all__ = ["annotations", "tracks"]

_numbers = st.floats(0, 1e6)
_seconds = st.floats(0, 1e4)


def object_ids() -> st.SearchStrategy[str]:
    """Draw the identity of a thing: digits."""
    return st.integers(0, 1 << 70).map(str)


def _fields() -> dict[str, st.SearchStrategy[Any]]:
    """Return what may be known about an annotation."""
    space = Space()
    bounds = st.tuples(space.point, space.point).map(
        lambda p: (min(p[0][0], p[1][0]), min(p[0][1], p[1][1]), max(p[0][0], p[1][0]), 44.0)
    )
    metadata = st.fixed_dictionaries({"user": values.fields()})
    return {
        "id": values.ids(),
        "score": st.floats(0, 1),
        "crowd": st.booleans(),
        "stored_bounds": bounds,
        "stored_area": _numbers,
        "extra": values.fields(),
        "object_id": object_ids(),
        "status": st.sampled_from(["issue", "review", "approved"]) | values.names(),
        "metadata": metadata,
        "automated": st.booleans(),
        "start_time": _seconds,
        "creator": values.names(),
        "created_at": values.names(),
        "updated_by": values.names(),
        "updated_at": values.names(),
        "source": values.names(),
    }


_FIELDS = _fields()
_CHOICE = st.lists(st.sampled_from([*_FIELDS, "companions", "children"]), max_size=4, unique=True)


@st.composite
def annotations(
    draw: st.DrawFn,
    /,
    of: st.SearchStrategy[Definition] | None = None,
    *,
    plain: bool = False,
    item: Item | None = None,
    **knobs: Any,
) -> Annotation:
    """Draw an annotation.

    Parameters
    ----------
    of : strategy, optional
        What to draw its definition from; any definition if not given.
    plain : bool, default False
        Whether nothing is known but the definition. Else some of id, score, companions,
        children, times, metadata... are there.
    item : Item, optional
        What it belongs to.
    **knobs
        As for `definitions`, where `of` is not given.
    """
    shapes = definitions(**knobs) if of is None else _alone(of, knobs)
    made = Annotation(draw(shapes), item=item)
    if plain:
        return made
    for name in draw(_CHOICE):
        if name == "companions":
            others = draw(st.lists(shapes, min_size=1, max_size=2))
            made.companions = tuple(other.replace(label=made.label) for other in others)
        elif name == "children":
            children = draw(st.lists(shapes.map(Annotation), min_size=1, max_size=2))
            made.children = tuple(children)
        else:
            setattr(made, name, draw(_FIELDS[name]))
    if made.start_time is not None and draw(st.booleans()):
        made.end_time = made.start_time + draw(_seconds)
    return made


def _alone(of: Any, knobs: dict[str, Any]) -> Any:
    if knobs:
        raise UsageError(
            f"both a strategy and the knob {next(iter(knobs))!r} are given; give it to the strategy"
        )
    return of


@st.composite
def tracks(
    draw: st.DrawFn,
    /,
    of: st.SearchStrategy[Definition] | None = None,
    *,
    max_states: int = 4,
    max_gap: int = 5,
    item: Item | None = None,
    **knobs: Any,
) -> Annotation:
    """Draw one thing over the frames of a video: an annotation with states.

    States are key frames, ranges of them, and frames that were computed; some are hidden. The
    annotation may go on after the last one, and begins at any frame up to `max_gap`.

    Parameters
    ----------
    of : strategy, optional
        What to draw the states from, all of one class. If not given: any definitions of a class
        that is drawn first.
    max_states : int
        Most states, 1 or more.
    max_gap : int
        Most frames from one state to the next, and most frames of a range.
    item : Item, optional
        The video; one is made if not given.
    **knobs
        As for `definitions`, where `of` is not given.
    """
    if item is None:
        size = knobs.get("size") or (None, None)
        fps = draw(st.sampled_from([25.0, 30.0, 29.97, 1.0]))
        item = Item(name="a.mp4", media="video", fps=fps, width=size[0], height=size[1])
    shapes = _alone(of, knobs) if of is not None else _of_one_class(draw, knobs)
    track = Annotation.new(item=item, object_id=draw(object_ids()))
    frame = draw(st.integers(0, max_gap))
    for _ in range(draw(st.integers(1, max_states))):
        last = frame + draw(st.sampled_from([0, 0, 0, max_gap]))
        track.add_frames(
            draw(shapes),
            frame,
            last,
            fixed=draw(st.sampled_from([True, True, False])),
            object_visible=draw(st.sampled_from([True, True, False])),
        )
        frame = last + draw(st.integers(1, max_gap))
    if draw(st.booleans()):
        track.end_frame_num = track.end_frame + draw(st.integers(0, max_gap))
    return track


def _of_one_class(draw: st.DrawFn, knobs: dict[str, Any]) -> st.SearchStrategy[Definition]:
    kinds = knobs.pop("kinds", None) or STRATEGIES
    first = draw(definitions(kinds, **knobs))
    return definitions([type(first)], **knobs)
