"""Commands that are stopped by SIGINT or SIGTERM at random moments: ``signal_runs.py COUNT``.

Each runs in a forked process. It has to end within two seconds with 130 or 143, and the folder has
to look as if it had never run, or, if the signal came too late, as if nothing had stopped it. Half
of them get more signals while they clean up. Prints counts as JSON.
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
from collections import Counter
from pathlib import Path

from busy import patience
from fault_runs import RUNS, make_sources, tree
from kill_runs import forked, wait

from dlgeom import cli

__all__ = ["main"]

SECONDS = 2.0
COMMANDS = {
    "yolo": ["coco.json", "out", "--to", "yolo", "--images", "images", "--image-files", "link"],
    "voc": ["coco.json", "out", "--to", "voc", "--task", "segment"],
    "coco": ["yolo", "out.json", "--report", "report.json"],
    "panoptic": ["coco.json", "out.json", "--coco-task", "panoptic"],
    "dataloop": ["voc", "out", "--to", "dataloop"],
    "over": ["coco.json", "old", "--to", "yolo", "--overwrite"],
}
_SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def _start(root: Path, place: Path, command: list[str]) -> int:
    """Run a command in `place`, in a process of its own, and return its id."""

    def child() -> None:
        os.chdir(place)
        for number, code in _SIGNALS.items():
            signal.signal(number, lambda *_, code=code: os._exit(code))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        source, target, *rest = command
        images = [str(root / "src" / text) if text == "images" else text for text in rest]
        sys.argv = ["dlgeom", "convert", str(root / "src" / source), target, "--quiet", *images]
        try:
            cli.main()
        except SystemExit as leave:
            os._exit(leave.code if isinstance(leave.code, int) else 9)

    # Held back until the child has handlers of its own.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    started = forked(child)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return started


def _prepare(place: Path, root: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    shutil.copytree(root / "src" / "yolo", place / "old")


def _stop(child: int, chance: random.Random, seconds: float, counts: Counter[str]) -> int:
    """Send signals to a process and return how it ended."""
    time.sleep(chance.uniform(0, 1.1) * seconds)
    number = chance.choice(list(_SIGNALS))
    sent = time.monotonic()
    os.kill(child, number)
    if chance.random() < 0.5:
        for _ in range(3):
            time.sleep(chance.uniform(0, 0.004))
            os.kill(child, chance.choice(list(_SIGNALS)))
        counts["more"] += 1
    ended = wait(child)
    took = time.monotonic() - sent
    assert took < patience(SECONDS), took
    assert ended in (0, *_SIGNALS.values()), ended
    counts[str(ended)] += 1
    return ended


def main(count: int, seed: int) -> dict[str, int]:
    """Stop so many commands and return what happened how often."""
    counts: Counter[str] = Counter()
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_sources(root / "src", 40)
        for name in RUNS:  # loads whatever the runs need
            (root / "warm" / name).mkdir(parents=True)
            RUNS[name](root / "src", root / "warm" / name)
        before_sources = tree(root / "src")
        place = root / "place"
        known = {}
        for name, command in COMMANDS.items():
            _prepare(place, root)
            before = tree(place)
            start = time.monotonic()
            assert wait(_start(root, place, command)) == 0
            known[name] = (before, tree(place), time.monotonic() - start)
        for number in range(count):
            name = list(COMMANDS)[number % len(COMMANDS)]
            before, good, seconds = known[name]
            _prepare(place, root)
            ended = _stop(_start(root, place, COMMANDS[name]), chance, seconds, counts)
            found = tree(place)
            assert not [name for name in found if name.endswith(".part")], (name, ended)
            for files in (found, good):
                files.pop("report.json", None)  # says how long it took
            if name == "over":  # files that were replaced stay so
                assert found.keys() in (before.keys(), good.keys()), ended
                for key, data in found.items():
                    assert data in (before.get(key), good.get(key)), key
            else:
                assert found in ((good,) if ended == 0 else (before, good)), (name, ended)
            counts["complete"] += found == good
        assert tree(root / "src") == before_sources
    return dict(counts)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0)))
