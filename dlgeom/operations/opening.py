"""Opening of the data sets that an operation reads, each with the options that are its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlgeom.converters import registry
from dlgeom.converters.base import Format
from dlgeom.converters.places import holding
from dlgeom.converters.report import Report
from dlgeom.converters.selection import Selection
from dlgeom.converters.source import OnError, PathLike, Source, open_source
from dlgeom.errors import UnknownFormatError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["format_for", "open_all", "own_options"]


def own_options(entry: Format, given: Mapping[str, Any], use: str = "read") -> dict[str, Any]:
    """Return those of the given options that reading (or writing) a format has."""
    names = {option.name for option in entry.options if option.use in (use, "both")}
    return {name: value for name, value in given.items() if name in names}


@holding("paths")
def open_all(
    paths: Sequence[PathLike],
    formats: Sequence[str | None],
    reports: Sequence[Report],
    *,
    to: Format | None = None,
    on_error: OnError = "raise",
    limits: Limits = DEFAULT_LIMITS,
    images: PathLike | None = None,
    names: PathLike | None = None,
    ground_truth: PathLike | None = None,
    subsets: Sequence[str] = (),
    selection: Selection | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[Source]:
    """Open several data sets; what is wrong with each is told to its report.

    Each gets those of the options that its format has. An option that neither a source nor the
    target `to` has is an error, as in a conversion.

    Raises
    ------
    UsageError
        For an option that nobody takes.
    DlgeomError
        As `dlgeom.converters.source.open_source`; none is left open then.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    entries = [
        registry.format_of(path, name, limits) for path, name in zip(paths, formats, strict=True)
    ]
    taken = set(own_options(to, given, "write")) if to is not None else set()
    taken.update(*(own_options(entry, given) for entry in entries))
    registry.check_options(entries[0], to, {k: v for k, v in given.items() if k not in taken})
    opened: list[Source] = []
    try:
        for path, entry, report in zip(paths, entries, reports, strict=True):
            opened.append(
                open_source(
                    path,
                    format=entry.name,
                    on_error=on_error,
                    limits=limits,
                    images=images,
                    names=names,
                    ground_truth=ground_truth,
                    subsets=subsets,
                    options=own_options(entry, given),
                    listener=report.tell,
                    selection=selection,
                )
            )
    except BaseException:
        for source in opened:
            source.close()
        raise
    return opened


def format_for(source: Format, target: PathLike, wanted: str | None) -> Format:
    """Return the format to write: the one asked for, else the source's own.

    A name such as ``x.json`` or ``x.vtt`` goes before that where the source's format cannot be
    one file of that ending.
    """
    if wanted is not None:
        return registry.find_format(wanted)
    place = Path(target)
    if registry.is_single_file(source, place):
        return source
    try:
        return registry.target_format(place)
    except UnknownFormatError:
        return source
