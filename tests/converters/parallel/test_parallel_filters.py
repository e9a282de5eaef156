"""What is chosen of a data set, in parts: the same files and report as by one process."""

from __future__ import annotations

import zipfile
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

import dlgeom
from dlgeom.converters.parallel import merge
from dlgeom.errors import FormatError, UsageError
from dlgeom.operations import filter_dataset, relabel
from tests.converters.parallel.conftest import Convert, files_below

CHOICES: list[dict[str, Any]] = [
    {"where": "area > 30 and label != 'bird'"},
    {"where": "any(label == 'cat') and width > 5"},
    {"where": "image.height > 5 and item.name != 'img_0003.png'"},
    {"label_map": {"cat": "dog", "dog": "hound", "bird": None}},
    {"label_map": {"cat": "dog", "unicorn": "horse"}, "where": "width > 3"},
    {"include_labels": ["dog", "bird"]},
    {"exclude_labels": ["cat"], "label_map": {"dog": "bird"}},
]


@pytest.fixture
def merged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets an entry for each part that is merged, 1 if it is done again."""
    found: list[int] = []
    take, again = merge._Run._take, merge._Run._again

    def counted_take(run: Any, *args: Any) -> None:
        found.append(0)
        take(run, *args)

    def counted_again(run: Any, *args: Any) -> None:
        found.append(1)
        again(run, *args)

    monkeypatch.setattr(merge._Run, "_take", counted_take)
    monkeypatch.setattr(merge._Run, "_again", counted_again)
    return found


def _same(run: Convert, source: Path, executor: Executor, **options: Any) -> None:
    alone = run(source, **options)
    shared = run(source, executor=executor, **options)
    assert shared == alone
    assert list(shared[0].codes) == list(alone[0].codes)
    assert (shared[0].filtered, shared[0].filtered_images) == (
        alone[0].filtered,
        alone[0].filtered_images,
    )


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_choices_of_a_coco_file(
    odd: Path, run: Convert, processes: Executor, merged: list[int], choice: dict[str, Any]
) -> None:
    # Without a task the source is read ahead, and tells what is wrong with it then.
    for options in ({"to_format": "yolo"}, {"to_format": "voc", "task": "detect"}):
        _same(run, odd, processes, **options, **choice)
    assert merged.count(0) > 10


@pytest.mark.parametrize("source_format", ["yolo", "voc"])
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_choices_of_label_files_and_of_xml_files(
    odd: Path,
    tmp_path: Path,
    run: Convert,
    threads: Executor,
    merged: list[int],
    source_format: str,
    choice: dict[str, Any],
) -> None:
    source = tmp_path / "source"
    dlgeom.convert(odd, source, to_format=source_format, task="detect", on_error="skip")
    (source / "labelmap.txt").unlink(missing_ok=True)
    for path in source.glob("ImageSets/*/*.txt"):
        path.unlink()
    for number, path in enumerate(sorted(source.rglob("*.txt"))):
        if number % 9 == 4:
            path.write_text(path.read_text() + "0 0.5 0.5 nan 0.1\n77 0.5 0.5 0.1 0.1\n")
    for number, path in enumerate(sorted(source.rglob("*.xml"))):
        if number % 7 == 6:
            path.write_text(path.read_text().replace("</xmin>", "x</xmin>", 1))
    other = "voc" if source_format == "yolo" else "yolo"
    for options in ({"to_format": "coco"}, {"to_format": other}):
        _same(run, source, threads, **options, **choice)
    assert merged.count(0) > 5
    assert merged.count(1) < len(merged) - merged.count(1)


def test_a_class_that_is_not_there_is_refused_in_parts_too(
    odd: Path, tmp_path: Path, threads: Executor
) -> None:
    source = tmp_path / "voc"
    dlgeom.convert(odd, source, to_format="voc", task="detect", on_error="skip")
    (source / "labelmap.txt").unlink()
    for path in source.glob("ImageSets/*/*.txt"):
        path.unlink()
    for more in ({}, {"executor": threads}):
        with pytest.raises(UsageError, match="no label 'horse' to include"):
            dlgeom.convert(
                source, tmp_path / "out", to_format="yolo", include_labels=["horse"], **more
            )
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", [None, "area > 20"])
def test_an_archive_is_read_in_parts_and_named_as_by_one_process(
    odd: Path,
    tmp_path: Path,
    run: Convert,
    threads: Executor,
    merged: list[int],
    where: str | None,
) -> None:
    folder = tmp_path / "folder"
    dlgeom.convert(odd, folder, to_format="yolo", task="segment", on_error="skip")
    source = tmp_path / "source.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for number, path in enumerate(sorted(filter(Path.is_file, folder.rglob("*")))):
            bad = "0 0.5 0.5 nan 0.1\n" if number % 5 == 2 and path.suffix == ".txt" else ""
            archive.writestr(str(path.relative_to(folder)), path.read_text() + bad)
    for options in ({"to_format": "coco"}, {"to_format": "voc"}):
        _same(run, source, threads, where=where, **options)
    assert merged.count(0) > 5
    told = []
    for more in ({}, {"executor": threads}):
        with pytest.raises(FormatError) as caught:
            dlgeom.convert(source, tmp_path / "out", to_format="voc", where=where, **more)
        told.append((str(caught.value), caught.value.path))
    assert told[0] == told[1]


def test_filter_and_relabel_take_workers_and_other_writers_say_that_they_do_not(
    odd: Path, tmp_path: Path, threads: Executor, merged: list[int]
) -> None:
    source = tmp_path / "yolo"
    dlgeom.convert(odd, source, to_format="yolo", task="detect", on_error="skip")
    for number, who in enumerate(({}, {"executor": threads})):
        more: dict[str, Any] = {"on_error": "skip", **who}
        filter_dataset(source, tmp_path / f"f{number}", where="label == 'dog'", **more)
        relabel(source, tmp_path / f"r{number}", {"dog": "cat", "cat": "kitten"}, **more)
    for name in ("f", "r"):
        assert files_below(tmp_path / f"{name}0") == files_below(tmp_path / f"{name}1")
    assert merged.count(0) > 10
    with pytest.raises(UsageError, match="unknown option 'workers'"):
        dlgeom.open_dataset(source).write(tmp_path / "out", format="yolo", workers=2)
