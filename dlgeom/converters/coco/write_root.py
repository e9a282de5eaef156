"""The root object of a COCO file, written as a stream with its keys in a given order.

Records come in the order of the source while the sections of a file have theirs; what cannot be
written at once waits in a spool that goes to disk when it grows.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import msgspec

from dlgeom.converters.output import Output
from dlgeom.converters.packed import Packer, Sink, bare_name
from dlgeom.errors import InternalError

__all__ = ["ARRAYS", "OWN_ORDER", "ListFile", "RootFile", "Spool", "open_stream", "own_sections"]

ARRAYS = frozenset({"images", "annotations", "categories"})
"""Root keys whose records are written one by one; all others are copied whole."""

OWN_ORDER = ("info", "licenses", "annotations", "images", "categories")
"""Root keys of a file that does not come from COCO: what streams longest comes first."""

_BLOCK = 1 << 20


def open_stream(output: Output, name: str) -> Sink:
    """Start a file of the output, packed where its name ends in ``.gz`` or ``.zst``."""
    sink = output.open(name)
    ending = name[len(bare_name(name)) :].lower()
    return Packer(sink, ending) if ending else sink


class Spool:
    """Bytes that wait: in memory up to a few megabytes, then in a nameless file.

    Parameters
    ----------
    folder : Path, optional
        Where the file is made; None takes nothing and keeps nothing (a dry run).
    limit : int
        Bytes kept in memory.
    """

    def __init__(self, folder: Path | None, limit: int = 4 * _BLOCK) -> None:
        self._folder = folder
        self._limit = limit
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._file: IO[bytes] | None = None
        self.size = 0

    def add(self, data: bytes) -> None:
        """Append bytes."""
        self.size += len(data)
        if self._folder is None:
            return
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= self._limit:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
            self._file.write(b"".join(self._pieces))
            self._pieces.clear()
            self._waiting = 0

    def blocks(self) -> Iterator[bytes]:
        """Yield all bytes in order, about a megabyte at a time."""
        if self._file is not None:
            self._file.seek(0)
            while block := self._file.read(_BLOCK):
                yield block
        yield from self._pieces

    def close(self) -> None:
        """Let go of the bytes."""
        self._pieces.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.close()


class ListFile:
    """A results file: a bare list of annotations, without images and categories."""

    def __init__(self, output: Output, name: str) -> None:
        self._sink = open_stream(output, name)
        self._separator = b"["

    def add(self, key: str, records: bytes) -> None:
        """Append records, separated by commas, if `key` is ``annotations``."""
        if key == "annotations" and records:
            self._sink.write(self._separator + records)
            self._separator = b",\n"

    def finish(self, categories: bytes, *, always: bool) -> None:
        """Close the list and the file; there is no place for categories."""
        self._sink.write(b"[]\n" if self._separator == b"[" else b"]\n")
        self._sink.close()


def own_sections(source: str) -> dict[str, bytes]:
    """Return the root keys of a file that does not come from COCO.

    ``info`` and ``licenses`` are there because readers ask for them unasked.
    """
    info = {
        "description": f"converted from {source} by dlgeom" if source else "written by dlgeom",
        "url": "",
        "version": "",
        "year": None,
        "contributor": "",
        "date_created": "",
    }
    sections = dict.fromkeys(OWN_ORDER, b"")
    sections["info"] = msgspec.json.encode(info)
    sections["licenses"] = b"[]"
    return sections


class RootFile:
    """One COCO file.

    Parameters
    ----------
    output : Output
        The target.
    name : str
        Name of the file in it.
    sections : mapping of str to bytes
        Root keys in order; the raw JSON of those that are copied, b"" for the `ARRAYS`.
    items_first : bool
        Whether all images come before the first annotation.

    Notes
    -----
    The first array of the file is written as it comes. Where that is ``images`` and the source
    promises all images first, ``annotations`` may follow at once; everything else waits.
    """

    def __init__(
        self,
        output: Output,
        name: str,
        sections: Mapping[str, bytes],
        *,
        items_first: bool = False,
    ) -> None:
        self.name = name
        self._folder = None if output.dry_run else output.root
        self._sink = open_stream(output, name)
        self._sections = dict(sections)
        self._todo = list(sections)
        self._items_first = items_first
        self._spools: dict[str, Spool] = {}
        self._current: str | None = None
        self._written = False
        self._separator = b"{"
        self._advance()

    def _key(self, key: str) -> bytes:
        text = self._separator + msgspec.json.encode(key) + b":"
        self._separator = b",\n"
        return text

    def _advance(self) -> None:
        """Write copied sections up to the next array, and begin that if it can be streamed."""
        while self._todo:
            key = self._todo[0]
            if key in ARRAYS:
                break
            self._sink.write(self._key(key) + self._sections[key])
            del self._todo[0]
        if self._todo and self._todo[0] in ("images", "annotations"):
            self._current = self._todo.pop(0)
            self._written = False
            self._sink.write(self._key(self._current) + b"[")

    def _end_array(self) -> None:
        self._sink.write(b"]")
        self._current = None

    def add(self, key: str, records: bytes) -> None:
        """Append records, separated by commas, to the array `key`."""
        if not records:
            return
        if (
            key == "annotations"
            and self._current == "images"
            and self._items_first
            and "annotations" in self._todo
        ):
            self._end_array()
            self._advance()
        if key == self._current:
            self._sink.write(b",\n" + records if self._written else records)
            self._written = True
            return
        if key not in self._todo:
            if key in self._sections:
                raise InternalError(f"{self.name}: more {key} came after their section was closed")
            self._sections[key] = b""
            self._todo.append(key)
        spool = self._spools.get(key)
        if spool is None:
            spool = self._spools[key] = Spool(self._folder)
        spool.add(b",\n" + records if spool.size else records)

    def finish(self, categories: bytes, *, always: bool) -> None:
        """Write what waited and close the file.

        Parameters
        ----------
        categories : bytes
            The records of ``categories``, separated by commas.
        always : bool
            Whether the key ``categories`` is written where the source has none and there are
            no categories.
        """
        if categories or always or "categories" in self._sections:
            self._sections.setdefault("categories", b"")
            if "categories" not in self._todo:
                self._todo.append("categories")
            if categories:
                self.add("categories", categories)
        while True:
            if self._current is not None:
                spool = self._spools.pop(self._current, None)
                if spool is not None:
                    self._copy(spool, self._written)
                self._end_array()
            self._advance()
            if self._current is not None:
                continue
            if not self._todo:
                break
            key = self._todo.pop(0)
            self._sink.write(self._key(key) + b"[")
            self._current, self._written = key, False
        self._sink.write(b"{}\n" if self._separator == b"{" else b"}\n")
        self._sink.close()

    def _copy(self, spool: Spool, written: bool) -> None:
        if written and spool.size:
            self._sink.write(b",\n")
        for block in spool.blocks():
            self._sink.write(block)
        spool.close()
