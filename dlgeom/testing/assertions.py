"""`assert_same_annotations` and `assert_geometry_close`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.dataset import Dataset
from dlgeom.definitions import Box, Definition, Ellipse, Polygon
from dlgeom.errors import UsageError
from dlgeom.nearest import near
from dlgeom.testing import records
from dlgeom.testing.differences import COMMON, Difference, Rules, of_definitions, of_geometry

__all__ = ["assert_geometry_close", "assert_same_annotations", "differences"]

Floats = NDArray[np.float64]
SHOWN = 5
"""Differences that a message lists."""

_KNOWN = (
    *COMMON,
    *records.PLAIN_FIELDS,
    *records.FRAME_FIELDS,
    *("stored_bounds", "companions", "children"),
    *records.ITEM_FIELDS,
    *records.LABEL_FIELDS,
)


def assert_same_annotations(
    actual: Any,
    expected: Any,
    message: str = "",
    *,
    ordered: bool = True,
    atol: float = 0.0,
    ids: bool = True,
    items: bool = True,
    ignore: Iterable[str] = (),
) -> None:
    """Raise unless two definitions, annotations, collections or data sets are the same.

    Parameters
    ----------
    actual, expected : Definition, Annotation, AnnotationCollection, Dataset, or iterable
        Both of one kind. An iterable holds definitions or annotations, or pairs of (item,
        collection); it is taken as a collection without an item, or as a data set.
    message : str, optional
        What to say first.
    ordered : bool, default True
        Whether annotations, their companions and children, and items come in the same order.
        Where False, items are matched by their names and annotations so that as many as
        possible are the same.
    atol : float, default 0
        Largest difference of a coordinate in pixels, of an angle in degrees; masks have to be
        equal. See `Definition.is_close`.
    ids : bool, default True
        Whether `id` and `parent_id` count, of items and labels as well.
    items : bool, default True
        Whether the items count: name, size, media, subset... Their place in a run does not, nor
        does the text that they were read from.
    ignore : iterable of str
        Names of fields that do not count, of annotations, definitions, items and labels alike:
        ``label``, ``attributes``, ``score``, ``extra``, ``stored_bounds``, ``children``...

    Raises
    ------
    AssertionError
        If they differ. The message names the first differing annotation and field, both values
        and by how much they differ; for masks it has a picture.
    UsageError
        If there is no such field, or one of them is something else.

    Notes
    -----
    With the defaults, definitions and annotations pass if, and only if, they are equal (``==``).

    Examples
    --------
    >>> one = [Box(1, 2, 3, 4, "cat"), Box(5, 5, 9, 9, "dog")]
    >>> other = [Box(1, 2, 3, 4, "cat"), Box(5, 5, 9.5, 9, "dog")]
    >>> assert_same_annotations(one, other, atol=0.5)
    >>> assert_same_annotations(one, other)
    Traceback (most recent call last):
      ...
    AssertionError: annotations differ:
      annotation 1 (label 'dog').right: 9.0, expected 9.5 (off by 0.5)
    """
    __tracebackhide__ = True
    ignored = frozenset([ignore] if isinstance(ignore, str) else ignore)
    for name in sorted(ignored):
        if name not in _KNOWN:
            raise UsageError(
                f"ignore has {name!r}; no annotation, item or label has such a field."
                f"{near(name, _KNOWN)}"
            )
    rules = Rules(atol=atol, ordered=ordered, ids=ids, items=items, ignore=ignored)
    assert_rules(actual, expected, message or "annotations differ:", rules)


def assert_rules(actual: Any, expected: Any, message: str, rules: Rules) -> None:
    """Raise unless two things are the same by some rules; see `assert_same_annotations`."""
    __tracebackhide__ = True
    found = list(islice(differences(actual, expected, rules), SHOWN + 1))
    if found:
        raise AssertionError(_text(found, message))


def _text(found: list[Difference], message: str) -> str:
    lines = [message]
    for difference in found[:SHOWN]:
        lines += [f"  {line}" for line in str(difference).splitlines()]
    if len(found) > SHOWN:
        lines.append("  and more")
    return "\n".join(lines)


def differences(actual: Any, expected: Any, rules: Rules) -> Iterator[Difference]:
    """Yield where two things differ; see `assert_same_annotations`."""
    one, other = _taken(actual, "actual"), _taken(expected, "expected")
    if isinstance(one, Definition) and isinstance(other, Definition):
        yield from of_definitions(type(other).__name__, one, other, rules)
    elif isinstance(one, Annotation) and isinstance(other, Annotation):
        yield from records.of_annotations("annotation", one, other, rules)
    elif isinstance(one, AnnotationCollection) and isinstance(other, AnnotationCollection):
        yield from records.of_collections("", one, other, rules)
    elif isinstance(one, Dataset) and isinstance(other, Dataset):
        yield from records.of_labels(list(one.labels), list(other.labels), rules)
        yield from records.of_datasets(one, other, rules)
    else:
        yield from _of_lists(one, other, rules)


def _taken(value: Any, name: str) -> Any:
    """Return what can be compared: iterables as lists."""
    if isinstance(value, Definition | Annotation | AnnotationCollection | Dataset):
        return value
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | np.ndarray):
        found = list(value)
        if all(map(_is_entry, found)) or all(map(_is_pair, found)):
            return found
    raise UsageError(
        f"{name} is {value!r}; it is a definition, an Annotation, an AnnotationCollection, a "
        "Dataset, or a list of definitions, of annotations or of (item, collection)"
    )


def _is_entry(value: object) -> bool:
    return isinstance(value, Definition | Annotation)


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and hasattr(value[1], "annotations")


def _of_lists(one: Any, other: Any, rules: Rules) -> Iterator[Difference]:
    """Yield where two lists differ, or a list and what is like one."""
    sides = []
    for side in (one, other):
        if isinstance(side, Definition | Annotation):
            kind, entries = "one", [side]
        else:
            entries = list(side)
            pairs = isinstance(side, Dataset) or (bool(entries) and _is_pair(entries[0]))
            kind = "items" if pairs else "annotations"
        sides.append((kind, entries))
    (kind, mine), (wanted, theirs) = sides
    if "one" in (kind, wanted) or (kind != wanted and mine and theirs):
        yield Difference("actual", f"{type(one).__name__}, expected {type(other).__name__}")
    elif "items" in (kind, wanted):
        yield from records.of_datasets(mine, theirs, rules)
    else:
        yield from records.of_sequences("", "annotation", mine, theirs, rules)


def assert_geometry_close(
    actual: Definition, expected: Definition, message: str = "", *, atol: float = 1e-9
) -> None:
    """Raise unless two definitions draw the same, whatever they say and however they are told.

    Labels, attributes and descriptions do not count. Polygons may start at another vertex, run
    the other way round, and have their parts and holes in another order; a box is the polygon of
    its corners, so that turning a square by 90 degrees changes nothing, and may be compared with
    a polygon; an ellipse may be turned by 180 degrees, or by 90 with its axes exchanged. All
    others are compared as by `Definition.is_close`.

    Parameters
    ----------
    actual, expected : Definition
        What to compare.
    message : str, optional
        What to say first.
    atol : float, default 1e-9
        Largest difference of a coordinate in pixels; of an ellipse, of its semi-axes and, along
        its outline, of its turn.

    Raises
    ------
    AssertionError
        If they differ; the message says where, and by how much.

    Examples
    --------
    >>> square = Polygon([[0, 4], [4, 4], [4, 0], [0, 0]], "tile")
    >>> assert_geometry_close(square, Box(0, 0, 4, 4))
    """
    __tracebackhide__ = True
    for name, shape in (("actual", actual), ("expected", expected)):
        if not isinstance(shape, Definition):
            raise UsageError(f"{name} is {shape!r}; it has to be a definition such as Box")
    found = list(islice(_of_drawn(actual, expected, atol), SHOWN + 1))
    if found:
        raise AssertionError(_text(found, message or "geometries differ:"))


def _of_drawn(one: Any, other: Any, atol: float) -> Iterator[Difference]:
    name = type(other).__name__
    if isinstance(one, Box | Polygon) and isinstance(other, Box | Polygon):
        mine, theirs = _parts(one), _parts(other)
        off = _apart(mine, theirs, _parts_apart)
        if not off <= atol:
            if np.isinf(off):
                yield from _of_counts(name, mine, theirs)
                return
            yield Difference(name, f"outlines are {off:.6g} apart, allowed are {atol:g}")
            if type(one) is type(other):
                yield from of_geometry(name, one, other, atol)
    elif type(one) is not type(other):
        yield Difference(name, f"{one!r}, expected {other!r} (another type)")
    elif isinstance(one, Ellipse):
        off = _ellipses_apart(one, other)
        if not off <= atol:
            yield Difference(name, f"outlines are {off:.6g} apart, allowed are {atol:g}")
            yield from of_geometry(name, one, other, atol)
    else:
        yield from of_geometry(name, one, other, atol)


def _of_counts(name: str, mine: Any, theirs: Any) -> Iterator[Difference]:
    counts = [sorted(len(ring) for part in side for ring in part) for side in (mine, theirs)]
    told = [
        f"{len(side)} parts with rings of {n}"
        for side, n in zip((mine, theirs), counts, strict=True)
    ]
    yield Difference(name, f"{told[0]} vertices, expected {told[1]}")


def _parts(shape: Box | Polygon) -> list[list[Floats]]:
    return [[shape.corners]] if isinstance(shape, Box) else shape.parts


def _ring_apart(one: Floats, other: Floats) -> float:
    """Return the largest distance of vertices, from the best start and in the best direction."""
    if one.shape != other.shape:
        return np.inf
    best = np.inf
    for way in (other, other[::-1]):
        for shift in range(len(way)):
            best = min(best, float(np.abs(one - np.roll(way, shift, axis=0)).max()))
    return best


def _parts_apart(one: list[Floats], other: list[Floats]) -> float:
    """Return how far two parts are apart: the exteriors, and the holes in any order."""
    return max(_ring_apart(one[0], other[0]), _apart(one[1:], other[1:], _ring_apart))


def _apart(one: list[Any], other: list[Any], distance: Any) -> float:
    """Return the largest distance of entries, each paired with the nearest that is left."""
    if len(one) != len(other):
        return np.inf
    left, most = list(other), 0.0
    for entry in one:
        gaps = [distance(entry, candidate) for candidate in left]
        best = int(np.argmin(gaps))
        most = max(most, gaps[best])
        left.pop(best)
    return most


def _ellipses_apart(one: Ellipse, other: Ellipse) -> float:
    """Return a bound of how far the outlines of two ellipses are apart, in pixels."""
    center = max(abs(one.x - other.x), abs(one.y - other.y))
    best = np.inf
    for rx, ry, angle in (
        (other.rx, other.ry, other.angle),
        (other.ry, other.rx, other.angle + 90),
    ):
        turn = np.deg2rad(abs(np.remainder(one.angle - angle + 90, 180) - 90))
        # Turning moves no point by more than the difference of the axes allows.
        moved = float(turn) * abs(rx - ry)
        best = min(best, max(abs(one.rx - rx), abs(one.ry - ry)) + moved)
    return max(center, best)
