"""The n-th call to the system fails, for all n: what was there stays, nothing half is left."""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_runs import RUNS, FaultRun, make_sources, tree

from dlgeom.converters.report import Report
from dlgeom.errors import OutputError, UnknownFormatError

WRITING = ("write", "fsync", "replace", "mkdir", "link")
READING = ("read", "open", "close", "scandir", "fstat", "lstat", "stat")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
MODES = ("skip", "raise")
_OPEN = open


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("faults") / "src"
    make_sources(root)
    for name in RUNS:  # loads whatever the runs need: later calls are those of the run alone
        RUNS[name](root, tmp_path_factory.mktemp("warm"))
    return root


class Fault:
    """Lets the n-th call of a function of `os` fail; counts the calls."""

    def __init__(self, call: str, number: int, code: int) -> None:
        self.call, self.number, self.code = call, number, code
        self.count = 0

    def __enter__(self) -> Fault:
        real = self._real = getattr(os, self.call)

        def fail(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            if self.count != self.number:
                return real(*args, **kwargs)
            if self.call == "close":
                real(*args, **kwargs)
            raise OSError(self.code, os.strerror(self.code))

        setattr(os, self.call, fail)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(os, self.call, self._real)

    @property
    def hit(self) -> bool:
        return self.count >= self.number


def _faults(call: str) -> Iterator[tuple[int, int, str]]:
    """Yield number, error and mode: over all numbers each error and mode has its turn."""
    for number in range(1, 500):
        yield number, ERRORS[number % 3], MODES[number % 2]
    raise AssertionError(f"no end of calls of {call}")


def _outcome(
    run: FaultRun, sources: Path, place: Path, **more: Any
) -> tuple[Report | None, Exception | None]:
    """Return the report of a run, or what it raised."""
    try:
        return run(sources, place, **more), None
    except Exception as error:
        return None, error


def _allowed(error: BaseException | None, code: int, *, reading: bool) -> bool:
    """Whether that is the error that a fault is told as."""
    if reading and isinstance(error, UnknownFormatError):
        return True  # it looked just once at what would have told the format
    if not isinstance(error, OutputError) or error.exit_code != 5:
        return False
    full = "output.full" if code == errno.ENOSPC else "io.permission"
    # A folder that cannot be opened may be one that is read.
    return error.code in ({full, "io.read"} if reading else {full})


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("call", [*WRITING, *READING])
def test_a_fault_leaves_nothing_behind(name: str, call: str, sources: Path, tmp_path: Path) -> None:
    run = RUNS[name]
    before = tree(sources)
    (tmp_path / "good").mkdir()
    run(sources, tmp_path / "good", on_error="skip")
    good = tree(tmp_path / "good")
    for number, code, mode in _faults(call):
        place = tmp_path / "bad"
        place.mkdir()
        (place / "mine.txt").write_bytes(b"mine")
        fault = Fault(call, number, code)
        with fault:
            report, error = _outcome(run, sources, place, on_error=mode)
        if report is None:
            assert fault.hit, f"{call} {number}: {error!r}"
            assert _allowed(error, code, reading=call in READING), (
                f"{call} {number} {os.strerror(code)}: {error!r}"
            )
            assert tree(place) == {"mine.txt": b"mine"}, f"{call} {number}"
        else:
            # A link is copied then; a folder may be there; a close has nothing to tell.
            found = tree(place)
            assert found.pop("mine.txt") == b"mine"
            if not (mode == "skip" and report.files_skipped):
                assert found == good, f"{call} {number} {os.strerror(code)}"
            assert not [name for name in found if name.endswith(".part")]
        shutil.rmtree(place)
        if not fault.hit:
            break
    assert tree(sources) == before


@pytest.mark.parametrize("name", RUNS)
def test_a_fault_over_old_files_leaves_each_old_or_new(
    name: str, sources: Path, tmp_path: Path
) -> None:
    run = RUNS[name]
    place = tmp_path / "out"
    (tmp_path / "good").mkdir()
    run(sources, tmp_path / "good", on_error="skip")
    good = tree(tmp_path / "good")
    old = {key: data if data is None else b"old " + key.encode() for key, data in good.items()}
    for call in ("write", "replace", "fsync"):
        for number, code, mode in _faults(call):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for key, data in old.items():
                path = place / key
                path.mkdir() if data is None else path.write_bytes(data)
            fault = Fault(call, number, code)
            with fault:
                report, error = _outcome(run, sources, place, on_error=mode, overwrite=True)
            if report is None:
                assert _allowed(error, code, reading=False)
                found = tree(place)
                assert found.keys() == good.keys()
                assert all(data in (old[key], good[key]) for key, data in found.items())
            else:
                assert tree(place) == good
            if not fault.hit:
                break


class _Failing(io.FileIO):
    """A file of which the n-th read fails, counted over all files."""

    count = number = code = 0

    def _step(self) -> None:
        if "r" in self.mode:
            _Failing.count += 1
            if _Failing.count == _Failing.number:
                raise OSError(_Failing.code, os.strerror(_Failing.code))

    def read(self, *args: Any) -> Any:
        self._step()
        return super().read(*args)

    def readall(self) -> Any:
        self._step()
        return super().readall()

    def readinto(self, buffer: Any) -> Any:
        self._step()
        return super().readinto(buffer)


def _failing_open(
    file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, *rest: Any, **more: Any
) -> Any:
    if mode not in ("rb", "br"):
        return _OPEN(file, mode, buffering, encoding, *rest, **more)
    raw = _Failing(file, "r", opener=more.get("opener"))
    return raw if buffering == 0 else io.BufferedReader(raw)


@pytest.mark.parametrize("name", RUNS)
def test_a_file_that_cannot_be_read_is_told(
    name: str, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS[name]
    monkeypatch.setattr(builtins, "open", _failing_open)
    for number, code, mode in _faults("read of a file"):
        place = tmp_path / "out"
        place.mkdir()
        _Failing.count, _Failing.number, _Failing.code = 0, number, code
        report, error = _outcome(run, sources, place, on_error=mode)
        if report is None:
            assert isinstance(error, OutputError)
            assert error.code == "io.read", f"{number}: {error!r}"
            assert tree(place) == {}
        else:
            told = {kind.code for kind in report.codes.values()}
            assert _Failing.count < number or "io.read" in told, f"{number}: {report.codes}"
        shutil.rmtree(place)
        if _Failing.count < number:
            break


@pytest.mark.parametrize("name", RUNS)
def test_short_writes_change_nothing(
    name: str, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / "good", tmp_path / "short"]
    for place in places:
        place.mkdir()
    RUNS[name](sources, places[0])
    real = os.write
    monkeypatch.setattr(
        os, "write", lambda file, data: real(file, bytes(data[: max(1, len(data) // 3)]))
    )
    RUNS[name](sources, places[1])
    assert tree(places[0]) == tree(places[1])
