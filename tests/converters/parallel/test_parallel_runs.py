"""Runs in parts say and write what one process says and writes, byte for byte."""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dlgeom
from dlgeom.converters.parallel import merge
from dlgeom.errors import FormatError, UsageError
from dlgeom.limits import Limits
from tests.converters.parallel.conftest import (
    Convert,
    annotation,
    data_set,
    files_below,
    image,
    odd_records,
)

TARGETS: list[dict[str, Any]] = [
    {"to_format": "yolo", "task": "detect"},
    {"to_format": "yolo", "task": "segment"},
    {"to_format": "yolo", "task": "segment", "yolo_layout": "ultralytics", "decimals": 4},
    {"to_format": "voc", "task": "detect"},
    {"to_format": "voc", "task": "segment", "voc_class_sets": "yes"},
    {"to_format": "dataloop"},
]


def _name(options: dict[str, Any]) -> str:
    return "-".join(str(value) for value in options.values())


class _Counted:
    """Counts the parts that are merged, and those that are done again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.merged = self.again = 0
        take, again = merge._Run._take, merge._Run._again

        def counted_take(run: Any, *args: Any) -> None:
            self.merged += 1
            take(run, *args)

        def counted_again(run: Any, *args: Any) -> None:
            self.again += 1
            again(run, *args)

        monkeypatch.setattr(merge._Run, "_take", counted_take)
        monkeypatch.setattr(merge._Run, "_again", counted_again)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> _Counted:
    """Return what counts the parts of a run."""
    return _Counted(monkeypatch)


@pytest.mark.parametrize("options", TARGETS, ids=_name)
def test_parts_in_processes_make_the_files_and_the_report_of_one_process(
    odd: Path, run: Convert, processes: Executor, parts: _Counted, options: dict[str, Any]
) -> None:
    alone = run(odd, **options)
    shared = run(odd, executor=processes, **options)
    assert shared == alone
    assert list(shared[0].codes) == list(alone[0].codes)
    assert parts.merged > 5


@pytest.mark.parametrize(
    "options",
    [
        {"to_format": "coco"},
        {"to_format": "voc", "task": "segment"},
        {"to_format": "yolo", "task": "detect"},
        {"to_format": "dataloop"},
        {"to_format": "coco", "dry_run": True},
    ],
    ids=_name,
)
def test_label_files_are_read_in_parts(
    odd: Path,
    tmp_path: Path,
    run: Convert,
    processes: Executor,
    parts: _Counted,
    options: dict[str, Any],
) -> None:
    source = tmp_path / "yolo"
    dlgeom.convert(odd, source, to_format="yolo", task="segment", on_error="skip")
    labels = sorted((source / "labels").rglob("*.txt"))
    for number, path in enumerate(labels):
        if number % 9 == 4:
            path.write_text(path.read_text() + "0 0.5 0.5 nan 0.1\n")
        elif number % 9 == 5:
            path.write_text("77 0.5 0.5 0.1 0.1\n" + path.read_text())
    labels[20].unlink()
    alone = run(source, **options)
    shared = run(source, executor=processes, **options)
    assert shared == alone
    assert list(shared[0].codes) == list(alone[0].codes)
    assert parts.merged > 5
    assert parts.again < parts.merged


@pytest.mark.parametrize(
    "options",
    [{"to_format": "coco"}, {"to_format": "yolo", "task": "detect"}, {"to_format": "voc"}],
    ids=_name,
)
@pytest.mark.parametrize("task", ["detect", "segment"])
@pytest.mark.parametrize("lists", [False, True])
def test_xml_files_are_read_in_parts_and_classes_learned_as_by_one_process(
    odd: Path,
    tmp_path: Path,
    run: Convert,
    processes: Executor,
    parts: _Counted,
    task: str,
    lists: bool,
    options: dict[str, Any],
) -> None:
    source = tmp_path / "voc"
    sets = "yes" if lists else "no"
    dlgeom.convert(odd, source, to_format="voc", task=task, on_error="skip", voc_class_sets=sets)
    if lists:
        cats = source / "ImageSets" / "Main" / "cat_train.txt"
        listed = cats.read_text().splitlines()
        cats.write_text("".join(f"{line[:-2]}{k % 3 - 1:2}\n" for k, line in enumerate(listed)))
    (source / "labelmap.txt").unlink()
    for path in () if lists else source.glob("ImageSets/*/*.txt"):
        path.unlink()
    files = sorted((source / "Annotations").rglob("*.xml"))
    for number, path in enumerate(files):
        text = path.read_text()
        if number % 11 == 6:
            text = text.replace("</xmin>", "x</xmin>", 1)
        elif number % 13 == 9:
            text = text.replace("<filename>", "<path>/home/me/x.jpg</path><filename>", 1)
        elif number > 40:
            text = text.replace("<name>cat<", f"<name>new {number % 3}<")
        path.write_text(text)
    files[15].write_text("<annotation>")
    alone = run(source, **options)
    shared = run(source, executor=processes, **options)
    assert shared == alone
    assert list(shared[0].codes) == list(alone[0].codes)
    if not (lists and options["to_format"] == "voc"):
        assert parts.merged > 5
        assert parts.again < parts.merged


def test_one_coco_file_is_put_together_of_parts(
    odd: Path, tmp_path: Path, threads: Executor, parts: _Counted
) -> None:
    source = tmp_path / "yolo"
    dlgeom.convert(odd, source, to_format="yolo", task="segment", on_error="skip")
    for end in ("json", "json.gz"):
        one, other = tmp_path / f"alone.{end}", tmp_path / f"shared.{end}"
        dlgeom.convert(source, one, to_format="coco", on_error="skip")
        dlgeom.convert(source, other, to_format="coco", on_error="skip", executor=threads)
        assert one.read_bytes() == other.read_bytes()
    assert parts.merged > 10
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_names_that_meet_across_parts_are_told_as_one_process_tells_them(
    odd: Path, run: Convert, threads: Executor, parts: _Counted
) -> None:
    shared = run(odd, executor=threads, to_format="yolo", task="detect")
    assert 0 < parts.again < parts.merged
    assert ("warning", "path.collision") in shared[0].codes
    assert shared == run(odd, to_format="yolo", task="detect")


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_number_of_workers_changes_nothing(odd: Path, run: Convert, workers: int) -> None:
    assert run(odd, workers=workers, to_format="yolo") == run(odd, to_format="yolo")


@pytest.mark.parametrize("share", [20_000, 4_000])
def test_an_index_on_disk_is_cut_too(
    odd: Path, run: Convert, processes: Executor, parts: _Counted, share: int
) -> None:
    options = {"to_format": "yolo", "task": "segment", "limits": Limits(index_bytes=share)}
    alone = run(odd, **options)
    assert run(odd, executor=processes, **options) == alone
    assert run(odd, to_format="yolo", task="segment") == alone
    assert parts.merged > 5


def test_a_dry_run_in_parts_reports_the_same_and_writes_nothing(
    odd: Path, run: Convert, threads: Executor
) -> None:
    alone = run(odd, to_format="yolo", dry_run=True)
    shared = run(odd, to_format="yolo", dry_run=True, executor=threads)
    assert shared == alone
    assert shared[1] == {}


def test_forked_processes_of_the_user_do_as_well(odd: Path, run: Convert) -> None:
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, context) as pool:
        assert run(odd, executor=pool, to_format="voc") == run(odd, to_format="voc")


def test_targets_and_sources_that_stay_whole_are_converted_all_the_same(
    odd: Path, run: Convert, threads: Executor, parts: _Counted
) -> None:
    for options in (
        {"to_format": "yolo", "task": "detect", "yolo_layout": "darknet"},
        {"to_format": "coco"},
    ):
        assert run(odd, executor=threads, **options) == run(odd, **options)
    assert parts.merged == 0


def test_images_are_copied_by_the_workers(
    tmp_path: Path, run: Convert, threads: Executor, parts: _Counted
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    images = [image(k) for k in range(1, 31)]
    for one in images[:-2]:
        (folder / one["file_name"]).write_bytes(b"image " + one["file_name"].encode())
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(data_set([annotation(k, k) for k in range(1, 31)], images)))
    for how in ("copy", "link"):
        options = {"to_format": "yolo", "task": "detect", "image_files": how, "images": folder}
        shared = run(path, executor=threads, **options)
        assert shared == run(path, **options)
        assert shared[1]["images/train/img_0001.jpg"] == b"image img_0001.jpg"
    assert parts.merged


@pytest.mark.parametrize("bad", [5, 118, 250])
def test_strict_raises_the_first_bad_record_of_the_source_and_leaves_nothing(
    tmp_path: Path, processes: Executor, bad: int
) -> None:
    records = [annotation(k, 1 + k % 60) for k in range(1, 261)]
    for k in (bad, 252, 255):
        records[k]["segmentation"] = [[1, 1, 2, 2]]
        records[k]["bbox"] = [1, 1, -1, 5]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(data_set(records, [image(k) for k in range(1, 61)])))
    told = []
    for settings_ in ({}, {"executor": processes}):
        with pytest.raises(FormatError) as caught:
            dlgeom.convert(path, tmp_path / "out", to_format="yolo", **settings_)
        told.append((str(caught.value), type(caught.value), caught.value.location))
        assert not (tmp_path / "out").exists()
    assert told[0] == told[1]
    assert f"annotations[{bad}]" in told[0][0]


def test_strict_raises_what_only_the_writer_or_the_gathered_text_shows(
    tmp_path: Path, processes: Executor
) -> None:
    records = [annotation(k, 1 + k % 60) for k in range(1, 261)]
    for k in (130, 200):
        records[k]["segmentation"] = [[1, 1, 2e7, 2, 5, 5]]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(data_set(records, [image(k) for k in range(1, 61)])))
    told = []
    for settings_ in ({}, {"executor": processes}):
        with pytest.raises(FormatError) as caught:
            dlgeom.convert(path, tmp_path / "out", to_format="yolo", **settings_)
        told.append(str(caught.value))
        assert not (tmp_path / "out").exists()
    assert told[0] == told[1]


def test_a_target_is_overwritten_in_parts_too(
    odd: Path, tmp_path: Path, processes: Executor
) -> None:
    alone, shared = tmp_path / "a", tmp_path / "b"
    for target, more in ((alone, {}), (shared, {"executor": processes})):
        (target / "labels").mkdir(parents=True)
        (target / "labels" / "mine.txt").write_text("mine")
        dlgeom.convert(odd, target, to_format="yolo", overwrite=True, on_error="skip", **more)
    assert files_below(alone) == files_below(shared)
    assert (shared / "labels" / "mine.txt").read_text() == "mine"


def test_progress_tells_all_images(odd: Path, tmp_path: Path, threads: Executor) -> None:
    seen: list[tuple[int, int | None]] = []
    dlgeom.convert(
        odd,
        tmp_path / "out",
        to_format="yolo",
        on_error="skip",
        executor=threads,
        progress=lambda done, total: seen.append((done, total)),
    )
    opening = seen.count((0, None))
    assert opening > 5
    assert seen[:opening] == [(0, None)] * opening
    assert len(seen) > opening + 3
    assert seen[opening:] == sorted(seen[opening:])
    assert seen[-1] == (60, 60)


def test_one_way_to_say_who_works(odd: Path, tmp_path: Path, threads: Executor) -> None:
    with pytest.raises(UsageError, match="Give one"):
        dlgeom.convert(odd, tmp_path / "out", to_format="yolo", workers=2, executor=threads)
    with pytest.raises(UsageError, match="workers is 0"):
        dlgeom.convert(odd, tmp_path / "out", to_format="yolo", workers=0)
    with pytest.raises(UsageError, match="executor is a str"):
        dlgeom.convert(odd, tmp_path / "out", to_format="yolo", executor="two")  # type: ignore[arg-type]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    order=st.permutations(range(40)),
    first=st.sampled_from(["id", "image_id", "segmentation"]),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (",\n  ", " :")]),
    images_last=st.booleans(),
)
def test_any_order_and_layout_of_a_file_gives_the_same(
    tmp_path: Path,
    run: Convert,
    threads: Executor,
    order: list[int],
    first: str,
    separators: tuple[str, str],
    images_last: bool,
) -> None:
    records = odd_records(40)
    records = [{first: records[k][first], **records[k]} for k in order]
    root = data_set(records, [image(k) for k in range(1, 61)])
    if images_last:
        root["images"] = root.pop("images")
    path = tmp_path / "any.json"
    path.write_text(json.dumps(root, separators=separators))
    for options in ({"to_format": "yolo"}, {"to_format": "coco"}):
        assert run(path, executor=threads, **options) == run(path, **options)
