"""Opening data sets: recognised, read, and what is wrong with them heard."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from dlgeom.chunk import Chunk
from dlgeom.converters import registry
from dlgeom.converters.base import ALL, Format, ReadContext, Reader
from dlgeom.converters.lazy import told, told_error
from dlgeom.converters.places import Place, held, local_path, needs_place, url_of
from dlgeom.converters.problems import Entry, Problems
from dlgeom.converters.report import Report
from dlgeom.converters.sidecar import find_sidecar
from dlgeom.errors import DlgeomError, FormatError, OutputError, UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from dlgeom.converters.parallel.engine import Engine
    from dlgeom.converters.selection import Selection
    from dlgeom.converters.sidecar.restore import Sidecar
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
        What was opened; in a private folder where the source is no file or folder itself.
    places : ExitStack, optional
        What lies in private folders, until it is closed.
    place : Place, optional
        The source itself, if it is one of that.
    images : Path, optional
        The folder of images that the user named.
    """

    def __init__(
        self,
        reader: Reader,
        problems: Problems,
        *,
        format: Format | None = None,  # noqa: A002 - as elsewhere
        path: Path | None = None,
        places: contextlib.ExitStack | None = None,
        place: Place | None = None,
        images: Path | None = None,
    ) -> None:
        self.reader = reader
        self.problems = problems
        self.format = format
        self.path = path
        self.places = places
        self.place = place
        self.images = images

    def close(self) -> None:
        """Close the files that the reader holds open, and remove private folders."""
        try:
            close = getattr(self.reader, "close", None)
            if callable(close):
                close()
        finally:
            if self.places is not None:
                self.places.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.tell_error(error)
        self.close()

    def tell_error(self, error: BaseException) -> None:
        """Name files in an error as the user named the source."""
        told_error(error, None if self.place is None else self.place.name)

    @property
    def shown(self) -> str:
        """How messages name the source."""
        return self.place.shown if self.place is not None else str(self.path)


class PlacedReader:
    """The reader of a source that lies in a private folder, which lives as long as it.

    Errors name the source as the user did. Everything else is as the reader has it.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source.reader, name)

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set; see `dlgeom.converters.base.Reader`."""
        try:
            yield from self._source.reader.chunks(grouped=grouped, needs=needs)
        except DlgeomError as error:
            self._source.tell_error(error)
            raise

    @property
    def images(self) -> Path | None:
        """The folder of images that the user named."""
        return self._source.images

    def close(self) -> None:
        """Close the files and remove the private folder."""
        self._source.close()


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


def _existing(
    value: PathLike | None, what: str, limits: Limits, stack: contextlib.ExitStack
) -> Path | None:
    if value is None:
        return None
    places = stack.enter_context(held(value, limits=limits))
    if places:
        path = places[0].inner(file=what != "images")
    else:
        path = local_path(url_of(value) or "") or Path(value)
    if not path.exists():
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
    sidecar: bool = True,
    alive: Callable[[], None] | None = None,
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
    sidecar : bool
        Whether a sidecar is used, if there is one.
    alive : callable, optional
        Called now and then while the source is opened.
    """
    with contextlib.ExitStack() as stack:
        places = stack.enter_context(held(source, limits=limits))
        entry = registry.find_format(format) if format else None
        problems = Problems(strict=_strict(on_error), listener=listener)
        if places:
            path = places[0].choose(entry.recognise if entry else registry.looks_like)
            problems.naming = _naming(places[0])
        else:
            path = local_path(url_of(source) or "") or Path(source)
        if entry is None:
            entry = registry.recognise(path)
        if not path.exists():
            raise OutputError("no such file or folder", code="io.read", path=str(path))
        beside = _beside(path, entry, problems, limits, stack) if sidecar else None
        given = (options or {}) if beside is None else beside.options(options or {})
        reading, _ = registry.check_options(entry, to, given)
        if places:
            places[0].tell(problems)
            if engine is not None and not engine.is_here:
                engine = None  # another machine sees no private folder
            if engine is not None:
                places[0].room.fill_all()  # other processes see what is on disk
        pictures = _existing(images, "images", limits, stack)
        reader = _opened(
            entry,
            path,
            ReadContext(
                problems=problems,
                limits=limits,
                options=reading,
                images=pictures,
                names=_existing(names, "names", limits, stack),
                ground_truth=_existing(ground_truth, "ground_truth", limits, stack),
                subsets=tuple(subsets),
                task=task,
                sizes=sizes
                or beside is not None
                or (selection is not None and selection.needs_sizes),
                engine=engine,
                alive=alive,
            ),
            beside,
        )
        place = places[0] if places else None
        opened = Source(reader, problems, format=entry, path=path, place=place, images=pictures)
        if selection is not None:
            try:
                opened.reader = selection.over(reader, problems)
            except BaseException:
                opened.close()
                raise
        beyond = (source, images, names, ground_truth)
        if beside is not None or any(p is not None and needs_place(p) for p in beyond):
            opened.places = stack.pop_all()
        return opened


def _beside(
    path: Path, entry: Format, problems: Problems, limits: Limits, stack: contextlib.ExitStack
) -> Sidecar | None:
    """Return the sidecar of a source, None if it has none."""
    found = find_sidecar(path)
    if found is None:
        return None
    from dlgeom.converters.sidecar.restore import Sidecar

    beside = Sidecar(found, entry, problems, limits)
    stack.callback(beside.close)
    return beside


def _opened(entry: Format, path: Path, context: ReadContext, beside: Sidecar | None) -> Reader:
    """Return the reader of a source, or of what its sidecar knows of it."""
    try:
        reader = entry.open(path, context)
    except FormatError:
        found = beside.over(None) if beside is not None and beside.alone else None
        if found is None:
            raise
        return found
    if beside is None:
        return reader
    try:
        return beside.over(reader) or reader
    except BaseException:
        close = getattr(reader, "close", None)
        if callable(close):
            close()
        raise


def _naming(place: Place) -> Callable[[Entry], None]:
    """Return what names files in entries as the user named the source."""
    known: dict[str, str] = {}

    def name(entry: Entry) -> None:
        entry.message = told(entry.message)
        if entry.path is not None:
            found = known.get(entry.path)
            if found is None:
                found = known[entry.path] = place.name(told(entry.path))
            entry.path = found

    return name


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
    sidecar: bool = True,
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
    sidecar : bool
        Whether a sidecar is used, if there is one: the data set is what it was before it was
        converted then.

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
        sidecar=sidecar,
    )
    opened.problems.entries = ear.opened()
    reader: Any = opened.reader if opened.places is None else PlacedReader(opened)
    return Dataset(reader, opened.problems, path=path, ear=ear)
