"""What a worker does: one part of a source through the whole pipeline, into a spool file."""

from __future__ import annotations

import copy
import os
from typing import Any

import msgspec

from dlgeom.converters import registry
from dlgeom.converters.base import Meta, ReadContext, WriteContext
from dlgeom.converters.fields import ItemFields
from dlgeom.converters.memory import gc_paused
from dlgeom.converters.parallel.emit import Gathered, Gathering, Shared
from dlgeom.converters.parallel.units import Part
from dlgeom.converters.problems import Entry, Problems
from dlgeom.converters.report import Report
from dlgeom.converters.stream import Stream
from dlgeom.errors import OutputError
from dlgeom.labels import Label, LabelTable

__all__ = ["Outcome", "Setup", "form", "found_labels"]


class Setup(msgspec.Struct):
    """What is the same for all parts of a run.

    Parameters
    ----------
    target : str
        Name of the format that is written.
    meta : Meta
        That of the source, as far as parts need it.
    reading : ReadContext
        Without anybody to tell.
    writing : dict
        Fields of `WriteContext` besides output, meta and problems.
    strict : bool
        Whether the first bad record raises.
    all_entries : bool
        Whether each entry of the report is asked for, not only the first of each code.
    asks : bool
        Whether the process that was asked decides what is told, and how.
    learns : bool
        As `Cut.learns`.
    shared : dict
        The target, as `Output.share` tells it.
    folder : str
        Where spool files go.
    process : int
        The one that was asked.
    base : object
        As `Cut.base`.
    """

    target: str
    meta: Meta
    reading: dict[str, Any]
    writing: dict[str, Any]
    strict: bool
    all_entries: bool
    asks: bool
    learns: bool
    shared: Shared
    folder: str
    process: int
    base: Any = None

    def own(self) -> Setup:
        """Return one that nobody else has: executors of threads hand out the same to all."""
        return copy.deepcopy(self) if self.process == os.getpid() else self


class Outcome(msgspec.Struct):
    """What became of a part.

    Parameters
    ----------
    report : Report
        Counts of its records.
    entries : list of Entry
        All that was told, where that is asked for.
    counts : dict of str to int
        As `Problems.counts`.
    items : ItemFields
        Fields of its images.
    sizes : (bool, str or None)
        As `SizeFilter.seen`.
    state : object
        What the writer knows at its end.
    gathered : Gathered
        The files.
    labels : list of Label
        The classes at its end, of sources that learn them as they are read.
    once : object
        What the reader has told that it tells once.
    asked : list of (int, int, Entry)
        As `Report.merge`, where the process that was asked tells.
    chosen : object
        As `SelectedReader.chosen`, where something was chosen.
    """

    report: Report
    entries: list[Entry]
    counts: dict[str, int]
    items: ItemFields
    sizes: tuple[bool, str | None]
    state: Any
    gathered: Gathered
    labels: list[Label]
    once: Any
    asked: list[tuple[int, int, Entry]]
    chosen: Any


class _Told(Report):
    """A report that may keep all entries, for the file that another process writes."""

    def __init__(self, *, keep: bool) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.asked: list[tuple[int, int, Entry]] = []
        if keep:
            self._stream = Any  # type: ignore[assignment]

    def _write(self, entry: Entry) -> None:
        self.entries.append(entry)

    def ask(self, entry: Entry) -> None:
        """Keep an entry for the process that was asked, which tells it or does not."""
        self.asked.append((len(self.codes), len(self.entries), entry))

    def plain(self) -> Report:
        """Return the counts."""
        report = Report()
        report.__dict__.update(
            {name: value for name, value in self.__dict__.items() if name in report.__dict__}
        )
        report._stream = None
        report._seen = report._seen[:0]
        return report


def found_labels(reader: Any) -> LabelTable:
    """Return the classes of a source, under its own names."""
    labels: LabelTable = getattr(reader, "found", reader.meta.labels)
    return labels


def form(setup: Setup, part: Part, number: int) -> Outcome:
    """Read a part and write it into a spool file.

    Parameters
    ----------
    setup : Setup
        That of the run.
    part : Part
        What to do.
    number : int
        Which of the parts it is.
    """
    with gc_paused():
        return _form(setup.own(), part, number)


def _form(setup: Setup, part: Part, number: int) -> Outcome:
    told = _Told(keep=setup.all_entries)
    told.task = setup.writing["task"]
    problems = Problems(strict=setup.strict, listener=told.ask if setup.asks else told.tell)
    spool = os.path.join(setup.folder, f"{number}.{os.getpid()}.{os.urandom(4).hex()}.part")
    output = Gathering(setup.shared, spool)
    context = ReadContext(problems=problems, **setup.reading)
    meta, labels = setup.meta, getattr(part, "labels", None)
    if labels is not None:
        meta = msgspec.structs.replace(meta, labels=LabelTable(labels))
    reader = part.open(meta, context, setup.base, 0)
    try:
        writer: Any = registry.find_format(setup.target).create(
            WriteContext(
                output=output, meta=reader.meta, problems=problems, part=True, **setup.writing
            )
        )
        measure = setup.writing["measure"]
        stream = Stream(reader, problems, writer, told, setup.target, measure=measure)
        for chunk in reader.chunks(grouped=writer.grouped, needs=stream.needs):
            if setup.folder and not os.path.isdir(setup.folder):
                raise OutputError("was given up", path=setup.shared["target"])
            stream.take(chunk)
        state = writer.state()
        gathered = output.gathered()
    finally:
        output.close()
        close = getattr(reader, "close", None)
        if close is not None:
            close()
    return Outcome(
        report=told.plain(),
        entries=told.entries,
        counts=problems.counts,
        items=stream.items,
        sizes=stream.sized.seen,
        state=state,
        gathered=gathered,
        labels=list(found_labels(reader)) if setup.learns else [],
        once=getattr(reader, "once", None),
        asked=told.asked,
        chosen=getattr(reader, "chosen", None),
    )
