"""Conversions of hostile inputs, each in a child process; what must hold of all of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
PEAK = 1 << 30
SOURCE_STATUSES = {"skipped", "repaired", "warning", "notice", "file"}


class Ending(NamedTuple):
    """How a child ended: status (below 0: a signal), seconds, peak memory, the hook's finds."""

    status: int
    seconds: float
    memory: int
    found: list[str]


class Zygote:
    """The process that forks the children; see ``zygote.py``."""

    def __init__(self) -> None:
        # Bytes that depend on the machine's settings would differ here from the other tests.
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py")), str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self._answer() == {"ready": True}

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that forks has died"
        return json.loads(line)

    def run(
        self,
        arguments: list[str],
        log: Path,
        *,
        readable: list[Path],
        writable: list[Path],
        seconds: int = 10,
    ) -> Ending:
        """Run the command line in a child.

        Parameters
        ----------
        log : Path
            Where its output goes; its folder is the working directory.
        readable, writable : list of Path
            Files and folders that the child may open; anything else is in `Ending.found`.
        """
        temporary = log.parent / "TMP"
        temporary.mkdir(exist_ok=True)
        job = {
            "arguments": arguments,
            "log": str(log),
            "cwd": str(log.parent),
            "readable": [str(path) for path in readable],
            "writable": [str(path) for path in (*writable, temporary)],
            "temporary": str(temporary),
            "seconds": seconds,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Ending(**self._answer())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def zygote() -> Iterator[Zygote]:
    """Start the process, and end it behind the block."""
    process = Zygote()
    try:
        yield process
    finally:
        process.close()


def tree(folder: Path) -> dict[str, Any]:
    """Return all that lies in a folder: content, links, kinds and permissions."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_file():
            found[name] = (path.stat().st_mode, path.read_bytes())
        else:
            found[name] = ("other", path.stat().st_mode)
    return found


def place_case(case: dict[str, Any], corpus: Path, folder: Path, escape: str = "") -> None:
    """Copy a case to ``INPUT`` in `folder`, and do what its setup says."""
    shutil.copytree(corpus / case["id"], folder / "INPUT", symlinks=True)
    for step in case.get("setup", ()):
        name = step.get("symlink") or step.get("fifo") or step.get("write") or step.get("folder")
        assert name is not None
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink() or place.is_file():
            place.unlink()
        if "symlink" in step:
            place.symlink_to(step["target"].replace("FOLDER", str(folder)))
        elif "fifo" in step:
            os.mkfifo(place)
        elif "folder" in step:
            place.mkdir(exist_ok=True)
        else:
            place.write_text(step.get("text", ""))


def source_codes(facts: dict[str, Any]) -> dict[str, str]:
    """Return code -> status of what a report says of the input."""
    return {
        entry["code"]: entry["status"]
        for entry in facts["codes"]
        if entry["status"] in SOURCE_STATUSES
    }


def check_counts(facts: dict[str, Any]) -> None:
    """P6: each record is written, approximated or dropped, and each loss has an entry."""
    counts = facts["annotations"]
    assert counts["read"] == counts["written"] + counts["approximated"] + counts["dropped"], facts
    entries: dict[tuple[str, str], int] = {}
    for entry in facts["entries"]:
        key = (entry["status"], entry["code"])
        entries[key] = entries.get(key, 0) + 1
        assert entry["message"], entry
    told = {(kind["status"], kind["code"]): kind["count"] for kind in facts["codes"]}
    assert told == entries, (told, entries)
    skipped = sum(count for (status, _), count in told.items() if status == "skipped")
    dropped = sum(count for (status, _), count in told.items() if status == "dropped")
    other = sum(count for (status, _), count in told.items() if status == "approximated")
    assert facts["skipped"] == skipped
    assert counts["dropped"] == skipped + dropped
    assert counts["approximated"] == other


def check_outcome(
    case: dict[str, Any], mode: str, ending: Ending, report: Path, text: str, kept: int = 0
) -> str:
    """Check an ending against the manifest; return the word for the table of counts.

    Parameters
    ----------
    kept : int
        Records that are kept and told besides the survivors.
    """
    expected = case["expected" if mode == "lenient" else "expected_strict"]
    status = ending.status
    if expected == "error":
        assert status in (3, 4, 5), (status, text)
        if case["code"] is not None:
            assert f"[{case['code']}]" in text, text
        assert text.count("\n") <= 1 or mode == "lenient", text
        return "error"
    assert status in (0, 1), (status, text)
    facts = json.loads(report.read_text())
    check_counts(facts)
    codes = source_codes(facts)
    if expected == "accept":
        assert status == 0, text
        assert not set(codes.values()) - {"notice"}, codes
    else:
        assert codes, facts
    if case["code"] is not None:
        assert case["code"] in codes, (codes, text)
    if case["survivors"] is not None:
        left = facts["annotations"]["read"] - facts["skipped"]
        assert left == case["survivors"] + kept, facts
    assert status == (1 if {"skipped", "repaired", "file"} & set(codes.values()) else 0)
    if "skipped" in codes.values() or "file" in codes.values():
        return "skipped"
    return "told" if codes else "fine"


def check_child(ending: Ending, text: str) -> None:
    """P1 and P2: no signal, no time-out, no traceback, flat memory, nothing that is forbidden."""
    assert ending.status >= 0, f"signal {-ending.status}: {text}"
    assert "Traceback" not in text, text
    assert "MemoryError" not in text, text
    assert "internal error" not in text, text
    assert ending.status in (0, 1, 2, 3, 4, 5), (ending.status, text)
    assert ending.memory < PEAK, f"{ending.memory / 2**20:.0f} MiB"
    assert not ending.found, ending.found


def no_leftovers(folder: Path) -> None:
    """P4: no temporary file is left, anywhere in the folder of a case."""
    names = [path for path in folder.rglob("*") if path.name.endswith(".part")]
    assert not names
    temporary = folder / "TMP"
    assert not temporary.exists() or not list(temporary.iterdir())
