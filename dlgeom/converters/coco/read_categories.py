"""The ``categories`` of a COCO file as labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.read_json import checked_object
from dlgeom.converters.coco.scan import Scanner, Window, record_spans
from dlgeom.converters.names import safe_name
from dlgeom.errors import FormatError, LimitError
from dlgeom.labels import Label

__all__ = ["CATEGORIES", "read_categories"]

CATEGORIES = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def read_categories(
    scanner: Scanner, windows: Iterator[Window], context: ReadContext
) -> list[Label]:
    """Read the ``categories`` list; a record that is repeated is there again.

    Raises
    ------
    FormatError
        ``ref.duplicate_id`` for one id with differing records; a record without id or name.
    LimitError
        ``limit.text``.
    """
    reader = _Reader(scanner, context)
    for window in windows:
        spans = window.spans
        if spans is None:
            spans = record_spans(window.text, len(window.rows or ()), scanner.limits.depth)
        for start, stop in spans:
            reader.record(window.text[start:stop])
    return reader.labels


class _Reader:
    def __init__(self, scanner: Scanner, context: ReadContext) -> None:
        self._context = context
        self._shown = scanner.source.shown
        self._number = -1
        self._records: dict[object, Any] = {}
        self.labels: list[Label] = []

    def _error(self, code: str, why: str, field: str = "") -> FormatError:
        kind = LimitError if code.startswith("limit.") else FormatError
        return kind(why, code=code, path=self._shown, location=self._place(field))

    def _place(self, field: str = "") -> str:
        return f"categories[{self._number}]{field}"

    def record(self, raw: bytes) -> None:
        """Take one record."""
        self._number += 1
        try:
            record = checked_object(raw, "a category", self._context.limits.depth)
        except FormatError as error:
            raise self._error(error.code, error.message) from error
        identifier = record.get("id")
        if type(identifier) is float and identifier.is_integer():
            identifier = int(identifier)
        if type(identifier) is not int and type(identifier) is not str:
            code = "schema.field" if identifier is None else "type.id"
            raise self._error(code, "has no usable id; ids are integers or text", ".id")
        if identifier in self._records:
            if record != self._records[identifier]:
                raise self._error(
                    "ref.duplicate_id",
                    f"category id {identifier!r} occurs before with another record. "
                    "Give each category its own id",
                )
            self._context.problems.notice(
                "record.duplicate",
                f"category {identifier!r} is repeated",
                path=self._shown,
                location=self._place(),
            )
        self._records[identifier] = record
        self.labels.append(self._label(record, identifier, raw))

    def _name(self, record: dict[str, Any]) -> str:
        name = record.get("name")
        if name is None:
            raise self._error("schema.field", "has no name; a category needs one. Add it", ".name")
        if not isinstance(name, str):
            text = json.dumps(name)
            self._context.problems.repaired(
                "type.text",
                f"name is {text[:40]}; names are text. It is read as {text[:40]!r}",
                path=self._shown,
                location=self._place(".name"),
            )
            name = text
        elif not name.strip():
            self._context.problems.repaired(
                "type.text",
                f"name is blank; a name has letters. The id {str(record['id'])[:40]} stands for it",
                path=self._shown,
                location=self._place(".name"),
            )
            name = str(record["id"])
        size = len(name.encode(errors="replace"))
        self._context.limits.check(
            "text",
            size,
            code="limit.text",
            what="length of the name in bytes",
            path=self._shown,
            location=self._place(".name"),
        )
        self._check_path(name)
        return name

    def _check_path(self, name: str) -> None:
        """Tell of a name that would leave the folder, were it ever used as one."""
        if not name or ("/" not in name and "\\" not in name and name not in ("..", ".")):
            return
        try:
            safe_name(name)
        except FormatError as error:
            if error.code == "path.escape":
                self._context.problems.warning(
                    "path.escape",
                    f"category name {name[:80]!r} looks like a path out of the data set; "
                    "it is used as text only",
                    path=self._shown,
                    location=self._place(".name"),
                )

    def _keypoints(self, value: Any) -> tuple[str, ...]:
        """Return the names of the keypoints."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self._left_out("schema.type", "keypoints is no list; it is left out", ".keypoints")
            return ()
        if not all(isinstance(name, str) for name in value):
            self._left_out(
                "type.text", "has names of keypoints that are no text; read as text", ".keypoints"
            )
        return tuple(name if isinstance(name, str) else json.dumps(name) for name in value)

    def _left_out(self, code: str, why: str, field: str) -> None:
        self._context.problems.repaired(code, why, path=self._shown, location=self._place(field))

    def _label(self, record: dict[str, Any], identifier: int | str, raw: bytes) -> Label:
        parent = record.get("supercategory")
        names = self._keypoints(record.get("keypoints"))
        skeleton = record.get("skeleton")
        edges = _skeleton(skeleton, len(names))
        if skeleton is not None and not isinstance(skeleton, list):
            self._left_out(
                "schema.type", "skeleton is no list of pairs; it is left out", ".skeleton"
            )
        elif isinstance(skeleton, list) and len(edges) < len(skeleton):
            self._context.problems.notice(
                "value.range",
                f"{len(skeleton) - len(edges)} lines of the skeleton join no two of the "
                f"{len(names)} keypoints; they are left out",
                path=self._shown,
                location=self._place(".skeleton"),
            )
        return Label(
            name=self._name(record),
            id=identifier,
            parent=parent if isinstance(parent, str) and parent else None,
            color=_color(record.get("color")),
            keypoints=names,
            skeleton=edges,
            record=raw,
        )


def _color(value: Any) -> tuple[int, int, int] | None:
    if (
        isinstance(value, list)
        and len(value) == 3
        and all(type(part) is int and 0 <= part <= 255 for part in value)
    ):
        return value[0], value[1], value[2]
    return None


def _skeleton(value: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Return the edges from 0; files count from 1, some of them from 0."""
    if not isinstance(value, list):
        return ()
    edges = [
        (edge[0], edge[1])
        for edge in value
        if isinstance(edge, list) and len(edge) == 2 and all(type(end) is int for end in edge)
    ]
    base = 0 if any(0 in edge for edge in edges) else 1
    shifted = [(a - base, b - base) for a, b in edges]
    return tuple(e for e in shifted if min(e) >= 0 and (not count or max(e) < count))
