"""Going on with a run that was interrupted: what is kept, what is refused, what comes out."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fault_runs import RUNS, make_sources, tree

from dlgeom.converters import resume
from dlgeom.converters.output import Output
from dlgeom.converters.pipeline import convert
from dlgeom.converters.resume import MARKER, Marker, Run
from dlgeom.errors import FormatError, OutputError
from dlgeom.operations import merge, split


class StopError(Exception):
    """Ends a run as a fault of the system does."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("resume") / "src"
    make_sources(root, 6)
    return root


def interrupted(run: Any, number: int, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    """Let a run end with the n-th file, as SIGKILL does: nothing is cleaned up."""
    with monkeypatch.context() as patch:
        real = os.replace
        count = [0]

        def replace(*args: Any, **kwargs: Any) -> None:
            count[0] += 1
            if count[0] > number:
                raise StopError
            real(*args, **kwargs)

        patch.setattr(os, "replace", replace)
        patch.setattr(Output, "_end", lambda self, kind: Output.close(self))
        with pytest.raises(StopError):
            run(**more)


FOLDERS = [name for name, run in RUNS.items() if "." not in run.target]


@pytest.mark.parametrize("vouched", [False, True])
@pytest.mark.parametrize("name", FOLDERS)
def test_each_place_to_be_interrupted_ends_in_the_same_bytes(
    name: str, vouched: bool, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if vouched:
        monkeypatch.setattr(resume, "INTERVAL", 0.0)
        monkeypatch.setattr(resume, "SHARE", 0)
    run = RUNS[name]
    (tmp_path / "good").mkdir()
    report = run(sources, tmp_path / "good", on_error="skip")
    good = tree(tmp_path / "good")
    files = sum(data is not None for data in good.values())
    for number in range(1, files):
        place = tmp_path / str(number)
        place.mkdir()
        interrupted(lambda place=place: run(sources, place, on_error="skip"), number, monkeypatch)
        assert MARKER in {path.name for path in (place / "out").iterdir()}
        with pytest.raises(OutputError, match="with which --resume goes on"):
            run(sources, place, on_error="skip")
        again = run(sources, place, on_error="skip", resume=True)
        assert tree(place) == good, number
        again.target = report.target
        assert again == report


def test_what_is_vouched_for_is_not_written_again(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS["yolo"]
    monkeypatch.setattr(resume, "INTERVAL", 0.0)
    monkeypatch.setattr(resume, "SHARE", 0)
    interrupted(lambda: run(sources, tmp_path), 20, monkeypatch)
    marker = Marker.read(tmp_path / "out" / MARKER)
    assert marker is not None
    assert marker.files > 0
    before = {
        path: path.stat().st_ino
        for path in (tmp_path / "out").rglob("*.*")
        if path.stat().st_ctime_ns < marker.vouched_ns and path.name != MARKER
    }
    assert len([path for path in before if path.suffix == ".txt"]) > 1
    assert len([path for path in before if path.suffix == ".png"]) > 1
    run(sources, tmp_path, resume=True)
    assert {path: path.stat().st_ino for path in before} == before


@pytest.mark.parametrize("change", ["shorter", "other", "gone", "folder"])
def test_a_file_that_was_changed_meanwhile_is_written_again(
    change: str, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS["darknet"]
    (tmp_path / "good").mkdir()
    run(sources, tmp_path / "good")
    monkeypatch.setattr(resume, "INTERVAL", 0.0)
    interrupted(lambda: run(sources, tmp_path), 8, monkeypatch)
    changed = sorted((tmp_path / "out").rglob("0*.txt"))[0]
    data = changed.read_bytes()
    if change == "shorter":
        changed.write_bytes(data[:-1])
    elif change == "other":
        changed.write_bytes(data[::-1])
    else:
        changed.unlink()
    if change == "folder":
        changed.mkdir()
        with pytest.raises(OutputError, match="no regular file"):
            run(sources, tmp_path, resume=True)
        return
    run(sources, tmp_path, resume=True)
    assert tree(tmp_path / "out") == tree(tmp_path / "good" / "out")


def _changes(root: Path) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        ("task was not given, and is 'detect'", "coco.json", {"task": "detect"}),
        ("decimals was not given, and is 3", "coco.json", {"decimals": 3}),
        ("on_error was 'raise', and is 'skip'", "coco.json", {"on_error": "skip"}),
        ("where was not given, and is 'area > 1'", "coco.json", {"where": "area > 1"}),
        ("include_labels was", "coco.json", {"include_labels": ["cat"]}),
        ("images was not given, and is", "coco.json", {"images": root / "images"}),
        ("source was", "other.json", {}),
        ("the command was 'convert', and is 'split'", "", {}),
    ]


@pytest.mark.parametrize("number", range(8))
def test_another_run_is_refused_and_says_what_differs(
    number: int, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.json").write_bytes((sources / "coco.json").read_bytes())
    out = tmp_path / "out"
    interrupted(lambda: convert(sources / "coco.json", out, to_format="yolo"), 3, monkeypatch)
    before = tree(tmp_path)
    told, source, more = _changes(sources)[number]

    def again() -> None:
        if not source:
            split(sources / "coco.json", out, {"a": 1}, to_format="yolo", resume=True)
        else:
            path = sources / source if source == "coco.json" else tmp_path / source
            convert(path, out, to_format="yolo", resume=True, **more)

    with pytest.raises(OutputError) as caught:
        again()
    assert told in str(caught.value)
    assert caught.value.code == "output.exists"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("change", ["touched", "added", "edited"])
def test_a_source_that_has_changed_is_refused(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sources(tmp_path / "src")
    source = tmp_path / "src" / ("coco.json" if change == "touched" else "yolo")
    interrupted(lambda: convert(source, tmp_path / "out", to_format="voc"), 3, monkeypatch)
    labels = source / "labels" / "train" / "day"
    if change == "touched":
        os.utime(source, ns=(1, 1))
        told = "coco.json has changed"
    elif change == "added":
        (labels / "more.txt").write_bytes(b"")
        told = "yolo has other files"
    else:
        (labels / "00001.txt").write_bytes(b"")
        told = "yolo has a file that has changed"
    with pytest.raises(OutputError, match=told):
        convert(source, tmp_path / "out", to_format="voc", resume=True)


def test_a_change_in_a_large_folder_shows_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large folder only the names are looked at; a file of an old name would stay."""
    monkeypatch.setattr(resume, "_LISTED", 0)
    make_sources(tmp_path / "src")
    source = tmp_path / "src" / "voc"
    interrupted(lambda: convert(source, tmp_path / "out", to_format="yolo"), 5, monkeypatch)
    path = source / "Annotations" / "night" / "00000.xml"
    text = path.read_text()
    path.write_text(text.replace(">8</", ">9</"))
    report = convert(source, tmp_path / "out", to_format="yolo", resume=True)
    assert report.images == 4
    convert(source, tmp_path / "good", to_format="yolo")
    assert tree(tmp_path / "out") == tree(tmp_path / "good")


def test_files_that_the_run_does_not_write_are_told(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS["darknet"]
    interrupted(lambda: run(sources, tmp_path), 3, monkeypatch)
    stale = tmp_path / "out" / next(p.name for p in (tmp_path / "out").iterdir() if p.is_dir())
    (stale / "stale.txt").write_bytes(b"of another source")
    with pytest.raises(OutputError, match=r"stale\.txt: is in the target, but"):
        run(sources, tmp_path, resume=True)
    (stale / "stale.txt").unlink()
    run(sources, tmp_path, resume=True)
    assert not (tmp_path / "out" / MARKER).exists()


@pytest.mark.parametrize("name", RUNS)
def test_a_complete_target_is_left_as_it_is(name: str, sources: Path, tmp_path: Path) -> None:
    run = RUNS[name]
    report = run(sources, tmp_path, on_error="skip")
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    content = tree(tmp_path)
    assert run(sources, tmp_path, on_error="skip", resume=True) == report
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before
    assert tree(tmp_path) == content


@pytest.mark.parametrize("name", RUNS)
def test_what_is_something_else_is_refused(name: str, sources: Path, tmp_path: Path) -> None:
    run = RUNS[name]
    run(sources, tmp_path, on_error="skip")
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        data = path.read_bytes()
        path.unlink()  # it may be a link to a source
        path.write_bytes(data + b" ")
        before = tree(tmp_path)
        with pytest.raises(OutputError, match=r"output\.exists"):
            run(sources, tmp_path, on_error="skip", resume=True)
        assert tree(tmp_path) == before, path
        path.write_bytes(data)


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_killed_before_its_marker_had_a_name_left_nothing(
    resume: bool, sources: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / ".123.0a1b2c3d.1.part").write_bytes(b"half a mark")
    convert(sources / "coco.json", target, to_format="yolo", on_error="skip", resume=resume)
    convert(sources / "coco.json", tmp_path / "other", to_format="yolo", on_error="skip")
    assert tree(target) == tree(tmp_path / "other")


def test_an_absent_target_is_an_ordinary_run(sources: Path, tmp_path: Path) -> None:
    for place, more in (("a", {}), ("b", {"resume": True})):
        (tmp_path / place).mkdir()
        RUNS["voc"](sources, tmp_path / place, **more)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.ENOSPC, "full"), MemoryError])
def test_with_resume_an_interrupted_run_keeps_what_is_complete(
    error: Any, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS["yolo"]
    real = os.replace
    count = [0]

    def replace(*args: Any, **kwargs: Any) -> None:
        count[0] += 1
        if count[0] == 6:
            raise error
        real(*args, **kwargs)

    for keeps in (False, True):
        count[0] = 0
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace)
            with pytest.raises((KeyboardInterrupt, OutputError, MemoryError)):
                run(sources, tmp_path, resume=keeps)
        found = tree(tmp_path)
        assert not [name for name in found if resume.is_temporary(name.rpartition("/")[2])]
        assert (f"out/{MARKER}" in found) == keeps
        assert bool(found) == keeps
    run(sources, tmp_path, resume=True)
    (tmp_path / "good").mkdir()
    run(sources, tmp_path / "good")
    assert tree(tmp_path / "out") == tree(tmp_path / "good" / "out")


def test_a_bad_input_leaves_nothing_with_resume_either(tmp_path: Path) -> None:
    make_sources(tmp_path / "src")
    content = json.loads((tmp_path / "src" / "coco.json").read_text())
    content["annotations"][-1]["bbox"] = [1, 2]
    (tmp_path / "src" / "bad.json").write_text(json.dumps(content))
    with pytest.raises(FormatError):
        convert(tmp_path / "src" / "bad.json", tmp_path / "out", to_format="yolo", resume=True)
    assert not (tmp_path / "out").exists()


def test_an_unfinished_run_with_overwrite_asks_for_it_again(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS["darknet"]
    out = tmp_path / "out"
    out.mkdir()
    (out / "obj.names").write_bytes(b"old")
    (out / "mine.txt").write_bytes(b"mine")
    interrupted(lambda: run(sources, tmp_path, overwrite=True), 4, monkeypatch)
    with pytest.raises(OutputError, match="had --overwrite"):
        run(sources, tmp_path, resume=True)
    run(sources, tmp_path, resume=True, overwrite=True)
    found = tree(out)
    assert found.pop("mine.txt") == b"mine"
    (tmp_path / "good").mkdir()
    run(sources, tmp_path / "good")
    assert found == tree(tmp_path / "good" / "out")


def test_overwriting_an_unfinished_run_starts_again(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS["darknet"]
    interrupted(lambda: run(sources, tmp_path), 4, monkeypatch)
    convert(sources / "coco.json", tmp_path / "out", to_format="coco", overwrite=True)
    names = {path.name for path in (tmp_path / "out").rglob("*")}
    assert MARKER not in names
    assert not any(map(resume.is_temporary, names))
    assert "instances_train.json" in names


def test_one_process_writes_at_a_time(sources: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    out = tmp_path / "out"
    with Output(out, run=Run("convert", {})) as first:
        first.write("a.txt", b"a")
        with pytest.raises(OutputError, match="being written by another process"):
            Output(out, run=Run("convert", {}), overwrite=True, resume=True)
    assert tree(out) == {"a.txt": b"a"}


def test_helpers_write_into_the_same_target(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Output(out, run=Run("convert", {})) as output:
        output.expects("labels")
        with Output.joined(output.share()) as helper:
            helper.write("labels/a.txt", b"a")
        state = output.share()
        lost = Output.joined(state)
        lost.open("labels/b.txt").write(b"never finished")
        assert len(list((out / "labels").iterdir())) == 2
        output.sweep()
        assert len(list((out / "labels").iterdir())) == 1
    assert tree(out) == {"labels": None, "labels/a.txt": b"a"}

    def failing() -> None:
        with Output(tmp_path / "bad", run=Run("c", {})) as output:
            output.expects("labels")
            with Output.joined(output.share()) as helper:
                helper.write("labels/a.txt", b"a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert not (tmp_path / "bad").exists()


def test_a_report_of_the_run_before_is_replaced(sources: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    for more in ({}, {"resume": True}):
        convert(sources / "coco.json", tmp_path / "out", to_format="yolo", report=report, **more)
    assert json.loads(report.read_bytes())["images"] == 6
    report.write_bytes(b'{"mine": 1}')
    with pytest.raises(OutputError, match=r"report\.json"):
        convert(
            sources / "coco.json", tmp_path / "out", to_format="yolo", report=report, resume=True
        )
    assert report.read_bytes() == b'{"mine": 1}'


def test_merge_and_split_go_on_too(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def merged(out: Path, **more: Any) -> None:
        merge([sources / "coco.json", sources / "voc"], out, to_format="yolo", **more)

    def divided(out: Path, **more: Any) -> None:
        split(sources / "coco.json", out, {"a": 0.5, "b": 0.5}, to_format="voc", **more)

    for run in (merged, divided):
        good, out = tmp_path / f"{run.__name__}1", tmp_path / f"{run.__name__}2"
        run(good)
        interrupted(lambda run=run, out=out: run(out), 5, monkeypatch)
        run(out, resume=True)
        assert tree(out) == tree(good)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"dlgeom_resume": "x"}', b"null"]
)
def test_a_marker_that_is_none_is_no_marker(content: bytes, tmp_path: Path) -> None:
    (tmp_path / MARKER).write_bytes(content)
    assert Marker.read(tmp_path / MARKER) is None
    with pytest.raises(OutputError, match=r"output\.exists"):
        Output(tmp_path, run=Run("convert", {}))


def test_each_parameter_counts_or_is_harmless() -> None:
    """A new parameter of `convert` changes the run, unless it is said that it does not."""
    import inspect

    names = set(inspect.signature(convert).parameters)
    assert names >= resume.HARMLESS - {"target"}
    counted = Run.of("convert", dict.fromkeys(names, 1)).settings
    assert set(counted) == names - resume.HARMLESS
