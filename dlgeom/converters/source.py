"""Opening data sets: recognised, read, and what is wrong with them heard."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from dlgeom.converters import registry
from dlgeom.converters.base import Format, ReadContext, Reader
from dlgeom.converters.problems import Entry, Problems
from dlgeom.converters.report import Report
from dlgeom.errors import OutputError, UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from dlgeom.converters.parallel.engine import Engine
    from dlgeom.converters.selection import Selection
    from dlgeom.dataset import Dataset

__all__ = ["Ear", "OnError", "PathLike", "Source", "open_dataset", "open_source"]

OnError = Literal["raise", "skip"]
PathLike = str | os.PathLike[str]
HEARD = 1_000
"""Entries that are kept for the user of a data set."""


class Source:
    """An opened source: its reader and what was wrong with it. Closes its files with ``with``.

    Parameters
    ----------
    reader : Reader
        Where the chunks come from.
    problems : Problems
        What the reader and the writer tell.
    format : Format, optional
        Its format; None for objects in memory.
    path : Path, optional
        What was opened.
    """

    def __init__(
        self,
        reader: Reader,
        problems: Problems,
        *,
        format: Format | None = None,  # noqa: A002 - as elsewhere
        path: Path | None = None,
    ) -> None:
        self.reader = reader
        self.problems = problems
        self.format = format
        self.path = path

    def close(self) -> None:
        """Close the files that the reader holds open."""
        close = getattr(self.reader, "close", None)
        if callable(close):
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Ear:
    """Hears what is wrong with a data set that is read again and again.

    What opening it told belongs to each run; what reading tells belongs to the run that reads.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._opening = Report()
        self._report: Report | None = self._opening

    def __call__(self, entry: Entry) -> None:
        """Hear one thing (the listener of `Problems`)."""
        if self._report is not None:
            self._report.tell(entry)
        if len(self.entries) < HEARD:
            self.entries.append(entry)

    @contextlib.contextmanager
    def telling(self, report: Report) -> Iterator[None]:
        """Tell a report what opening told, and what is heard inside of the block."""
        report.include(self._opening)
        self._report = report
        try:
            yield
        finally:
            self._report = None

    def opened(self) -> list[Entry]:
        """Say that the data set is open; return the list of entries that is kept from now on."""
        self._report = None
        return self.entries


def _strict(on_error: str) -> bool:
    if on_error not in ("raise", "skip"):
        raise UsageError(f"on_error is {on_error!r}; it is 'raise' or 'skip'")
    return on_error == "raise"


def _path(value: PathLike | None) -> Path | None:
    return None if value is None else Path(value)


def _existing(value: PathLike | None, what: str) -> Path | None:
    path = _path(value)
    if path is not None and not path.exists():
        raise OutputError(f"no such file or folder for {what}", code="io.read", path=str(path))
    return path


def open_source(
    source: PathLike,
    *,
    format: str | None = None,  # noqa: A002 - the documented name
    to: Format | None = None,
    on_error: OnError = "raise",
    limits: Limits = DEFAULT_LIMITS,
    images: PathLike | None = None,
    names: PathLike | None = None,
    ground_truth: PathLike | None = None,
    subsets: Sequence[str] = (),
    task: str | None = None,
    options: Mapping[str, Any] | None = None,
    listener: Callable[[Entry], None] | None = None,
    sizes: bool = True,
    selection: Selection | None = None,
    engine: Engine | None = None,
) -> Source:
    """Recognise and open a data set; see `convert` for the parameters.

    Parameters
    ----------
    to : Format, optional
        Format of the target, whose options may be among `options`.
    listener : callable, optional
        Called with each thing that is wrong with the source.
    sizes : bool
        Whether the sizes of images are needed.
    selection : Selection, optional
        What is let through, and under which names.
    engine : Engine, optional
        Who reads along, where that can be shared.
    """
    path = Path(source)
    entry = registry.find_format(format) if format else registry.recognise(path)
    if not path.exists():
        raise OutputError("no such file or folder", code="io.read", path=str(path))
    reading, _ = registry.check_options(entry, to, options or {})
    problems = Problems(strict=_strict(on_error), listener=listener)
    reader = entry.open(
        path,
        ReadContext(
            problems=problems,
            limits=limits,
            options=reading,
            images=_existing(images, "images"),
            names=_existing(names, "names"),
            ground_truth=_existing(ground_truth, "ground_truth"),
            subsets=tuple(subsets),
            task=task,
            sizes=sizes or (selection is not None and selection.needs_sizes),
            engine=engine,
        ),
    )
    if selection is not None:
        try:
            reader = selection.over(reader, problems)
        except BaseException:
            Source(reader, problems).close()
            raise
    return Source(reader, problems, format=entry, path=path)


def open_dataset(
    path: PathLike,
    *,
    format: str | None = None,  # noqa: A002 - the documented name
    on_error: OnError = "raise",
    limits: Limits = DEFAULT_LIMITS,
    images: PathLike | None = None,
    names: PathLike | None = None,
    ground_truth: PathLike | None = None,
    subsets: Sequence[str] = (),
    task: str | None = None,
    **options: Any,
) -> Dataset:
    """Open a data set from disk as a lazy, re-iterable stream.

    Parameters
    ----------
    path : path
        File or folder; its format is recognised unless `format` is given.
    on_error : {"raise", "skip"}
        What a bad record does.
    limits, images, names, ground_truth, subsets, task, **options
        As for `convert`.

    Returns
    -------
    Dataset
        Yields (item, annotations).
    """
    from dlgeom.dataset import Dataset

    ear = Ear()
    opened = open_source(
        path,
        format=format,
        on_error=on_error,
        limits=limits,
        images=images,
        names=names,
        ground_truth=ground_truth,
        subsets=subsets,
        task=task,
        options=options,
        listener=ear,
    )
    opened.problems.entries = ear.opened()
    return Dataset(opened.reader, opened.problems, path=path, ear=ear)
