"""Fuzz the readers: ``python tests/fuzz/run.py --format coco --runs 100000 --seed 1``.

Inputs of the hostile corpus are mutated, as bytes and as JSON, XML, rows, PNG and zip files that
stay well-formed, and converted in lenient mode (see ``fuzz_harness.py``). Inputs that do something
new (a code, a message, a place where an error is raised, a target) are mutated further. A forked
child does `BATCH` runs under 4 GiB, 10 s of work a run and an audit hook; a new one is forked
behind them, or where one dies. ``--format all`` takes all in turn, ``rle`` the run lengths alone. A
signal, a hang, an exception that is not ours or a wrong output is a finding, printed and appended
to ``--findings FILE`` with all that it takes to see it again. ``--seeds FILE`` gets the smallest
inputs of rare codes.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.fuzz_harness import NAMES, TESTS, Harness, Input, changed, inputs_of, run_lengths
from trust.zygote import Watch, homes, relative_opens

SECONDS = 10
BATCH = 5_000
POOL = 2_000
PEAK = 1 << 30
SMALL = 6_000
MOST_DEAD = 20

Tell = Callable[[dict[str, Any]], None]


def child(name: str, seed: int, runs: int, place: Path, write: int, until: float) -> None:
    """Do some runs in a fork, and send what came of them as lines."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)

    def send(value: Any) -> None:
        data = json.dumps(value).encode() + b"\n"
        while data:
            data = data[os.write(write, data) :]

    cases = [] if name == "rle" else inputs_of(name)
    temporary = place / "tmp"
    temporary.mkdir()
    tempfile.tempdir = str(temporary)
    os.chdir(temporary)
    watch = Watch(homes(str(TESTS.parent)), [str(place)], [str(place)])
    watch.busy = True
    relative_opens(watch)
    sys.addaudithook(watch)
    harness = Harness(place, watch)
    pool: list[Input] = []
    ways: set[Any] = set()
    for number in range(seed, seed + runs):
        if time.time() > until:
            break
        choice = random.Random(number)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(6 * SECONDS)
        if name == "rle":
            found = run_lengths(choice)
            if found is not None:
                send({"format": name, "seed": number, **found})
            send(number)
            continue
        start = choice.choice(pool if pool and choice.random() < 0.5 else cases)
        given = changed(start, cases, choice)
        (place / "now").write_text(f"{given.case}-{given.to}")
        send(number)
        fault = harness.convert(given)
        if fault is not None:
            send({"format": name, "seed": number, "fault": fault, "input": given.packed()})
        elif harness.way not in ways:
            ways.add(harness.way)
            if len(pool) < POOL and sum(map(len, given.files.values())) < 100_000:
                pool.append(given)
            if sum(map(len, given.files.values())) < SMALL:
                send({"told": harness.told, "input": given.packed()})
        left = os.listdir(temporary)
        if left:
            send({"format": name, "seed": number, "fault": f"left {left}"})
            return
    signal.alarm(0)
    signal.setitimer(signal.ITIMER_PROF, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if peak > PEAK:
        send({"format": name, "seed": seed, "fault": f"{peak >> 20} MiB of memory"})


def fuzz(
    name: str, runs: int, seed: int, tell: Tell, new: Tell = lambda _: None, until: float = 1e18
) -> int:
    """Do the runs, in forks of some each; return how many were done.

    Parameters
    ----------
    tell, new : callable
        Called with each finding, and with each input that did something new.
    until : float
        A time at which to stop.
    """
    done = 0
    dead = 0
    while done < runs and time.time() < until and dead < MOST_DEAD:
        read, write = os.pipe()
        part = min(BATCH, runs - done)
        base = "/dev/shm" if os.path.isdir("/dev/shm") else None
        with tempfile.TemporaryDirectory(dir=base) as folder:
            forked = os.fork()
            if not forked:
                os.close(read)
                code = 1
                try:
                    child(name, seed + done, part, Path(folder), write, until)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
            os.close(write)
            last = seed + done - 1
            with os.fdopen(read, "rb") as pipe:
                for line in pipe:
                    value = json.loads(line)
                    if isinstance(value, int):
                        last = value
                    elif "fault" in value:
                        tell(value)
                    else:
                        new(value)
            _, status = os.waitpid(forked, 0)
            if status:
                dead += 1
                code = os.waitstatus_to_exitcode(status)
                fault = f"child ended with {code}"
                last = max(last, seed + done)
                tell({"format": name, "seed": last, "fault": fault, **_at_work(Path(folder))})
            done = last - seed + 1
    return done


def _at_work(place: Path) -> dict[str, Any]:
    """Return the files that a child which died had in work."""
    try:
        folder = place / "in" / (place / "now").read_text()
    except OSError:
        return {}
    return {
        "now": {
            "case": folder.name,
            "files": {
                str(path.relative_to(folder)): base64.b64encode(path.read_bytes()).decode()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            },
        }
    }


class Rare:
    """The smallest input for each code that was told, and how often each was."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.inputs: dict[str, dict[str, Any]] = {}

    def __call__(self, value: dict[str, Any]) -> None:
        """Take an input that did something new."""
        for told in value["told"]:
            self.counts[told] += 1
            held = self.inputs.get(told)
            if held is None or len(json.dumps(value)) < len(json.dumps(held)):
                self.inputs[told] = value

    def write(self, path: Path, most: int = 14) -> None:
        """Append the inputs of the rarest codes to a file of lines."""
        done = set()
        for told, _ in sorted(self.counts.items(), key=lambda pair: pair[1]):
            value = self.inputs[told]
            line = json.dumps(value, sort_keys=True)
            if line not in done and len(done) < most and told != "error:None":
                done.add(line)
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in sorted(done))


def warm() -> None:
    """Load what the children need."""
    from trust.zygote import warm as load

    with (
        tempfile.TemporaryDirectory() as folder,
        open(os.devnull, "w") as quiet,
        contextlib.redirect_stdout(quiet),
        contextlib.redirect_stderr(quiet),
    ):
        load(Path(folder))
    import make  # noqa: F401
    import trust.strict  # noqa: F401
    import zstandard  # noqa: F401


def main() -> int:
    """Run the fuzzer from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", default="coco", choices=(*NAMES, "all"), nargs="+")
    parser.add_argument("--runs", type=int, default=1_000, help="for each format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1e9, help="for each format")
    parser.add_argument("--findings", type=Path, help="append findings to this file")
    parser.add_argument("--seeds", type=Path, help="append inputs of rare codes to this file")
    given = parser.parse_args()
    names = [given.format] if isinstance(given.format, str) else given.format
    warm()
    found: list[dict[str, Any]] = []

    def tell(fault: dict[str, Any]) -> None:
        found.append(fault)
        print(json.dumps(fault)[:3000], flush=True)
        if given.findings:
            with open(given.findings, "a", encoding="utf-8") as file:
                file.write(json.dumps(fault) + "\n")

    for name in NAMES if "all" in names else names:
        before, rare = len(found), Rare()
        start, worked = time.time(), os.times()
        until = start + given.seconds
        done = fuzz(name, given.runs, given.seed, tell, rare, until)
        spent = os.times()
        work = spent.children_user + spent.children_system
        work -= worked.children_user + worked.children_system
        print(
            f"{name}: {done} runs, {len(found) - before} findings, {len(rare.counts)} codes, "
            f"{done / max(work, 1e-9):.0f} runs for each second of work",
            flush=True,
        )
        if given.seeds:
            rare.write(given.seeds)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
