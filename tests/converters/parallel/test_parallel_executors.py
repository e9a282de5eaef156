"""Executors of all kinds, and places where processes are hard to have."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import dlgeom
from dlgeom.converters.parallel import engine as engines
from dlgeom.errors import UsageError
from tests.converters.parallel.conftest import Convert, files_below

OPTIONS: dict[str, Any] = {"to_format": "yolo", "task": "segment"}


class _Inline(Executor):
    """Does each call while it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class _Backwards(Executor):
    """Does what is submitted in reverse, four calls at a time, in a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._held: list[tuple[Future[Any], Callable[[], Any]]] = []
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            self._held.append((future, lambda: fn(*args, **kwargs)))
        self._pool.submit(self._some)
        return future

    def _some(self) -> None:
        threading.Event().wait(0.002)
        with self._lock:
            held, self._held = self._held, []
        for future, call in reversed(held):
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait)


class _Refusing(Executor):
    """Has no room after some calls."""

    def __init__(self) -> None:
        self._left = 4

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize(
    "make",
    [_Inline, _Backwards, lambda: ThreadPoolExecutor(1), lambda: ThreadPoolExecutor(8)],
    ids=["inline", "backwards", "one-thread", "eight-threads"],
)
@pytest.mark.parametrize("options", [OPTIONS, {"to_format": "voc", "task": "detect"}], ids=str)
def test_any_executor_makes_the_same(
    odd: Path, run: Convert, make: Callable[[], Executor], options: dict[str, Any]
) -> None:
    with make() as executor:
        assert run(odd, executor=executor, **options) == run(odd, **options)
        executor.submit(len, "it is not shut down").result()


def test_what_an_executor_refuses_is_done_here(odd: Path, run: Convert) -> None:
    with pytest.warns(RuntimeWarning, match="the rest is done in this process"):
        shared = run(odd, executor=_Refusing(), **OPTIONS)
    assert shared == run(odd, **OPTIONS)


@pytest.mark.parametrize("workers", [0, -1, "auto", 2.0, True])
def test_workers_is_a_number_of_processes(odd: Path, tmp_path: Path, workers: Any) -> None:
    with pytest.raises(UsageError, match=r"it is a number of processes, 1 or more"):
        dlgeom.convert(odd, tmp_path / "out", workers=workers, **OPTIONS)
    assert not (tmp_path / "out").exists()


def test_more_workers_than_parts_start_no_more_processes_than_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Any] = []
    begin = engines.Context.Process

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        started.append(args)
        return begin(self, *args, **kwargs)

    monkeypatch.setattr(engines.Context, "Process", counted)
    with engines.open_engine(4_000) as engine:
        assert engine is not None
        engine.warm(2)
        assert engine.result(engine.submit(len, "abc", work="abc")) == 3
    assert 1 <= len(started) <= 3


@pytest.mark.parametrize("error", [OSError(11, "no more processes"), NotImplementedError("none")])
def test_a_system_without_processes_converts_all_the_same(
    odd: Path, run: Convert, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(engines.Context, "Process", refuse)
    with pytest.warns(RuntimeWarning, match="no process could be started"):
        shared = run(odd, workers=3, **OPTIONS)
    assert shared == run(odd, **OPTIONS)


def test_a_thread_other_than_the_main_one_may_ask(odd: Path, tmp_path: Path) -> None:
    told: list[BaseException] = []

    def convert() -> None:
        try:
            dlgeom.convert(odd, tmp_path / "a", on_error="skip", workers=2, **OPTIONS)
        except BaseException as error:
            told.append(error)

    thread = threading.Thread(target=convert)
    thread.start()
    thread.join()
    assert not told
    dlgeom.convert(odd, tmp_path / "b", on_error="skip", **OPTIONS)
    assert files_below(tmp_path / "a") == files_below(tmp_path / "b")


def test_an_interrupt_ends_workers_and_leaves_nothing(
    odd: Path, tmp_path: Path, processes: Executor
) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    for who in ({"workers": 2}, {"executor": processes}):
        with pytest.raises(KeyboardInterrupt):
            dlgeom.convert(
                odd, tmp_path / "out", on_error="skip", progress=interrupt, **who, **OPTIONS
            )
        assert not (tmp_path / "out").exists()
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    ours = [child for child in multiprocessing.active_children() if "Spawn" not in child.name]
    assert len(ours) <= 2  # those of the user's executor, which goes on
    assert processes.submit(len, "abc").result() == 3


_SCRIPT = """
import sys
import dlgeom
from dlgeom.converters.coco import read_chunks
from dlgeom.converters.parallel import units
units.LEAST = units.SECONDS = 0.0
read_chunks.ITEMS_AT_ONCE = 7
print("once")
dlgeom.convert({source!r}, {target!r}, on_error="skip", workers=2, **{options!r})
"""


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_scripts_need_no_guard_and_no_file(odd: Path, tmp_path: Path, how: str) -> None:
    script = _SCRIPT.format(source=str(odd), target=str(tmp_path / "a"), options=OPTIONS)
    path = tmp_path / "script.py"
    path.write_text(script)
    found = subprocess.run(
        [sys.executable, str(path) if how == "file" else "-"],
        input=script if how == "stdin" else "",
        text=True,
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        timeout=120,
    )
    assert found.stdout == "once\n"
    assert found.stderr == ""
    dlgeom.convert(odd, tmp_path / "b", on_error="skip", **OPTIONS)
    assert files_below(tmp_path / "a") == files_below(tmp_path / "b")


def _in_daemon(source: str, target: str) -> tuple[bool, list[str]]:
    import warnings

    multiprocessing.current_process()._config["daemon"] = True  # type: ignore[attr-defined]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        dlgeom.convert(source, target, on_error="skip", workers=2, **OPTIONS)
    return multiprocessing.current_process().daemon, [str(one.message) for one in told]


def test_a_daemonic_process_does_it_alone(odd: Path, tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        daemon, told = pool.submit(_in_daemon, str(odd), str(tmp_path / "a")).result()
    assert daemon
    assert told == [
        "a daemonic process has no processes of its own; the rest is done in this process"
    ]
    dlgeom.convert(odd, tmp_path / "b", on_error="skip", **OPTIONS)
    assert files_below(tmp_path / "a") == files_below(tmp_path / "b")
