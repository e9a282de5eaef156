"""A process that forks a child for each conversion: little memory, little time, and a hook.

Run as ``python zygote.py ROOT``; it reads jobs as lines of JSON and answers each with a line. The
child of a job runs dlgeom's command line under 4 GiB of address space and 10 s of work, with an
audit hook (PEP 578) that notes what no input may cause: code, programs, connections, files
elsewhere. A fork of a process that has loaded everything costs milliseconds, a new one a second.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import signal
import sys
import sysconfig
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

MEMORY = 4 << 30
FORBIDDEN = {
    "ctypes.dlopen",
    "ctypes.dlsym",
    "ftplib.connect",
    "http.client.connect",
    "imaplib.open",
    "marshal.loads",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pickle.find_class",
    "pty.spawn",
    "smtplib.connect",
    "urllib.Request",
    "webbrowser.open",
}
GROUPS = ("socket.", "subprocess.", "telnetlib.", "winreg.")
# Event -> (argument that is a path, argument that is the descriptor of the folder it starts from).
CHANGING: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.mkdir": ((0, 2),),
    "os.rmdir": ((0, 1),),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.truncate": ((0, None),),
    "shutil.rmtree": ((0, 1),),
    "shutil.move": ((0, None), (1, None)),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def homes(root: str) -> tuple[str, ...]:
    """Return the folders of the library and the interpreter: code may come from there."""
    known = {root, sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    return tuple(sorted({os.path.realpath(place) + os.sep for place in known}))


class Watch:
    """An audit hook with a list of what it found.

    Parameters
    ----------
    library : tuple of str
        Folders that may be read, and whose code may run.
    readable, writable : list of str
        What the conversion may read, and what it may write.
    """

    def __init__(self, library: tuple[str, ...], readable: list[str], writable: list[str]) -> None:
        self.library = library
        self.readable = tuple(os.path.realpath(place) for place in (*readable, *writable))
        self.writable = tuple(os.path.realpath(place) for place in writable)
        self.found: list[str] = []
        self.busy = False
        # The folder descriptor of the `os.open` at work, which the event does not tell.
        self.base: int | None = None

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.busy:
            return
        self.busy = True  # what looking at it opens is not looked at
        try:
            self._look(event, args)
        finally:
            self.busy = False

    def _look(self, event: str, args: tuple[Any, ...]) -> None:
        if event in FORBIDDEN or event.startswith(GROUPS):
            # Modules are unmarshalled where they are imported; their files are looked at by open.
            if event == "marshal.loads" and _importing():
                return
            # The process's own C library, to give memory back.
            if event == "ctypes.dlopen" and args == (None,):
                return
            if event == "ctypes.dlsym" and args[1] in ("mallopt", "malloc_trim"):
                return
            self.found.append(f"{event} {str(args)[:200]}")
        elif event == "exec":
            name = getattr(args[0], "co_filename", "")
            if not name.startswith(("<frozen ", *self.library)):
                self.found.append(f"exec {name}")
        elif event == "compile":
            name = args[1] if isinstance(args[1], str) else os.fsdecode(args[1] or b"")
            # `inspect` parses signatures of C functions so, which runs nothing.
            if not name.startswith(self.library) and not _is_signature(name, args[0]):
                self.found.append(f"compile {name} {str(args[0])[:100]}")
        elif event == "open" and isinstance(args[0], str | bytes):
            name = _under(os.fsdecode(args[0]), self.base)
            self._open(name, args[2] if isinstance(args[2], int) else 0)
        elif event in CHANGING:
            # Where the descriptor of the folder stands in the arguments of each place.
            for at, base in CHANGING[event]:
                place, folder = args[at], args[base] if base is not None else -1
                if isinstance(place, str | bytes | os.PathLike):
                    self._changed(event, _under(os.fsdecode(place), folder))

    def _open(self, name: str, flags: int) -> None:
        path = os.path.realpath(name)
        if flags & os.O_NOFOLLOW:  # where the name is a link it is not followed
            folder = os.path.realpath(os.path.dirname(name) or ".")
            path = os.path.join(folder, os.path.basename(name))
        if flags & _WRITING:
            if not _within(path, self.writable) and path != os.devnull:
                self.found.append(f"open for writing {path}")
        elif not _within(path, self.readable) and not path.startswith(
            (*self.library, "/proc/self/", "/proc/meminfo", "/sys/fs/cgroup", "/dev/urandom")
        ):
            self.found.append(f"open {path}")

    def _changed(self, event: str, name: str) -> None:
        folder = os.path.realpath(os.path.dirname(name) or ".")
        path = os.path.join(folder, os.path.basename(name))
        if not _within(path, self.writable):
            self.found.append(f"{event} {path}")


def _under(name: str, base: object) -> str:
    """Return a name as a path from where it starts: a folder's descriptor, if there is one."""
    if os.path.isabs(name) or not isinstance(base, int) or base < 0:
        return name
    return os.path.join(os.readlink(f"/proc/self/fd/{base}"), name)


def relative_opens(watch: Watch) -> None:
    """Let the hook know the folder that an `os.open` with ``dir_fd`` starts from."""
    plain = os.open

    def opened(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        before, watch.base = watch.base, dir_fd
        try:
            return plain(path, flags, mode, dir_fd=dir_fd)
        finally:
            watch.base = before

    # What asks whether descriptors may be given finds it in the set, as the plain one.
    os.supports_dir_fd.add(opened)
    os.open = opened  # type: ignore[assignment]


def _is_signature(name: str, source: object) -> bool:
    return name == "<unknown>" and isinstance(source, bytes) and source.startswith(b"def foo(")


def _within(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(place + os.sep) for place in places)


def _importing() -> bool:
    frame = sys._getframe(3)
    for _ in range(6):
        if frame is None:
            return False
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def warm(folder: Path) -> None:
    """Load all that conversions load, as the first one does."""
    import dlgeom
    from dlgeom.cli.run import run
    from dlgeom.converters import registry

    for module in pkgutil.walk_packages(dlgeom.__path__, "dlgeom."):
        if not module.name.startswith(("dlgeom.__main__", "dlgeom.testing", "dlgeom.training")):
            importlib.import_module(module.name)

    def convert(source: Path, target: Path, to: str, *more: str) -> None:
        report = str(folder / "report.json")
        words = ["--to", to, "--report", report, "--overwrite", *more]
        code = run(["convert", str(source), str(target), *words])
        assert code <= 1, (code, source, to)

    sample = Path(dlgeom.__file__).parent / "sample" / "coco"
    for name, entry in registry.formats().items():
        one = name in ("coco", "cvat", "ytvis")
        convert(sample, folder / (name + entry.single_file[0] if one else name), name)
    convert(sample, folder / "png", "voc", "--task", "segment")
    for name in ("yolo", "voc", "dataloop", "cvat.xml", "png"):
        for to in ("coco", "dataloop"):
            convert(folder / name, folder / f"{name}-{to}.json", to)
    # Types of the lines of a sidecar are resolved when the first one is read.
    convert(sample, folder / "with", "yolo", "--sidecar")
    convert(folder / "with", folder / "back.json", "coco")
    for name in ("cv2", "lxml.etree", "PIL.Image", "pycocotools.mask", "shapely", "yaml"):
        importlib.import_module(name)
    for name in ("ascii", "cp437", "idna", "latin_1", "utf_16_be", "utf_16_le", "utf_8_sig"):
        importlib.import_module(f"encodings.{name}")
    importlib.import_module("zipfile")
    importlib.import_module("tarfile")
    # Pillow loads all its plugins when it meets what none of the usual ones knows; loading runs
    # none of them: `formats` says which are asked.
    importlib.import_module("PIL.Image").init()


def child(job: dict[str, Any], library: tuple[str, ...], answer: int) -> int:
    """Run the job; return the exit code of the command line, 99 for an exception that left it."""
    code = 99
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    os.chdir(job["cwd"])
    os.environ["TMPDIR"] = job["temporary"]
    tempfile.tempdir = None
    watch = Watch(library, job["readable"], job["writable"])
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # Seconds of work: a busy machine makes nothing slow, and what waits for ever is ended too.
        resource.setrlimit(resource.RLIMIT_CPU, (job["seconds"], job["seconds"]))
        signal.alarm(6 * job["seconds"])
        from dlgeom.cli.run import run

        relative_opens(watch)
        sys.addaudithook(watch)
        code = run(job["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        watch.busy = True
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(answer, json.dumps(watch.found[:20]).encode())
    return code


def serve(root: str) -> None:
    """Answer jobs until there are no more."""
    library = homes(root)
    quiet = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(quiet),
        contextlib.redirect_stderr(quiet),
    ):
        warm(Path(folder))
    # Pages that the collector touches would be copied in each child.
    gc.collect()
    gc.freeze()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        read, write = os.pipe()
        start = time.perf_counter()
        forked = os.fork()
        if not forked:
            os.close(read)
            try:
                os._exit(child(job, library, write))
            finally:
                os._exit(98)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            found = pipe.read()
        _, status, usage = os.wait4(forked, 0)
        answer = {
            "status": os.waitstatus_to_exitcode(status),
            "seconds": time.perf_counter() - start,
            "memory": usage.ru_maxrss * 1024,
            "found": json.loads(found or b"[]"),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(os.path.realpath(sys.argv[1]))
