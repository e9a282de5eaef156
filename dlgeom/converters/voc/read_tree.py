"""Objects of a VOC file from its element tree: every extension, children addressed by name.

Extensions and where they come from: ``robndbox`` (roLabelImg), ``polygon`` (Roboflow,
supervision; LabelMe's ``pt``), ``attributes`` (CVAT), ``part``, ``actions`` and ``point``
(development kit of VOC2012). Formats page, sections 3.1 and 3.5.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from dlgeom.converters.voc.read_fast import FLAGS
from dlgeom.converters.voc.xmlio import Element, check_tree, gather, serialise, text_of, to_value
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = ["ACTIONS", "NUMBER", "Note", "Record", "degrees_of", "read_number", "read_object"]

ACTIONS = (
    "jumping",
    "phoning",
    "playinginstrument",
    "reading",
    "ridingbike",
    "ridinghorse",
    "running",
    "takingphoto",
    "usingcomputer",
    "walking",
    "other",
)
_EDGES = ("xmin", "ymin", "xmax", "ymax")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A decimal number; `float` alone takes more than that."""
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_SINGLE = frozenset(
    {"name", "pose", "bndbox", "robndbox", "actions", "attributes", "point", "score", "type"}
    | set(FLAGS)
)
_CHILD_TAGS = _SINGLE | {"part", "polygon", "segmentation", "object"}
Ring = list[tuple[float, float]]


class Note(msgspec.Struct):
    """Something to tell of a record that is kept: how (a method of `Problems`), code, sentence."""

    how: str
    code: str
    message: str


class Record(msgspec.Struct):
    """One object as the file has it: numbers unchanged, nothing checked against the image."""

    name: str
    box: tuple[float, float, float, float] | None = None
    rotated: tuple[float, float, float, float, float] | None = None
    rings: list[Ring] = msgspec.field(default_factory=list)
    point: tuple[float, float] | None = None
    score: float = math.nan
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    extra: dict[str, Any] = msgspec.field(default_factory=dict)
    parts: list[tuple[str, tuple[float, float, float, float]]] = msgspec.field(default_factory=list)
    notes: list[Note] = msgspec.field(default_factory=list)
    whole: bool = True


def read_number(text: str, what: str, limit: float) -> float:
    """Return a number of a VOC file.

    Raises
    ------
    FormatError
        ``number.not_finite``, ``number.range`` (further from 0 than `limit`), ``type.number``.
    """
    if not NUMBER.fullmatch(text):
        code = "number.not_finite" if _NOT_FINITE.fullmatch(text) else "type.number"
        raise FormatError(
            f"{what} is {text[:40]!r}; it must be a finite decimal number with a point. "
            "Correct the value",
            code=code,
        )
    value = float(text)
    if abs(value) > limit:
        raise FormatError(
            f"{what} is {text[:40]}; coordinates lie within +/- {limit:g} pixels. "
            "Correct it, or raise --limit coordinate=N",
            code="number.range",
        )
    return value


def _values(element: Element, names: tuple[str, ...], limits: Limits) -> tuple[float, ...]:
    """Return the numbers of named children, each of which must be there once."""
    found: dict[str, str] = {}
    for child in element:
        if child.tag not in names:
            continue
        if child.tag in found:
            raise FormatError(
                f"<{element.tag}> has two <{child.tag}>; which one holds cannot be told. "
                "Remove one",
                code="schema.repeated",
            )
        if len(child):
            raise FormatError(
                f"<{child.tag}> holds elements; it is a number. Correct it", code="schema.nested"
            )
        found[child.tag] = text_of(child)
    values = []
    for name in names:
        if name not in found:
            raise FormatError(
                f"<{element.tag}> has no <{name}>; it needs {', '.join(names)}. Add it",
                code="schema.field",
            )
        values.append(read_number(found[name], name, limits.coordinate))
    return tuple(values)


def _read_rings(element: Element, limits: Limits) -> Ring | None:
    """Return the ring of a polygon in one of its known forms, None for an unknown form."""
    tags = [child.tag for child in element]
    if not tags:
        return None
    if all(tag in ("pt", "point") for tag in tags):
        ring = []
        for child in element:
            x, y = _values(child, ("x", "y"), limits)
            ring.append((x, y))
        return ring
    wanted = {f"{axis}{k}" for k in range(1, len(tags) // 2 + 1) for axis in "xy"}
    if set(tags) != wanted or len(tags) != len(wanted):
        if set(tags) & {"x1", "y1"}:
            raise FormatError(
                f"<{element.tag}> has {len(tags)} coordinates that make no full list of points; "
                "it needs x1, y1, x2, y2, ... Correct it",
                code="polygon.odd",
            )
        return None
    texts = {child.tag: text_of(child) for child in element}
    return [
        (
            read_number(texts[f"x{k}"], f"x{k}", limits.coordinate),
            read_number(texts[f"y{k}"], f"y{k}", limits.coordinate),
        )
        for k in range(1, len(tags) // 2 + 1)
    ]


def _read_attributes(element: Element, record: Record) -> None:
    if text_of(element):
        record.notes.append(
            Note(
                "repaired",
                "value.invalid",
                "<attributes> holds text; it has <attribute> elements with name and value. "
                "The text is left out, never evaluated",
            )
        )
        record.whole = False
    for child in element:
        parts = {part.tag: part for part in child}
        if child.tag != "attribute" or not {"name", "value"} <= set(parts):
            record.notes.append(
                Note(
                    "repaired",
                    "schema.field",
                    f"<{child.tag}> in <attributes> has no name and value; it is left out",
                )
            )
            record.whole = False
            continue
        _tell_unknown(child, ("name", "value"), record)
        key = text_of(parts["name"])
        if key in record.attributes:
            record.notes.append(
                Note(
                    "notice",
                    "schema.repeated",
                    f"attribute {key[:40]!r} is there before; only VOC targets keep both",
                )
            )
        record.attributes[key] = _attribute_value(parts["value"])


def _attribute_value(element: Element) -> Any:
    text = element.text or ""
    if element.get("type") == "json":
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            pass
    return text


def _read_actions(element: Element, record: Record) -> None:
    flags = {child.tag: text_of(child) for child in element}
    if set(flags.values()) <= {"0", "1"} and len(flags) == len(element):
        record.attributes["actions"] = [name for name, flag in flags.items() if flag == "1"]
    else:
        record.extra["actions"] = {"xml": serialise(element)}


def degrees_of(radians: float) -> float:
    """Return degrees; whole ones where the radians are theirs, not 30.000000000000004.

    Examples
    --------
    >>> degrees_of(math.radians(30))
    30.0
    """
    degrees = math.degrees(radians)
    short = round(degrees, 10)
    return short if math.radians(short) == radians else degrees


def _read_part(element: Element, record: Record, limits: Limits) -> None:
    name, box = element.find("name"), element.find("bndbox")
    try:
        if name is None or box is None or not text_of(name):
            raise FormatError(
                "<part> has no name or no bndbox; it needs both. Add them", code="schema.field"
            )
        x0, y0, x1, y1 = _values(box, _EDGES, limits)
        if x1 < x0 or y1 < y0:
            record.notes.append(_reversed("part"))
    except FormatError as error:
        record.notes.append(Note("repaired", error.code, f"a part is left out: {error.message}"))
        record.whole = False
        return
    _tell_unknown(element, ("name", "bndbox"), record)
    record.parts.append((text_of(name), (x0, y0, x1, y1)))


def _reversed(what: str) -> Note:
    return Note(
        "repaired",
        "geometry.normalised",
        f"corners of the {what} are in the wrong order; min is not above max. "
        "They were put in order",
    )


def _read_flag(child: Element, record: Record) -> None:
    text = text_of(child)
    if child.tag == "pose":
        if text not in ("", "Unspecified"):
            record.attributes["pose"] = text
    elif text == "1":
        record.attributes[child.tag] = True
    elif text not in ("", "0"):
        record.attributes[child.tag] = text


def _keep_unknown(child: Element, record: Record, limits: Limits, shown: str) -> None:
    check_tree(child, limits=limits, shown=shown)
    gather(record.extra, str(child.tag), to_value(child))


def _tell_unknown(element: Element, known: Sequence[str], record: Record) -> None:
    """Tell children of a known element that nothing but its text keeps."""
    more = sorted({str(child.tag) for child in element} - set(known))
    if more:
        record.notes.append(
            Note(
                "notice",
                "schema.unknown",
                f"<{more[0]}> in <{element.tag}> is not read; only VOC targets keep it",
            )
        )


def _read_child(child: Element, record: Record, limits: Limits, shown: str) -> None:
    tag = child.tag
    if tag == "bndbox":
        x0, y0, x1, y1 = _values(child, _EDGES, limits)
        record.box = (x0, y0, x1, y1)
        _tell_unknown(child, _EDGES, record)
    elif tag == "pose" or tag in FLAGS:
        _read_flag(child, record)
    elif tag in ("polygon", "segmentation"):
        ring = _read_rings(child, limits)
        if ring is None:
            _keep_unknown(child, record, limits, shown)
        else:
            record.rings.append(ring)
    elif tag == "robndbox":
        cx, cy, w, h, angle = _values(child, ("cx", "cy", "w", "h", "angle"), limits)
        record.rotated = (cx, cy, w, h, degrees_of(angle))
    elif tag == "part":
        _read_part(child, record, limits)
    elif tag == "attributes":
        _read_attributes(child, record)
    elif tag == "actions":
        _read_actions(child, record)
    elif tag == "point":
        x, y = _values(child, ("x", "y"), limits)
        record.point = (x, y)
    elif tag == "score":
        try:
            record.score = read_number(text_of(child), "score", limits.coordinate)
        except FormatError:
            _keep_unknown(child, record, limits, shown)
    elif tag == "object":
        record.notes.append(
            Note(
                "skipped",
                "schema.nested",
                "an object stands inside another one; objects are children of <annotation>. "
                "Move it there",
            )
        )
        record.whole = False
    elif tag != "type" or text_of(child) not in ("bndbox", "robndbox"):
        _keep_unknown(child, record, limits, shown)


def read_object(element: Element, *, limits: Limits, shown: str) -> Record:
    """Read one ``object`` element.

    Parameters
    ----------
    element : lxml element
        The object.
    limits : Limits
        ``coordinate`` and ``depth``.
    shown : str
        Path for messages.

    Returns
    -------
    Record
        With `Record.notes` on what is kept in another form; `Record.whole` is False where
        something was left out.

    Raises
    ------
    FormatError
        For a record that cannot be used: ``schema.field``, ``schema.repeated``, ``type.text``,
        ``type.number``, ``number.not_finite``, ``number.range``, ``polygon.odd``.
    """
    seen: set[str] = set()
    name = ""
    record = Record(name)
    for key, value in element.attrib.items():
        record.extra[f"@{key}"] = str(value)
    for child in element:
        tag = child.tag
        if tag in seen and tag in _SINGLE:
            raise FormatError(
                f"object has two <{tag}>; which one holds cannot be told. Remove one",
                code="schema.repeated",
            )
        seen.add(tag)
        if tag == "name":
            name = child.text or ""
        else:
            _read_child(child, record, limits, shown)
    if "name" not in seen:
        raise FormatError("object has no <name>; it names the class. Add it", code="schema.field")
    if not name.strip():
        raise FormatError("object's <name> is blank; it names the class", code="type.text")
    record.name = name
    if record.box is None and record.rotated is None and not record.rings and not record.point:
        raise FormatError(
            "object has no <bndbox>; it says where the object is. Add it", code="schema.field"
        )
    return record
