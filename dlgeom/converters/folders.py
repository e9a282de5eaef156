"""Open folders, in which files are made, renamed and removed without following links."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from dlgeom.converters.inputs import check_regular, unreadable

__all__ = ["BLOCK", "Folder", "copy_file", "same_bytes", "same_files", "write_all"]

BLOCK = 1 << 20
"""Bytes that are read or written at once."""

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY
_BY_DESCRIPTOR = os.open in os.supports_dir_fd


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all bytes; write() may take fewer than it was given."""
    done = os.write(descriptor, data)
    if done < len(data):
        view = memoryview(data)
        while done < len(data):
            done += os.write(descriptor, view[done:])


class Folder:
    """An open folder; names are looked up in it, whatever happens to the path that led there.

    Where the system has no such look-up (Windows), names are joined to the path.
    """

    __slots__ = ("descriptor", "path")

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        self.path = path
        self.descriptor = descriptor
        if descriptor is None and _BY_DESCRIPTOR:
            self.descriptor = os.open(path, _FOLDER)

    def at(self, name: str) -> str:
        """Return the name as the system call needs it."""
        return os.path.join(self.path, name) if self.descriptor is None else name

    def child(self, name: str, *, make: bool = True) -> Folder:
        """Open a folder in it, made if it is missing; a link is an error."""
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.at(name), dir_fd=self.descriptor)
        path = os.path.join(self.path, name)
        if self.descriptor is not None:
            return Folder(path, os.open(name, _FOLDER | _NO_LINK, dir_fd=self.descriptor))
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        return Folder(path)

    def create(self, name: str) -> int:
        """Make a new file and return its descriptor."""
        return os.open(self.at(name), _CREATE, 0o666, dir_fd=self.descriptor)

    def mode(self, name: str) -> int | None:
        """Return kind and permissions of what has that name, None if nothing has."""
        found = self.status(name)
        return None if found is None else found.st_mode

    def status(self, name: str) -> os.stat_result | None:
        """Return what the system knows of what has that name, None if nothing has."""
        try:
            return os.lstat(self.at(name), dir_fd=self.descriptor)
        except FileNotFoundError:
            return None

    def open(self, name: str) -> int:
        """Open a file of it for reading and return its descriptor; a link is an error."""
        return os.open(self.at(name), _READ | _NO_LINK, dir_fd=self.descriptor)

    def replace(self, old: str, new: str) -> None:
        """Rename a file in it, over another one if need be."""
        where = self.descriptor
        os.replace(self.at(old), self.at(new), src_dir_fd=where, dst_dir_fd=where)

    def put(self, temporary: str, name: str, data: bytes) -> None:
        """Write a file under a temporary name, then give it its own.

        `create`, `write_all` and `replace` in one, for hundreds of thousands of small files.
        """
        where = self.descriptor
        if where is None:
            temporary, name = self.at(temporary), self.at(name)
        descriptor = os.open(temporary, _CREATE, 0o666, dir_fd=where)
        try:
            done = os.write(descriptor, data)
            if done < len(data):
                write_all(descriptor, memoryview(data)[done:])
        finally:
            os.close(descriptor)
        os.replace(temporary, name, src_dir_fd=where, dst_dir_fd=where)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        with contextlib.suppress(OSError):
            os.unlink(self.at(name), dir_fd=self.descriptor)

    def link(self, source: Path, name: str) -> None:
        """Make a hard link to a file."""
        os.link(source, self.at(name), dst_dir_fd=self.descriptor)

    def close(self) -> None:
        """Let go of it."""
        if self.descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self.descriptor)


def copy_file(source: Path, folder: Folder, temporary: str) -> None:
    """Copy a regular file into a new one."""
    try:
        reading = os.open(source, _READ)
    except OSError as error:
        raise unreadable(error, str(source)) from error
    try:
        check_regular(os.fstat(reading), str(source))
        writing = folder.create(temporary)
        try:
            while block := _read(reading, source):
                write_all(writing, block)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _read(descriptor: int, source: Path) -> bytes:
    try:
        return os.read(descriptor, BLOCK)
    except OSError as error:
        raise unreadable(error, str(source)) from error


def same_bytes(folder: Folder, name: str, found: os.stat_result, data: bytes) -> bool:
    """Whether a file of so many bytes has just these; one that cannot be read has not."""
    if found.st_size != len(data):
        return False
    try:
        descriptor = folder.open(name)
        try:
            left = memoryview(data)
            while len(left):
                piece = os.read(descriptor, min(len(left), BLOCK))
                if not piece or piece != left[: len(piece)]:
                    return False
                left = left[len(piece) :]
            return not os.read(descriptor, 1)
        finally:
            os.close(descriptor)
    except OSError:
        return False


def same_files(path: Path, folder: Folder, name: str) -> bool:
    """Whether a file and one of the folder have the same bytes; one that cannot be read has not."""
    try:
        with open(path, "rb") as one, open(folder.open(name), "rb") as other:
            while block := one.read(BLOCK):
                if other.read(BLOCK) != block:
                    return False
            return not other.read(1)
    except OSError:
        return False
