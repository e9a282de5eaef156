"""Writing files: complete or absent, and never outside of the target.

Each file is written under a temporary name in its own folder and renamed (reliability page, P4).
Folders are opened without following links, so that a link in the way is an error.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import stat
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec

from dlgeom.converters import resume as resuming
from dlgeom.converters.folders import Folder, copy_file, same_bytes, same_files, write_all
from dlgeom.converters.held import Held
from dlgeom.converters.output_files import IN_THE_WAY, FileWriter, NoFile, exists, refused
from dlgeom.converters.places import refuse_address
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
    run : Run, optional
        What is being run. A folder then holds the file `MARKER` until the run is complete, and is
        locked: no other process writes there.
    resume : bool
        Go on with the same run, which did not end. What it left is looked at file by file while
        everything is done again; files that are there as they have to be are not written again.
        Where nothing tells of such a run, each file has to be as it would be written.

    Raises
    ------
    OutputError
        If the target exists, is of the wrong type, holds a symbolic link, is being written by
        another process, is left of another run, or cannot be made.
    """

    def __init__(
        self,
        target: Path,
        *,
        single: bool = False,
        overwrite: bool = False,
        dry_run: bool = False,
        run: Run | None = None,
        resume: bool = False,
    ) -> None:
        refuse_address(target)
        self._set_up(target, single=single, overwrite=overwrite, dry_run=dry_run)
        self._run, self._resume = run, resume
        try:
            self._check()
            if not dry_run:
                self._begin()
        except BaseException:
            with Held():
                self.close()
                self._remove_made()
            raise
        # A folder that was not there, or empty, holds nothing but what is written here.
        self._guarded = single or self.existed

    def _set_up(self, target: Path, *, single: bool, overwrite: bool, dry_run: bool) -> None:
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
        if single:
            self._token += f".{resuming.temporary_of(self.name)}"
        self._guarded = True
        # Of the run:
        self._resume = self._joined = False
        self._mode: Literal["new", "goes on", "compares"] = "new"
        self._marker: Marker | None = None
        self._unfinished_before = False
        self._lock = -1
        self._due = math.inf
        self._synced = False
        self._vouched = 0
        self._left: set[str] = set()
        self._stale: list[str] = []

    @property
    def overwrites(self) -> bool:
        """Whether a file that is there may be the target of another."""
        return self._overwrite or self._mode == "compares"

    # -- what is there ---------------------------------------------------------------------

    def _check(self) -> None:
        """Look at what is in the way before any work is done."""
        target = self.target
        shown = str(target)
        try:
            found = os.lstat(target)
        except FileNotFoundError:
            found = None
        except NotADirectoryError as error:
            raise OutputError(error.strerror or str(error), path=shown) from error
        except OSError as error:
            raise refused(error, shown) from error
        if found is not None:
            self._check_kind(found, shown)
        self.existed = found is not None
        if self.existed and not self.single and not self.dry_run:
            self._take_lock()
        if self.existed and (self.single or self._holds_anything()):
            self._check_content(shown)
        elif self.single and self._resume and not self._overwrite:
            self._mode = "compares"  # what lies beside it, of a run that did not end

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

    def _check_content(self, shown: str) -> None:
        """See what a target that holds something means."""
        found = None if self.single else Marker.read(self.root / MARKER)
        self._unfinished_before = found is not None
        if not self._resume:
            if not self._overwrite:
                what = ", an unfinished run with which --resume goes on" if found else ""
                raise exists(shown, what)
        elif found is not None and self._run is not None:
            found.check(self._run.marker(overwrite=False), shown, overwrite=self._overwrite)
            self._mode, self._marker, self._vouched = "goes on", found, found.vouched_ns
            self._overwrite = True  # all that is there is of that run, or might be replaced by it
        elif not self._overwrite:
            self._mode = "compares"

    def _holds_anything(self) -> bool:
        """Whether the target folder has anything in it; links anywhere below are refused.

        Files that were not finished are nothing: a run that is killed before its marker has its
        name leaves one.
        """
        found = False
        root = str(self.target)
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        found = found or not is_temporary(entry.name)
                        if entry.is_symlink():
                            raise OutputError(
                                "is a symbolic link in the target; outputs never follow links. "
                                "Remove it",
                                code="path.symlink",
                                path=entry.path,
                            )
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        elif is_temporary(entry.name):
                            self._stale.append(entry.path)
                        elif self._resume or self._overwrite:
                            self._left.add(_key(os.path.relpath(entry.path, root)))
            except OSError as error:
                if isinstance(error, OutputError):
                    raise
                raise refused(error, folder) from error
        return found

    def _begin(self) -> None:
        """Make the root, and mark it as unfinished."""
        self._make_root()
        if self.single:
            if self._resume:
                mark = resuming.temporary_of(self.name)
                resuming.remove_stale(self.root, mark)
                self._remove_spools(f".*.{mark}.spool.part")
            return
        if self._run is None:
            return
        if self._lock < 0:
            self._take_lock()
            if not self.existed and os.listdir(self.root):  # somebody was faster
                raise exists(str(self.root))
        # Nobody else has the lock: whoever made these files is gone.
        for path in self._stale:
            with contextlib.suppress(OSError):
                os.unlink(path)
        if self.existed:
            self._remove_spools(".*.spool.part")
        if self._mode == "new":
            occupied = self.existed and bool(self._overwrite)
            self._put_marker(self._run.marker(overwrite=occupied))
        if self._mode != "compares":
            self._due = time.monotonic() + resuming.INTERVAL

    def _remove_spools(self, pattern: str) -> None:
        """Remove folders with what helpers of a run that was killed had on its way."""
        for folder in self.root.glob(pattern):
            # A folder of files has one lock; beside a single file another run may be at work.
            alive = self.single and _is_running(folder.name.split(".")[1])
            if not folder.is_symlink() and not alive:
                shutil.rmtree(folder, ignore_errors=True)

    def _take_lock(self) -> None:
        if self._run is None:
            return
        try:
            self._lock, free = resuming.lock_folder(str(self.root))
        except OSError as error:
            raise refused(error, str(self.root)) from error
        if not free:
            self._made = []  # not ours, whoever made it
            raise OutputError(
                "is being written by another process; one writes at a time. Wait for its end, or "
                "choose another name",
                code="output.exists",
                path=str(self.root),
            )

    def _make_root(self) -> None:
        folder = self.root
        try:
            missing = []
            while not folder.exists():
                missing.append(folder)
                folder = folder.parent
            self._made = missing
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refused(error, str(self.root)) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise OutputError("may not be written", code="io.permission", path=str(self.root))

    # -- the marker ------------------------------------------------------------------------

    def _put_marker(self, marker: Marker, *, durable: bool = False) -> None:
        """Write what an other run needs to go on with this one."""
        folder = self._folder("")
        temporary = self._temporary_name()
        try:
            descriptor = folder.create(temporary)
            try:
                if durable:
                    # Whatever was changed before this file was made is synced next.
                    stamp = os.fstat(descriptor).st_mtime_ns
                    vouched = stamp if resuming.sync_files(descriptor) else 0
                    marker = msgspec.structs.replace(marker, vouched_ns=vouched, files=self.files)
                write_all(descriptor, marker.encode())
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            folder.replace(temporary, MARKER)
        except BaseException as error:
            folder.remove(temporary)
            if isinstance(error, OSError) and not isinstance(error, DlgeomError):
                raise refused(error, str(self.root)) from error
            raise
        self._marker = marker

    def checkpoint(self) -> None:
        """Note, every few seconds, that what has been written so far is safely on disk."""
        start = time.monotonic()
        if start < self._due or self._marker is None:
            return
        self._put_marker(self._marker, durable=True)
        self._synced = True
        end = time.monotonic()
        self._due = end + max(resuming.INTERVAL, resuming.SHARE * (end - start))

    def settle(self) -> None:
        """See that a run that went on left what an undisturbed one leaves; bring it to disk.

        Raises
        ------
        OutputError
            If there are files, where this run has written, that it did not write.
        """
        if self._marker is None:
            return
        goes_on = self._mode == "goes on" and not self._marker.overwrite
        if goes_on and (foreign := self._foreign()):
            raise OutputError(
                f"is in the target, but this run does not write it ({len(foreign)} such "
                "files); has the source changed? Remove it, or start again with --overwrite",
                code="output.exists",
                path=str(self.root / foreign[0]),
            )
        if self._synced or self._resume:
            try:
                resuming.sync_files(self._folder("").descriptor)
            except OSError as error:
                raise refused(error, str(self.root)) from error

    def _foreign(self) -> list[str]:
        """Return the files, in the folders that this run writes to, that it did not write."""
        tops = {_key(top) for top in self._tops}
        return sorted(name for name in self._left if name.partition("/")[0] in tops)

    def older(self) -> list[str]:
        """Return the files that an overwritten target still has of what was there before."""
        if self._mode == "goes on":
            return self._foreign() if self._marker is not None and self._marker.overwrite else []
        return self._foreign() if self._mode == "new" and self._overwrite else []

    # -- other processes -------------------------------------------------------------------

    def share(self) -> dict[str, Any]:
        """Return what `joined` needs, as plain values, to write into this target."""
        return {
            "target": str(self.target),
            "single": self.single,
            "overwrite": self._overwrite,
            "dry_run": self.dry_run,
            "token": self._token,
            "mode": self._mode,
            "vouched": self._vouched,
            "guarded": self._guarded,
        }

    @classmethod
    def joined(cls, state: Mapping[str, Any]) -> Output:
        """Return a helper of an output that another process has open.

        It looks at nothing and takes nothing back but its own unfinished files; see `expects`.
        """
        self = cls.__new__(cls)
        self._set_up(
            Path(state["target"]),
            single=state["single"],
            overwrite=state["overwrite"],
            dry_run=state["dry_run"],
        )
        self._token = f"{state['token']}.{os.getpid()}x{os.urandom(4).hex()}"
        self._mode, self._vouched = state["mode"], state["vouched"]
        self._guarded = state["guarded"]
        self._run = None
        self._resume = True  # nothing is taken back here
        self._joined = True
        return self

    def expects(self, *names: str) -> None:
        """Say which files or folders of the root helpers are going to make."""
        for top in names:
            if top not in self._tops:
                self._tops[top] = self._folder("").mode(top) is None

    def expects_files(self, names: Sequence[str]) -> None:
        """Say which files helpers are going to write; see `expects` for where they lie."""
        self.expects(*dict.fromkeys(name.partition("/")[0] for name in names))
        if self._left:
            self._left.difference_update(map(_key, names))

    def sweep(self) -> None:
        """Remove what helpers that were ended left unfinished."""
        start = f".{self._token}."
        own = {part.temporary for part in self._unfinished}
        for folder, _, names in os.walk(self.root):
            for name in names:
                if name.startswith(start) and name.endswith(".part") and name not in own:
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(folder, name))

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
                # A complete target is only looked at.
                make = self._mode != "compares" or self.single
                folder = self._folder(parent).child(base, make=make)
        except FileNotFoundError as error:
            raise self._differs(relative, "is not there") from error
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            if error.errno not in IN_THE_WAY:
                raise refused(error, str(self.root / relative)) from error
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
        try:
            return self._way_to(name)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise refused(error, str(self.root / name)) from error

    def _way_to(self, name: str) -> tuple[Folder, str]:
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
            if self.single and self._resume and len(steps) > 1:
                mark = resuming.temporary_of(self.name)
                for place, _, _ in os.walk(self.root / top):
                    resuming.remove_stale(place, mark)
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
        if self.overwrites:
            return
        if not self._tops.get(name.partition("/")[0], True):
            # Beside a single file lie things of the user.
            raise exists(str(self.root / name))

    # -- files -----------------------------------------------------------------------------

    def _temporary_name(self) -> str:
        self._count += 1
        return f".{self._token}.{self._count}.part"

    def _differs(self, name: str, what: str) -> OutputError:
        return OutputError(
            f"{what}; --resume goes on with an unfinished run, and leaves a complete one as it "
            "is. Use --overwrite, or another name",
            code="output.exists",
            path=str(self.root / name),
        )

    def _stands(
        self, folder: Folder, base: str, name: str, data: bytes | None, source: Path | None
    ) -> bool:
        """Whether a file of an earlier run is there as it would be written now.

        What the marker vouches for is compared to its last byte; a copied image by its size, and
        by whether its original is older.
        """
        found = folder.status(base)
        compares = self._mode == "compares"
        if found is None:
            if compares and not self.single:
                raise self._differs(name, "is not there")
            return False
        same = False
        if stat.S_ISREG(found.st_mode):
            if data is not None:
                if compares or found.st_ctime_ns < self._vouched:
                    same = same_bytes(folder, base, found, data)
            elif source is not None:
                same = self._is_copy(folder, base, found, source)
        if compares and not same:
            raise self._differs(name, "is not what would be written")
        return same

    def _is_copy(self, folder: Folder, base: str, found: os.stat_result, source: Path) -> bool:
        try:
            original = os.stat(source)
        except OSError:
            return False
        if os.path.samestat(original, found):
            return True
        if original.st_size != found.st_size or not stat.S_ISREG(original.st_mode):
            return False
        if original.st_ctime_ns <= found.st_ctime_ns < self._vouched:
            return True
        return self._mode == "compares" and same_files(source, folder, base)

    def _settle(self, folder: Folder, temporary: str, base: str, name: str) -> None:
        """Give a file that was written piece by piece its own name."""
        if self._mode == "compares" and folder.status(base) is not None:
            if not same_files(Path(folder.path, temporary), folder, base):
                raise self._differs(name, "is not what would be written")
            folder.remove(temporary)
        elif self._mode == "compares" and not self.single:
            raise self._differs(name, "is not there")
        else:
            folder.replace(temporary, base)
        if self._left:
            self._left.discard(_key(name))

    def _place(
        self,
        name: str,
        make: bytes | Callable[[Folder, str], None],
        source: Path | None = None,
    ) -> None:
        """Write a file under a temporary name, then give it its own.

        The content is given as it is, without a function around it: hundreds of thousands of
        label files go through here.
        """
        folder, base = self._folder_of(name)
        if self._left:
            self._left.discard(_key(name))
        if self._mode != "new":
            data = make if isinstance(make, bytes) else None
            if self._stands(folder, base, name, data, source):
                return
        temporary = self._temporary_name()
        try:
            if isinstance(make, bytes):
                descriptor = folder.create(temporary)
                try:
                    if self.single:
                        resuming.lock(descriptor)
                    write_all(descriptor, make)
                finally:
                    os.close(descriptor)
            else:
                make(folder, temporary)
            folder.replace(temporary, base)
            if source is not None:
                # Renaming onto a link to the same file does nothing and leaves the old name.
                folder.remove(temporary)
        except BaseException as error:
            folder.remove(temporary)
            if isinstance(error, OSError) and not isinstance(error, DlgeomError):
                raise refused(error, str(self.root / name)) from error
            raise
        if time.monotonic() > self._due:
            self.checkpoint()

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file: `name` is relative to the root, with ``/`` between folders."""
        self.files += 1
        if self.dry_run:
            return

        self._place(name, data)

    def write_many(self, names: Iterable[str], contents: Iterable[bytes]) -> None:
        """Write whole files, as `write` does one by one, with less around each.

        A microsecond a file is a tenth of a second for the labels of COCO.

        Parameters
        ----------
        names : iterable of str
            See `write`; quick where names of one folder stand together.
        contents : iterable of bytes
            As many contents.
        """
        files = zip(names, contents, strict=True)
        slow = self.dry_run or self.single or self._guarded or self._mode != "new"
        if slow or self._left:
            for name, data in files:
                self.write(name, data)
            return
        clock, start = time.monotonic, f".{self._token}."
        last: str | None = None
        for name, data in files:
            self.files += 1
            parent, _, base = name.rpartition("/")
            if parent != last or not base.strip(".") or "\0" in base:
                folder, base = self._folder_of(name)
                put, last = folder.put, parent
            self._count += 1
            temporary = f"{start}{self._count}.part"
            try:
                put(temporary, base, data)
            except BaseException as error:
                folder.remove(temporary)
                if isinstance(error, OSError) and not isinstance(error, DlgeomError):
                    raise refused(error, str(self.root / name)) from error
                raise
            if clock() > self._due:
                self.checkpoint()

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
            self._place(
                name, lambda folder, temporary: copy_file(source, folder, temporary), source
            )

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

        self._place(name, make, source)

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
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                os.close(self._lock)
            self._lock = -1

    def _take_back(self) -> None:
        """Remove what a failed run wrote where nothing was before."""
        for top in [top for top, new in self._tops.items() if new]:
            path = self.root / top
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    def _remove_made(self) -> None:
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _stays(self, kind: type[BaseException]) -> bool:
        """Whether what a failed run has written stays, so that another goes on with it."""
        if self._joined or self._mode == "goes on":
            return True
        # Doing it again helps where the system or the user stopped it, not with a bad input.
        begun = self._marker is not None and self.files > 0
        return self._resume and begun and not issubclass(kind, _OF_THE_INPUT)

    def _end(self, kind: type[BaseException] | None) -> None:
        stays = kind is not None and self._stays(kind)
        if self.dry_run or self._joined or stays:
            self.close()
            return
        if kind is not None:
            for part in self._unfinished:
                part.abort()
            self._take_back()
        if self._marker is not None and (kind is None or not self._unfinished_before):
            # Last of all: until here the target is not complete, or not as it was.
            self._folder("").remove(MARKER)
        self.close()
        if kind is not None:
            self._remove_made()

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with Held():  # a second Ctrl-C does not interrupt the cleaning up
            self._end(kind)


def _is_running(process: str) -> bool:
    """Whether there may be a process of that number on this machine."""
    if os.name != "posix":
        return True  # asking by a signal would send one there
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _key(name: str) -> str:
    """Return what is equal for names that are one file on some system."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
