"""One WebVTT file as a collection of annotations, and back."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Literal

from dlgeom.annotation import AnnotationCollection
from dlgeom.converters import registry
from dlgeom.converters.base import Meta, WriteContext
from dlgeom.converters.inputs import read_bytes
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.converters.report import Report
from dlgeom.converters.vtt.format import FORMAT
from dlgeom.converters.vtt.mapping import NAME
from dlgeom.converters.vtt.reader import read_vtt
from dlgeom.converters.vtt.writer import VttWriter
from dlgeom.item import Item
from dlgeom.labels import LabelTable
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["read_vtt_file", "write_vtt_file"]

PathLike = str | os.PathLike[str]
OnError = Literal["raise", "skip"]


def read_vtt_file(
    path: PathLike,
    item: Item | None = None,
    *,
    on_error: OnError = "skip",
    problems: Problems | None = None,
    limits: Limits = DEFAULT_LIMITS,
    **options: Any,
) -> AnnotationCollection:
    """Read a WebVTT file.

    Parameters
    ----------
    path : path
        The file.
    item : Item, optional
        What the subtitles belong to; an audio item with the file's name if not given. A copy of
        it, with header, regions, styles and comments of the file in its metadata, is the item of
        the result.
    on_error : {"skip", "raise"}
        Whether a cue that cannot be read is left out, as the specification has it and with a
        warning, or raises. Ignored where `problems` are given.
    problems : Problems, optional
        Told what is wrong with the file; no warnings then.
    limits : Limits
        What protects the run.
    **options
        Those of the format that are for reading, such as ``vtt_label="Speaker"``.

    Returns
    -------
    AnnotationCollection
        One subtitle for each cue, or for each voice span of a cue, in the file's order.

    Raises
    ------
    FormatError
        If it is no WebVTT file, or no UTF-8.
    OutputError
        If it cannot be read.
    """
    place = Path(path)
    reading, _ = registry.check_options(FORMAT, None, options)
    heard = problems or Problems(strict=on_error == "raise")
    data = read_bytes(place, limits=limits, shown=str(path))
    whose = Item(name=place.name, media="audio") if item is None else item
    found, annotations, _ = read_vtt(data, whose, str(path), heard, limits, reading)
    if problems is None and heard.counts.get("skipped"):
        first = next(entry for entry in heard.entries if entry.status == "skipped")
        warnings.warn(
            f"{path}: {heard.counts['skipped']} cues are left out; the first, {first.location}: "
            f"{first.message} [{first.code}]",
            stacklevel=2,
        )
    labels = LabelTable()
    for annotation in annotations:
        if annotation.label is not None:
            labels.index(annotation.label)
    return AnnotationCollection(found, annotations, labels)


def write_vtt_file(
    collection: AnnotationCollection,
    path: PathLike,
    *,
    item: Item | None = None,
    on_error: OnError = "skip",
    overwrite: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    **options: Any,
) -> Report:
    """Write the subtitles of a collection to a WebVTT file.

    Parameters
    ----------
    collection : AnnotationCollection
        The annotations; those that are no subtitles are in the report as dropped.
    path : path
        The file to write; it is complete or absent.
    item : Item, optional
        What they belong to; the collection's item if not given.
    on_error : {"skip", "raise"}
        Whether a subtitle that starts before 0 or does not end after its start gets other times,
        or raises.
    overwrite : bool
        Whether an existing file may be replaced.
    limits : Limits
        What protects the run.
    **options
        Those of the format that are for writing, such as ``vtt_label="Speaker"``.

    Returns
    -------
    Report
        What was written, approximated and dropped.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from dlgeom.dataset import Dataset

    _, writing = registry.check_options(None, FORMAT, options)
    whose = item or collection.item or Item(name=Path(path).name, media="audio")
    report = Report()
    report.target, report.target_format = str(path), NAME
    pairs = Dataset.from_pairs([(whose, collection)])
    with Output(Path(path), single=True, overwrite=overwrite) as output:
        writer = VttWriter(
            WriteContext(
                output=output,
                meta=Meta(format="memory", labels=pairs.labels),
                problems=Problems(strict=on_error == "raise", listener=report.tell),
                limits=limits,
                options=writing,
            )
        )
        for chunk in pairs.chunks():
            report.add_items(chunk.items)
            report.add(chunk, writer.write(chunk))
        writer.finish()
        report.files = output.files
    report.check()
    return report
