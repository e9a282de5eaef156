"""What became of every record: a value, a table for the terminal, JSON for scripts.

Each source record ends as written, approximated or dropped, so that
``read = written + approximated + dropped`` holds on every run; it is checked. Fields that the
target has no place for are counted by name. Everything is counted; each dropped or approximated
record is streamed to the report file, and the first 20 of each code stay in memory.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import APPROXIMATED, DROPPED, Losses
from dlgeom.converters.output import FileWriter
from dlgeom.converters.problems import Entry, Status
from dlgeom.errors import InternalError
from dlgeom.item import Item

__all__ = ["EXAMPLES", "CodeCount", "Report", "is_report"]

EXAMPLES = 20
"""Entries of each code that stay in memory and are shown."""

_NUMBER = attrgetter("number")
_HEAD = b'{\n  "dlgeom_report": 1,'
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_NAMES: dict[int, Status] = {APPROXIMATED: "approximated", DROPPED: "dropped"}


class CodeCount(msgspec.Struct, kw_only=True):
    """How often one thing happened, with examples.

    Parameters
    ----------
    status : str
        ``skipped`` or ``repaired`` (a bad record of the input), ``file`` (a bad file of many),
        ``warning`` or ``notice`` (nothing lost), ``dropped`` or ``approximated`` (by the target).
    code : str
        Such as ``number.not_finite``.
    count : int
        How often.
    message : str
        The sentence of the first one.
    least : float, optional
        The smallest measure met.
    examples : list of Entry
        The first of them.
    """

    status: Status
    code: str
    count: int = 0
    message: str = ""
    least: float | None = None
    examples: list[Entry] = msgspec.field(default_factory=list)


class Report:
    """What a conversion did: a value that compares and pickles.

    Two reports are equal if they tell the same, however long it took.

    Attributes
    ----------
    images : int
        Distinct items that were read.
    read, written, approximated, dropped : int
        Source records; `dropped` includes `skipped`.
    skipped, repaired : int
        Bad records of the input that were left out, or put right.
    filtered, filtered_images : int
        Records and images that were left out because the user asked for it: no losses, and not
        among those `read`.
    files_skipped : int
        Input files that could not be trusted and were left out.
    codes : dict of (str, str) to CodeCount
        By status and code.
    fields : Counter of str
        Fields that the target has no place for, and how often: of records by their names, of
        images as ``image.<name>``, of classes as ``category.<name>``, ``section.<name>`` of a
        file's root.
    """

    def __init__(self) -> None:
        self.source = ""
        self.target = ""
        self.source_format = ""
        self.target_format = ""
        self.task: str | None = None
        self.dry_run = False
        self.images = 0
        self.files = 0
        self.written = 0
        self.approximated = 0
        self.converted_dropped = 0
        self.given = 0
        self.filtered = 0
        self.filtered_images = 0
        self.seconds = 0.0
        self.codes: dict[tuple[str, str], CodeCount] = {}
        self.fields: Counter[str] = Counter()
        self._stream: FileWriter | None = None
        self._streamed = 0
        self._seen = np.zeros(1024, dtype=np.bool_)

    # -- what came -------------------------------------------------------------------------

    @property
    def skipped(self) -> int:
        """Bad records of the input that were left out."""
        return self._total("skipped")

    @property
    def repaired(self) -> int:
        """Bad records of the input that were put right."""
        return self._total("repaired")

    @property
    def files_skipped(self) -> int:
        """Input files that were left out."""
        return self._total("file")

    @property
    def dropped(self) -> int:
        """Records that are not in the target: bad ones, and those it cannot hold."""
        return self.converted_dropped + self.skipped

    @property
    def read(self) -> int:
        """Records of the source, good and bad."""
        return self.given + self.skipped

    @property
    def lossless(self) -> bool:
        """Whether the target holds everything that the source has."""
        return not (self.approximated or self.dropped or self.fields or self.files_skipped)

    def _total(self, status: Status) -> int:
        return sum(entry.count for (kind, _), entry in self.codes.items() if kind == status)

    def exit_code(self, *, fail_on_loss: bool = False) -> int:
        """Return 0, or 1 for bad records in the input and, if asked, for losses."""
        if self.skipped or self.repaired or self.files_skipped:
            return 1
        return 1 if fail_on_loss and not self.lossless else 0

    # -- filling it ------------------------------------------------------------------------

    def tell(self, entry: Entry) -> None:
        """Take one entry (the listener of `Problems`)."""
        self._count(entry.status, entry.code, entry.message, 1, entry.measure)
        self._keep(entry)

    def _count(
        self, status: Status, code: str, message: str, count: int, least: float | None
    ) -> CodeCount:
        kind = self.codes.get((status, code))
        if kind is None:
            kind = CodeCount(status=status, code=code, message=message)
            self.codes[status, code] = kind
        kind.count += count
        if least is not None:
            kind.least = least if kind.least is None else min(least, kind.least)
        return kind

    def _keep(self, entry: Entry) -> None:
        kind = self.codes[entry.status, entry.code]
        if len(kind.examples) < EXAMPLES:
            kind.examples.append(entry)
        if self._stream is not None:
            self._write(entry)

    def _write(self, entry: Entry) -> None:
        if self._stream is not None:
            self._stream.write(b",\n    " if self._streamed else b"\n    ")
            self._stream.write(_json(entry))
            self._streamed += 1

    def include(self, other: Report) -> None:
        """Take what was told to another report: counts, and the examples it has kept."""
        for kind in other.codes.values():
            mine = self._count(kind.status, kind.code, kind.message, kind.count, kind.least)
            mine.examples.extend(kind.examples[: EXAMPLES - len(mine.examples)])
            for entry in kind.examples:
                self._write(entry)

    def merge(
        self,
        other: Report,
        entries: Sequence[Entry],
        asked: Sequence[tuple[int, int, Entry]] = (),
        tell: Callable[[Entry], None] | None = None,
    ) -> None:
        """Take what another process has counted of the records that come next.

        Parameters
        ----------
        other : Report
            Its report of them.
        entries : sequence of Entry
            All that it told, for the file of the report.
        asked, tell
            What is to be told here, and after how many kinds and entries of the others.
        """
        kinds = list(other.codes.values())
        first_kind = first_entry = 0
        for last_kind, last_entry, entry in asked:
            self._take(kinds[first_kind:last_kind], entries[first_entry:last_entry])
            first_kind, first_entry = last_kind, last_entry
            (tell or self.tell)(entry)
        self._take(kinds[first_kind:], entries[first_entry:])
        self.images += other.images
        self.given += other.given
        self.written += other.written
        self.approximated += other.approximated
        self.converted_dropped += other.converted_dropped
        self.fields.update(other.fields)

    def _take(self, kinds: Iterable[CodeCount], entries: Iterable[Entry]) -> None:
        for kind in kinds:
            mine = self._count(kind.status, kind.code, kind.message, kind.count, kind.least)
            mine.examples.extend(kind.examples[: EXAMPLES - len(mine.examples)])
        for entry in entries:
            self._write(entry)

    def add_items(self, items: Sequence[Item]) -> Sequence[Item]:
        """Count items by their number in the run; return those that came for the first time.

        Items without a number (-1) are taken for new ones.
        """
        numbers = np.fromiter(map(_NUMBER, items), dtype=np.int64, count=len(items))
        known = numbers >= 0
        top = int(numbers.max(initial=-1)) + 1
        if top > len(self._seen):
            grown = np.zeros(max(top, 2 * len(self._seen)), dtype=np.bool_)
            grown[: len(self._seen)] = self._seen
            self._seen = grown
        if known.all() and (np.diff(numbers) > 0).all() and not self._seen[numbers].any():
            self._seen[numbers] = True
            self.images += len(items)
            return items
        first = np.zeros(len(items), dtype=np.bool_)
        first[np.unique(numbers, return_index=True)[1]] = True
        first &= ~self._seen[numbers]
        first |= ~known
        self._seen[numbers[known]] = True
        fresh = np.flatnonzero(first)
        self.images += len(fresh)
        return items if len(fresh) == len(items) else [items[k] for k in fresh.tolist()]

    def add(self, chunk: Chunk, losses: Losses) -> None:
        """Count what a writer made of a chunk.

        Raises
        ------
        InternalError
            If the writer did not account for each row.
        """
        if len(losses.status) != len(chunk):
            raise InternalError(
                f"the writer answered for {len(losses.status)} of {len(chunk)} records "
                f"from {chunk.origin.path or 'the source'}; please report this"
            )
        rows = len(chunk)
        self.given += rows
        self.fields.update(losses.fields)
        changed = np.flatnonzero(losses.status)
        if not changed.size:
            self.written += rows
            return
        status = losses.status[changed]
        if (losses.code[changed] < 0).any():
            raise InternalError("the writer lost a record without saying why; please report this")
        self.written += rows - len(changed)
        self.approximated += int(np.count_nonzero(status == APPROXIMATED))
        self.converted_dropped += int(np.count_nonzero(status == DROPPED))
        measure = self._measured(chunk, losses, changed)
        key = losses.code[changed].astype(np.int64) * 4 + status
        for value in np.flatnonzero(np.bincount(key)).tolist():
            code, message = losses.codes[value // 4]
            here = changed[key == value]
            shown = measure[key == value]
            least = float(np.nanmin(shown)) if not np.isnan(shown).all() else None
            kind = self._count(_NAMES[value % 4], code, message, len(here), least)
            room = len(here) if self._stream else EXAMPLES - len(kind.examples)
            for row, much in zip(here[:room].tolist(), shown[:room].tolist(), strict=True):
                self._keep(
                    Entry(
                        status=_NAMES[value % 4],
                        code=code,
                        message=message,
                        measure=None if np.isnan(much) else much,
                        **chunk.where(row),
                    )
                )

    @staticmethod
    def _measured(chunk: Chunk, losses: Losses, changed: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the measures of the changed rows, with the mask IoU where it can be had."""
        measure = losses.measure[changed].copy()
        if losses.replaced is not None:
            from dlgeom.converters.measures import mask_ious

            there = losses.replaced.part_counts[changed] > 0
            iou = mask_ious(chunk, changed[there], losses.replaced)
            measure[there] = np.where(np.isnan(iou), measure[there], iou)
        return measure

    def check(self) -> None:
        """See that every record is accounted for.

        Raises
        ------
        InternalError
            If ``read = written + approximated + dropped`` does not hold.
        """
        if self.read != self.written + self.approximated + self.dropped:
            raise InternalError(
                f"read {self.read}, but written {self.written} + approximated "
                f"{self.approximated} + dropped {self.dropped}; please report this"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        mine, theirs = self.summary(), other.summary()
        mine["seconds"] = theirs["seconds"]
        return mine == theirs and self.codes == other.codes

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_stream": None}

    def __repr__(self) -> str:
        return (
            f"Report(read={self.read}, written={self.written}, "
            f"approximated={self.approximated}, dropped={self.dropped})"
        )

    # -- showing it ------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """Return the counts as plain values; the same as in the JSON, without entries."""
        return {
            "source": self.source,
            "source_format": self.source_format,
            "target": self.target,
            "target_format": self.target_format,
            "task": self.task,
            "dry_run": self.dry_run,
            "images": self.images,
            "annotations": {
                "read": self.read,
                "written": self.written,
                "approximated": self.approximated,
                "dropped": self.dropped,
            },
            "filtered": self.filtered,
            "filtered_images": self.filtered_images,
            "skipped": self.skipped,
            "repaired": self.repaired,
            "files_skipped": self.files_skipped,
            "files_written": self.files,
            "seconds": round(self.seconds, 3),
            "codes": [
                {
                    "status": kind.status,
                    "code": kind.code,
                    "count": kind.count,
                    "message": kind.message,
                    **({} if kind.least is None else {"least": kind.least}),
                }
                for kind in self.codes.values()
            ],
            "fields": dict(sorted(self.fields.items())),
        }

    @property
    def streams(self) -> bool:
        """Whether each entry goes to a file."""
        return self._stream is not None

    def attach(self, stream: FileWriter) -> None:
        """Stream entries to a file; has to be told before anything else."""
        stream.write(_HEAD + b'\n  "entries": [')
        self._stream = stream

    def finish_stream(self) -> None:
        """Write the counts after the entries, and let go of the file."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.write(b"\n  ]" if self._streamed else b"]")
            for key, value in self.summary().items():
                stream.write(b",\n  " + _json(key) + b": " + _json(value))
            stream.write(b"\n}\n")
            self._streamed = 0

    def table(self) -> str:
        """Return the table and a line for each kind of loss, for a terminal."""
        head = ("images", "read", "written", "approximated", "dropped", "seconds")
        values = (
            f"{self.images:,}",
            f"{self.read:,}",
            f"{self.written:,}",
            f"{self.approximated:,}",
            f"{self.dropped:,}",
            f"{self.seconds:.2f}",
        )
        widths = [max(len(a), len(b)) for a, b in zip(head, values, strict=True)]
        lines = [
            "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
            for row in (head, values)
        ]
        if self.filtered or self.filtered_images:
            images = f", {self.filtered_images:,} images" if self.filtered_images else ""
            lines.append(f"filtered {self.filtered:,} records{images}: left out as asked for")
        lines += [self.line(kind) for kind in self.codes.values()]
        if self.fields:
            fields = ", ".join(f"{name} {count:,}" for name, count in self._top_fields())
            lines.append(f"fields without a place in {self.target_format}: {fields}")
        return "\n".join(lines)

    def _top_fields(self) -> list[tuple[str, int]]:
        listed = self.fields.most_common(EXAMPLES)
        rest = len(self.fields) - len(listed)
        return [*listed, ("other fields", rest)] if rest > 0 else listed

    def line(self, kind: CodeCount) -> str:
        """Return one line for a kind of event, with its first example."""
        least = "" if kind.least is None else f", least {kind.least:.4g}"
        text = f"{kind.status} {kind.count:,} {kind.code}: {' '.join(kind.message.split())}{least}"
        if kind.examples:
            first = kind.examples[0]
            where = ":".join(part for part in (first.path, first.location) if part)
            if first.annotation_id is not None:
                where += f" annotation {first.annotation_id}"
            if where:
                text += f" (first: {where})"
        return text


def is_report(path: Path) -> bool:
    """Whether a file starts as the JSON of a report does."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NO_WAIT)) as file:
            return file.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


def _json(value: object) -> bytes:
    """Return compact JSON; names of files that are no text are written with escapes."""
    try:
        return msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value, enc_hook=str)).encode()
