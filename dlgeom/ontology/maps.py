"""Label maps of other formats: COCO categories, YOLO names, ``labelmap.txt``, ``.pbtxt``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.colors import parse_color
from dlgeom.errors import FormatError, UsageError
from dlgeom.labels import Label
from dlgeom.ontology.label import OntologyLabel, in_words

__all__ = [
    "BACKGROUND_LINES",
    "from_coco",
    "from_voc",
    "from_yolo",
    "label_of",
    "to_coco",
    "to_pbtxt",
    "to_voc",
    "to_yolo",
]

BACKGROUND_LINES: Mapping[int, str] = {0: "background:0,0,0::"}
"""Line number -> line of a ``labelmap.txt`` that names no class."""

_HEADER = "# label:color_rgb:parts:actions"
_NO_CLASS = frozenset({"background", "_background_", "__background__", "__ignore__", "ignored"})
_INDEX = re.compile(r"[0-9]{1,9}")
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

Named = Iterable[tuple[str, OntologyLabel]]


def _parent(name: str, node: OntologyLabel) -> str:
    """Return the full name of the parent, "" for none."""
    return name[: -len(node.tag) - 1]


def label_of(node: OntologyLabel, name: str, instance: int) -> Label:
    """Return the entry of the flat table for a node of that full name."""
    color = node.rgb if node.has_color else None
    if node.entry is not None:
        return msgspec.structs.replace(node.entry, name=name, color=color)
    return Label(name=name, id=instance, parent=_parent(name, node) or None, color=color)


def _in_order(labels: Named) -> list[tuple[str, OntologyLabel]]:
    """Sort labels by their place in the label map they come from; others follow."""
    listed = list(labels)
    last = len(listed) + max((node.position or 0 for _, node in listed), default=0)
    return sorted(listed, key=lambda pair: last if pair[1].position is None else pair[1].position)


# -- COCO -------------------------------------------------------------------------------------


def from_coco(categories: Iterable[Mapping[str, Any]]) -> list[OntologyLabel]:
    """Return the tree of some categories; see `Ontology.from_coco_categories`."""
    roots: list[OntologyLabel] = []
    by_tag: dict[str, OntologyLabel] = {}
    for place, category in enumerate(categories):
        entry = _coco_label(category, place)
        above = roots if not entry.parent else _group(roots, by_tag, entry.parent).children
        known = by_tag.get(entry.name) if above is roots else None
        if known is not None and known.group:
            # It was met as a supercategory before.
            known.entry, known.position, known.group = entry, place, False
            known.color = None if entry.color is None else entry.color
            continue
        node = OntologyLabel.of_entry(entry, place)
        above.append(node)
        if above is roots:
            by_tag.setdefault(entry.name, node)
    return roots


def _group(
    roots: list[OntologyLabel], by_tag: dict[str, OntologyLabel], name: str
) -> OntologyLabel:
    if name not in by_tag:
        node = OntologyLabel(name)
        node.group = True
        roots.append(node)
        by_tag[name] = node
    return by_tag[name]


def _coco_label(category: Mapping[str, Any], place: int) -> Label:
    where = f"categories[{place}]"
    if not isinstance(category, Mapping) or not isinstance(category.get("name"), str):
        raise FormatError("is no category with a name", code="schema.field", location=where)
    identifier = category.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, int | str):
        raise FormatError(f"id is {identifier!r}; it is a number", code="type.id", location=where)
    above, names = category.get("supercategory"), category.get("keypoints")
    points = tuple(names) if isinstance(names, list) else ()
    edges = category.get("skeleton")
    pairs = [tuple(edge) for edge in edges] if isinstance(edges, list) and points else []
    color = category.get("color")
    try:
        return Label(
            name=category["name"],
            id=identifier,
            parent=above if isinstance(above, str) and above else None,
            color=None if color is None else parse_color(color),
            keypoints=tuple(str(point) for point in points),
            skeleton=tuple((int(a) - 1, int(b) - 1) for a, b in pairs),
            record=msgspec.json.encode(dict(category)),
        )
    except (TypeError, ValueError) as error:
        raise FormatError(str(error), code="schema.field", location=where) from error


def to_coco(labels: Named, instances: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the categories of a COCO file."""
    result: list[dict[str, Any]] = []
    listed = _in_order(labels)
    kept = {node.entry.id for _, node in listed if node.entry is not None and node.entry.record}
    free = max([0, *(k for k in kept if isinstance(k, int))]) + 1
    for name, node in listed:
        entry = node.entry
        above = _parent(name, node)
        if entry is not None and entry.record:
            record = msgspec.json.decode(entry.record)
            record["name"] = node.tag
            if (record.get("supercategory") or "") != above:
                record["supercategory"] = above
            if node.has_color and node.rgb != entry.color:
                record["color"] = list(node.rgb)
        else:
            number = instances[name]
            if kept:
                number, free = free, free + 1
            elif entry is not None and isinstance(entry.id, int):
                number = entry.id
            record = {"id": number, "name": node.tag, "supercategory": above}
            if node.has_color:
                record["color"] = list(node.rgb)
            if entry is not None and entry.keypoints:
                record["keypoints"] = list(entry.keypoints)
                record["skeleton"] = [[a + 1, b + 1] for a, b in entry.skeleton]
        result.append(record)
    return result


# -- YOLO -------------------------------------------------------------------------------------


def from_yolo(
    names: Sequence[str] | Mapping[int | str, str] | str | os.PathLike[str],
) -> list[OntologyLabel]:
    """Return the labels of class names; see `Ontology.from_yolo_names`."""
    if isinstance(names, str | os.PathLike):
        names = _yolo_file(Path(names))
    listed = names.items() if isinstance(names, Mapping) else enumerate(names)
    found: dict[int, str] = {}
    for key, name in listed:
        text = str(key)
        if isinstance(key, bool) or not _INDEX.fullmatch(text):
            raise FormatError(f"class index {key!r} is no number >= 0", code="schema.names")
        if not isinstance(name, str) or not name:
            raise FormatError(f"name of class {key} is {name!r}; it is text", code="schema.names")
        if int(text) in found:
            raise FormatError(f"class {key} is named twice", code="schema.names")
        found[int(text)] = name
    return [
        OntologyLabel.of_entry(Label(name=name, id=index), index)
        for index, name in sorted(found.items())
    ]


def _yolo_file(path: Path) -> Mapping[int | str, str]:
    from dlgeom.converters.base import ReadContext
    from dlgeom.converters.problems import Problems
    from dlgeom.converters.yolo.class_yaml import read_data_yaml
    from dlgeom.converters.yolo.read_names import name_lines

    if path.suffix.lower() in (".yaml", ".yml"):
        return dict(read_data_yaml(path).names.items())
    lines = name_lines(path, ReadContext(problems=Problems(strict=False)), path.name)
    return dict(lines.items())


def to_yolo(labels: Named) -> dict[int, str]:
    """Return class index -> full name."""
    result: dict[int, str] = {}
    for name, node in _in_order(labels):
        index = node.position
        if index is None or index in result:
            index = max(result, default=-1) + 1
        result[index] = name
    return result


# -- VOC --------------------------------------------------------------------------------------


def _text_of(source: str | os.PathLike[str]) -> tuple[str, str]:
    """Return the text and a name for messages; a text of several lines is the text itself."""
    if isinstance(source, str) and "\n" in source:
        return source, "label map"
    from dlgeom.converters.inputs import decode_text, read_bytes

    path = Path(source)
    data = read_bytes(path, limit_name="yaml_bytes", shown=path.name)
    return decode_text(data, path.name)[0], path.name


def from_voc(
    source: str | os.PathLike[str],
) -> tuple[list[OntologyLabel], Mapping[int, str]]:
    """Return the labels of a label map, and its lines that name no class."""
    text, shown = _text_of(source)
    if shown.endswith(".pbtxt") or re.search(r"(?m)^\s*item\s*:?\s*\{", text):
        return _pbtxt_labels(text, shown), BACKGROUND_LINES
    labels: list[OntologyLabel] = []
    special: dict[int, str] = {}
    lines = [line.strip() for line in text.splitlines()]
    entries = [(k, line) for k, line in enumerate(lines, 1) if line and not line.startswith("#")]
    first = 0 if entries and _is_background(entries[0][1].rsplit(":", 3)[0]) else 1
    for place, (number, line) in enumerate(entries):
        name, color, parts, actions = _fields(line)
        if name.lower() in _NO_CLASS:
            special[place] = line
            continue
        try:
            rgb = parse_color(f"rgb({color})") if color else None
        except UsageError as error:
            raise FormatError(
                f"colour {color!r} is no 'r,g,b' of 0..255; lines are 'name:r,g,b:parts:actions'",
                code="value.invalid",
                path=shown,
                location=f"line {number}",
            ) from error
        if not name:
            raise FormatError("has no name", code="schema.names", path=shown, location=str(number))
        node = OntologyLabel.of_entry(Label(name=name, id=place + first, color=rgb), len(labels))
        for key, words in (("parts", parts), ("actions", actions)):
            if words:
                node.set_extra(key, words.split(","))
        labels.append(node)
    return labels, special


def _is_background(name: str) -> bool:
    return name.lower() in _NO_CLASS and "background" in name.lower()


def _fields(line: str) -> tuple[str, str, str, str]:
    found = line.rsplit(":", 3)
    if len(found) != 4:
        return line, "", "", ""
    return found[0], found[1], found[2], found[3]


def to_voc(labels: Named, special: Mapping[int, str] = BACKGROUND_LINES) -> str:
    """Return the text of a ``labelmap.txt``."""
    lines = []
    for name, node in _in_order(labels):
        if name != name.strip() or name.startswith("#") or _LINE_BREAKS.search(name):
            raise UsageError(
                f"label {name!r} has blanks around it, a '#' first or control characters; a line "
                "of labelmap.txt cannot hold it. Rename it"
            )
        color = ",".join(map(str, node.rgb)) if node.has_color or node.entry is None else ""
        more = (",".join(map(str, node.extra.get(key) or ())) for key in ("parts", "actions"))
        lines.append(":".join((name, color, *more)))
    for place, line in sorted(special.items()):
        lines.insert(place, line)
    return "\n".join([_HEADER, *lines]) + "\n"


# -- pbtxt ------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]* | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<word>[A-Za-z0-9_.+/-]+) | (?P<mark>[{}:;,<>\[\]])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_OPEN, _CLOSE = frozenset("{<"), frozenset("}>")
MAX_DEPTH = 64


def _pbtxt_labels(text: str, shown: str) -> list[OntologyLabel]:
    """Read ``item { id: 1 name: 'person' display_name: "..." }``."""
    labels: list[OntologyLabel] = []
    for key, item in _message(_tokens(text, shown), shown, 0):
        if key != "item" or not isinstance(item, list):
            raise FormatError(
                f"has {key!r} where an 'item {{ id: 1 name: ... }}' is due",
                code="schema.names",
                path=shown,
            )
        fields = dict(item)
        name, shown_name = fields.get("name"), fields.get("display_name")
        name = shown_name if name is None else name
        number = fields.get("id")
        if not isinstance(name, str) or not name or not _INDEX.fullmatch(str(number)):
            raise FormatError(
                f"item {item!r:.80} has no id or no name", code="schema.names", path=shown
            )
        points = [dict(value) for name_, value in item if name_ == "keypoints"]
        node = OntologyLabel.of_entry(
            Label(
                name=name,
                id=int(str(number)),
                keypoints=tuple(str(point.get("label", "")) for point in points),
            ),
            len(labels),
        )
        if isinstance(shown_name, str):
            node.display_label = shown_name
        labels.append(node)
    return labels


def _tokens(text: str, shown: str) -> Iterator[tuple[str, str, int]]:
    """Yield (kind, text, line); kinds are text, word, mark."""
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise FormatError(
                f"has {text[at]!r}, which has no meaning there",
                code="schema.names",
                path=shown,
                location=f"line {line}",
            )
        if found.lastgroup is not None:
            yield found.lastgroup, found[0], line
        line += found[0].count("\n")
        at = found.end()


def _message(
    tokens: Iterator[tuple[str, str, int]], shown: str, depth: int
) -> list[tuple[str, Any]]:
    """Read ``key: value`` and ``key { ... }`` up to the closing mark."""

    def wrong(what: str, line: int) -> FormatError:
        return FormatError(
            f"{what}; a label map is 'item {{ id: 1 name: ... }}'. Correct it",
            code="schema.names",
            path=shown,
            location=f"line {line}",
        )

    fields: list[tuple[str, Any]] = []
    line = 1
    for kind, key, line in tokens:
        if kind == "mark":
            if key in ";,":
                continue
            if key in _CLOSE and depth:
                return fields
            raise wrong(f"has {key!r} where a key is due", line)
        kind, value, line = next(tokens, ("", "", line))
        if value == ":":
            kind, value, line = next(tokens, ("", "", line))
        if kind == "mark" and value in _OPEN:
            if depth >= MAX_DEPTH:
                raise FormatError("is nested too deep", code="limit.depth", path=shown)
            fields.append((key, _message(tokens, shown, depth + 1)))
        elif kind == "text":
            fields.append((key, _unquoted(value)))
        elif kind == "word":
            fields.append((key, value))
        else:
            raise wrong(f"has no value for {key!r}", line)
    if depth:
        raise wrong("ends inside of an item", line)
    return fields


def _unquoted(text: str) -> str:
    """Return a quoted text; octal and hexadecimal escapes are bytes of UTF-8."""

    def plain(found: re.Match[bytes]) -> bytes:
        if found[1]:
            return bytes([int(found[1], 8) & 255])
        if found[2]:
            return bytes([int(found[2], 16)])
        return _PLAIN_ESCAPES.get(found[3], found[3])

    return _ESCAPE.sub(plain, text[1:-1].encode()).decode("utf-8", "replace")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.replace("\r", "\\r").replace("\t", "\\t")


def to_pbtxt(labels: Named, instances: Mapping[str, int]) -> str:
    """Return the text of a ``.pbtxt``."""
    listed = _in_order(labels)
    given = [node.entry.id if node.entry is not None else None for _, node in listed]
    own = all(isinstance(k, int) and k > 0 for k in given) and len(set(given)) == len(given)
    items = []
    for (name, node), identifier in zip(listed, given, strict=True):
        lines = [f"  id: {identifier if own else instances[name]}", f"  name: {_quoted(name)}"]
        if node.display_label not in (node.tag, in_words(node.tag)):
            lines.append(f"  display_name: {_quoted(node.display_label)}")
        for place, point in enumerate(node.entry.keypoints if node.entry else ()):
            lines.append(f"  keypoints {{ id: {place} label: {_quoted(point)} }}")
        items.append("item {\n" + "\n".join(lines) + "\n}\n")
    return "\n".join(items)
