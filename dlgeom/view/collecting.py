"""Items and annotations as the page has them: small JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.colors import hex_of
from dlgeom.definitions import Description, FreeText, Note, Subtitle
from dlgeom.item import Item
from dlgeom.labels import LabelTable
from dlgeom.render.palette import palette
from dlgeom.view.films import states_of
from dlgeom.view.losses import Losses
from dlgeom.view.shapes import primitives

__all__ = ["Labels", "annotations_of", "index_row"]

Row = dict[str, Any]

KINDS = {
    "segment": "polygon",
    "binary": "mask",
    "class": "classification",
    "item_description": "description",
}
"""Names of types that say more to people than the platform's."""

SHORT = 2_000
"""Characters of a value that the page shows."""


class Labels:
    """The labels of the page, in the order in which they are met."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._index: dict[str, int] = {}

    def index(self, name: str | None, table: LabelTable | None) -> int:
        """Return the place of a label and count it; -1 for none."""
        if name is None:
            return -1
        if name not in self._index:
            self._index[name] = len(self.rows)
            self.rows.append(
                {"name": name, "color": _color(name, table, len(self.rows)), "count": 0}
            )
        place = self._index[name]
        self.rows[place]["count"] += 1
        return place


def _color(name: str, table: LabelTable | None, place: int) -> str:
    """Return the colour that a label has, else one that differs from those next to it."""
    for label in table or ():
        if label.name == name and label.color is not None:
            return hex_of(label.color)
    return hex_of(palette(place + 1)[-1])


def annotations_of(
    chunk: Chunk, labels: Labels, losses: Losses
) -> Iterator[tuple[Item, list[Row]]]:
    """Yield each item of a grouped chunk with its annotations."""
    offsets = chunk.item_offsets.tolist()
    for k, item in enumerate(chunk.items):
        rows = []
        for row in range(offsets[k], offsets[k + 1]):
            annotation = chunk.annotation(row)
            place = chunk.where(row)
            annotation.item = item
            found = _annotation(annotation, labels, chunk.labels)
            location = ":".join(str(part) for part in (place["path"], place["location"]) if part)
            if place["annotation_id"] is not None:
                location += f" id {place['annotation_id']}"
            found["o"] = location or "memory"
            if codes := losses.of(place["path"], place["location"]):
                found["c"] = codes
            rows.append(found)
        yield item, rows


def _annotation(annotation: Annotation, labels: Labels, table: LabelTable) -> Row:
    shape = annotation.annotation_definition
    # The box that a file stores beside a mask would only hide it.
    shapes = [shape, *annotation.companions]
    drawn = [shape for shape in shapes if shape.type != "box" or shape is shapes[0]]
    for child in annotation.children:
        drawn += child.shapes
    found: Row = {
        "l": labels.index(annotation.label, table),
        "k": KINDS.get(shape.type, shape.type),
        "g": [primitive for one in drawn for primitive in primitives(one)],
    }
    if annotation.item is not None and annotation.item.media == "video":
        states = states_of(annotation)
        if states is not None:
            found["v"] = states
    left, top, _, _ = shape.bounds
    if left == left:
        found["b"] = [round(left, 2), round(top, 2)]
    if annotation.score is not None:
        found["s"] = round(annotation.score, 4)
    if annotation.crowd:
        found["w"] = 1
    if text := _text(annotation):
        found["d"] = _shortened(text)
    if facts := _facts(annotation):
        found["x"] = facts
    return found


def _text(annotation: Annotation) -> str | None:
    shape = annotation.annotation_definition
    if isinstance(shape, Subtitle | FreeText | Description):
        return str(shape.text)
    if isinstance(shape, Note):
        return "\n".join(message.body or "" for message in shape.messages)
    return annotation.description


def _facts(annotation: Annotation) -> dict[str, str]:
    """Return what hovering shows beside score and place: attributes, frames, identity."""
    facts: dict[str, str] = {}
    attributes = annotation.attributes
    if isinstance(attributes, list):
        facts["attributes"] = _shortened(", ".join(map(str, attributes)))
    else:
        facts.update({str(key): _shortened(_plain(value)) for key, value in attributes.items()})
    if annotation.object_id is not None:
        facts["object id"] = str(annotation.object_id)
    if annotation.start_time is not None and annotation.end_time is not None:
        facts["seconds"] = f"{annotation.start_time:g} to {annotation.end_time:g}"
    elif annotation.later or annotation.end_frame > annotation.start_frame:
        facts["frames"] = f"{annotation.start_frame} to {annotation.end_frame}"
    return facts


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


def index_row(item: Item, rows: list[Row]) -> Row:
    """Return what the filters have to know of an item: labels, best scores, counts, losses."""
    found: dict[int, list[Any]] = {}
    codes: set[int] = set()
    for row in rows:
        entry = found.setdefault(row["l"], [row["l"], row.get("s"), 0])
        entry[2] += 1
        score = row.get("s")
        entry[1] = None if score is None or entry[1] is None else max(entry[1], score)
        codes.update(row.get("c", ()))
    return {
        **({"m": 1} if item.media == "video" else {}),
        "n": item.name or f"(item {item.number})",
        "w": item.width,
        "h": item.height,
        "f": list(found.values()),
        "c": sorted(codes),
    }
