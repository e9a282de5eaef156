"""The text of one object with all it has: attributes, extensions, the source's own text.

Plain boxes never come here; the writer assembles them in bulk.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.voc.read_columns import plain_attributes
from dlgeom.converters.voc.read_fast import FLAGS, OBJECT
from dlgeom.converters.voc.read_tree import ACTIONS, degrees_of, read_object
from dlgeom.converters.voc.write_numbers import number_text, number_texts, round_half_up
from dlgeom.converters.voc.xmlio import escape, value_text
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = ["ObjectWriter", "is_tags", "polygon_text", "radians_text"]

_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_KNOWN = frozenset({"pose", "actions", "point", *FLAGS})


def radians_text(degrees: float) -> str:
    """Return an angle in radians, as a decimal that turns back into the same degrees if one does.

    Examples
    --------
    >>> degrees_of(float(radians_text(30.0)))
    30.0
    """
    value = math.radians(degrees)
    near = (value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf))
    return number_text(next((v for v in near if degrees_of(v) == degrees), value))


def polygon_text(ring: NDArray[np.float64]) -> str:
    """Return ``<polygon><x1>...`` for a ring of shape (n, 2), as Roboflow and supervision do."""
    texts = iter(number_texts(ring))
    points = "".join(
        f"<x{k}>{x}</x{k}><y{k}>{y}</y{k}>"
        for k, (x, y) in enumerate(zip(texts, texts, strict=True), start=1)
    )
    return f"\t\t<polygon>{points}</polygon>\n"


class ObjectWriter:
    """Writes the objects of one chunk that are more than a box.

    Parameters
    ----------
    chunk : Chunk
        The rows.
    base : int
        1 where pixels count from 1 in the target.
    robndbox : bool
        Whether rotated boxes are written as such.
    polygons : bool
        Whether outlines are written.
    rounded : bool
        Whether numbers of boxes and points are to be whole.
    points : dict of int to ndarray
        Rows that are one point: its x and y.
    limits : Limits
        For reading the source's own text again.
    """

    def __init__(
        self,
        chunk: Chunk,
        *,
        base: int,
        robndbox: bool,
        polygons: bool,
        rounded: bool,
        points: Mapping[int, NDArray[np.float64]],
        limits: Limits,
    ) -> None:
        self._chunk, self._base, self._limits = chunk, base, limits
        self._robndbox, self._polygons, self._rounded = robndbox, polygons, rounded
        self.points = points
        self.fields: Counter[str] = Counter()
        self.moved: set[int] = set()
        self._from_voc = chunk.origin.format == "voc"

    # -- the source's own text -------------------------------------------------------------

    def own_text(self, row: int) -> str | None:
        """Return the text that the source has for a row, if the row still says the same."""
        raw = self._chunk.origin.raw(row)
        if not raw or (self._rounded and b"." in raw) or self._unwanted(row):
            return None
        text = raw.decode().strip()
        found = OBJECT.fullmatch(text)
        same = self._same_plain(row, found.groups("")) if found else self._same_tree(row, text)
        return f"\t{text}\n" if same else None

    def _unwanted(self, row: int) -> bool:
        """Whether the row has something that options leave out."""
        outline = self._chunk.outline.rows
        return (not self._robndbox and not math.isnan(self._chunk.rotated[row, 0])) or (
            not self._polygons and bool(outline[row] < outline[row + 1])
        )

    def _same_plain(self, row: int, groups: tuple[Any, ...]) -> bool:
        _, name, pose, truncated, occluded, difficult, *edges, last = groups
        return (
            not self._has_more(row)
            and self._same_box(row, tuple(map(float, edges)))
            and self._chunk.labels[int(self._chunk.label[row])].name == name.strip()
            and self._chunk.attributes.get(row, {})
            == plain_attributes((pose, truncated, occluded, difficult or last))
        )

    def _has_more(self, row: int) -> bool:
        chunk = self._chunk
        return bool(
            not math.isnan(chunk.score[row])
            or not math.isnan(chunk.rotated[row, 0])
            or chunk.outline.rows[row] < chunk.outline.rows[row + 1]
            or chunk.children.get(row)
            or chunk.extra.get(row)
            or row in chunk.others
        )

    def _same_box(self, row: int, box: tuple[float, ...] | None) -> bool:
        now = tuple(self._chunk.bounds[row].tolist())
        if box is None:
            return math.isnan(now[0])
        x0, y0, x1, y1 = box
        base = self._base
        return now == (
            min(x0 - base, x1),
            min(y0 - base, y1),
            max(x0 - base, x1),
            max(y0 - base, y1),
        )

    def _same_tree(self, row: int, text: str) -> bool:
        """Compare a row with its text read again, all that the reader reads."""
        from lxml import etree

        from dlgeom.converters.voc.read_again import chunk_of_record

        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            record = read_object(
                etree.fromstring(text.encode(), parser), limits=self._limits, shown=""
            )
        except (etree.XMLSyntaxError, FormatError, ValueError):
            return False
        return chunk_of_record(record, self._base, self._limits, self._chunk, row)

    # -- written anew ----------------------------------------------------------------------

    def text(self, row: int, edges: list[str] | None, ring: NDArray[np.float64] | None) -> str:
        """Return a new text for a row.

        Parameters
        ----------
        row : int
            The row.
        edges : list of str or None
            xmin, ymin, xmax, ymax; None where there is no box.
        ring : ndarray of float64, shape (n, 2), or None
            Outline to write, in pixels.
        """
        chunk = self._chunk
        pieces = ["\t<object>\n\t\t<name>", escape(chunk.labels[int(chunk.label[row])].name)]
        pieces.append("</name>\n")
        attributes = dict(chunk.attributes.get(row, {}))
        pieces += self._flags(attributes)
        rotated = chunk.rotated[row]
        turned = self._robndbox and not math.isnan(rotated[0])
        if turned:
            if attributes.get("rotation") == rotated[4]:
                del attributes["rotation"]  # CVAT's word for what <robndbox> says
            pieces.append("\t\t<type>robndbox</type>\n")
        if edges is not None:
            x0, y0, x1, y1 = edges
            pieces.append(
                f"\t\t<bndbox>\n\t\t\t<xmin>{x0}</xmin>\n\t\t\t<ymin>{y0}</ymin>\n"
                f"\t\t\t<xmax>{x1}</xmax>\n\t\t\t<ymax>{y1}</ymax>\n\t\t</bndbox>\n"
            )
        if turned:
            cx, cy, w, h = number_texts(rotated[:4])
            pieces.append(
                f"\t\t<robndbox>\n\t\t\t<cx>{cx}</cx>\n\t\t\t<cy>{cy}</cy>\n\t\t\t<w>{w}</w>\n"
                f"\t\t\t<h>{h}</h>\n\t\t\t<angle>{radians_text(float(rotated[4]))}</angle>\n"
                "\t\t</robndbox>\n"
            )
        if ring is not None:
            pieces.append(polygon_text(ring + float(self._base)))
        pieces += self._point(row, attributes)
        for child in chunk.children.get(row, ()):
            pieces.append(self._part(row, child))
        if not math.isnan(chunk.score[row]):
            pieces.append(f"\t\t<score>{number_text(float(chunk.score[row]))}</score>\n")
        pieces += self._attributes(attributes)
        pieces += self._extra(row)
        pieces.append("\t</object>\n")
        return "".join(pieces)

    def _flags(self, attributes: dict[str, Any]) -> list[str]:
        """Return pose, truncated, occluded and difficult, taken out of the attributes."""
        pieces = []
        pose = attributes.get("pose")
        if isinstance(pose, str) and pose.strip() and (text := _escaped(pose)) is not None:
            del attributes["pose"]
        else:
            text = "Unspecified"
        pieces.append(f"\t\t<pose>{text}</pose>\n")
        for name in FLAGS:
            value = attributes.get(name)
            if isinstance(value, str) and value not in ("", "0", "1"):
                text = _escaped(value)
                if text is not None:
                    del attributes[name]
                    pieces.append(f"\t\t<{name}>{text}</{name}>\n")
                    continue
            if value in (True, False, 0, 1) and value is not None:
                del attributes[name]
                pieces.append(f"\t\t<{name}>{int(value)}</{name}>\n")
            elif name != "occluded":
                # Loaders such as torchvision's look for these two without asking.
                pieces.append(f"\t\t<{name}>0</{name}>\n")
        return pieces

    def _point(self, row: int, attributes: dict[str, Any]) -> list[str]:
        point = self.points.get(row)
        if point is None:
            if not _is_point(attributes.get("point")):
                return []
            point = np.array(attributes.pop("point"), dtype=np.float64)
        x, y = number_texts(self._whole(row, point + float(self._base)))
        return [f"\t\t<point>\n\t\t\t<x>{x}</x>\n\t\t\t<y>{y}</y>\n\t\t</point>\n"]

    def _whole(self, row: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return numbers as the file gets them, rounded if that is asked for."""
        if not self._rounded:
            return values
        whole = round_half_up(values)
        if (whole != values).any():
            self.moved.add(row)
        return whole

    def _part(self, row: int, child: Any) -> str:
        """Return a part; only its name and its box have a place."""
        left, top, right, bottom = child.bounds
        edges = np.array([left + self._base, top + self._base, right, bottom])
        x0, y0, x1, y1 = number_texts(self._whole(row, edges))
        name = _escaped(child.label or "part") or "part"
        if child.type != "box" or child.angle:
            self.fields["children.geometry"] += 1
        if child.attributes:
            self.fields["children.attributes"] += 1
        return (
            f"\t\t<part>\n\t\t\t<name>{name}</name>\n\t\t\t<bndbox>\n\t\t\t\t<xmin>{x0}</xmin>\n"
            f"\t\t\t\t<ymin>{y0}</ymin>\n\t\t\t\t<xmax>{x1}</xmax>\n\t\t\t\t<ymax>{y1}</ymax>\n"
            "\t\t\t</bndbox>\n\t\t</part>\n"
        )

    def _attributes(self, attributes: dict[str, Any]) -> list[str]:
        pieces = []
        actions: Any = attributes.get("actions")
        if is_tags(actions):
            del attributes["actions"]
            names = [*ACTIONS, *(name for name in actions if name not in ACTIONS)]
            flags = "".join(f"<{name}>{int(name in actions)}</{name}>" for name in names)
            pieces.append(f"\t\t<actions>{flags}</actions>\n")
        rows = []
        for name, value in attributes.items():
            key = _escaped(str(name))
            if isinstance(value, str):
                text, kind = _escaped(value), ""
            else:
                text, kind = _json(value), ' type="json"'
            if key is None or text is None or not str(name).strip():
                self.fields[f"attributes.{name}"] += 1
                continue
            rows.append(
                f"\t\t\t<attribute><name>{key}</name><value{kind}>{text}</value></attribute>\n"
            )
        if rows:
            pieces.append("\t\t<attributes>\n" + "".join(rows) + "\t\t</attributes>\n")
        return pieces

    def _extra(self, row: int) -> list[str]:
        """Return the unknown elements of a VOC source; other formats' fields have no place."""
        pieces = []
        for name, value in self._chunk.extra.get(row, {}).items():
            if self._from_voc and name == "segment":
                continue
            text = value_text(name, value) if self._from_voc else None
            if text is None:
                self.fields[name] += 1
            else:
                pieces.append(f"\t\t{text}\n")
        return pieces


def _escaped(text: str) -> str | None:
    try:
        return escape(text)
    except FormatError:
        return None


def _json(value: Any) -> str | None:
    try:
        return _escaped(msgspec.json.encode(value, enc_hook=_plain).decode())
    except (TypeError, ValueError):
        return None


def _plain(value: Any) -> Any:
    """Turn read-only containers into what JSON knows."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _is_point(value: object) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(type(v) in (int, float) and math.isfinite(v) for v in value)
    )


def is_tags(value: object) -> bool:
    """Whether a value is a list of names of XML elements, as actions are."""
    return isinstance(value, (list, tuple)) and all(
        isinstance(name, str) and _TAG.fullmatch(name) for name in value
    )
