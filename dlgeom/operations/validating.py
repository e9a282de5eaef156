"""`validate`: every fault of a data set, and a repaired copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dlgeom.converters import pipeline, registry
from dlgeom.converters.places import holding, shown_source
from dlgeom.converters.problems import Entry
from dlgeom.converters.report import Report
from dlgeom.converters.source import PathLike, Source, open_source
from dlgeom.errors import FormatError
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.operations.checking import CheckedReader

__all__ = ["Validation", "validate"]

FAULTS = ("file", "skipped", "repaired", "warning")
"""What makes a data set faulty; notices do not."""


class Validation(msgspec.Struct, kw_only=True):
    """What was found.

    Parameters
    ----------
    path, format : str
        What was looked at, and what it is.
    images, annotations : int
        What could be read.
    entries : list of Entry
        Faults and notices, those of each code that were kept, in the order they came.
    report : Report
        Counts of all of them; of the copy, if one was written.
    """

    path: str
    format: str
    images: int
    annotations: int
    entries: list[Entry]
    report: Report

    @property
    def faults(self) -> int:
        """How many faults there are."""
        return sum(
            kind.count for (status, _), kind in self.report.codes.items() if status in FAULTS
        )

    @property
    def exit_code(self) -> int:
        """0 if there are notices at most, else 1."""
        return 1 if self.faults else 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "path": self.path,
            "format": self.format,
            "images": self.images,
            "annotations": self.annotations,
            "faults": self.faults,
            "target": self.report.target or None,
            "codes": self.report.summary()["codes"],
            "entries": [msgspec.to_builtins(entry, enc_hook=str) for entry in self.entries],
        }

    def table(self, examples: int = 20) -> str:
        """Return each fault on a line, by code, for a terminal."""
        lines = []
        for (status, code), kind in self.report.codes.items():
            if status not in (*FAULTS, "notice"):
                # What the format itself could not keep in the copy.
                lines.append(self.report.line(kind))
                continue
            lines.append(f"{status} {code} {kind.count:,}")
            mine = [e for e in self.entries if (e.status, e.code) == (status, code)]
            lines += [f"  {_line(entry)}" for entry in mine[:examples]]
            if kind.count > len(mine[:examples]):
                lines.append(f"  and {kind.count - len(mine[:examples]):,} more")
        good = f"{self.images:,} images and {self.annotations:,} annotations of {self.format} read"
        word = "fault" if self.faults == 1 else "faults"
        lines.append(f"{good}; {self.faults or 'no'} {word}")
        return "\n".join(lines)


def _line(entry: Entry) -> str:
    where = ":".join(part for part in (entry.path, entry.location) if part)
    if entry.annotation_id is not None:
        where += f" annotation {entry.annotation_id}"
    return " ".join(f"{where.strip()}: {entry.message}".split()).removeprefix(": ")


@holding("path")
def validate(
    path: PathLike,
    *,
    fix: PathLike | None = None,
    from_format: str | None = None,
    examples: int | None = 10_000,
    overwrite: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    images: PathLike | None = None,
    names: PathLike | None = None,
    ground_truth: PathLike | None = None,
    subsets: Sequence[str] = (),
    **options: Any,
) -> Validation:
    """Find every fault of a data set: what readers tell, and outlines that are not valid.

    Parameters
    ----------
    path : path
        What to look at; it is not changed.
    fix : path, optional
        Where to write a repaired copy in the same format: bad records left out, what can be put
        right put right, outlines made valid. Each is told.
    from_format : str, optional
        Its format; recognised otherwise.
    examples : int, optional
        Faults of each code that are kept; all are counted. None keeps all.
    overwrite : bool
        Whether the copy may replace what is there.
    limits, images, names, ground_truth, subsets, **options
        As for `dlgeom.convert`.

    Returns
    -------
    Validation
        Faults with file, location, id and code. A file that cannot be trusted as a whole is one.

    Raises
    ------
    FormatError
        With `fix`, for a file that cannot be trusted as a whole: there is nothing to write.
    DlgeomError
        As `dlgeom.convert`, for what is no fault of the data.
    """
    heard = _Heard(examples)
    entry = registry.format_of(path, from_format, limits)
    settings: dict[str, Any] = {
        "format": entry.name,
        "on_error": "skip",
        "limits": limits,
        "images": images,
        "names": names,
        "ground_truth": ground_truth,
        "subsets": subsets,
        "listener": heard,
    }
    if fix is not None:
        return _fixed(path, fix, settings, heard, overwrite, options)
    try:
        with pipeline.gc_paused(), open_source(path, options=options, **settings) as source:
            reader = CheckedReader(source.reader, source.problems, fix=False)
            for chunk in reader.chunks(grouped=False):
                heard.report.add_items(chunk.items)
                heard.report.given += len(chunk)
    except FormatError as error:
        heard(
            Entry(
                status="file",
                code=error.code,
                message=error.message,
                path=error.path,
                location=error.location,
                annotation_id=error.annotation_id,
            )
        )
    heard.report.written = heard.report.given
    return heard.result(path, entry.name)


def _fixed(
    path: PathLike,
    fix: PathLike,
    settings: dict[str, Any],
    heard: _Heard,
    overwrite: bool,
    options: dict[str, Any],
) -> Validation:
    with (
        pipeline.gc_paused(),
        pipeline.open_target(
            fix, source=path, format=settings["format"], overwrite=overwrite
        ) as target,
    ):
        heard.report = target.report
        opened = open_source(path, to=target.format, options=options, **settings)
        with opened:
            reader = CheckedReader(opened.reader, opened.problems, fix=True)
            pipeline.write_source(
                Source(reader, opened.problems, format=opened.format, path=opened.path),
                target,
                subsets=settings["subsets"],
                limits=settings["limits"],
                options=options,
            )
    return heard.result(path, settings["format"])


class _Heard:
    """Keeps what is told."""

    def __init__(self, examples: int | None) -> None:
        self.report = Report()
        self.entries: list[Entry] = []
        self._examples = examples

    def __call__(self, entry: Entry) -> None:
        self.report.tell(entry)
        count = self.report.codes[entry.status, entry.code].count
        if self._examples is None or count <= self._examples:
            self.entries.append(entry)

    def result(self, path: PathLike, name: str) -> Validation:
        return Validation(
            path=shown_source(path),
            format=name,
            images=self.report.images,
            annotations=self.report.given,
            entries=self.entries,
            report=self.report,
        )
