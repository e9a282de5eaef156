"""An archive laid out in a private folder: annotations at once, images when they are needed."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO

from dlgeom.converters.archives.kinds import is_archive_name, is_junk, is_media
from dlgeom.converters.archives.names import Names
from dlgeom.converters.archives.room import Counter, Room
from dlgeom.converters.archives.sources import ByteSource, Window, pieces_of
from dlgeom.converters.archives.tars import TarMember, TarStream, tar_members
from dlgeom.converters.archives.unpacking import unpacked
from dlgeom.converters.archives.zips import Member, ZipFile
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = ["Noted", "lay_out"]


class Noted:
    """What was odd, told when the data set is opened."""

    def __init__(self, shown: str) -> None:
        self.entries: list[tuple[str, str, str, str]] = []
        self._shown = shown
        self._seen: dict[str, int] = {}

    def __call__(self, status: str, code: str, message: str, name: str) -> None:
        """Hear one thing; of each kind the first thousand."""
        count = self._seen[code] = self._seen.get(code, 0) + 1
        if count <= 1_000:
            self.entries.append((status, code, message, f"{self._shown}/{name}"))


def lay_out(source: ByteSource, ending: str, room: Room, limits: Limits, noted: Noted) -> None:
    """Lay out an archive.

    Parameters
    ----------
    source : ByteSource
        The archive; it has to stay open as long as the room.
    ending : str
        Of its name: what it is packed with.
    room : Room
        Where to.
    limits : Limits
        ``zip_entries``, ``zip_ratio``, ``zip_bytes``, those of names.
    noted : Noted
        Told of what is odd but fine.

    Raises
    ------
    FormatError
        ``zip.*``, ``path.*``, ``file.*``, ``encoding.invalid``.
    LimitError
        ``limit.entries``, ``limit.ratio``, ``limit.bytes``.
    """
    names = Names(source.shown, limits, noted)
    count = Counter(limits, source.shown)
    if ending == ".zip":
        found = _lay_out_zip(source, room, limits, noted, names, count)
    else:
        found = _lay_out_tar(source, ending, room, limits, noted, names, count)
    if not found:
        raise FormatError(
            "is an archive without files; there is nothing to read. Was it packed completely?",
            code="file.empty",
            path=source.shown,
        )


def _left_out(path: str, noted: Noted) -> bool:
    """Whether a file is not laid out: an archive in the archive, or what macOS adds."""
    if is_junk(path):
        return True
    if is_archive_name(path):
        noted(
            "notice",
            "zip.nested",
            "is an archive in an archive; it is not unpacked. Name it by itself if it has the data",
            path,
        )
        return True
    return False


def _no_link(shown: str, path: str, noted: Noted) -> None:
    """Refuse a link; that of an image costs only the image."""
    message = "is a link; links of archives are not followed. Pack the file itself"
    if is_media(path):
        noted("warning", "zip.symlink", message, path)
        return
    raise FormatError(message, code="zip.symlink", path=f"{shown}/{path}")


def _no_device(shown: str, path: str) -> FormatError:
    return FormatError(
        "is a device or a pipe; files are regular ones. Leave it out",
        code="file.not_regular",
        path=f"{shown}/{path}",
    )


def _counted(pieces: Iterator[bytes], count: Counter) -> Iterator[bytes]:
    for piece in pieces:
        count(len(piece))
        yield piece


# -- zip ----------------------------------------------------------------------------------------


def _lay_out_zip(
    source: ByteSource,
    room: Room,
    limits: Limits,
    noted: Noted,
    names: Names,
    count: Counter,
) -> bool:
    file = ZipFile(source, limits, noted)
    members = file.members(names)
    for folder in file.folders:
        if not is_junk(f"{folder}/"):
            room.folder(folder)
    for member in members:
        kind = stat.S_IFMT(member.mode)
        if kind == stat.S_IFLNK:
            _no_link(source.shown, member.path, noted)
        elif kind not in (0, stat.S_IFREG):
            raise _no_device(source.shown, member.path)
        elif _left_out(member.path, noted):
            continue
        elif is_media(member.path):
            room.promise(
                member.path,
                partial(_zip_content, file, member, count),
                partial(file.opened, member),
            )
        else:
            room.write(member.path, _counted(file.content(member), count))
    return bool(members)


def _zip_content(file: ZipFile, member: Member, count: Counter) -> Iterator[bytes]:
    return _counted(file.content(member), count)


# -- tar ----------------------------------------------------------------------------------------


def _lay_out_tar(
    source: ByteSource,
    ending: str,
    room: Room,
    limits: Limits,
    noted: Noted,
    names: Names,
    count: Counter,
) -> bool:
    if not source.size:
        raise FormatError(
            "has 0 bytes; there is nothing to read. Was it written completely?",
            code="file.empty",
            path=source.shown,
        )
    images = _Images(source, ending, room, limits, count)
    files: dict[str, str] = {}
    stream = TarStream(unpacked(pieces_of(source), ending, source.shown, limits), source.shown)
    for member, content in tar_members(stream, source.shown, limits):
        names.counted()
        if member.kind == "label":
            continue
        if member.legacy:
            noted(
                "notice",
                "encoding.not_utf8",
                "has a name that is not UTF-8; it is read as Windows-1252",
                member.name,
            )
        if member.kind == "folder":
            folder = names.folder(member.name)
            if folder and not is_junk(f"{folder}/"):
                room.folder(folder)
            continue
        path = names.file(member.name)
        if member.kind == "device":
            raise _no_device(source.shown, path)
        if member.kind == "symlink":
            _no_link(source.shown, path, noted)
        elif _left_out(path, noted):
            continue
        elif member.kind == "link":
            # A second name of a file that came before, as of data sets that share their images.
            other = files.get(_plain(member.link))
            if other is None:
                _no_link(source.shown, path, noted)
            else:
                room.alias(path, other)
        else:
            files[_plain(member.name)] = path
            if is_media(path) and member.offset is not None:
                images.promise(path, member)
            else:
                room.write(path, _counted(content, count))
    if stream.rest():
        noted(
            "notice",
            "file.trailing_data",
            "has something behind the mark of its end; it is not read",
            "",
        )
    return bool(names.count)


def _plain(name: str) -> str:
    """Return a name as links and members of one archive agree on it."""
    return "/".join(step for step in name.split("/") if step not in ("", "."))


class _Images:
    """The images of a tar: where they lie, or one more pass over a packed one for all of them."""

    def __init__(
        self, source: ByteSource, ending: str, room: Room, limits: Limits, count: Counter
    ) -> None:
        self._source, self._ending, self._room = source, ending, room
        self._limits, self._count = limits, count
        self._paths: dict[str, str] = {}

    def promise(self, path: str, member: TarMember) -> None:
        """Note an image."""
        content: Callable[[], Iterator[bytes] | None]
        peek: Callable[[], IO[bytes] | None] | None = None
        if self._ending == ".tar":
            at, size = member.offset or 0, member.size
            content = partial(self._content, at, size)
            peek = partial(self._opened, at, size)
        else:
            self._paths[member.name] = path
            content = self._all
        self._room.promise(path, content, peek)

    def _content(self, at: int, size: int) -> Iterator[bytes]:
        return _counted(pieces_of(self._source, at, size), self._count)

    def _opened(self, at: int, size: int) -> IO[bytes] | None:
        return io.BufferedReader(Window(self._source, at, size)) if size else None

    def _all(self) -> None:
        """Unpack all images: to get at one, what lies before it is unpacked anyway."""
        source, room = self._source, self._room
        due = set(room.promised)
        stream = TarStream(
            unpacked(pieces_of(source), self._ending, source.shown, self._limits), source.shown
        )
        for member, content in tar_members(stream, source.shown, self._limits):
            path = self._paths.get(member.name)
            if path is not None and path in due and member.kind == "file":
                room.rewrite(path, _counted(content, self._count))
