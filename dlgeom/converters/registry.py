"""Which formats there are: our own, and those that other packages register.

A package adds a format by an entry point of the group ``dlgeom.formats`` that names a
`dlgeom.converters.base.Format`. The command line's options and the docs' table come from here.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from dlgeom.converters.base import Format, Option
from dlgeom.converters.glance import remembered
from dlgeom.converters.places import held, local_path, needs_place, url_of
from dlgeom.errors import OutputError, UnknownFormatError, UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "Format",
    "Option",
    "check_options",
    "find_format",
    "format_of",
    "formats",
    "may_hold_films",
    "recognise",
    "target_format",
]

GROUP = "dlgeom.formats"
_OWN = ("coco", "yolo", "voc", "vtt", "srt", "dataloop", "mot", "cvat", "yolo-video", "ytvis")
_TRUTH = {"yes": True, "true": True, "on": True, "1": True} | {
    "no": False,
    "false": False,
    "off": False,
    "0": False,
}


@cache
def formats() -> Mapping[str, Format]:
    """Return all formats by name, our own first."""
    found = {
        name: import_module(f"dlgeom.converters.{name.replace('-', '_')}.format").FORMAT
        for name in _OWN
    }
    found.update((entry.name, entry) for entry in _registered() if entry.name not in found)
    return found


def _registered() -> list[Format]:
    """Return the formats of other packages; one that is broken must not stop the others."""
    if not _may_be_registered():
        return []
    from importlib.metadata import entry_points

    found = []
    for point in entry_points(group=GROUP):
        try:
            entry = point.load()
        except Exception as error:  # whatever another package's code raises
            warnings.warn(
                f"format {point.name!r} of another package cannot be loaded "
                f"({type(error).__name__}: {error}); it is left out",
                stacklevel=2,
            )
            continue
        if isinstance(entry, Format):
            found.append(entry)
        else:
            warnings.warn(
                f"format {point.name!r} of another package is no dlgeom Format; it is left out",
                stacklevel=2,
            )
    return found


def _may_be_registered() -> bool:
    """Tell quickly whether any installed package names our group.

    `importlib.metadata` costs 22 ms to import and to ask, a tenth of a small conversion; the
    files that it would read are looked through for the group's name instead.
    """
    for place in sys.path:
        try:
            with os.scandir(place or ".") as entries:
                infos = [e.path for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
        except NotADirectoryError:
            return True  # a zip file on the path is left to the library
        except OSError:
            continue
        for info in infos:
            try:
                with open(os.path.join(info, "entry_points.txt"), "rb") as file:
                    if GROUP.encode() in file.read():
                        return True
            except OSError:
                continue
    return False


def find_format(name: str) -> Format:
    """Return the format of that name or alias, in any letter case.

    Raises
    ------
    UnknownFormatError
        With the known names and the nearest one.
    """
    wanted = name.strip().lower()
    table = formats()
    if wanted in table:
        return table[wanted]
    names: dict[str, Format] = {}
    for entry in table.values():
        names[entry.name] = entry
        for alias in entry.aliases:
            names.setdefault(alias, entry)
    if wanted in names:
        return names[wanted].variants.get(wanted, names[wanted])
    near = _near(wanted, names, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UnknownFormatError(f"unknown format {name!r}; known: {', '.join(table)}.{hint}")


def recognise(path: Path, limits: Limits = DEFAULT_LIMITS) -> Format:
    """Return the one format that a path looks like.

    Parameters
    ----------
    path : Path
        File or folder; an archive, or an address that `Path` was made of, is laid out for it.
    limits : Limits
        What protects that.

    Raises
    ------
    UnknownFormatError
        If none does, or several do equally well.
    OutputError
        If the path cannot be read.
    """
    if needs_place(path):
        with held(path, limits=limits) as places:
            if places:
                return _recognised(places[0].choose(looks_like))
    return _recognised(local_path(url_of(path) or "") or path)


def format_of(
    source: str | os.PathLike[str], name: str | None, limits: Limits = DEFAULT_LIMITS
) -> Format:
    """Return the format of that name; without one, what a source looks like.

    Raises
    ------
    UnknownFormatError, OutputError
        As `find_format` and `recognise`.
    """
    return find_format(name) if name else recognise(Path(source), limits)


def looks_like(path: Path) -> int:
    """Tell how sure any format is that a path is of it: 0 not at all, 2 quite."""
    return max(_scores(path).values(), default=0)


def _scores(path: Path) -> dict[str, int]:
    asked = {
        name: entry
        for name, entry in formats().items()
        if not entry.suffixes or path.is_dir() or path.name.lower().endswith(entry.suffixes)
    }
    with remembered():
        return {name: entry.recognise(path) for name, entry in asked.items()}


def _recognised(path: Path) -> Format:
    _look(path, os.stat)
    scores = _scores(path)
    best = max(scores.values(), default=0)
    likely = [name for name, score in scores.items() if score == best and score > 0]
    if len(likely) == 1:
        return formats()[likely[0]]
    if not likely:
        # Who recognises formats takes what cannot be read for something else.
        if path.is_dir():
            _look(path, os.listdir)
        elif path.is_file():
            _look(path, lambda name: os.close(os.open(name, os.O_RDONLY)))
        patterns = "; ".join(
            f"{entry.name}: {', '.join(entry.patterns)}" for entry in formats().values()
        )
        raise UnknownFormatError(
            f"{path}: no format recognises it. Name one with --from, or point at one of: {patterns}"
        )
    raise UnknownFormatError(
        f"{path}: could be {' or '.join(likely)}; which one cannot be told. Name it with --from"
    )


def _look(path: Path, call: Callable[[str], Any]) -> None:
    """Tell that the system does not let us look at a path."""
    try:
        call(str(path))
    except OSError as error:
        raise OutputError(
            f"cannot be read ({error.strerror or error}). Check the path",
            code="io.read",
            path=str(path),
        ) from error


def target_format(target: Path) -> Format:
    """Return the format that a target's suffix stands for.

    Raises
    ------
    UnknownFormatError
        If the suffix says nothing; folders never do.
    """
    name = target.name.lower()
    likely = [
        entry
        for entry in formats().values()
        if any(name.endswith(suffix) for suffix in entry.single_file)
    ]
    if len(likely) > 1:
        # One ending stands for images and for videos: it means images, unless --to says otherwise.
        likely = [entry for entry in likely if entry.films != "only"] or likely
    if len(likely) == 1:
        return likely[0]
    listed = ", ".join(entry.name for entry in likely or formats().values())
    raise UnknownFormatError(
        f"{target}: its name does not say the format to write. Name it with --to, one of: {listed}"
    )


def is_single_file(entry: Format, target: Path) -> bool:
    """Whether a target of that format is one file and not a folder."""
    name = target.name.lower()
    return any(name.endswith(suffix) for suffix in entry.single_file)


def may_hold_films(name: str) -> bool:
    """Whether a source of that format can have videos."""
    entry = formats().get(name)
    return entry is None or entry.films != "no"


def _near(wanted: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Return the known name that is nearest, [] if none is near."""
    import difflib  # for mistakes only

    return difflib.get_close_matches(wanted, list(known), n=1, cutoff=cutoff)


def _value(option: Option, given: Any) -> Any:
    if given is None:
        return option.default
    if option.choices:
        text = str(given).lower()
        if text not in option.choices:
            near = _near(text, option.choices, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(
                f"option {option.name}: {given!r} is not one of {', '.join(option.choices)}.{hint}"
            )
        return option.kind(text)
    value = _typed(option.kind, given)
    if value is None:
        raise UsageError(
            f"option {option.name}: {given!r} is no {option.kind.__name__}. {option.help}"
        )
    return value


def _typed(kind: type, given: Any) -> Any:
    """Return a value as the type of its option, None if it is no such thing."""
    text = given.strip().lower() if isinstance(given, str) else None
    if kind is bool:
        return given if isinstance(given, bool) else _TRUTH.get(text or str(given))
    if isinstance(given, bool) or (kind is str and text is None):
        return None
    if kind is int and isinstance(given, float) and not given.is_integer():
        return None
    try:
        return kind(given)
    except (TypeError, ValueError, OverflowError):
        return None


def check_options(
    source: Format | None, target: Format | None, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Turn what the user gave into full options for reader and writer.

    Raises
    ------
    UsageError
        If a name is unknown or belongs to another format, or a value does not fit.
    """
    reading = (
        {option.name: option for option in source.options if option.use != "write"}
        if source
        else {}
    )
    writing = (
        {option.name: option for option in target.options if option.use != "read"} if target else {}
    )
    for name in given:
        if name not in reading and name not in writing and given[name] is not None:
            owners = [
                (entry.name, option.use)
                for entry in formats().values()
                for option in entry.options
                if option.name == name
            ]
            if owners:
                where = " or ".join(
                    f"{'reading' if use == 'read' else 'writing' if use == 'write' else 'using'}"
                    f" {owner}"
                    for owner, use in owners
                )
                raise UsageError(
                    f"option {name} is for {where}; it does nothing here. Leave it out"
                )
            known = sorted({*reading, *writing})
            near = _near(name, known)
            hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(known)}."
            raise UsageError(f"unknown option {name!r}.{hint}")
    return (
        {name: _value(option, given.get(name)) for name, option in reading.items()},
        {name: _value(option, given.get(name)) for name, option in writing.items()},
    )
