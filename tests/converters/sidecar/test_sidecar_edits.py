"""What is done to a target by hand wins over its sidecar; all else is as it was."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sidecar_sets import (
    FEW,
    Done,
    LabelFile,
    Records,
    XmlFile,
    coco_sets,
    platform_sets,
    read_platform,
    write_platform,
)

import dlgeom as dl

SHAPES = {"bbox", "area", "segmentation", "keypoints", "num_keypoints"}


def files_of(folder: Path, to: str, task: str) -> dict[str, Any]:
    """Return the files of a target by the names of their images."""
    found: dict[str, Any] = {}
    with dl.open_dataset(folder, sidecar=False, on_error="skip") as opened:
        for chunk in opened.chunks():
            for item, path in zip(chunk.items, chunk.origin.paths, strict=True):
                place = folder / path
                file = LabelFile(place, boxes=task == "detect") if to == "yolo" else XmlFile(place)
                found[str(item.name)] = file
        names = opened.labels.names
    return {"names": names, **found}


def held_rows(root: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the records of each image that have a row in the target, in order."""
    names = {image["id"]: image["file_name"] for image in root["images"]}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
    for record in root["annotations"]:
        if "caption" not in record:
            found[names[record["image_id"]]].append(record)
    return found


@pytest.mark.parametrize(
    ("to", "task"), [("yolo", "segment"), ("yolo", "detect"), ("voc", "detect")]
)
@FEW
@given(root=coco_sets(), seed=st.integers(0, 2**32))
def test_edited_rows_of_coco(root: dict[str, Any], seed: int, to: str, task: str) -> None:
    for number, image in enumerate(root["images"]):
        # Names that each format takes as they are: the files are found by them.
        image["file_name"] = f"sub/{number} é.jpg"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.json").write_text(json.dumps(root))
        dl.convert(
            folder / "in.json",
            folder / "there",
            to_format=to,
            task=task,
            on_error="skip",
            sidecar=True,
        )
        files = files_of(folder / "there", to, task)
        classes = files.pop("names") if to == "yolo" else [c["name"] for c in root["categories"]]
        files.pop("names", None)
        done = {
            image: Done(file, classes, seed + k) for k, (image, file) in enumerate(files.items())
        }
        report = dl.convert(folder / "there", folder / "back.json", on_error="skip")
        assert not [key for key in report.codes if key[1].startswith("sidecar")]
        found = json.loads((folder / "back.json").read_text())
    assert {k: v for k, v in found.items() if k != "annotations"} == {
        k: v for k, v in root.items() if k != "annotations"
    }
    numbers = {c["name"]: c["id"] for c in root["categories"]}
    rows = held_rows(root)
    back = {record["id"]: record for record in found["annotations"]}
    expected_ids = []
    touched: dict[Any, tuple[Any, Any]] = {}
    deleted = set()
    for image, edits in done.items():
        mine = rows[image]
        assert edits.before == len(mine), (image, edits.before, mine)
        for place in edits.deleted:
            deleted.add(mine[place]["id"])
        for place, record in enumerate(mine):
            touched[record["id"]] = (edits.moved.get(place), edits.relabelled.get(place))
    for record in root["annotations"]:
        if record["id"] in deleted:
            continue
        expected_ids.append(record["id"])
        now = back[record["id"]]
        move, name = touched.get(record["id"], (None, None))
        expected = dict(record)
        if name is not None:
            expected["category_id"] = numbers[name]
        if move is None:
            assert now == expected
            continue
        assert {k: v for k, v in now.items() if k not in SHAPES} == {
            k: v for k, v in expected.items() if k not in SHAPES
        }
        box = record.get("bbox") or box_of(record)
        assert now["bbox"] == pytest.approx([box[0] + move[0], box[1] + move[1], *box[2:]], abs=6)
        assert now["bbox"][:2] != box[:2]
    given = [record["id"] for record in found["annotations"]]
    assert given[: len(expected_ids)] == expected_ids
    fresh = found["annotations"][len(expected_ids) :]
    assert len(fresh) == sum(edits.added for edits in done.values())
    known = {record["id"] for record in root["annotations"]}
    assert not known & {record["id"] for record in fresh}
    for record in fresh:
        assert set(record) <= {"id", "image_id", "category_id", "iscrowd", *SHAPES}


def box_of(record: dict[str, Any]) -> list[float]:
    """Return the box around the polygons of a record."""
    xy = [v for ring in record["segmentation"] for v in ring]
    left, top = min(xy[0::2]), min(xy[1::2])
    return [left, top, max(xy[0::2]) - left, max(xy[1::2]) - top]


@FEW
@given(files=platform_sets(), seed=st.integers(0, 2**32))
def test_edited_rows_of_the_platform(files: dict[str, Any], seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_platform(folder / "in", files)
        dl.convert(
            folder / "in", folder / "t.json", to_format="coco", on_error="skip", sidecar=True
        )
        root = json.loads((folder / "t.json").read_text())
        classes = [category["name"] for category in root["categories"]]
        done = {}
        kept = {}
        for number, image in enumerate(root["images"]):
            file = Records(folder / "t.json", image["id"])
            kept[image["file_name"]] = [record["id"] for record in file.rows]
            done[image["file_name"]] = Done(file, classes, seed + number) if classes else None
        dl.convert(folder / "t.json", folder / "back", to_format="dataloop", on_error="skip")
        back = read_platform(folder / "back")
    assert list(back) == sorted(files)
    for place, before in files.items():
        now = back[place]
        assert {k: v for k, v in now.items() if k != "annotations"} == {
            k: v for k, v in before.items() if k != "annotations"
        }
        edits = done[before["filename"][1:]]
        if edits is None:
            assert now == before
            continue
        # A polyline has no row in COCO.
        rows = [r for r in before["annotations"] if r["type"] != "polyline"]
        if edits.before != len(rows):
            rows = [r for r in rows if r["type"] in ("box", "segment", "ellipse", "point", "class")]
        assert edits.before == len(rows)
        by_id = {record.get("id"): record for record in now["annotations"]}
        gone = {rows[k]["id"] for k in edits.deleted}
        order = [r["id"] for r in before["annotations"] if r["id"] not in gone]
        assert [r.get("id") for r in now["annotations"]][: len(order)] == order
        assert len(now["annotations"]) == len(order) + edits.added
        for record in before["annotations"]:
            if record["id"] in gone:
                continue
            k = next((k for k, r in enumerate(rows) if r["id"] == record["id"]), -1)
            found = by_id[record["id"]]
            expected = dict(record)
            if k in edits.relabelled:
                expected["label"] = edits.relabelled[k]
            if k in edits.moved and record["type"] not in ("class", "point"):
                drawn = ("coordinates", "type", "angle")
                mine = {n: v for n, v in found.items() if n not in drawn}
                other = {n: v for n, v in expected.items() if n not in drawn}
                assert mine == other, (mine, other)
                assert found["coordinates"] != record["coordinates"]
            elif k not in edits.moved:
                assert found == expected
