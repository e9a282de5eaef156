"""Exit codes of every command (reliability page, section 3): one line of text, no traceback."""

from __future__ import annotations

import builtins
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlgeom.cli.run import Terminated, run
from dlgeom.converters import registry

READING = {
    "info": ["info", "{s}"],
    "stats": ["stats", "{s}"],
    "validate": ["validate", "{s}"],
    "diff": ["diff", "{s}", "{g}"],
}
WRITING = {
    "convert": ["convert", "{s}", "{o}", "--to", "yolo"],
    "convert-file": ["convert", "{s}", "{o}.json"],
    "merge": ["merge", "{s}", "{g}", "{o}", "--to", "voc"],
    "split": ["split", "{s}", "{o}", "--to", "yolo", "--parts", "a=0.5,b=0.5"],
    "filter": ["filter", "{s}", "{o}.json", "--where", "area > 1"],
    "relabel": ["relabel", "{s}", "{o}.json", "--rename", "cat=dog"],
    "fix": ["validate", "{s}", "--fix", "{o}.json"],
    "render": ["render", "{s}", "{o}", "--kind", "mask"],
    "view": ["view", "{s}", "--out", "{o}.html"],
    "plot": ["stats", "{s}", "--plot", "{o}.svg"],
}
COMMANDS = {**READING, **WRITING}
# They tell what is wrong, and do not stop for it: bad files are found faults.
TELLING = {"validate"}


def _content(text: str = "cat") -> dict[str, Any]:
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "area": 16, "iscrowd": 0}
    return {
        "images": [
            {"id": 1, "file_name": "a.png", "width": 20, "height": 20},
            {"id": 2, "file_name": "b.png", "width": 20, "height": 20},
        ],
        "annotations": [
            {**annotation, "bbox": [1, 1, 4, 4], "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]},
            {**annotation, "id": 2, "image_id": 2, "bbox": [2, 1, 4, 4], "segmentation": []},
        ],
        "categories": [{"id": 1, "name": text}],
    }


class Place:
    """A source, a good one beside it, and where to write."""

    def __init__(self, root: Path) -> None:
        self.source = root / "in" / "x.json"
        self.source.parent.mkdir()
        self.good = root / "in" / "good.json"
        self.out = root / "out"
        self.source.write_text(json.dumps(_content()))
        self.good.write_text(json.dumps(_content()))

    def bad_record(self) -> None:
        content = _content()
        content["annotations"][1]["bbox"] = [1, 2]
        self.source.write_text(json.dumps(content))

    def run(self, name: str, *more: str) -> int:
        words = {"s": self.source, "g": self.good, "o": self.out}
        return run([text.format(**words) for text in COMMANDS[name]] + list(more))

    def left(self) -> list[Path]:
        return [path for path in self.out.parent.iterdir() if path.name != "in"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=WRITING)
def writing(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _one_line(capfd: pytest.CaptureFixture[str], *words: str) -> None:
    told = capfd.readouterr().err.strip()
    assert told.count("\n") == 0, told
    assert told.startswith("dlgeom: ")
    assert all(word in told for word in words), told


def test_0_all_good(command: str, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    assert place.run(command) == 0
    assert capfd.readouterr().err == ""


def test_1_bad_records(command: str, place: Place) -> None:
    place.bad_record()
    assert place.run(command) == 1


@pytest.mark.parametrize("command", ["convert", "split", "merge", "filter", "relabel"])
def test_1_losses_if_asked_for(command: str, place: Place) -> None:
    more = ["--to", "vtt"] if command in ("filter", "relabel") else ["--task", "detect"]
    if command in ("filter", "relabel"):
        place.out = place.out.with_name("folder")
    assert place.run(command, *more, "--fail-on-loss") == 1
    assert place.run(command, *more, "--overwrite") == 0


def test_2_usage(command: str, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    for more in (["--no-such-option"], ["--limit", "nothing=1"], ["--from", "nothing"], ["x"] * 9):
        capfd.readouterr()
        if command.startswith("merge") and more == ["x"] * 9:
            continue
        assert place.run(command, *more) == 2, more
        _one_line(capfd)
    assert place.left() == []


def test_3_bad_input(command: str, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.source.write_text('{"images": [}')
    assert place.run(command, "--from", "coco") == (1 if command in TELLING else 3)
    if command not in TELLING:
        _one_line(capfd, "json.syntax", "x.json")
    assert place.left() == []


def test_3_a_bad_record_in_strict_mode(
    command: str, place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    place.bad_record()
    if command in ("validate", "fix"):
        assert place.run(command, "--strict") == 2  # they tell all faults
    else:
        assert place.run(command, "--strict") == 3
        _one_line(capfd, "geometry.bbox_arity", "annotations[1]")
    assert place.left() == []


def test_4_limits(command: str, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    for limit in ("text=2", "file_bytes=100"):
        capfd.readouterr()
        assert place.run(command, "--limit", limit) == (1 if command in TELLING else 4), limit
        if command not in TELLING:
            _one_line(capfd, limit.partition("=")[0], "--limit")
        assert place.left() == []


def test_5_the_source_is_not_there(
    command: str, place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    place.source.unlink()
    assert place.run(command) == 5
    _one_line(capfd, "io.read", "x.json")
    assert place.left() == []


def test_5_the_source_cannot_be_read(
    command: str, place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(real: Callable[..., Any]) -> Callable[..., Any]:
        def opened(path: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(path, str | os.PathLike) and os.fspath(path) == str(place.source):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return real(path, *args, **kwargs)

        return opened

    monkeypatch.setattr(builtins, "open", refuse(open))
    monkeypatch.setattr(os, "open", refuse(os.open))
    for more in ([], ["--from", "coco"]):
        assert place.run(command, *more) == 5, more
        _one_line(capfd, "io.read", "x.json")
    assert place.left() == []


def test_5_the_target_exists(writing: str, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    assert place.run(writing) == 0
    before = {path: path.stat().st_mtime_ns for path in place.out.parent.rglob("*")}
    capfd.readouterr()
    assert place.run(writing) == 5
    _one_line(capfd, "output.exists", "--overwrite")
    assert {path: path.stat().st_mtime_ns for path in place.out.parent.rglob("*")} == before
    assert place.run(writing, "--overwrite") == 0


def test_5_a_link_is_in_the_way(
    writing: str, place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere = place.out.parent / "in" / "elsewhere"
    elsewhere.mkdir()
    for suffix in ("", ".json", ".html", ".svg"):
        place.out.with_name(f"out{suffix}").symlink_to(elsewhere)
    assert place.run(writing, "--overwrite") == 5
    _one_line(capfd, "path.symlink")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "code", "word"),
    [
        ("write", errno.ENOSPC, "output.full"),
        ("write", errno.EIO, "io.permission"),
        ("replace", errno.EACCES, "io.permission"),
    ],
)
def test_5_the_disk_is_full(
    writing: str,
    call: str,
    code: int,
    word: str,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    real = getattr(os, call)

    def fail(what: Any, *args: Any, **kwargs: Any) -> Any:
        mine = not isinstance(what, int) or os.fstat(what).st_dev == device
        if mine and not (isinstance(what, int) and what <= 2):
            raise OSError(code, os.strerror(code))
        return real(what, *args, **kwargs)

    device = os.stat(place.source).st_dev
    monkeypatch.setattr(os, call, fail)
    assert place.run(writing) == 5
    _one_line(capfd, word)
    assert place.left() == []


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (ZeroDivisionError("planted"), 6, "internal error: ZeroDivisionError: planted"),
        (MemoryError(), 6, "internal error: MemoryError"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(), 143, "terminated"),
    ],
)
def test_6_a_bug_of_ours_and_signals(
    command: str,
    error: BaseException,
    code: int,
    word: str,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def planted(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(registry, "recognise", planted)
    assert place.run(command) == code
    _one_line(capfd, word)
    if code == 6:
        assert place.run(command, "--debug") == 6
        assert "Traceback" in capfd.readouterr().err
    assert place.left() == []


def test_debug_shows_where_an_error_came_from(
    command: str, place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    place.source.unlink()
    assert place.run(command, "--debug") == 5
    told = capfd.readouterr().err
    assert "Traceback" in told
    assert told.splitlines()[-1].startswith("dlgeom: ")
