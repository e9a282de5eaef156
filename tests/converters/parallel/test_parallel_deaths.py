"""Workers that die, need too much memory, or are told to stop."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from busy import patience

import dlgeom
from dlgeom.converters.parallel import merge
from dlgeom.errors import InternalError, LimitError
from tests.converters.parallel import faulty
from tests.converters.parallel.conftest import Convert, files_below

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

OPTIONS: dict[str, Any] = {"to_format": "yolo", "task": "segment"}


@pytest.fixture(autouse=True)
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder where processes note what they have done once."""
    folder = tmp_path / "marks"
    folder.mkdir()
    monkeypatch.setenv(faulty.MARK, str(folder))
    return folder


def test_what_dead_workers_had_in_hand_is_done_again(
    odd: Path, run: Convert, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run(odd, **OPTIONS)
    monkeypatch.setattr(merge, "form", faulty.form_dying_twice)
    assert run(odd, workers=2, **OPTIONS) == alone
    assert sorted(path.name for path in marks.iterdir()) == ["3", "6"]


def test_files_that_a_dead_worker_was_writing_are_written_again(
    odd: Path, run: Convert, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run(odd, **OPTIONS)
    monkeypatch.setattr(merge, "emit", faulty.emit_dying_once)
    assert run(odd, workers=2, **OPTIONS) == alone
    assert list(marks.iterdir())


def test_a_part_that_ends_each_worker_is_named(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "form", faulty.form_dying_always)
    with pytest.raises(InternalError, match=r"odd\.json \(images 14-20\): workers died") as caught:
        dlgeom.convert(odd, tmp_path / "out", on_error="skip", workers=2, **OPTIONS)
    assert caught.value.exit_code == 6
    assert not (tmp_path / "out").exists()


def test_the_rest_is_done_here_if_the_users_executor_breaks(
    odd: Path, run: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run(odd, **OPTIONS)
    monkeypatch.setattr(merge, "form", faulty.form_dying_twice)
    with (
        ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool,
        pytest.warns(RuntimeWarning, match="the rest is done in this process"),
    ):
        shared = run(odd, executor=pool, **OPTIONS)
    assert shared == alone


def test_an_executor_that_was_shut_down_is_done_without(odd: Path, run: Convert) -> None:
    pool = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
    pool.shutdown()
    with pytest.warns(RuntimeWarning, match="the executor broke"):
        shared = run(odd, executor=pool, **OPTIONS)
    assert shared == run(odd, **OPTIONS)


def test_a_worker_has_so_much_memory_and_no_more(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("resource")
    monkeypatch.setattr(merge, "form", faulty.form_hungry)
    with pytest.raises(LimitError, match="the limit workers_memory") as caught:
        dlgeom.convert(odd, tmp_path / "out", on_error="skip", workers=2, **OPTIONS)
    assert caught.value.code == "limit.memory"
    assert not (tmp_path / "out").exists()


_SCRIPT = """
import sys
from dlgeom.cli.run import run
from dlgeom.converters.coco import read_chunks
from dlgeom.converters.parallel import merge, units
from tests.converters.parallel import faulty
units.LEAST = units.SECONDS = 0.0
read_chunks.ITEMS_AT_ONCE = 7
merge.form = faulty.form_slow
sys.exit(run(sys.argv[1:]))
"""


def _workers(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            command = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"spawn_main" in command and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals_end_workers_and_leave_nothing(
    odd: Path, tmp_path: Path, threads: Executor, number: int
) -> None:
    target = tmp_path / "out"
    arguments = [str(odd), str(target), "--to", "yolo", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, "convert", *arguments],
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    labels = target / "labels" / "train"
    end = time.monotonic() + 30
    while not (labels.is_dir() and len(list(labels.iterdir())) > 8) and time.monotonic() < end:
        time.sleep(0.02)
    workers = _workers(process.pid)
    assert len(workers) == 2
    start = time.monotonic()
    process.send_signal(number)
    code = process.wait(10)
    assert time.monotonic() - start < patience(2)
    end = time.monotonic() + patience(2)
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < end, "workers outlive the process that was asked"
        time.sleep(0.02)
    if number != signal.SIGKILL:
        assert code == {signal.SIGINT: 130, signal.SIGTERM: 143}[signal.Signals(number)]
        assert not target.exists()
        return
    # Nobody could clean up; another run, in parts too, goes on.
    options: dict[str, Any] = {"to_format": "yolo", "on_error": "skip"}
    assert list(target.glob(".*.spool.part"))
    dlgeom.convert(odd, target, resume=True, executor=threads, **options)
    dlgeom.convert(odd, tmp_path / "fresh", **options)
    assert files_below(target) == files_below(tmp_path / "fresh")
