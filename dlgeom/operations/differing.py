"""In what two annotations, items or classes that belong together differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from dlgeom import conversions
from dlgeom.annotation import Annotation
from dlgeom.definitions import Cube, Definition, Point, Polygon, Polyline, Pose
from dlgeom.errors import DlgeomError
from dlgeom.geometry.rotated import corners
from dlgeom.item import Item
from dlgeom.operations.matching import iou_of, stand_in
from dlgeom.testing.differences import COMMON, Difference, Rules, of_geometry, of_values
from dlgeom.testing.records import FRAME_FIELDS, PLAIN_FIELDS, of_sequences

__all__ = [
    "ANNOTATION_FIELDS",
    "IMAGE_FIELDS",
    "LABEL_FIELDS",
    "Comparison",
    "Found",
    "distance_of",
    "known_fields",
]

_DEFAULTS: dict[str, Any] = {
    field.name: field.default
    for field in msgspec.structs.fields(Annotation)
    if field.default is not msgspec.NODEFAULT
}
_NESTED = ("companions", "children")
_PLAIN = (*PLAIN_FIELDS, *FRAME_FIELDS, "interpolation")
ANNOTATION_FIELDS = (
    *("missing", "added", "type", "geometry", "text"),
    *COMMON,
    *_PLAIN,
    *("stored_bounds", "states"),
    *_NESTED,
)
IMAGE_FIELDS = (
    *("name", "width", "height", "media", "fps", "frame_count", "exif_orientation"),
    *("subset", "id", "metadata", "extra"),
)
LABEL_FIELDS = ("id", "parent", "color", "keypoints", "skeleton", "flip", "extra")
ROUNDED = 1e-6
"""Part of a score or an area that is rounding, between files of two formats."""


class Found(msgspec.Struct, frozen=True):
    """One difference: the field, what differs, and by how much where that is geometry."""

    field: str
    text: str
    iou: float | None = None
    distance: float | None = None


class Comparison:
    """Compares, and counts which fields each side has at all.

    Parameters
    ----------
    atol : float
        Pixels (degrees for angles) that do not count.
    exact : bool
        Whether both data sets have one format: numbers are not rounded then, and every field that
        one side lacks counts.
    """

    def __init__(self, atol: float, *, exact: bool) -> None:
        self.atol = atol
        self.exact = exact
        self.present: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    def count(self, side: int, annotations: Iterable[Annotation]) -> None:
        """Count the fields that annotations have."""
        there = self.present[side]
        for one in annotations:
            definition = one.annotation_definition
            there["attributes"] += bool(definition.attributes)
            there["description"] += definition.description is not None
            for name in (*_PLAIN, "stored_bounds", *_NESTED):
                value = getattr(one, name)
                there[name] += bool(value != _DEFAULTS.get(name) and value != {})
            there["states"] += len(one.later) > 0

    def count_values(self, side: int, group: str, value: Any, names: Iterable[str]) -> None:
        """Count the fields that an item or a class has."""
        for name in names:
            self.present[side][f"{group}.{name}"] += _is_there(getattr(value, name))

    # -- annotations -------------------------------------------------------------------------

    def annotations(self, one: Annotation, other: Annotation) -> Iterator[Found]:
        """Yield in what two annotations differ."""
        a, b = one.annotation_definition, other.annotation_definition
        for name in COMMON:
            yield from _values(name, getattr(a, name), getattr(b, name))
        yield from self._geometry(one, other)
        for name in _PLAIN:
            mine, theirs = self._both(name, one, other)
            if not self._is_rounding(name, mine, theirs):
                yield from _values(name, mine, theirs)
        yield from _values("stored_bounds", one.stored_bounds, other.stored_bounds, self.atol)
        # Further shapes of a record have its label: one that changed is one difference.
        renamed = frozenset({"label"} if one.label != other.label else ())
        for name, noun in zip(_NESTED, ("companion", "child"), strict=True):
            rules = Rules(atol=self.atol, ignore=renamed if noun == "companion" else frozenset())
            nested = of_sequences("", noun, getattr(one, name), getattr(other, name), rules)
            yield from _joined(name, nested)
        yield from self._states(one, other)

    def _is_rounding(self, name: str, one: Any, other: Any) -> bool:
        if self.exact or name not in ("score", "stored_area") or one is None or other is None:
            return False
        return bool(abs(one - other) <= ROUNDED * max(abs(one), abs(other)))

    def _geometry(self, one: Annotation, other: Annotation) -> Iterator[Found]:
        a, b = one.annotation_definition, other.annotation_definition
        if type(a) is not type(b):
            yield Found("type", f"{type(a).__name__}, other {type(b).__name__}")
            # Of a pose and another shape what covers the thing in both.
            a, b = stand_in(one), stand_in(other)
            iou, away = iou_of(a, b), distance_of(a, b)
            if iou is None:
                same = away is not None and away <= self.atol
            else:
                same = iou >= 1 - ROUNDED or self._same_region(a, b, iou, away)
            if not same:
                yield Found("geometry", _measured(iou, away), iou, away)
            return
        if a._same_geometry(b) or (self.atol and a._close_geometry(b, self.atol)):
            return
        classes = not self.exact or a.label != b.label
        if classes and isinstance(a, Pose) and self._same_points(a, b):
            return  # the edges between the points are those of another class
        away, iou = distance_of(a, b), iou_of(a, b)
        if isinstance(a, Polygon) and self._same_region(a, b, iou, away):
            return  # the same outline from another vertex on, or with other vertices on it
        first = next(of_geometry("", a, b, self.atol), None)
        detail = "" if first is None else _text(first).replace("\n", " ")[:200]
        if hasattr(a, "text"):
            yield Found("text", detail)  # subtitles and descriptions have no place
            return
        yield Found("geometry", f"{_measured(iou, away)}: {detail}", iou, away)

    def _same_region(
        self, one: Definition, other: Definition, iou: float | None, away: float | None
    ) -> bool:
        """Whether two shapes have one outline and cover the same, within the tolerance."""
        if not self.atol or away is None or away > self.atol:
            return False
        outlines = _lines(one), _lines(other)
        if iou is None or outlines[0] is None or outlines[1] is None:
            return True
        # All vertices of a shape cut in two, or of one that crosses itself, may lie on the outline
        # of the whole one; and a ring is a hole here, a part there.
        areas = one.area + other.area
        apart = areas * (1 - iou) / (1 + iou)  # as the areas are IoU + 1 times that of the union
        return bool(apart <= self.atol * (outlines[0].length + outlines[1].length))

    def _same_points(self, one: Pose, other: Any) -> bool:
        # So are the names of the points, their labels.
        rules = Rules(atol=self.atol, ignore=frozenset({"label"}))
        found = of_sequences("", "point", one.points, other.points, rules)
        return next(found, None) is None

    def _states(self, one: Annotation, other: Annotation) -> Iterator[Found]:
        mine, theirs = one.later, other.later
        if len(mine) != len(theirs):
            yield Found("states", f"{len(mine) + 1} states, other {len(theirs) + 1}")
            return
        for a, b in zip(mine, theirs, strict=True):
            where = f"frame {a.frame_num}"
            for name in ("frame_num", "until", "fixed", "object_visible", "interpolated"):
                yield from _values("states", getattr(a, name), getattr(b, name), 0.0, where, name)
            first, second = Annotation(a.annotation_definition), Annotation(b.annotation_definition)
            for found in self._of_state(first, second):
                yield msgspec.structs.replace(found, text=f"{where}: {found.text}")

    def _of_state(self, one: Annotation, other: Annotation) -> Iterator[Found]:
        for name in COMMON:
            mine = getattr(one.annotation_definition, name)
            yield from _values(name, mine, getattr(other.annotation_definition, name))
        yield from self._geometry(one, other)

    # -- items and classes -------------------------------------------------------------------

    def values(self, group: str, one: Any, other: Any, names: Iterable[str]) -> Iterator[Found]:
        """Yield in which fields two items or classes differ."""
        for name in names:
            mine, theirs = self._both(name, one, other)
            if isinstance(one, Item):
                mine, theirs = _told_once(name, mine, one), _told_once(name, theirs, other)
            yield from _values(f"{group}.{name}", mine, theirs)

    def _both(self, name: str, one: Any, other: Any) -> tuple[Any, Any]:
        """Return a field of two objects; of two formats' own fields those that both have."""
        mine, theirs = getattr(one, name), getattr(other, name)
        if name == "extra" and not self.exact:
            shared = mine.keys() & theirs.keys()
            return {key: mine[key] for key in shared}, {key: theirs[key] for key in shared}
        return mine, theirs

    # -- what cannot be compared -------------------------------------------------------------

    def one_sided(self, field: str) -> int | None:
        """Return the side (0 or 1) that has a field nowhere, None if both or none have it."""
        have = [side[field] > 0 for side in self.present]
        if self.exact or have[0] == have[1]:
            return None
        return have.index(False)


def _told_once(name: str, value: Any, item: Item) -> Any:
    """Return a field of an item without what the platform's files say a second time there.

    Else one annotation more would be two differences, and so would another width.
    """
    if name == "extra" and "annotationsCount" in value:
        return {key: other for key, other in value.items() if key != "annotationsCount"}
    system = value.get("system") if name == "metadata" and isinstance(value, dict) else None
    if not isinstance(system, dict):
        return value
    size = {"width": item.width, "height": item.height}
    rest = {key: other for key, other in system.items() if key not in size or size[key] != other}
    return {**value, "system": rest}


def _is_there(value: Any) -> bool:
    return value is not None and value != {} and value != ()


def _text(difference: Difference) -> str:
    text = str(difference).lstrip(".: ").replace(", expected ", ", other ")
    return text.replace("not expected", "only here")


def _values(
    field: str, one: Any, other: Any, atol: float = 0.0, where: str = "", name: str = ""
) -> Iterator[Found]:
    if one is other:
        return
    lead = f"{where}: {name}" if where else ""
    yield from _joined(field, of_values(lead, one, other, atol))


def _joined(field: str, differences: Iterable[Difference]) -> Iterator[Found]:
    """Yield one finding for all differences of a field."""
    texts = [_text(difference) for difference in differences]
    if texts:
        more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
        yield Found(field, "; ".join(texts[:3]) + more)


def _measured(iou: float | None, away: float | None) -> str:
    told = [] if iou is None else [f"IoU {iou:.6g}"]
    if away is not None:
        told.append(f"up to {away:.6g} px away")
    return ", ".join(told) or "another place"


# -- distances -------------------------------------------------------------------------------


def distance_of(one: Definition, other: Definition) -> float | None:
    """Return the largest distance of two shapes in pixels, None where there is none.

    Of vertices where both have as many; otherwise, and for masks, the Hausdorff distance of their
    outlines, taken at the vertices of both.
    """
    best: float | None = None
    if type(one) is type(other):
        mine, theirs = _vertices(one), _vertices(other)
        if mine is not None and theirs is not None and mine.shape == theirs.shape and len(mine):
            gaps = np.hypot(*(mine - theirs).T)
            if not isinstance(one, Polygon | Polyline) or not np.isnan(gaps).any():
                best = float(np.nanmax(gaps)) if not np.isnan(gaps).all() else None
    if best is not None and not isinstance(one, Polygon):
        return best
    try:
        outlines = _lines(one), _lines(other)
    except DlgeomError:
        return best
    if outlines[0] is None or outlines[1] is None:
        return best
    away = float(outlines[0].hausdorff_distance(outlines[1]))
    return away if best is None else min(best, away)


def _vertices(definition: Definition) -> Any:
    if isinstance(definition, Polygon):
        rings = [ring for part in definition.parts for ring in part]
        # Rings of other lengths have other vertices even where their sum is the same.
        return np.concatenate(rings) if rings else None
    if isinstance(definition, Polyline):
        return np.concatenate(definition.lines)
    if isinstance(definition, Pose):
        return np.array([(point.x, point.y) for point in definition.points]).reshape(-1, 2)
    if isinstance(definition, Point):
        return np.array([(definition.x, definition.y)], dtype=np.float64)
    if isinstance(definition, Cube):
        return np.asarray(definition.geo, dtype=np.float64)
    rotated = getattr(definition, "rotated", None)
    if rotated is not None:
        return corners(np.asarray([rotated], dtype=np.float64))[0]
    return None


def _lines(definition: Definition) -> Any:
    """Return the outline as lines of shapely, None where there is none."""
    from shapely import LinearRing, LineString, MultiLineString, MultiPoint

    if isinstance(definition, Polyline):
        return MultiLineString([LineString(line) for line in definition.lines if len(line) > 1])
    if isinstance(definition, Point):
        return MultiPoint([(definition.x, definition.y)])
    left = definition.bounds[0]
    if left != left:
        return None
    polygon = conversions.to_polygon(definition)
    rings = [LinearRing(ring) for part in polygon.parts for ring in part]
    return MultiLineString(rings) if rings else None


def known_fields() -> list[str]:
    """Return the names of all fields that may differ, as `ignore` takes them."""
    image = [f"image.{name}" for name in ("missing", "added", *IMAGE_FIELDS)]
    category = [f"category.{name}" for name in ("missing", "added", *LABEL_FIELDS)]
    return [*ANNOTATION_FIELDS, *image, *category, "section"]
