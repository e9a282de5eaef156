"""Targets at addresses: objects that are complete or absent, written as the stream goes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from dlgeom.converters.inputs import check_regular, unreadable
from dlgeom.converters.output import Output
from dlgeom.converters.output_files import FileWriter, NoFile, exists
from dlgeom.converters.remote.addresses import file_system, refusing, scheme_of, shown_url
from dlgeom.errors import OutputError, UsageError

__all__ = ["RemoteOutput", "StagedOutput", "remote_output"]

_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci", "tos", "obs"})
"""File systems whose files appear when they are complete; the others get temporary names."""

_AT_ONCE = frozenset({"memory"})
"""File systems that take a file as a whole only."""

_READ_ONLY = frozenset(
    {"http", "https", "zip", "tar", "libarchive", "github", "git", "reference", "data", "generic"}
    | {"blockcache", "cached", "filecache", "simplecache", "jlab", "jupyter"}
)
_PART = 32 << 20
_BATCH_FILES, _BATCH_BYTES = 128, 16 << 20


class RemoteOutput(Output):
    """A target at an address, with what `dlgeom.converters.output.Output` has.

    Small files are written many at a time; a large one goes out in parts while it is made, and
    appears when it is complete. What a failed run wrote is taken back.

    Parameters
    ----------
    url : str
        Folder or file to write.
    single : bool
        Whether it is one file.
    overwrite, dry_run : bool
        As for `Output`.

    Raises
    ------
    UsageError
        For a file system that cannot be written.
    OutputError
        If something is there, or it cannot be written.
    """

    def __init__(
        self, url: str, *, single: bool = False, overwrite: bool = False, dry_run: bool = False
    ) -> None:
        self.url = url
        self._shown = shown_url(url).rstrip("/")
        self._scheme = scheme_of(url)
        if "::" in url or self._scheme in _READ_ONLY:
            what = "a chain of addresses" if "::" in url else f"{self._scheme}://"
            raise UsageError(
                f"{self._shown}: {what} is read only. Write to a folder, or to an object store "
                "such as s3://bucket/folder"
            )
        self._system, path = file_system(url)
        path = path.rstrip("/")
        self._base = path.rpartition("/")[0] if single else path
        self.name = path.rpartition("/")[2]
        if not path.strip("/") or (single and not self.name):
            raise UsageError(f"{self._shown}: names no file and no folder. Name one in the bucket")
        self._set_up(Path(self.name), single=single, overwrite=overwrite, dry_run=dry_run)
        # What writers put on disk for a while lies here.
        self._spool = tempfile.mkdtemp(prefix="dlgeom-")
        self.root = Path(self._spool)
        self._batch: dict[str, bytes] = {}
        self._waiting = 0
        self._there: set[str] = set()
        self._written: set[str] = set()
        self._sums: dict[str, bytes] = {}
        self._open: list[RemoteFile] = []
        try:
            self._look(path)
        except BaseException:
            shutil.rmtree(self._spool, ignore_errors=True)
            raise

    def _look(self, path: str) -> None:
        """See what is there before any work is done."""
        with refusing(self.url, writing=True):
            is_file, is_folder = self._system.isfile(path), self._system.isdir(path)
            if self.single and is_folder and not is_file:
                raise OutputError("is a folder; the target is a file here", path=self._shown)
            if not self.single and is_file:
                raise OutputError("is a file; the target is a folder here", path=self._shown)
            if self.single:
                self.existed = is_file
                self._there = {path} if is_file else set()
            elif is_folder:
                if self._overwrite:
                    self._there = set(self._system.find(path))
                    self.existed = bool(self._there)
                else:
                    self.existed = any(e["name"].rstrip("/") != path for e in self._ls(path))
            if self.existed and not self._overwrite:
                raise exists(self._shown)
            bucket = path.partition("/")[0]
            if self._scheme in _STORES:
                with contextlib.suppress(PermissionError):  # who may write may not list
                    if not self._system.exists(bucket):
                        raise FileNotFoundError(bucket)

    def _ls(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._system.ls(path, detail=True)
        return found

    @property
    def target_shown(self) -> str:
        """How messages name the target."""
        return self._shown

    def shown(self, name: str) -> str:
        """Return how messages name a file of the target."""
        return self._shown if self.single and name == self.name else f"{self._above}/{name}"

    @property
    def _above(self) -> str:
        return self._shown.rpartition("/")[0] if self.single else self._shown

    def _path(self, name: str) -> str:
        """Return where a file goes, and refuse what is there."""
        if "\0" in name or not all(step.strip(".") for step in name.split("/")):
            raise OutputError(f"{name!r} is no name for an output file", code="path.escape")
        path = f"{self._base}/{name}"
        if self.single and name != self.name and not self.dry_run:
            self._beside(path, name)
        return path

    def _beside(self, path: str, name: str) -> None:
        """Look at a file that goes beside the target, where things of the user lie."""
        if path in self._written or path in self._there:
            return
        with refusing(self.url, writing=True):
            if self._system.exists(path):
                if not self._overwrite:
                    raise exists(self.shown(name))
                self._there.add(path)

    # -- files -----------------------------------------------------------------------------

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file; small ones wait until there are many."""
        self.files += 1
        if self.dry_run:
            return
        path = self._path(name)
        self._batch[path] = bytes(data)
        self._waiting += len(data)
        if len(self._batch) >= _BATCH_FILES or self._waiting >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        batch, self._batch, self._waiting = self._batch, {}, 0
        if not batch:
            return
        # Before: a part of them may be there when it fails.
        self._written.update(batch)
        with refusing(self.url, writing=True):
            if self._scheme in _STORES or self._scheme in _AT_ONCE:
                self._system.pipe(batch)
                return
            for path, data in batch.items():
                self._put(path, data)

    def _put(self, path: str, data: bytes) -> None:
        """Write a file under a temporary name, then give it its own."""
        folder = path.rpartition("/")[0]
        self._system.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/.{secrets.token_hex(6)}.part"
        try:
            self._system.pipe_file(temporary, data)
            self._rename(temporary, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._system.rm_file(temporary)
            raise

    def _rename(self, old: str, new: str) -> None:
        if new in self._there:
            self._system.rm_file(new)
        self._system.mv(old, new)

    def copy(self, name: str, source: Path) -> None:
        """Copy a regular file into the target."""
        try:
            descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            raise unreadable(error, str(source)) from error
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            check_regular(status, str(source))
            digest = hashlib.blake2b(digest_size=16)
            if status.st_size <= _BATCH_BYTES // 4:
                data = file.read()
                digest.update(data)
                self.write(name, data)
            else:
                with self.file(name) as out:
                    while piece := file.read(1 << 20):
                        digest.update(piece)
                        out.write(piece)
        self._sums[name] = digest.digest()

    def link(self, name: str, source: Path) -> None:
        """Copy a file: there are no links between a disk and a store."""
        self.copy(name, source)

    def has_copy(self, name: str, source: Path) -> bool:
        """Whether a file that was copied here is the same as another one."""
        known = self._sums.get(name)
        if known is None:
            return False
        with open(source, "rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        return digest.digest() == known

    def discard(self, name: str) -> None:
        """Remove a file of what is replaced."""
        if self.dry_run or not (self.existed and self._overwrite):
            return
        path = f"{self._base}/{name}"
        with contextlib.suppress(FileNotFoundError), refusing(self.url, name, writing=True):
            if path in self._there or (self.single and self._system.exists(path)):
                self._system.rm_file(path)

    def open(self, name: str) -> FileWriter:
        """Start a file that is written piece by piece."""
        self.files += 1
        if self.dry_run:
            return NoFile()
        file = RemoteFile(self, name, self._path(name))
        self._open.append(file)
        return file

    # -- what a folder on disk has, and an address has not ---------------------------------

    def checkpoint(self) -> None:
        """Do nothing: there is no going on with a target at an address."""

    def settle(self) -> None:
        """Write what waits."""
        if not self.dry_run:
            self.flush()

    # -- the end ---------------------------------------------------------------------------

    def close(self) -> None:
        """Drop files that were not finished."""
        for file in list(self._open):
            file.abort()
        shutil.rmtree(self._spool, ignore_errors=True)

    def _remove_written(self) -> None:
        """Remove what was not there before."""
        due = sorted(self._written - self._there)
        if not due:
            return
        if getattr(self._system, "async_impl", False):
            from fsspec.asyn import _run_coros_in_chunks, sync

            async def remove() -> None:
                await _run_coros_in_chunks(
                    [self._system._rm_file(path) for path in due],
                    batch_size=_BATCH_FILES,
                    nofiles=True,
                    return_exceptions=True,
                )

            with contextlib.suppress(Exception):
                sync(self._system.loop, remove)
            return
        for path in due:
            with contextlib.suppress(Exception):
                self._system.rm_file(path)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from dlgeom.converters.held import Held

        with Held():  # a second Ctrl-C does not interrupt the cleaning up
            try:
                if kind is None and not self.dry_run:
                    self.flush()
            except BaseException:
                kind = OutputError
                raise
            finally:
                self.close()
                if kind is not None and not self.dry_run:
                    self._batch.clear()
                    self._remove_written()


class RemoteFile(FileWriter):
    """One file at an address, written piece by piece; it appears when it is closed."""

    def __init__(self, output: RemoteOutput, name: str, path: str) -> None:
        self._remote = output
        self._path = path
        self._label = name
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._temporary = path
        self._file: Any = None

    def write(self, data: bytes) -> None:
        """Append bytes; they go out in parts of some megabytes."""
        self._pieces.append(bytes(data))
        self._waiting += len(data)
        if self._waiting >= _PART and self._remote._scheme not in _AT_ONCE:
            self._send()

    def _send(self) -> None:
        output = self._remote
        with refusing(output.url, writing=True):
            if self._file is None:
                if output._scheme in _STORES:
                    self._file = output._system.open(
                        self._path, "wb", block_size=_PART, autocommit=False
                    )
                else:
                    folder = self._path.rpartition("/")[0]
                    output._system.makedirs(folder, exist_ok=True)
                    self._temporary = f"{folder}/.{secrets.token_hex(6)}.part"
                    self._file = output._system.open(self._temporary, "wb")
            self._file.write(b"".join(self._pieces))
        self._pieces.clear()
        self._waiting = 0

    def close(self) -> None:
        """Finish the file under its own name."""
        output = self._remote
        if self._file is None:
            data = b"".join(self._pieces)
            self._pieces.clear()
            output._batch[self._path] = data
            output._waiting += len(data)
            output._open.remove(self)
            output.flush()
            return
        try:
            self._send()
            with refusing(output.url, writing=True):
                self._file.close()
                output._written.add(self._path)
                if self._temporary == self._path:
                    self._file.commit()
                else:
                    output._rename(self._temporary, self._path)
        except BaseException:
            self.abort()
            raise
        output._open.remove(self)

    def abort(self) -> None:
        """Drop what was written."""
        self._pieces.clear()
        with contextlib.suppress(ValueError):
            self._remote._open.remove(self)
        file, self._file = self._file, None
        if file is None:
            return
        with contextlib.suppress(Exception):
            if self._temporary == self._path:
                file.discard()
                # Or it would be sent when it is collected.
                file.closed = True
            else:
                file.close()
                self._remote._system.rm_file(self._temporary)


class StagedOutput(Output):
    """A target that is made on disk and then sent: for what reads its own output again.

    Parameters
    ----------
    remote : RemoteOutput
        Where it goes in the end.
    """

    def __init__(self, remote: RemoteOutput, *, overwrite: bool) -> None:
        self._remote = remote
        self._sent = False
        target = Path(remote.root, remote.name or "target")
        super().__init__(target, single=remote.single, overwrite=overwrite, dry_run=remote.dry_run)

    @property
    def target_shown(self) -> str:
        """How messages name the target."""
        return self._remote.target_shown

    def discard(self, name: str) -> None:
        """Remove a file of what is replaced."""
        self._remote.discard(name)

    def settle(self) -> None:
        """Send what was made."""
        super().settle()
        self._sent = True
        if self.dry_run:
            return
        for folder, folders, names in os.walk(self.root):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                self._remote.copy(path.relative_to(self.root).as_posix(), path)
        self._remote.flush()

    def __enter__(self) -> StagedOutput:
        self._remote.__enter__()
        super().__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and not self._sent:
                self.settle()
        except BaseException as failed:
            kind, error, trace = type(failed), failed, failed.__traceback__
            raise
        finally:
            super().__exit__(kind, error, trace)
            self._remote.__exit__(kind, error, trace)


def remote_output(
    url: str, *, single: bool, overwrite: bool, dry_run: bool, staged: bool = False
) -> RemoteOutput | StagedOutput:
    """Start a target at an address.

    Parameters
    ----------
    url : str
        Folder or file to write.
    single : bool
        Whether it is one file.
    overwrite, dry_run : bool
        As for `Output`.
    staged : bool
        Whether it is made on disk first.
    """
    remote = RemoteOutput(url, single=single, overwrite=overwrite, dry_run=dry_run)
    return StagedOutput(remote, overwrite=overwrite) if staged else remote
