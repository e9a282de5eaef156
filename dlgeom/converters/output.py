"""Writing files: complete or absent, and never outside of the target.

Each file is written under a temporary name in its own folder and renamed (reliability page, P4).
Folders are opened without following links, so that a link in the way is an error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from dlgeom.errors import OutputError

__all__ = ["FileWriter", "Output"]

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_CREATE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
MAX_OPEN_FOLDERS = 16


def _refused(error: OSError, path: str) -> OutputError:
    code = "output.full" if error.errno == 28 else "io.permission"
    return OutputError(f"{error.strerror or error}", code=code, path=path)


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all bytes; write() may take fewer than it was given."""
    done = os.write(descriptor, data)
    if done < len(data):
        view = memoryview(data)
        while done < len(data):
            done += os.write(descriptor, view[done:])


class FileWriter:
    """One file written piece by piece; `close` gives it its name, `abort` removes it."""

    def __init__(self, output: Output, name: str) -> None:
        self._output = output
        self._name = name
        self._folder, self._base = output._folder_of(name)
        self._temporary = f".{self._base[:40]}.{os.getpid()}.part"
        try:
            self._descriptor = os.open(self._temporary, _CREATE, 0o666, dir_fd=self._folder)
        except OSError as error:
            raise _refused(error, name) from error
        self._open = True
        self._pieces: list[bytes] = []
        self._waiting = 0
        output._unfinished.append(self)

    def write(self, data: bytes) -> None:
        """Append bytes; they are gathered into writes of about a megabyte."""
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= 1 << 20:
            self._flush()

    def _flush(self) -> None:
        try:
            _write_all(self._descriptor, b"".join(self._pieces))
        except OSError as error:
            raise _refused(error, self._name) from error
        self._pieces.clear()
        self._waiting = 0

    def close(self) -> None:
        """Finish the file under its own name."""
        self._flush()
        try:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._open = False
            os.replace(
                self._temporary, self._base, src_dir_fd=self._folder, dst_dir_fd=self._folder
            )
        except OSError as error:
            raise _refused(error, self._name) from error
        self._output._unfinished.remove(self)

    def abort(self) -> None:
        """Remove what was written."""
        if self._open:
            self._open = False
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        with contextlib.suppress(OSError):
            os.unlink(self._temporary, dir_fd=self._folder)


class _NoFile(FileWriter):
    """Takes what a dry run would write."""

    def __init__(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        """Take the bytes."""

    def close(self) -> None:
        """Finish nothing."""

    def abort(self) -> None:
        """Remove nothing."""


class Output:
    """The target: a folder, or a single file.

    Parameters
    ----------
    target : Path
        Folder or file to write.
    single : bool
        Whether `target` is one file; its name is then `Output.name`.
    overwrite : bool
        Whether what is there may be replaced.
    dry_run : bool
        Write nothing.

    Raises
    ------
    OutputError
        If the target exists, is of the wrong type, holds a symbolic link or cannot be made.
    """

    def __init__(
        self,
        target: Path,
        *,
        single: bool = False,
        overwrite: bool = False,
        dry_run: bool = False,
    ) -> None:
        self.target = target
        self.single = single
        self.dry_run = dry_run
        self.root = target.parent if single else target
        self.name = target.name
        self.files = 0
        self.existed = False
        self._fresh = True
        self._tops: set[str] = set()
        self._folders: dict[str, int] = {}
        self._unfinished: list[FileWriter] = []
        self._made: list[Path] = []
        self._temporary = f".{os.getpid()}.part"
        self._check(overwrite)

    def _check(self, overwrite: bool) -> None:
        """Look at what is in the way before any work is done."""
        target = self.target
        shown = str(target)
        try:
            found = os.lstat(target)
        except FileNotFoundError:
            found = None
        except OSError as error:
            raise OutputError(error.strerror or str(error), path=shown) from error
        if found is not None and stat.S_ISLNK(found.st_mode):
            raise OutputError(
                "is a symbolic link; outputs never follow links. Name the folder itself",
                code="path.symlink",
                path=shown,
            )
        if found is not None and self.single != stat.S_ISREG(found.st_mode):
            is_what = "is a folder" if stat.S_ISDIR(found.st_mode) else "is a file"
            due = "a file" if self.single else "a folder"
            raise OutputError(
                f"{is_what}; the target is {due} here. Choose another name", path=shown
            )
        self.existed = found is not None
        if self.existed and not self.single:
            self._refuse_links(target)
        occupied = self.existed and (self.single or any(os.scandir(target)))
        self._fresh = not occupied
        if occupied and not overwrite:
            raise OutputError(
                "exists; outputs are not overwritten unasked. Use --overwrite, or another name",
                code="output.exists",
                path=shown,
            )
        if not self.dry_run:
            self._make_root()

    def _refuse_links(self, target: Path) -> None:
        for folder, folders, files in os.walk(target):
            for name in folders + files:
                if os.path.islink(os.path.join(folder, name)):
                    raise OutputError(
                        "is a symbolic link in the target; outputs never follow links. Remove it",
                        code="path.symlink",
                        path=os.path.join(folder, name),
                    )

    def _make_root(self) -> None:
        missing = []
        folder = self.root
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(error, str(self.root)) from error
        self._made = missing
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise OutputError("may not be written", code="io.permission", path=str(self.root))

    def _folder(self, relative: str) -> int:
        """Return the descriptor of a folder below the root, made if it is missing."""
        found = self._folders.get(relative)
        if found is not None:
            return found
        try:
            if relative in ("", "."):
                descriptor = os.open(self.root, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
            else:
                parent, _, base = relative.rpartition("/")
                above = self._folder(parent)
                with contextlib.suppress(FileExistsError):
                    os.mkdir(base, dir_fd=above)
                descriptor = os.open(base, _FOLDER, dir_fd=above)
        except OSError as error:
            raise OutputError(
                f"cannot be used as a folder ({error.strerror}); a file or link is in the way",
                code="output.invalid",
                path=str(self.root / relative),
            ) from error
        if len(self._folders) >= MAX_OPEN_FOLDERS:
            for name in [name for name in self._folders if name][: MAX_OPEN_FOLDERS // 2]:
                if not any(part._folder == self._folders[name] for part in self._unfinished):
                    os.close(self._folders.pop(name))
        self._folders[relative] = descriptor
        return descriptor

    def _folder_of(self, name: str) -> tuple[int, str]:
        parent, _, base = name.rpartition("/")
        if base in ("", ".", "..") or "\0" in name or ".." in parent.split("/"):
            raise OutputError(f"{name!r} is no name for an output file", code="path.escape")
        self._tops.add(name.partition("/")[0])
        folder = self._folder(parent)
        if self.existed:
            with contextlib.suppress(FileNotFoundError):
                mode = os.lstat(base, dir_fd=folder).st_mode
                if not stat.S_ISREG(mode):
                    raise OutputError(
                        "is in the way and no regular file; it is not replaced",
                        code="path.symlink",
                        path=str(self.root / name),
                    )
        return folder, base

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file: `name` is relative to the root, with ``/`` between folders."""
        self.files += 1
        if self.dry_run:
            return
        folder, base = self._folder_of(name)
        temporary = self._temporary
        try:
            descriptor = os.open(temporary, _CREATE, 0o666, dir_fd=folder)
            try:
                _write_all(descriptor, data)
            finally:
                os.close(descriptor)
            os.replace(temporary, base, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise _refused(error, str(self.root / name)) from error
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise

    def open(self, name: str) -> FileWriter:
        """Start a file that is written piece by piece."""
        self.files += 1
        return _NoFile() if self.dry_run else FileWriter(self, name)

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[FileWriter]:
        """Like `open`, closed at the end of the block and removed if it raises."""
        writer = self.open(name)
        try:
            yield writer
        except BaseException:
            writer.abort()
            raise
        writer.close()

    def close(self) -> None:
        """Let go of the folders; files that were not finished are removed."""
        for part in self._unfinished:
            part.abort()
        self._unfinished.clear()
        for descriptor in self._folders.values():
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._folders.clear()

    def _take_back(self) -> None:
        """Remove what a failed run wrote into a target that was new or empty."""
        if self._fresh and not self.dry_run:
            for top in self._tops:
                path = self.root / top
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if kind is not None:
            self._take_back()
            for folder in self._made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
