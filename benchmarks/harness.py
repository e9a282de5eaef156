"""What the benchmark scripts share: processes measured in turns, data made once, tables.

Each figure is taken of a whole process: CPU seconds (user and system, start-up included) and peak
resident memory, as the system tells them when the process ends. Commands that are compared run in
turns, and medians are shown.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import datetime
import functools
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FLOORS = HERE / "floors"
TRAIN = (118_287, 869_188)
VAL = (5_000, 37_123)
PACKAGES = ("numpy", "msgspec", "lxml")


class Usage(NamedTuple):
    """What a process has used: CPU and wall seconds, MB at its peak."""

    cpu: float
    wall: float
    peak: float


# ---------------------------------------------------------------- processes


def dlgeom(*arguments: object) -> list[str]:
    """Return the command for a conversion."""
    return [sys.executable, "-m", "dlgeom", "convert", "--quiet", *map(str, arguments)]


def floor(name: str, *arguments: object) -> list[str]:
    """Return the command for a floor script."""
    return [sys.executable, str(FLOORS / f"{name}.py"), *map(str, arguments)]


@functools.cache
def environment() -> dict[str, str]:
    """Return the variables of a measured process.

    Its modules are compiled before, as those of an installed package are: without this, in an
    environment that forbids Python to write bytecode, each start compiles 120 modules anew.
    """
    found = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    for folder in (ROOT / "dlgeom", FLOORS):
        compileall.compile_dir(folder, quiet=2)
    return found


def run(command: Sequence[str], *, accept: Sequence[int] = (0, 1)) -> Usage:
    """Run a command to its end and tell what it used, its children included.

    Peak memory is that of the largest process. 1 is dlgeom's exit code where something could not
    be written as it was, as crowds in YOLO files.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command, env=environment(), stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in accept:
            errors.seek(0)
            said = errors.read()[-2_000:].decode(errors="replace")
            raise SystemExit(f"failed with {child.returncode}: {' '.join(command)}\n{said}")
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Usage(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / unit)


def in_turns(
    commands: Mapping[str, Sequence[str]],
    repeat: int,
    before: Callable[[], None] = lambda: None,
    after: Callable[[str], None] = lambda name: None,
) -> dict[str, Usage]:
    """Run commands in turns and return the median of what each used."""
    used: dict[str, list[Usage]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            before()
            used[name].append(run(command))
            after(name)
    return {
        name: Usage(*(statistics.median(column) for column in zip(*usages, strict=True)))
        for name, usages in used.items()
    }


def remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def target_of(work: Path, *, folder: bool) -> Path:
    """Return a target of this run's own: others may use the same data."""
    return work / f"out-{os.getpid()}{'' if folder else '.json'}"


# ---------------------------------------------------------------- data


def short(images: int) -> str:
    return f"{images}" if images % 1000 else f"{images // 1000}k"


def coco_file(work: Path, images: int, *, boxes: bool = False) -> Path:
    """Return a generated COCO file with so many images; made if it is not there."""
    known = {VAL[0]: "val.json", TRAIN[0]: "train.json"}
    name = f"boxes{short(images)}.json" if boxes else known.get(images, f"n{images}.json")
    path = work / name
    if not path.exists():
        print(f"making {name}", file=sys.stderr)
        # In a process of its own: a child's peak memory starts at that of its parent.
        script = [sys.executable, str(HERE / "generate.py"), str(work / f".{name}")]
        script += ["--images", str(images)]
        run([*script, "--boxes"] if boxes else script)
        (work / f".{name}").rename(path)
    return path


def folder(work: Path, kind: str, images: int) -> Path:
    """Return a generated data set as ``yolo``, ``yoloseg`` or ``voc``; made if need be."""
    path = work / (kind if (kind, images) == ("yoloseg", VAL[0]) else f"{kind}{short(images)}")
    if not path.exists():
        source = coco_file(work, images, boxes=kind != "yoloseg")
        task = "segment" if kind == "yoloseg" else "detect"
        run(dlgeom(source, path, "--to", "voc" if kind == "voc" else "yolo", "--task", task))
    return path


@contextlib.contextmanager
def workspace(given: Path | None) -> Iterator[Path]:
    """Give a folder for data: the one named, which stays, or one on tmpfs where there is one."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="dlgeom-bench-", dir=base) as name:
        yield Path(name)


# ---------------------------------------------------------------- tables


class Table:
    """A table that is printed line by line as it grows, for reading or as Markdown."""

    def __init__(
        self,
        columns: Sequence[str],
        *,
        markdown: bool,
        first: int = 34,
        others: Mapping[int, int] | None = None,
    ) -> None:
        self._markdown = markdown
        self._widths = [max(first, len(columns[0])), *(max(9, len(c)) + 1 for c in columns[1:])]
        for place, width in (others or {}).items():
            self._widths[place] = width
        self.rows: list[list[str]] = []
        self._print(columns)
        if markdown:
            self._print(["---"] * len(columns))

    def add(self, *cells: object) -> None:
        """Add a line; a float is shown with three digits that matter, None as a dash."""
        row = [cell if isinstance(cell, str) else shown(cell) for cell in cells]
        self.rows.append(row)
        self._print(row)

    def _print(self, cells: Sequence[str]) -> None:
        if self._markdown:
            print(f"| {' | '.join(cells)} |", flush=True)
        else:
            first, *others = zip(cells, self._widths, strict=True)
            line = first[0].ljust(first[1]) + "".join(f"{c:>{w}}" for c, w in others)
            print(line.rstrip(), flush=True)


def shown(value: object) -> str:
    """Return a cell: three digits that matter, a dash for nothing.

    >>> shown(0.2612), shown(14.8312), shown(1234.5), shown(None), shown(118287)
    ('0.26', '14.8', '1,234', '-', '118,287')
    """
    if value is None:
        return "-"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return (
        f"{value:.2f}"
        if abs(value) < 10
        else f"{value:.1f}"
        if abs(value) < 100
        else f"{value:,.0f}"
    )


def ratio(ours: float, theirs: float) -> float | None:
    """Return ours divided by theirs, None where there is nothing to divide by."""
    return ours / theirs if theirs > 0 else None


def versions(names: Sequence[str]) -> str:
    found = []
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """Return one line on where and with what a table was made."""
    model = ""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    name = f"{platform.machine()}{f' ({model})' if model else ''}"
    return (
        f"{name}, {os.cpu_count()} cores{load}; {platform.system()}, "
        f"Python {platform.python_version()}, {versions(packages)}; {today}"
    )


def intro(command: str, repeat: int, *, markdown: bool, packages: Sequence[str] = PACKAGES) -> None:
    """Print with what a table was made: command, machine, versions, repeats."""
    told = f"medians of {repeat}" if repeat > 1 else "one run each"
    if markdown:
        print(f"`{command}`: {told}; {machine(packages)}.\n")
    else:
        print(f"{machine(packages)}; {told}\n")


# ---------------------------------------------------------------- command line


def parser(doc: str | None, *, repeat: int, work: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the options that the scripts have in common."""
    found = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    found.add_argument("--repeat", type=int, default=repeat, help="runs of each; medians are shown")
    found.add_argument("--only", action="append", default=[], help="part of a name; repeatable")
    found.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    if work:
        found.add_argument("--work", type=Path, help="folder for data; kept if given")
    return found


def wanted(name: str, only: Sequence[str]) -> bool:
    """Whether a name is asked for."""
    return not only or any(part.lower() in name.lower() for part in only)


def command_of(script: str) -> str:
    """Return the command line as it was given, for tables."""
    skipped, words = False, []
    for word in sys.argv[1:]:
        if skipped or word == "--markdown":
            skipped = False
        elif word in ("--work", "--python"):
            skipped = True
        else:
            words.append(word)
    return " ".join(["python", f"benchmarks/{Path(script).name}", *words])
