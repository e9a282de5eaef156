"""The same data as platform JSON and in another format gives the same geometry."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import dlgeom as dl
from dlgeom.definitions import Box

STEMS = [
    "000000000009",
    "000000000025",
    "000000000030",
    "sub/000000000049",
    "sub/000000000061",
]


def boxes(annotations: list) -> list[tuple]:
    return [(a.label, *np.round(a.annotation_definition.bounds, 2).tolist()) for a in annotations]


@pytest.mark.parametrize("stem", STEMS)
def test_yolo_rows_are_the_boxes_of_the_json(shared_data: Path, stem: str) -> None:
    folder = shared_data / "platform" / "image" / "yolo"
    names = (folder / "labels.txt").read_text().split("\n")
    platform = dl.AnnotationCollection.from_json_file(folder / f"{stem}.json")
    assert platform.item is not None
    rows = (folder / f"{stem}.txt").read_text().strip().split("\n")
    found = dl.Converter().convert(rows, "yolo", "dataloop", item=platform.item, labels=names)
    assert found.errors == []
    # The two files have their objects in different orders.
    expected, read = sorted(boxes(list(platform))), sorted(boxes(found))
    assert [b[0] for b in read] == [b[0] for b in expected]
    for one, two in zip(read, expected, strict=True):
        assert one[1:] == pytest.approx(two[1:], abs=0.02)


def test_converted_json_is_the_paired_yolo(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "platform" / "image" / "yolo"
    shutil.copytree(folder, tmp_path / "in", ignore=shutil.ignore_patterns("*.txt"))
    report = dl.convert(tmp_path / "in", tmp_path / "out", to_format="yolo", task="detect")
    assert report.written == report.read > 20
    names = (folder / "labels.txt").read_text().split("\n")
    data = dict(enumerate(dl.open_dataset(tmp_path / "out").labels.names))
    for stem in STEMS:
        theirs = [line.split() for line in (folder / f"{stem}.txt").read_text().split("\n") if line]
        written = (tmp_path / "out" / "labels" / "train" / f"{stem}.txt").read_text()
        ours = [line.split() for line in written.split("\n") if line]
        read = sorted((data[int(row[0])], *map(float, row[1:])) for row in ours)
        expected = sorted((names[int(row[0])], *map(float, row[1:])) for row in theirs)
        assert [row[0] for row in read] == [row[0] for row in expected]
        assert np.allclose([r[1:] for r in read], [r[1:] for r in expected], atol=2e-6)


@pytest.mark.parametrize("number", ["027", "032", "033", "039", "042"])
def test_voc_objects_are_the_boxes_of_the_json(
    shared_data: Path, number: str, tmp_path: Path
) -> None:
    folder = shared_data / "platform" / "image" / "voc"
    platform = dl.AnnotationCollection.from_json_file(folder / f"2007_000{number}.json")
    ((item, voc),) = list(dl.open_dataset(folder / f"2007_000{number}.xml", format="voc"))
    assert item.shape == platform.item.shape
    assert sorted(boxes(list(voc))) == sorted(boxes(list(platform)))
    shutil.copy(folder / f"2007_000{number}.json", tmp_path)
    dl.convert(tmp_path, tmp_path / "voc", from_format="dataloop", to_format="voc")
    ((_, again),) = list(dl.open_dataset(tmp_path / "voc"))
    assert boxes(list(again)) == boxes(list(platform))


def test_subtitles_are_the_cues_of_the_paired_file(shared_data: Path) -> None:
    folder = shared_data / "platform" / "audio"
    platform = dl.AnnotationCollection.from_json_file(folder / "conversation.json")
    cues = dl.AnnotationCollection.from_vtt_file(folder / "conversation.vtt")
    key = [(a.start_time, a.end_time) for a in sorted(platform, key=lambda a: a.start_time)]
    assert [(a.start_time, a.end_time) for a in cues] == key


def test_video_boxes_are_those_of_the_paired_rows(shared_data: Path) -> None:
    folder = shared_data / "platform" / "video"
    collection = dl.AnnotationCollection.from_json_file(folder / "cache_trim_cropped_obj1.json")
    (annotation,) = collection
    assert annotation.is_video
    width, height = collection.item.width, collection.item.height
    rows = (folder / "cache_trim_cropped_obj1.yolo.txt").read_text().strip().split("\n")
    assert len(rows) >= 50
    for row in rows:
        frame, _, _, x, y, w, h = (float(v) if v != "None" else 0.0 for v in row.split())
        state = annotation.frames[int(frame)]
        found = [state.left / width, state.top / height, state.right / width]
        expected = [x - w / 2, y - h / 2, x + w / 2]
        assert found == pytest.approx(expected, abs=2e-3), row


def test_rotated_boxes_stay_rotated_in_every_format(tmp_path: Path) -> None:
    item = dl.Item(name="a.jpg", width=640, height=480)
    builder = item.annotations.builder()
    builder.add(Box(100, 100, 300, 200, "a", angle=30))
    builder.add(Box(50, 60, 90, 160, "a", angle=-75))
    source = dl.Dataset.from_pairs([(item, builder)])
    source.write(tmp_path / "json", format="dataloop")
    for to, options in (("coco", {}), ("yolo", {"task": "obb"}), ("voc", {}), ("dataloop", {})):
        target = tmp_path / to
        dl.convert(tmp_path / "json", target, to_format=to, **options)
        ((_, found),) = list(dl.open_dataset(target))
        for one, two in zip(found, builder, strict=True):
            shape = one.annotation_definition
            assert isinstance(shape, Box), to
            assert shape.is_rotated, to
            corners, expected = shape.corners, two.annotation_definition.corners
            gaps = np.abs(corners[:, None] - expected[None]).max(axis=2).min(axis=1)
            assert gaps.max() < 0.01, to
    written = next((tmp_path / "coco").rglob("*.json")).read_text()
    (first, _) = json.loads(written)["annotations"]
    assert first["attributes"]["rotation"] == 30
    assert len(first["segmentation"][0]) == 8
