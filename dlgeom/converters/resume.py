"""What a later run has to know to go on with one that was interrupted.

A folder that is being written holds the file `MARKER` from the first moment until the run is
complete, whatever ends it. It names the run (version, sources, settings), and since when which
files are safely on disk: it is written again every few seconds, after one sync of the file system
(fsync of each small file would take five times as long as writing it).

See ``docs/decisions/resume.md``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dlgeom._version import __version__
from dlgeom.errors import OutputError

__all__ = [
    "HARMLESS",
    "MARKER",
    "Marker",
    "Run",
    "is_temporary",
    "lock",
    "lock_folder",
    "remove_stale",
    "sync_files",
    "temporary_of",
]

MARKER = ".dlgeom-resume.part"
"""Name of the file, in the root of the target."""

HARMLESS = frozenset(
    [
        *("target", "report", "progress", "dry_run", "overwrite", "resume"),
        *("executor", "workers", "scheduler"),
    ]
)
"""Parameters that change no byte of the target."""

INTERVAL = 5.0
"""Seconds from one writing of the marker to the next, at least."""

SHARE = 50
"""The file system is synced for one part in so many of the time, at most."""

_VERSION = 1
_PATHS = frozenset(["source", "sources", "images", "names", "ground_truth", "label_map"])
_LISTED = 2_000
_MOST = 1 << 20
_TEMPORARY = re.compile(r"\.[0-9]+\.[0-9a-f]{8}\.[0-9a-z.]+\.part")


def is_temporary(name: str) -> bool:
    """Whether that is the name of a file of ours that was not finished."""
    return _TEMPORARY.fullmatch(name) is not None


def temporary_of(name: str) -> str:
    """Return what the names of temporary files have that stand for a single file."""
    return f"{zlib.crc32(name.encode('utf-8', 'surrogateescape')):08x}"


class Run(msgspec.Struct, frozen=True):
    """What is being run: another run of the same values writes the same bytes.

    Parameters
    ----------
    command : str
        Such as ``convert``.
    settings : dict
        Parameters that change what is written, as plain values.
    paths : dict of str to sequence of str
        Those that name files or folders to be read.
    """

    command: str
    settings: dict[str, Any]
    paths: dict[str, tuple[str, ...]] = {}

    @classmethod
    def of(cls, command: str, parameters: Mapping[str, Any]) -> Run:
        """Return the run of a function by its name and parameters (its `locals()`).

        Every parameter counts, but those in `HARMLESS`. Iterators are not looked at.
        """
        settings: dict[str, Any] = {}
        paths: dict[str, tuple[str, ...]] = {}
        for name, value in parameters.items():
            if name in HARMLESS or value is None:
                continue
            if name in _PATHS and isinstance(value, str | os.PathLike):
                paths[name] = (os.fspath(value),)
            elif name in _PATHS and _are_paths(value):
                paths[name] = tuple(os.fspath(one) for one in value)
            else:
                settings[name] = _plain(value)
        return cls(command, settings, paths)

    def marker(self, *, overwrite: bool) -> Marker:
        """Return the marker of the run before it has written anything."""
        return Marker(
            version=__version__,
            command=self.command,
            settings=self.settings,
            sources={name: [_stamp(path) for path in self.paths[name]] for name in self.paths},
            overwrite=overwrite,
        )


def _are_paths(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(v, str | os.PathLike) for v in value)


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back; what has no such form as its text."""
    builtin = msgspec.to_builtins(value, enc_hook=repr, str_keys=True)
    return json.loads(json.dumps(builtin, default=repr))


def _stamp(path: str) -> dict[str, Any]:
    """Return what tells whether a source is what it was.

    Of a file its size and time; of a folder the listing of all that is below, with sizes and
    times too where it is small: a look at each of a million files would cost seconds. (A change
    of one of those shows when its output is compared with what there is.)
    """
    if "://" in path:
        return {"path": path}
    shown: dict[str, Any] = {"path": os.path.realpath(path)}
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            shown.update(_listing(path))
        elif stat.S_ISREG(found.st_mode):
            shown.update(size=found.st_size, mtime_ns=found.st_mtime_ns)
    except OSError as error:
        # Whoever reads it will say so.
        shown["error"] = error.strerror or ""
    return shown


def _listing(root: str) -> dict[str, int]:
    files: list[os.DirEntry[str]] = []
    names: list[str] = []
    folders = [root]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif len(files) <= _LISTED:
                    files.append(entry)
                names.append(entry.path)
    names.sort()
    text = "\0".join(name[len(root) :] for name in names)
    listing = zlib.crc32(text.encode("utf-8", "surrogateescape"))
    shown = {"names": len(names), "listing": listing}
    if len(files) <= _LISTED:
        content = 0
        for entry in sorted(files, key=lambda entry: entry.path):
            try:
                found = entry.stat()
            except OSError:
                continue
            content = zlib.crc32(b"%d %d," % (found.st_size, found.st_mtime_ns), content)
        shown["files"] = content
    return shown


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file `MARKER`.

    Parameters
    ----------
    dlgeom_resume : int
        Version of this file's form.
    version : str
        That of dlgeom.
    command, settings, sources
        See `Run`; of each source its real path, and what tells whether it has changed.
    overwrite : bool
        Whether the run was allowed to replace what was there.
    files : int
        Files that were complete when the marker was written, for those who look.
    vouched_ns : int
        Time of the file system: whatever was last changed before it, is on disk as it is.
    """

    dlgeom_resume: int = _VERSION
    version: str
    command: str
    settings: dict[str, Any]
    sources: dict[str, list[dict[str, Any]]]
    overwrite: bool
    files: int = 0
    vouched_ns: int = 0

    @classmethod
    def read(cls, path: Path) -> Marker | None:
        """Read a marker; None where there is none, or none that we wrote."""
        try:
            with open(path, "rb", opener=_no_link) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return None
                return msgspec.json.decode(file.read(_MOST), type=cls)
        except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
            return None

    def encode(self) -> bytes:
        """Return the bytes of the file; more than a reader takes become none of use."""
        data = json.dumps(msgspec.to_builtins(self), indent=1).encode()
        return data if len(data) < _MOST else b"{}"

    def check(self, other: Marker, path: str, *, overwrite: bool) -> None:
        """See that `other`, the marker of what is to go on, fits what is there.

        Raises
        ------
        OutputError
            ``output.exists`` that says what differs.
        """
        differs = next(self._differences(other), None)
        if differs is not None:
            raise OutputError(
                f"holds an unfinished run that is not this one: {differs}; only the same command "
                "goes on with it. Give that command, or start again with --overwrite",
                code="output.exists",
                path=path,
            )
        if self.overwrite and not overwrite:
            raise OutputError(
                "holds an unfinished run that had --overwrite; nothing is replaced unasked. "
                "Give --overwrite with --resume",
                code="output.exists",
                path=path,
            )

    def _differences(self, other: Marker) -> Iterator[str]:
        if self.dlgeom_resume != other.dlgeom_resume or self.version != other.version:
            yield f"dlgeom was {self.version}, and is {other.version}"
        if self.command != other.command:
            yield f"the command was {self.command!r}, and is {other.command!r}"
        for name in sorted({*self.settings, *other.settings}):
            was, now = self.settings.get(name), other.settings.get(name)
            if was != now:
                yield from _setting(name, was, now)
        for name in sorted({*self.sources, *other.sources}):
            yield from _source(name, self.sources.get(name, []), other.sources.get(name, []))


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _setting(name: str, was: Any, now: Any) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            if was.get(key) != now.get(key):
                inner = key if name == "options" else f"{name} {key}"
                yield from _setting(inner, was.get(key), now.get(key))
        return
    old, new = ("not given" if value is None else repr(value)[:60] for value in (was, now))
    yield f"{name} was {old}, and is {new}"


def _source(
    name: str, was: Iterable[dict[str, Any]], now: Iterable[dict[str, Any]]
) -> Iterator[str]:
    was, now = list(was), list(now)
    if [one.get("path") for one in was] != [one.get("path") for one in now]:
        old, new = (
            ", ".join(str(one.get("path")) for one in some) or "not given" for some in (was, now)
        )
        yield f"{name} was {old}, and is {new}"
        return
    for before, after in zip(was, now, strict=True):
        if before != after:
            how = "has changed since"
            if "listing" in before and before.get("listing") != after.get("listing"):
                how = "has other files than it had"
            elif "files" in before:
                how = "has a file that has changed since"
            yield f"{name} {after.get('path')} {how}"


# -- the file system -----------------------------------------------------------------------


def lock(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed; return whether nobody else has.

    The lock of a process that was killed is gone. Where the system has no such locks, nobody has.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True


def lock_folder(path: str) -> tuple[int, bool]:
    """Open and lock a folder; return its descriptor, -1 without locks, and whether it was free."""
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
    if os.name != "posix":
        return -1, True
    descriptor = os.open(path, flags)
    if lock(descriptor):
        return descriptor, True
    os.close(descriptor)
    return -1, False


def sync_files(descriptor: int | None) -> bool:
    """Bring all that was written to a file system to its disk; return whether that was done.

    Raises
    ------
    OSError
        If something could not be written.
    """
    import ctypes

    call = (
        getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if os.name == "posix" else None
    )
    if call is not None and descriptor is not None:
        if call(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return True
    if hasattr(os, "sync"):
        os.sync()
        return True
    return False


def remove_stale(folder: str | Path, mark: str) -> None:
    """Remove temporary files of a single file whose processes have ended; see `temporary_of`."""
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(folder) if is_temporary(name)]
        for name in names:
            if f".{mark}." not in name:
                continue
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
                try:
                    dead = lock(descriptor)
                finally:
                    os.close(descriptor)
                if dead:
                    os.unlink(path)
