"""Files of a target, gathered by one process and given their names by another."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.converters.output import FileWriter, Output
from dlgeom.errors import OutputError

__all__ = ["Gathered", "Gathering", "Shared", "announce", "emit"]

BLOCK = 4 << 20
Shared = dict[str, Any]


class Gathered(msgspec.Struct):
    """What a part has written.

    Parameters
    ----------
    spool : str
        File with the contents one after the other; "" where nothing was written.
    names : list of str
        The files, relative to the target.
    sizes : list of int
        Bytes of each in the spool; -1 and -2 for files that are copied or linked.
    sources : list of str
        Paths of those.
    pieces : dict of str to bytes
        What goes to files that other parts write to as well.
    """

    spool: str
    names: list[str]
    sizes: list[int]
    sources: list[str]
    pieces: dict[str, bytes]


class _Piece(FileWriter):
    """Takes what a part adds to a file that all parts write to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self.taken.append(data)

    def close(self) -> None:
        """Finish nothing: other parts follow."""

    def abort(self) -> None:
        """Remove nothing."""


class Gathering(Output):
    """Stands for the target in a process that does a part.

    Parameters
    ----------
    shared : dict
        The target, as `Output.share` tells it.
    spool : str
        File to make for the contents.
    """

    def __init__(self, shared: Shared, spool: str) -> None:
        self._set_up(
            Path(shared["target"]),
            single=shared["single"],
            overwrite=False,
            dry_run=shared["dry_run"],
        )
        self._spool = spool
        self._descriptor = -1
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._names: list[str] = []
        self._sizes: list[int] = []
        self._sources: list[str] = []
        self._pieces: dict[str, _Piece] = {}

    def write(self, name: str, data: bytes) -> None:
        """Take a whole file."""
        self.files += 1
        self._names.append(name)
        self._sizes.append(len(data))
        if not self.dry_run:
            self._waiting.append(data)
            self._bytes += len(data)
            if self._bytes >= BLOCK:
                self._flush()

    def _flush(self) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        try:
            if self._descriptor < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                self._descriptor = os.open(self._spool, flags, 0o600)
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise _no_room(error, self._spool) from error

    def copy(self, name: str, source: Path) -> None:
        """Note a file to copy."""
        self._note(name, source, -1)

    def link(self, name: str, source: Path) -> None:
        """Note a file to link."""
        self._note(name, source, -2)

    def _note(self, name: str, source: Path, how: int) -> None:
        self.files += 1
        self._names.append(name)
        self._sizes.append(how)
        self._sources.append(os.path.abspath(source))

    def open(self, name: str) -> FileWriter:
        """Take what a part adds to a file."""
        return self._pieces.setdefault(name, _Piece())

    def gathered(self) -> Gathered:
        """Return what was taken."""
        if self._waiting:
            self._flush()
        there = self._descriptor >= 0
        self.close()
        return Gathered(
            spool=self._spool if there else "",
            names=self._names,
            sizes=self._sizes,
            sources=self._sources,
            pieces={name: b"".join(piece.taken) for name, piece in self._pieces.items()},
        )

    def close(self) -> None:
        """Let go of the spool file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def announce(output: Output, gathered: Gathered) -> None:
    """Note, in the process that was asked, the files that another one is going to write."""
    output.files += len(gathered.names)
    if not output.dry_run:
        output.expects_files(gathered.names)


def emit(shared: Shared, gathered: Gathered) -> None:
    """Write the files of a part under their names (runs in a worker)."""
    output = Output.joined(shared)
    sources = iter(gathered.sources)
    try:
        with contextlib.ExitStack() as stack:
            spool = -1
            if gathered.spool:
                flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
                try:
                    spool = os.open(gathered.spool, flags)
                except OSError as error:
                    raise _no_room(error, gathered.spool) from error
                stack.callback(os.close, spool)
            block, at = b"", 0
            for number, (name, size) in enumerate(zip(gathered.names, gathered.sizes, strict=True)):
                if number % 64 == 0 and gathered.spool and not os.path.exists(gathered.spool):
                    return  # the run was given up
                if size == -1:
                    output.copy(name, Path(next(sources)))
                elif size == -2:
                    output.link(name, Path(next(sources)))
                else:
                    if at + size > len(block):
                        block = block[at:] + _read(spool, max(size - (len(block) - at), BLOCK))
                        at = 0
                    output.write(name, block[at : at + size])
                    at += size
    finally:
        output.close()


def _read(descriptor: int, size: int) -> bytes:
    pieces = []
    while size > 0 and descriptor >= 0:
        piece = os.read(descriptor, size)
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _no_room(error: OSError, path: str) -> OutputError:
    return OutputError(
        f"{error.strerror or error}; parts of the target lie here on their way. All workers "
        "see the same files under the same paths",
        code="io.permission",
        path=path,
    )
