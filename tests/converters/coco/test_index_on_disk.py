"""An index on disk: the same files and reports as with one in memory, and bounded memory."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom
from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.reader import open_reader
from dlgeom.converters.problems import Problems
from dlgeom.limits import Limits

TARGETS: list[tuple[str, dict[str, Any]]] = [
    ("coco", {}),
    ("yolo", {"task": "segment"}),
    ("yolo", {"task": "detect"}),
    ("voc", {}),
]

ids = st.one_of(
    st.integers(-3, 9), st.sampled_from([2**63 - 1, -(2**63), 2**70, "1", "é", "x" * 300])
)
numbers = st.integers(0, 30)


@st.composite
def annotations(draw: st.DrawFn, images: list[Any]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": draw(ids),
        "image_id": draw(st.sampled_from([*images, 77, "nobody"])),
        "category_id": draw(st.sampled_from([1, 2, "c", 9])),
        "bbox": [draw(st.integers(-5, 60)), draw(numbers), draw(numbers), draw(numbers)],
    }
    kind = draw(st.sampled_from(["", "", "polygon", "rings", "rle", "bad", "pose", "turned"]))
    if kind == "polygon":
        record["segmentation"] = [[1, 1, 9, 1, draw(numbers), 9]]
    elif kind == "rings":
        record["segmentation"] = [[1, 1, 9, 1, 5, 9], [2, 2, 3]]
    elif kind == "rle":
        size = draw(st.sampled_from([[20, 40], [40, 20], [3, 3]]))
        record["segmentation"] = {"size": size, "counts": [2, size[0] * size[1] - 2]}
        record["iscrowd"] = 1
    elif kind == "bad":
        record["bbox"] = "nothing"
    elif kind == "pose":
        record["keypoints"] = [1, 2, 2] * draw(st.sampled_from([1, 2, 3]))
    elif kind == "turned":
        record["attributes"] = {"rotation": draw(st.sampled_from([10.0, 90.0]))}
    if draw(st.booleans()):
        record["score"] = draw(st.sampled_from([0.5, 1.0]))
    if draw(st.booleans()):
        record["area"] = draw(numbers)
    return record


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(ids, min_size=1, max_size=6, unique=True))
    images = [
        {"id": name, "file_name": f"{k:05}.png", "width": 40, "height": 20}
        for k, name in enumerate(names)
    ]
    if draw(st.booleans()):
        images.append(images[draw(st.integers(0, len(images) - 1))])
    value: dict[str, Any] = {
        "images": images,
        "annotations": draw(st.lists(annotations(names), max_size=12)),
        "categories": [
            {"id": 1, "name": "a"},
            {"id": 2, "name": "b", "keypoints": ["p", "q"]},
            {"id": "c", "name": "d"},
        ],
        "info": {"x": 1},
    }
    return {key: value[key] for key in draw(st.permutations(list(value)))}


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run(source: Path, out: Path, share: int, to: str, **options: Any) -> tuple[Any, ...]:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    try:
        dlgeom.convert(
            source,
            out / "o",
            to_format=to,
            report=out / "r.json",
            limits=Limits(index_bytes=share),
            **options,
        )
    except dlgeom.DlgeomError as error:
        return (str(error), error.code)
    told = json.loads((out / "r.json").read_text())
    del told["seconds"]
    return tree(out / "o"), told


@given(documents(), st.integers(0, 3), st.booleans(), st.integers(1, 700))
@settings(deadline=None, max_examples=100)
def test_files_and_reports_are_the_same(
    document: dict[str, Any], target: int, strict: bool, share: int
) -> None:
    to, options = TARGETS[target]
    options = {**options, "on_error": "raise" if strict else "skip"}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "x.json"
        source.write_text(json.dumps(document))
        due = run(source, Path(folder) / "out", 1 << 28, to, **options)
        assert run(source, Path(folder) / "out", share, to, **options) == due


@given(documents(), documents(), st.integers(0, 3), st.integers(1, 2000))
@settings(deadline=None, max_examples=40)
def test_several_files_of_a_split(
    one: dict[str, Any], two: dict[str, Any], target: int, share: int
) -> None:
    to, options = TARGETS[target]
    two["images"] = one["images"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "set"
        (source / "annotations").mkdir(parents=True)
        (source / "annotations" / "instances_val.json").write_text(json.dumps(one))
        (source / "annotations" / "person_keypoints_val.json").write_text(json.dumps(two))
        (source / "annotations" / "instances_train.json").write_text(json.dumps(one))
        due = run(source, Path(folder) / "out", 1 << 28, to, on_error="skip", **options)
        again = run(source, Path(folder) / "out", share, to, on_error="skip", **options)
        assert again == due


@given(documents(), st.integers(1, 700))
@settings(deadline=None, max_examples=150)
def test_a_reader_can_be_read_again_in_any_order(document: dict[str, Any], share: int) -> None:
    def told(limits: Limits) -> list[Any]:
        found: list[Any] = []
        problems = Problems(strict=False, listener=lambda entry: found.append(str(entry)))
        try:
            reader = open_reader(source, ReadContext(problems=problems, limits=limits))
        except dlgeom.DlgeomError as error:
            return [str(error)]
        with contextlib.closing(reader):
            for grouped in (False, True, True, False):
                rows = []
                for chunk in reader.chunks(grouped=grouped):
                    rows += [
                        (chunk.items[item].number, order, name, repr(bounds))
                        for item, order, name, bounds in zip(
                            chunk.item.tolist(),
                            chunk.order.tolist(),
                            chunk.ids,
                            chunk.bounds.tolist(),
                            strict=True,
                        )
                    ]
                found.append(rows)
        return found

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "x.json"
        source.write_text(json.dumps(document))
        assert told(Limits(index_bytes=share)) == told(Limits())


RUN = """
import resource, sys, dlgeom
from dlgeom.limits import Limits
source, target, to, small = sys.argv[1:]
limits = Limits(index_bytes=1 << 20)
options = {"task": "segment"} if to == "yolo" else {}
# What is loaded and set up once is no growth.
dlgeom.convert(small, target + ".small", to_format=to, limits=limits, **options)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = dlgeom.convert(source, target, to_format=to, limits=limits, **options)
print(report.written, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
SECTIONS = ("images", "categories", "annotations")
RECORDS = 300_000


def opened(path: Path) -> Any:
    """Open a file for writing, packed as its name says."""
    if path.suffix == ".gz":
        return gzip.open(path, "wb", 1)
    return zstandard.open(path, "wb") if path.suffix == ".zst" else path.open("wb")


def write_large(path: Path, order: tuple[str, ...], records: int, images: int) -> None:
    """Write a file of small records, not grouped by image."""
    with opened(path) as file:
        for place, key in enumerate(order):
            file.write(b'{"%s":[' % key.encode() if not place else b',"%s":[' % key.encode())
            if key == "categories":
                file.write(b'{"id":1,"name":"a"}')
            elif key == "images":
                texts = [
                    b'{"id":%d,"file_name":"%09d.jpg","width":640,"height":480}' % (k, k)
                    for k in range(images)
                ]
                file.write(b",".join(texts))
            else:
                for first in range(0, records, 10_000):
                    texts = [
                        b'{"id":%d,"image_id":%d,"category_id":1,"bbox":[10.5,10,20,20],"area":400,'
                        b'"iscrowd":0,"segmentation":[[10.5,10,30.5,10,30.5,30,%d,30]]}'
                        % (k, k * 7919 % images, 10 + k % 5)
                        for k in range(first, min(first + 10_000, records))
                    ]
                    file.write(b"," * (first > 0) + b",".join(texts))
            file.write(b"]")
        file.write(b"}")


@pytest.mark.parametrize(
    ("name", "order", "to"),
    [
        ("x.json", (2, 1, 0), "yolo"),
        ("x.json", (0, 1, 2), "coco"),
        ("x.json.gz", (1, 2, 0), "coco"),
        ("x.json.zst", (2, 0, 1), "yolo"),
    ],
)
def test_memory_does_not_grow_with_the_file(
    name: str, order: tuple[int, ...], to: str, tmp_path: Path
) -> None:
    source, small = tmp_path / name, tmp_path / f"small{name[1:]}"
    keys = tuple(SECTIONS[k] for k in order)
    write_large(source, keys, RECORDS, 2_000)
    write_large(small, keys, 90_000, 2_000)
    ending = ".json" if to == "coco" else ""
    run = [sys.executable, "-c", RUN, source, tmp_path / f"out{ending}", to, small]
    told = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120).stdout
    written, grown = map(int, told.split())
    assert written == RECORDS
    # 50 MB of text against 15; in memory the index would grow by 18 MB.
    assert grown < 12 << 10
