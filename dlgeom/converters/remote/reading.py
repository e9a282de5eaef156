"""Sources at addresses, laid out in a private folder: annotations at once, images when needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec

from dlgeom.converters.archives.kinds import archive_ending, is_archive_name, is_media
from dlgeom.converters.archives.layout import Noted
from dlgeom.converters.archives.names import Names
from dlgeom.converters.archives.room import Counter, Room
from dlgeom.converters.archives.sources import ByteSource, LocalBytes
from dlgeom.converters.places import Place, archive_place, local_path
from dlgeom.converters.remote.addresses import (
    base_name,
    file_system,
    refusing,
    scheme_of,
    shown_url,
)
from dlgeom.converters.sidecar import sidecar_name
from dlgeom.errors import FormatError, OutputError
from dlgeom.limits import Limits

__all__ = ["RemoteBytes", "remote_place"]

_PIECE = 4 << 20
_SMALL = 1 << 20
_BATCH_FILES, _BATCH_BYTES = 256, 32 << 20
_HEADER = 64 << 10
_BLOCK = 4 << 20
# Files that name others beside them: the folder they lie in is laid out.
_POINTING = (".yaml", ".yml", ".data", ".names")


class _Info(msgspec.Struct):
    """A file in a file system: its path there, and its size in bytes where that is known."""

    path: str
    size: int | None


class RemoteBytes:
    """A file at an address, read at any place through one connection."""

    def __init__(self, url: str, system: Any, path: str, size: int) -> None:
        self.shown = shown_url(url)
        self.size = size
        self._url = url
        self._lock = threading.Lock()
        with refusing(url):
            self._file = system.open(path, "rb", block_size=_BLOCK, cache_type="readahead")

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes at a place."""
        size = min(size, self.size - offset)
        pieces: list[bytes] = []
        with self._lock, refusing(self._url):
            self._file.seek(offset)
            while size > 0 and (piece := self._file.read(size)):
                pieces.append(piece)
                size -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def remote_place(url: str, limits: Limits) -> Place:
    """Lay out what lies at an address.

    A folder is laid out as a whole: its images as empty files that are filled when they are
    needed. A file is fetched; of one that names others, such as a ``data.yaml``, the folder is
    laid out. An archive is read where it lies, in pieces.

    Raises
    ------
    FormatError, LimitError
        For an archive that cannot be trusted, names that are refused, or too much of all.
    OutputError
        ``io.read``, ``io.permission``.
    UsageError
        For an address that nobody can open.
    """
    scheme = scheme_of(url)
    if scheme in ("zip", "tar") and "::" in url:
        inner, _, base = url.partition("::")
        return _archive(base, scheme, inner.partition("://")[2].strip("/"), limits)
    system, path = file_system(url)
    with refusing(url):
        if url.endswith("/") and scheme in ("http", "https"):
            return _folder(url, system, path, "", limits)
        info = system.info(path)
    if info.get("type") == "directory":
        return _folder(url, system, path, "", limits)
    name = base_name(url)
    if archive_ending(name):
        return _archive(url, "", "", limits)
    if name.lower().endswith(_POINTING):
        parent, _, base = path.rstrip("/").rpartition("/")
        above = url.rstrip("/").rpartition("/")[0]
        return _folder(above, system, parent, base, limits)
    return _file(url, system, path, name, _size(info), limits)


def _size(info: dict[str, Any]) -> int | None:
    size = info.get("size")
    return size if isinstance(size, int) and size >= 0 else None


# -- archives -----------------------------------------------------------------------------------


def _archive(url: str, scheme: str, inside: str, limits: Limits) -> Place:
    """Lay out an archive, which may lie on this machine too."""
    name = base_name(url)
    source: ByteSource
    here = local_path(url) if "://" in url else Path(url)
    if here is not None:
        source = LocalBytes(here, str(here))
        name = here.name
    else:
        system, path = file_system(url)
        with refusing(url):
            size = _size(system.info(path))
        if size is None:
            raise OutputError(
                "does not tell its size; an archive is read in pieces. Download it first",
                code="io.read",
                path=shown_url(url),
            )
        source = RemoteBytes(url, system, path, size)
    ending = archive_ending(name)
    if scheme == "zip" and ending != ".zip":
        ending = ".zip"
    elif scheme == "tar" and not ending.startswith(".t"):
        ending = ".tar"
    return archive_place(source, name, inside, limits, ending=ending)


# -- one file -----------------------------------------------------------------------------------


def _file(url: str, system: Any, path: str, name: str, size: int | None, limits: Limits) -> Place:
    shown = shown_url(url)
    above = shown.rstrip("/").rpartition("/")[0]
    noted = Noted(shown)
    names = Names(shown, limits, noted)
    safe = names.file(name or "data")
    if size is not None:
        _check_size(size, limits, shown)
    room = Room(above.rpartition("/")[2].strip(":") or "data", above)
    try:
        room.write(safe, _pieces(url, system, _Info(path, size), "", limits))
        beside = sidecar_name(safe, single=True)
        place = f"{path.rpartition('/')[0]}/{beside}"
        if scheme_of(url) not in ("http", "https") and _is_there(url, system, place):
            room.write(beside, _pieces(url, system, _Info(place, None), "", limits))
    except BaseException:
        room.close()
        raise
    return Place(room, shown, noted, safe)


def _is_there(url: str, system: Any, path: str) -> bool:
    with refusing(url):
        return bool(system.isfile(path))


def _check_size(size: int, limits: Limits, shown: str) -> None:
    limits.check(
        "file_bytes",
        size,
        code="limit.bytes",
        what="the size of an annotation file, in bytes,",
        path=shown,
    )


def _pieces(
    url: str, system: Any, info: _Info, name: str, limits: Limits, count: Counter | None = None
) -> Iterator[bytes]:
    """Yield a file as it comes."""
    shown = f"{shown_url(url).rstrip('/')}/{name}" if name else shown_url(url)
    done = 0
    with refusing(url, name), system.open(info.path, "rb", block_size=_PIECE) as file:
        file.seek(0) if hasattr(file, "seek") and file.seekable() else None
        while piece := file.read(_PIECE):
            done += len(piece)
            _check_size(done, limits, shown)
            if count is not None:
                count(len(piece))
            yield bytes(piece)
    if info.size is not None and done != info.size:
        raise OutputError(
            f"ended after {done} of {info.size} bytes. Was it changed meanwhile? Try again",
            code="io.read",
            path=shown,
        )


# -- folders ------------------------------------------------------------------------------------


def _folder(url: str, system: Any, path: str, inside: str, limits: Limits) -> Place:
    shown = shown_url(url).rstrip("/")
    noted = Noted(shown)
    with refusing(url):
        found = system.find(path, withdirs=False, detail=True)
    files = _listed(found, path, Names(shown, limits, noted))
    if not files:
        raise OutputError(
            "no such file or folder, or nothing is in it. Check the address",
            code="io.read",
            path=shown,
        )
    count = Counter(limits, shown)
    room = Room(base_name(shown) or "data", shown)
    try:
        small: list[tuple[str, _Info]] = []
        for name, info in sorted(files.items()):
            if is_media(name) or is_archive_name(name):
                content = partial(_pieces, url, system, info, name, limits, count)
                room.promise(name, content, partial(_opened, url, system, info, name))
            elif info.size is not None and info.size <= _SMALL:
                small.append((name, info))
            else:
                room.write(name, _pieces(url, system, info, name, limits, count))
        for batch in _batches(small):
            _fetch(url, system, batch, room, count)
    except BaseException:
        room.close()
        raise
    return Place(room, shown, noted, inside)


def _listed(found: dict[str, Any], path: str, names: Names) -> dict[str, _Info]:
    """Return the files below a path by their checked relative names."""
    base = path.rstrip("/")
    files: dict[str, _Info] = {}
    for place, info in found.items():
        if info.get("type") == "directory" or not place.startswith(f"{base}/"):
            continue
        relative = place[len(base) + 1 :]
        if not relative or relative.endswith("/"):
            continue  # objects that stand for folders
        names.counted()
        files[names.file(relative)] = _Info(place, _size(info))
    return files


def _batches(files: Sequence[tuple[str, _Info]]) -> Iterator[list[tuple[str, _Info]]]:
    batch: list[tuple[str, _Info]] = []
    size = 0
    for name, info in files:
        batch.append((name, info))
        size += info.size or 0
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _fetch(
    url: str, system: Any, batch: list[tuple[str, _Info]], room: Room, count: Counter
) -> None:
    """Fetch small files, as many at a time as the file system does."""
    with refusing(url):
        # Not `cat`, which takes some names for patterns.
        contents = system.cat_ranges([info.path for _, info in batch], None, None)
    for (name, info), content in zip(batch, contents, strict=True):
        if isinstance(content, BaseException):
            with refusing(url, name):
                raise content
        if len(content) != info.size:
            raise FormatError(
                f"has {len(content)} bytes and was listed with {info.size}; it was changed "
                "meanwhile. Try again",
                code="file.trailing_data",
                path=f"{room.shown}/{name}",
            )
        count(len(content))
        room.write(name, (bytes(content),) if content else ())


def _opened(url: str, system: Any, info: _Info, name: str) -> IO[bytes] | None:
    """Open an image where it lies: a header is a fraction of it."""
    if not info.size:
        return None
    with refusing(url, name):
        file: IO[bytes] = system.open(info.path, "rb", block_size=_HEADER)
        file.seek(0, os.SEEK_SET)
        return file
