"""A worker that is killed while it sends neither stops the run nor the end of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlgeom.converters.parallel.engine import Engine
from dlgeom.errors import InternalError
from tests.converters.parallel import halved

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

LARGE = b"y" * 400_000  # more than a pipe holds


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Two workers, which are ended by force."""
    made = Engine(2)
    yield made
    made.close(failed=True)


def test_half_an_answer_is_done_again(engine: Engine, tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    first = engine.submit(halved.dies_while_sending, mark, True, work="a")
    others = [engine.submit(halved.answers, LARGE, work="b") for _ in range(6)]
    assert engine.result(first) == b"x" * 100_000
    assert [engine.result(job) for job in others] == [7] * 6
    assert engine.deaths >= 1


def test_one_that_always_dies_so_is_named(engine: Engine, tmp_path: Path) -> None:
    job = engine.submit(halved.dies_while_sending, str(tmp_path / "mark"), False, work="a.json")
    with pytest.raises(InternalError, match=r"a\.json: workers died"):
        engine.result(job)


def test_a_run_that_is_interrupted_then_ends_at_once(tmp_path: Path) -> None:
    engine = Engine(2)
    mark = tmp_path / "mark"
    engine.submit(halved.dies_while_sending, str(mark), False, LARGE, work="a")
    for _ in range(6):
        engine.submit(halved.answers, LARGE, work="b")
    end = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.2)
    context = engine._context
    assert context is not None
    started = list(context.started)
    start = time.monotonic()
    engine.close(failed=True)
    assert time.monotonic() - start < 5
    assert not any(process.is_alive() for process in started)
