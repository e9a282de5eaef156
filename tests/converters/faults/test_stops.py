"""SIGINT and SIGTERM at random moments: a stop within two seconds that leaves nothing.

``DLGEOM_STOPS=500`` stops 500 commands instead of a few.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from busy import patience

import dlgeom
from dlgeom.converters.held import Held

TESTS = Path(__file__).parents[2]
COUNT = int(os.environ.get("DLGEOM_STOPS", "24"))
PATHS = os.pathsep.join([str(TESTS), str(Path(dlgeom.__file__).parents[1])])
USUAL = {**os.environ, "PYTHONPATH": PATHS}
# A stop between the opening of something and the block that closes it is no fault of ours.
ENVIRONMENT = {**USUAL, "PYTHONWARNINGS": "error,ignore::ResourceWarning"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_stopped_commands_leave_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(TESTS / "signal_runs.py"), str(COUNT), "1"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60 + 3 * COUNT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["130"] + counts["143"] > COUNT // 2
    assert "Traceback" not in done.stderr
    assert counts["more"] > 0


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_starts_can_be_stopped(number: signal.Signals, tmp_path: Path) -> None:
    chance = random.Random(int(number))
    source = tmp_path / "x.json"
    source.write_text('{"images": [], "annotations": [], "categories": []}')
    command = [sys.executable, "-m", "dlgeom", "convert", str(source), str(tmp_path / "out.json")]
    for _ in range(4):
        # Warnings as they are for users: a stop amid imports leaves files of Python's own open.
        process = subprocess.Popen(command, env=USUAL, stderr=subprocess.PIPE, text=True)
        time.sleep(chance.uniform(0.0, 0.5))
        process.send_signal(number)
        sent = time.monotonic()
        _, told = process.communicate(timeout=20)
        assert time.monotonic() - sent < patience(2.0) or process.returncode == 0
        # Before the first line of ours runs, it is Python that ends, and in its own way.
        ended = process.returncode in (0, 128 + number, -number)
        assert ended or "init_import_site" in told or "Fatal Python error: init" in told, told
        if process.returncode == 128 + number:
            assert "Traceback" not in told
        assert not list(tmp_path.glob(".*.part"))
        (tmp_path / "out.json").unlink(missing_ok=True)


def test_held_signals_come_at_the_end() -> None:
    steps = []

    def work() -> None:
        with Held():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            steps.append("whole")
        steps.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_block_is_not_lost_to_a_signal() -> None:
    def work() -> None:
        with Held():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("of the block")

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value.__context__, ValueError)


def test_other_threads_hold_nothing() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work() -> None:
        with Held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_handler_that_was_set_is_called_and_stays() -> None:
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        mine = signal.getsignal(signal.SIGTERM)
        with Held():
            signal.raise_signal(signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
