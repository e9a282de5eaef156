"""Writing files: complete or absent, and never outside of the target.

Each file is written under a temporary name in its own folder and renamed (reliability page, P4).
Folders are opened without following links, so that a link in the way is an error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from dlgeom.converters import resume as resuming
from dlgeom.converters.folders import BLOCK, Folder, copy_file, same_bytes, write_all
from dlgeom.converters.held import Held
from dlgeom.converters.output_files import FileWriter, NoFile, exists, refused
from dlgeom.converters.resume import MARKER, Marker, Run, is_temporary
from dlgeom.errors import DlgeomError, FormatError, GeometryError, OutputError, UsageError

__all__ = ["FileWriter", "Output"]

MAX_OPEN_FOLDERS = 16
_OF_THE_INPUT = (FormatError, GeometryError, UsageError)


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
        self._overwrite = overwrite
        # Names in the root that were looked at; of those, the ones that were not there before.
        self._tops: dict[str, bool] = {}
        self._folders: dict[str, Folder] = {}
        self._unfinished: list[FileWriter] = []
        self._parent: str | None = None
        self._made: list[Path] = []
        self._count = 0
        self._token = f"{os.getpid()}.{os.urandom(4).hex()}"
        self._check()
        # A folder that was not there, or empty, holds nothing but what is written here.
        self._guarded = single or self.existed

    # -- what is there ---------------------------------------------------------------------

    def _check(self) -> None:
        """Look at what is in the way before any work is done."""
        target = self.target
        shown = str(target)
        try:
            found = os.lstat(target)
        except FileNotFoundError:
            found = None
        except OSError as error:
            raise OutputError(error.strerror or str(error), path=shown) from error
        if found is not None:
            self._check_kind(found, shown)
        self.existed = found is not None
        occupied = self.existed and (self.single or self._holds_anything())
        if occupied and not self._overwrite:
            raise OutputError(
                "exists; outputs are not overwritten unasked. Use --overwrite, or another name",
                code="output.exists",
                path=shown,
            )
        if not self.dry_run:
            self._make_root()

    def _check_kind(self, found: os.stat_result, shown: str) -> None:
        if stat.S_ISLNK(found.st_mode):
            raise OutputError(
                "is a symbolic link; outputs never follow links. Name the folder itself",
                code="path.symlink",
                path=shown,
            )
        if self.single != stat.S_ISREG(found.st_mode):
            is_what = "is a folder" if stat.S_ISDIR(found.st_mode) else "is a file"
            due = "a file" if self.single else "a folder"
            raise OutputError(
                f"{is_what}; the target is {due} here. Choose another name", path=shown
            )

    def _holds_anything(self) -> bool:
        """Whether the target folder has anything in it; links anywhere below are refused."""
        found = False
        folders = [str(self.target)]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        found = True
                        if entry.is_symlink():
                            raise OutputError(
                                "is a symbolic link in the target; outputs never follow links. "
                                "Remove it",
                                code="path.symlink",
                                path=entry.path,
                            )
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
            except OSError as error:
                if isinstance(error, OutputError):
                    raise
                raise refused(error, folder) from error
        return found

    def _make_root(self) -> None:
        missing = []
        folder = self.root
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        self._made = missing
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._remove_made()
            raise refused(error, str(self.root)) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            self._remove_made()
            raise OutputError("may not be written", code="io.permission", path=str(self.root))

    # -- folders ---------------------------------------------------------------------------

    def _folder(self, relative: str) -> Folder:
        """Return a folder below the root, made if it is missing."""
        found = self._folders.get(relative)
        if found is not None:
            return found
        try:
            if not relative:
                folder = Folder(str(self.root))
            else:
                parent, _, base = relative.rpartition("/")
                folder = self._folder(parent).child(base)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(
                f"cannot be used as a folder ({error.strerror}); a file or link is in the way",
                code="output.invalid",
                path=str(self.root / relative),
            ) from error
        if len(self._folders) >= MAX_OPEN_FOLDERS:
            for name in [name for name in self._folders if name][: MAX_OPEN_FOLDERS // 2]:
                if not any(part.uses(self._folders[name]) for part in self._unfinished):
                    self._folders.pop(name).close()
        self._folders[relative] = folder
        return folder

    def _folder_of(self, name: str) -> tuple[Folder, str]:
        """Return the folder of a file to write and its base name there."""
        parent, _, base = name.rpartition("/")
        if parent == self._parent and base.strip(".") and "\0" not in base:
            # The same folder as before: it was checked.
            folder = self._folder(parent)
            if self._guarded:
                self._check_way(folder, base, name)
            return folder, base
        steps = name.split("/")
        if "\0" in name or not all(step.strip(".") for step in steps):
            raise OutputError(f"{name!r} is no name for an output file", code="path.escape")
        top = steps[0]
        if top not in self._tops:
            self._tops[top] = self._folder("").mode(top) is None
        folder = self._folder(parent)
        self._parent = parent if parent else None
        if self._guarded:
            self._check_way(folder, base, name)
        return folder, base

    def _check_way(self, folder: Folder, base: str, name: str) -> None:
        mode = folder.mode(base)
        if mode is None:
            return
        if not stat.S_ISREG(mode):
            raise OutputError(
                "is in the way and no regular file; it is not replaced",
                code="path.symlink" if stat.S_ISLNK(mode) else "output.invalid",
                path=str(self.root / name),
            )
        if not self._overwrite and not self._tops[name.partition("/")[0]]:
            # Beside a single file lie things of the user.
            raise OutputError(
                "exists; outputs are not overwritten unasked. Use --overwrite, or another name",
                code="output.exists",
                path=str(self.root / name),
            )

    # -- files -----------------------------------------------------------------------------

    def _temporary_name(self) -> str:
        self._count += 1
        return f".{self._token}.{self._count}.part"

    def _place(self, name: str, make: bytes | Callable[[Folder, str], None]) -> None:
        """Write a file under a temporary name, then give it its own.

        The content is given as it is, without a function around it: hundreds of thousands of
        label files go through here.
        """
        folder, base = self._folder_of(name)
        temporary = self._temporary_name()
        try:
            if isinstance(make, bytes):
                descriptor = folder.create(temporary)
                try:
                    write_all(descriptor, make)
                finally:
                    os.close(descriptor)
            else:
                make(folder, temporary)
            folder.replace(temporary, base)
        except BaseException as error:
            folder.remove(temporary)
            if isinstance(error, OSError) and not isinstance(error, DlgeomError):
                raise refused(error, str(self.root / name)) from error
            raise

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file: `name` is relative to the root, with ``/`` between folders."""
        self.files += 1
        if self.dry_run:
            return

        self._place(name, data)

    def copy(self, name: str, source: Path) -> None:
        """Copy a regular file into the target.

        Raises
        ------
        FormatError
            ``file.not_regular`` where `source` is a pipe, a device or a folder.
        OutputError
            ``io.read`` where it cannot be read; else as for `write`.
        """
        self.files += 1
        if not self.dry_run:
            self._place(name, lambda folder, temporary: copy_file(source, folder, temporary))

    def link(self, name: str, source: Path) -> None:
        """Make a hard link to a file, which costs no space; copy it where the system refuses.

        A source that is a symbolic link is copied; the target never holds links.
        """
        self.files += 1
        if self.dry_run:
            return

        def make(folder: Folder, temporary: str) -> None:
            try:
                if stat.S_ISREG(os.lstat(source).st_mode):
                    folder.link(source, temporary)
                    return
            except OSError:
                folder.remove(temporary)
            copy_file(source, folder, temporary)

        self._place(name, make)
        # Renaming onto a link to the same file does nothing and leaves the temporary name.
        self._folder(name.rpartition("/")[0]).remove(f".{self._token}.{self._count}.part")

    def open(self, name: str) -> FileWriter:
        """Start a file that is written piece by piece."""
        self.files += 1
        return NoFile() if self.dry_run else FileWriter(self, name)

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

    # -- the end ---------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the folders; files that were not finished are removed."""
        for part in self._unfinished:
            part.abort()
        self._unfinished.clear()
        for folder in self._folders.values():
            folder.close()
        self._folders.clear()

    def _take_back(self) -> None:
        """Remove what a failed run wrote where nothing was before."""
        for top in [top for top, new in self._tops.items() if new]:
            path = self.root / top
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        self._remove_made()

    def _remove_made(self) -> None:
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if kind is not None and not self.dry_run:
            self._take_back()
