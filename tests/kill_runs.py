"""Conversions that are ended at random moments, and gone on with: ``python kill_runs.py COUNT``.

Each conversion runs in a forked process, which has loaded everything before; the moments are
spread over the time that it takes undisturbed. After SIGKILL each file of the target has to be
whole or absent, and the same conversion with ``resume`` has to leave the bytes, and to tell the
report, of an undisturbed one; often it is killed again before. Prints counts as JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_runs import RUNS, make_sources, tree

from dlgeom.converters import resume
from dlgeom.converters.report import Report

__all__ = ["Killer", "forked", "main"]

KINDS = (
    *("yolo", "voc", "dataloop", "coco-folder", "coco-file", "coco-packed", "panoptic"),
    *("vtt-folder", "cvat", "darknet"),
)
IMAGES = 60


def forked(call: Callable[[], None]) -> int:
    """Run a call in a process of its own and return its id; it ends with 0, or 1 if it raises."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        call()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(child: int) -> int:
    """Return how a process ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Killer:
    """Kills conversions of one kind.

    Parameters
    ----------
    root : Path
        Where the sources are, and a folder for each kind is made.
    kind : str
        Which of `RUNS`.
    overwrite : bool
        Whether the target holds older files of the same names, and others.
    """

    def __init__(self, root: Path, kind: str, *, overwrite: bool, seed: int) -> None:
        self.run = RUNS[kind]
        self.sources = root / "src"
        self.overwrite = overwrite
        self.random = random.Random(seed)
        self.home = root / f"{kind}{overwrite:d}"
        self.counts: Counter[str] = Counter()
        self.place = self.home / "good"
        self._prepare()
        self.old = tree(self.place)
        start = time.monotonic()
        assert wait(forked(self.convert)) == 0
        self.seconds = time.monotonic() - start
        self.good = tree(self.place)
        self.report = self.told()
        self.place = self.home / "out"

    def _prepare(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        target = self.place / self.run.target
        if self.overwrite and target.suffix:
            target.write_bytes(b"old")
        elif self.overwrite:
            self.run(self.sources, self.place)
            for number, path in enumerate(sorted(target.rglob("*"))):
                if path.is_file() and number % 3 == 0:
                    path.unlink()  # it may be a link to an image of the source
                    path.write_bytes(b"old")
            (target / "mine.txt").write_bytes(b"mine")

    def convert(self) -> None:
        """Do the conversion, and leave its report."""
        report = self.run(
            self.sources,
            self.place,
            on_error="skip",
            resume=True,
            overwrite=self.overwrite,
            report=self.place / "report.json",
        )
        assert isinstance(report, Report)

    def told(self) -> Any:
        """Return what the report says; where the target is and how long it took are different."""
        report = json.loads((self.place / "report.json").read_bytes())
        return {key: value for key, value in report.items() if key not in ("seconds", "target")}

    def kill(self) -> None:
        """Kill one conversion, and go on with it."""
        self._prepare()
        for attempt in range(3):
            child = forked(self.convert)
            time.sleep(self.random.uniform(0, 1.05) * self.seconds)
            os.kill(child, signal.SIGKILL)
            ended = wait(child)
            self.counts["killed" if ended == -signal.SIGKILL else "complete"] += 1
            assert ended in (0, -signal.SIGKILL), ended
            self.check_whole()
            if attempt == 0 or self.random.random() < 0.5:
                break
        self.counts["resumed"] += 1
        assert wait(forked(self.convert)) == 0
        found = tree(self.place)
        assert self.told() == self.report
        for files in (found, good := dict(self.good)):
            files.pop("report.json")
        assert found == good, sorted(
            name for name in {*found, *good} if found.get(name) != good.get(name)
        )

    def check_whole(self) -> None:
        """See that each file is the old one, or the new one."""
        for name, data in tree(self.place).items():
            base = name.rpartition("/")[2]
            if base == resume.MARKER or resume.is_temporary(base):
                self.counts["unfinished"] += resume.is_temporary(base)
                continue
            if name == "report.json":
                assert data is not None
                json.loads(data)
            elif data is not None or name not in self.good:
                assert data in (self.good.get(name, b""), self.old.get(name, b"")), name
                self.counts["files"] += 1


def main(count: int, seed: int) -> dict[str, int]:
    """Kill so many conversions, of each kind in turn, and return what happened how often."""
    resume.INTERVAL = 0.004
    resume.SHARE = 1
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_sources(root / "src", IMAGES)
        before = tree(root / "src")
        for name in RUNS:  # loads whatever the runs need
            (root / "warm" / name).mkdir(parents=True)
            RUNS[name](root / "src", root / "warm" / name)
        kinds = [(kind, number % 3 == 2) for number, kind in enumerate(KINDS * 3)][: max(count, 3)]
        killers = [
            Killer(root, kind, overwrite=overwrite, seed=seed + number)
            for number, (kind, overwrite) in enumerate(dict.fromkeys(kinds))
        ]
        for number in range(count):
            killers[number % len(killers)].kill()
        for killer in killers:
            total.update(killer.counts)
        assert tree(root / "src") == before
    return dict(total)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0)))
