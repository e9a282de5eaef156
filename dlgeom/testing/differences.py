"""Where two annotations, definitions, collections or data sets differ, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from dlgeom.definitions import Box, Cube, Cube3d, Definition, Polygon, Polyline, Pose, Segmentation
from dlgeom.testing.masks import mask_difference

__all__ = ["COMMON", "Difference", "Rules", "of_definitions", "of_geometry", "of_values", "shown"]

COMMON = ("label", "attributes", "description")
_LONG = 120


class Difference(msgspec.Struct, frozen=True):
    """One difference: where it is, what is there and what was expected, and by how much."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as a difference; see `assert_same_annotations`.

    `added` has the fields of annotations and items that may be there although the expected ones
    lack them.
    """

    atol: float = 0.0
    ordered: bool = True
    ids: bool = True
    items: bool = True
    added: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()

    def ignores(self, name: str) -> bool:
        """Whether a field does not count."""
        return name in self.ignore or (not self.ids and name in ("id", "parent_id"))

    def of_field(
        self, path: str, name: str, one: Any, other: Any, atol: float = 0.0
    ) -> Iterator[Difference]:
        """Yield where a field of two objects differs, if it counts."""
        wanted = getattr(other, name)
        if not self.ignores(name) and not (name in self.added and (wanted is None or wanted == {})):
            yield from of_values(f"{path}.{name}", getattr(one, name), wanted, atol)


def shown(value: Any) -> str:
    """Return a short repr."""
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


def _pair(path: str, one: Any, other: Any, note: str = "") -> Difference:
    return Difference(path, f"{shown(one)}, expected {shown(other)}{note}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def of_values(path: str, one: Any, other: Any, atol: float = 0.0) -> Iterator[Difference]:
    """Yield where two values differ; numbers that are `atol` apart or less do not.

    Dicts and lists are gone through, so that the path names the entry.
    """
    if one is other or _same(one, other):
        return
    if _is_number(one) and _is_number(other):
        off = abs(one - other)
        if not off <= atol:
            yield _pair(path, one, other, f" (off by {off:.6g})")
        return
    found = False
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for difference in _of_mappings(path, one, other, atol):
            found = True
            yield difference
    elif _is_list(one) and _is_list(other) and type(one) is type(other):
        if len(one) != len(other):
            yield Difference(path, f"{len(one)} entries, expected {len(other)}")
            found = True
        for index, (a, b) in enumerate(zip(one, other, strict=False)):
            for difference in of_values(f"{path}[{index}]", a, b, atol):
                found = True
                yield difference
        found = found or atol > 0
    if not found:
        yield _pair(path, one, other)


def _same(one: Any, other: Any) -> bool:
    same = one == other
    return bool(same.all()) if isinstance(same, np.ndarray) else bool(same)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _of_mappings(
    path: str, one: Mapping[Any, Any], other: Mapping[Any, Any], atol: float
) -> Iterator[Difference]:
    for key in {**other, **one}:
        where = f"{path}[{key!r}]"
        if key not in one:
            yield Difference(where, f"missing, expected {shown(other[key])}")
        elif key not in other:
            yield Difference(where, f"{shown(one[key])}, expected none")
        else:
            yield from of_values(where, one[key], other[key], atol)


def of_definitions(
    path: str, one: Definition, other: Definition, rules: Rules
) -> Iterator[Difference]:
    """Yield where two definitions differ: type, label, attributes, description, geometry."""
    if type(one) is not type(other):
        yield Difference(path, f"{shown(one)}, expected {shown(other)} (another type)")
        return
    for name in COMMON:
        if not rules.ignores(name):
            yield from of_values(f"{path}.{name}", getattr(one, name), getattr(other, name))
    yield from of_geometry(path, one, other, rules.atol)


def of_geometry(path: str, one: Definition, other: Definition, atol: float) -> Iterator[Difference]:
    """Yield where the geometry of two definitions of one type differs."""
    # What counts is what the definitions themselves call equal or close.
    if one._same_geometry(other) or (atol and one._close_geometry(other, atol)):
        return
    found = False
    for difference in _explained(path, one, other, atol):
        found = True
        yield difference
    if not found:
        yield _pair(f"{path} geometry", one, other)


def _explained(path: str, one: Any, other: Any, atol: float) -> Iterator[Difference]:
    if isinstance(one, Segmentation):
        text = mask_difference(one, other)
        if text is not None:
            yield Difference(f"{path} mask", text)
    elif isinstance(one, Box):
        yield from _of_boxes(path, one, other, atol)
    elif isinstance(one, Polygon):
        yield from _of_parts(path, one.parts, other.parts, atol)
    elif isinstance(one, Polyline):
        yield from _of_lists(f"{path}.lines", one.lines, other.lines, atol, "line")
    elif isinstance(one, Pose):
        yield from _of_poses(path, one, other, atol)
    elif isinstance(one, Cube):
        yield from _of_points(f"{path}.geo", one.geo, other.geo, atol)
        yield from of_values(f"{path}.angle", one.angle, other.angle, atol)
    elif isinstance(one, Cube3d):
        for name in ("position", "scale", "rotation"):
            vectors = getattr(one, name).tolist(), getattr(other, name).tolist()
            yield from of_values(f"{path}.{name}", *vectors, atol)
    elif isinstance(one, msgspec.Struct):
        for name in one.__struct_fields__:
            if name not in COMMON and not name.startswith("_"):
                values = getattr(one, name), getattr(other, name)
                yield from of_values(f"{path}.{name}", *values, atol)


def _of_boxes(path: str, one: Box, other: Box, atol: float) -> Iterator[Difference]:
    names = ["left", "top", "right", "bottom"]
    found = False
    for name in names:
        for difference in of_values(
            f"{path}.{name}", getattr(one, name), getattr(other, name), atol
        ):
            found = True
            yield difference
    turn = float(np.remainder((one.angle or 0) - (other.angle or 0) + 180, 360)) - 180
    if abs(turn) > atol or (not atol and (one.angle or 0) != (other.angle or 0)):
        yield _pair(f"{path}.angle", one.angle, other.angle, f" (off by {abs(turn):.6g} degrees)")
    elif not found:
        # Centre and size are kept beside the edges, which may round to the same.
        yield from of_values(f"{path}.rotated", one.rotated, other.rotated, atol)


def _of_points(path: str, one: Any, other: Any, atol: float) -> Iterator[Difference]:
    """Yield the first vertex that differs."""
    if one.shape != other.shape:
        yield Difference(path, f"{len(one)} vertices, expected {len(other)}")
        return
    off = np.abs(one - other)
    bad = np.flatnonzero((off > atol).any(axis=1))
    if len(bad):
        k = int(bad[0])
        note = f" (off by {off[k].max():.6g}"
        if len(bad) > 1:
            note += f"; {len(bad)} of {len(one)} vertices differ, at most by {off.max():.6g}"
        yield _pair(f"{path}[{k}]", one[k].tolist(), other[k].tolist(), f"{note})")


def _of_lists(
    path: str, one: Sequence[Any], other: Sequence[Any], atol: float, noun: str
) -> Iterator[Difference]:
    """Yield where lists of rings or lines differ."""
    if len(one) != len(other):
        yield Difference(path, f"{len(one)} {noun}s, expected {len(other)}")
        return
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        yield from _of_points(f"{path}[{index}]", a, b, atol)


def _of_parts(path: str, one: Any, other: Any, atol: float) -> Iterator[Difference]:
    if len(one) != len(other):
        yield Difference(f"{path}.parts", f"{len(one)} parts, expected {len(other)}")
        return
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        yield from _of_lists(f"{path}.parts[{index}]", a, b, atol, "ring")


def _of_poses(path: str, one: Pose, other: Pose, atol: float) -> Iterator[Difference]:
    for name in ("template_id", "instance_id", "skeleton"):
        yield from of_values(f"{path}.{name}", getattr(one, name), getattr(other, name))
    if len(one.points) != len(other.points):
        yield Difference(f"{path}.points", f"{len(one.points)}, expected {len(other.points)}")
        return
    for index, pair in enumerate(zip(one.points, other.points, strict=True)):
        # Without a visibility a point of a pose is visible, without a label its name is "".
        a, b = (
            msgspec.structs.replace(
                p, label=p.label or "", visibility=2 if p.visibility is None else p.visibility
            )
            for p in pair
        )
        yield from of_definitions(f"{path}.points[{index}]", a, b, Rules(atol=atol))
