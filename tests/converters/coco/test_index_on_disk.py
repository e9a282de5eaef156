"""An index on disk: the same files and reports as with one in memory, and bounded memory."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

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
