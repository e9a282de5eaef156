"""What was wrong with the data set, and what a conversion of it could not keep, by record."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.converters.pipeline import convert
from dlgeom.converters.problems import Entry
from dlgeom.converters.report import EXAMPLES
from dlgeom.errors import FormatError, OutputError

__all__ = ["Losses", "conversion_losses", "read_report"]

Place = tuple[str | None, str | None]


class Losses:
    """Kinds of loss, counted, and which records have them."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], int] = {}
        self.kinds: list[dict[str, Any]] = []
        self._places: dict[Place, list[int]] = {}

    def tell(self, entry: Entry) -> None:
        """Take one entry of a report."""
        index = self._kind(entry.status, entry.code, entry.message)
        kind = self.kinds[index]
        kind["count"] += 1
        if kind["count"] <= EXAMPLES and not kind["example"]:
            kind["example"] = _where(entry)
        if entry.location is not None:
            found = self._places.setdefault((entry.path, entry.location), [])
            if index not in found:
                found.append(index)

    def _kind(self, status: str, code: str, message: str) -> int:
        if (status, code) not in self._codes:
            self._codes[status, code] = len(self.kinds)
            self.kinds.append(
                {"status": status, "code": code, "message": message, "count": 0, "example": ""}
            )
        return self._codes[status, code]

    def of(self, path: str | None, location: str | None) -> list[int]:
        """Return the indices of the kinds that a record has."""
        return self._places.get((path, location), [])


def _where(entry: Entry) -> str:
    where = ":".join(part for part in (entry.path, entry.location) if part)
    return where if entry.annotation_id is None else f"{where} annotation {entry.annotation_id}"


def read_report(path: Path, losses: Losses) -> None:
    """Take the entries of a report that `dlgeom convert --report` wrote.

    Raises
    ------
    OutputError
        If the file cannot be read.
    FormatError
        If it is no such report.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OutputError(
            f"the report cannot be read: {error.strerror}", code="io.read", path=str(path)
        ) from error
    try:
        content = json.loads(data)
        if not isinstance(content, dict) or "dlgeom_report" not in content:
            raise ValueError("it has no key dlgeom_report")
        entries = msgspec.convert(content.get("entries", []), list[Entry])
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise FormatError(
            f"it is no report of a conversion ({error}). Write one with "
            "'dlgeom convert ... --report FILE'",
            code="schema.root",
            path=str(path),
        ) from error
    for entry in entries:
        losses.tell(entry)


def conversion_losses(source: Path, to_format: str, losses: Losses, **settings: Any) -> None:
    """Convert a data set without writing it, and take what the target could not keep."""
    with tempfile.TemporaryDirectory(prefix="dlgeom-view-") as folder:
        report = Path(folder) / "report.json"
        convert(
            source,
            Path(folder) / "target",
            to_format=to_format,
            dry_run=True,
            report=report,
            **settings,
        )
        content = json.loads(report.read_bytes())
    for entry in msgspec.convert(content["entries"], list[Entry]):
        if entry.status in ("dropped", "approximated"):
            losses.tell(entry)
