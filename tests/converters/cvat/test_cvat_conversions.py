"""CVAT to and from other formats, and what its files cannot hold."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlgeom as dl
from dlgeom.video import Keyframe, Track


def seen(dataset: Any) -> dict[Any, Any]:
    """Return what is seen of each thing in each frame."""
    found: dict[Any, Any] = {}
    for item, annotations in dataset:
        for one in annotations:
            for frame, state in one.frames.items():
                if state.object_visible:
                    shape = state.annotation_definition
                    bounds = tuple(np.round(shape.bounds, 6).tolist())
                    row = (shape.type, shape.label, bounds, dict(shape.attributes))
                    found.setdefault((item.name, frame, one.object_id), []).append(row)
    return found


def there_and_back(source: Path, name: str, other: str, folder: Path) -> tuple[Any, Any, Any]:
    """Convert by way of another format; return what is seen before and after, and the report."""
    dataset = dl.Dataset.open(source, name)
    report = dataset.write(folder / "there", format=other)
    report.check()
    dl.Dataset.open(folder / "there", other).write(folder / "back", format=name).check()
    return seen(dataset), seen(dl.Dataset.open(folder / "back", name)), report


@pytest.mark.parametrize(
    "name", ["MOT15_TUD-Campus_gt", "MOT17-09_gt_excerpt", "MOT15_TUD-Campus_results"]
)
def test_mot_keeps_frames_ids_labels_and_visibility(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    source = shared_data / "video" / "mot" / f"{name}.txt"
    before, after, report = there_and_back(source, "mot", "cvat", tmp_path)
    assert len(before) > 30
    assert before == after
    assert report.dropped == report.approximated == 0


def test_the_platforms_video_keeps_each_frame(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "video" / "platform" / "video_boxes.json"
    before, after, report = there_and_back(source, "dataloop", "cvat", tmp_path)
    assert len(before) == 102
    assert before == after
    assert report.dropped == report.approximated == 0
    [(item, _)] = dl.Dataset.open(source)
    [(again, _)] = dl.Dataset.open(tmp_path / "there")
    assert (item.name, item.fps, item.frame_count) == (again.name, again.fps, again.frame_count)


@pytest.mark.parametrize(
    "name",
    [
        "video/cvat/datumaro_for_video.xml",
        "video/cvat/cvat_docs_interpolation_example.xml",
        "cvat/datumaro_cvatai/for_video/annotations.xml",
    ],
)
def test_tracks_go_through_the_platforms_json(shared_data: Path, tmp_path: Path, name: str) -> None:
    before, after, report = there_and_back(shared_data / name, "cvat", "dataloop", tmp_path)
    assert before
    assert before == after
    assert report.dropped == 0


def film(*annotations: dl.Annotation, **more: Any) -> dl.Dataset:
    item = dl.Item(name="v.mp4", width=40, height=30, media="video", **more)
    return dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, annotations))])


def rows_of(path: Path) -> list[list[tuple[str, ...]]]:
    """Return frame, outside and left edge of each shape of each track."""
    return [
        [(s.get("frame", ""), s.get("outside", ""), s.get("xtl", "")) for s in track]
        for track in ET.parse(path).getroot().iter("track")
    ]


def walk(*keyframes: Keyframe, end: int, mode: Any = "hold") -> dl.Annotation:
    return Track(keyframes, end, "1", mode).to_annotation()


def at(frame: int, left: float, visible: bool = True) -> Keyframe:
    return Keyframe(frame, dl.Box(left, 0, left + 2, 2, "a"), visible)


def test_ends_gaps_and_what_is_held(tmp_path: Path) -> None:
    ways = [
        walk(at(0, 1), at(5, 9), end=7),  # held: a key frame before the next one
        walk(at(0, 1), at(5, 9), end=9, mode="linear"),  # up to the end: never closed
        walk(at(0, 1), at(3, 9, False), at(6, 5), end=8, mode="linear"),  # hidden where it was
        walk(at(0, 1), at(3, 9, False), at(6, 5), end=8, mode="approach"),
        walk(at(4, 1), end=4),  # one frame
        walk(at(0, 1), at(4, 2, False), end=4),  # hides in its last frame
        walk(at(0, 1), at(4, 2, False), end=6),
    ]
    film(*ways, frame_count=10).write(tmp_path / "v.xml", format="cvat")
    assert rows_of(tmp_path / "v.xml") == [
        [("0", "0", "1"), ("4", "0", "1"), ("5", "0", "9"), ("8", "1", "9")],
        [("0", "0", "1"), ("5", "0", "9")],
        [("0", "0", "1"), ("3", "1", "1"), ("6", "0", "5"), ("9", "1", "5")],
        [("0", "0", "1"), ("3", "1", "9"), ("6", "0", "5"), ("9", "1", "5")],
        [("4", "0", "1"), ("5", "1", "1")],
        [("0", "0", "1"), ("4", "1", "1")],
        [("0", "0", "1"), ("4", "1", "1"), ("6", "1", "1")],
    ]
    [(_, found)] = dl.Dataset.open(tmp_path / "v.xml")
    assert [(one.start_frame, one.end_frame) for one in found] == [
        (one.start_frame, one.end_frame) for one in ways
    ]


def test_a_video_of_unknown_length_ends_with_its_last_annotation(tmp_path: Path) -> None:
    report = film(walk(at(0, 1), end=4), walk(at(2, 1), end=7)).write(
        tmp_path / "v.xml", format="cvat"
    )
    assert list(report.codes) == [("notice", "video.frames")]
    assert rows_of(tmp_path / "v.xml") == [[("0", "0", "1"), ("5", "1", "1")], [("2", "0", "1")]]
    [(item, found)] = dl.Dataset.open(tmp_path / "v.xml")
    assert (item.frame_count, [one.end_frame for one in found]) == (8, [4, 7])


def test_what_cannot_be_held_is_dropped_or_approximated(tmp_path: Path) -> None:
    ring = [[0, 0], [9, 0], [9, 9], [0, 9]]
    hole = [[2, 2], [2, 4], [4, 4], [4, 2]]
    lines = dl.Polyline([[[0, 0], [3, 3]], [[5, 5], [6, 9]]], "a")
    things = [
        dl.Subtitle("hello", "Bob"),
        dl.Classification("night"),
        dl.Box(0, 0, 1, 1, "a\x07"),
        dl.Box(0, 0, 1, 2e7, "a"),
        dl.Note(1, 2, 3, 4, "a"),
        dl.Polygon.from_parts([[ring, hole]], "a"),
        lines,
        dl.Segmentation(np.ones((99, 99)), "a"),
    ]
    found = [dl.Annotation(shape, frame_num=1, end_frame_num=2) for shape in things]
    text = Track((Keyframe(0, dl.Box(0, 0, 1, 1, "a", {"t": "x"})), at(3, 0)), 4, "8")
    label = Track((at(0, 1), Keyframe(3, dl.Box(0, 0, 1, 1, "b"))), 4, "9")
    report = film(*found, text.to_annotation(), label.to_annotation(), frame_count=10).write(
        tmp_path / "v.xml", format="cvat"
    )
    report.check()
    assert {key: kind.count for key, kind in report.codes.items()} == {
        ("dropped", "shape.no_place"): 1,
        ("dropped", "shape.classification"): 1,
        ("dropped", "text.control"): 1,
        ("dropped", "value.range"): 2,
        ("approximated", "geometry.to_box"): 1,
        ("approximated", "geometry.bridged"): 1,
        ("approximated", "geometry.parts"): 1,
        ("approximated", "video.attributes"): 1,
        ("approximated", "video.parts"): 1,
    }
    [(_, again)] = dl.Dataset.open(tmp_path / "v.xml")
    assert [one.type for one in again] == [
        *("box", "segment", "polyline", "polyline", "box", "box", "box"),
    ]
    assert [one.annotation_definition.geo.tolist() for one in again if one.type == "polyline"] == [
        line.tolist() for line in lines.lines
    ]


def test_decimals_are_told(tmp_path: Path) -> None:
    item = dl.Item(name="a.jpg", width=40, height=30)
    boxes = [dl.Annotation(dl.Box(x, 0, 9, 9, "a")) for x in (0.5, 0.128)]
    dataset = dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, boxes))])
    report = dataset.write(tmp_path / "a.xml", format="cvat", cvat_decimals=2)
    assert report.codes[("approximated", "value.rounded")].count == 1
    assert 'xtl="0.13" ytl="0.00"' in (tmp_path / "a.xml").read_text()
    with pytest.raises(dl.UsageError, match="from 0 to 15"):
        dataset.write(tmp_path / "b.xml", format="cvat", cvat_decimals=99)


def test_fields_without_a_place_are_counted_once_a_record(tmp_path: Path) -> None:
    box = dl.Box(0, 0, 1, 1, "a", {"list": [1, 2], "kept": 2, "none": None}, "text")
    one = dl.Annotation(box, id=7, score=0.5, creator="me", metadata={"user": {"x": 1}})
    later = dl.FrameAnnotation(dl.Box(0, 0, 1, 9, "a", box.attributes), 4)
    moving = dl.Annotation(box, frame_num=0, end_frame_num=9, later=(later,), object_id="5")
    report = film(one, moving, frame_count=10).write(tmp_path / "v.xml", format="cvat")
    assert dict(+report.fields) == {
        "attributes.list": 2,
        "attributes.none": 2,
        "description": 2,
        "id": 1,
        "creator": 1,
        "metadata": 1,
    }


def test_points_of_coco_come_back_as_skeletons(tmp_path: Path) -> None:
    nodes = [dl.Point(1, 2, "eye", visibility=2), dl.Point(3, 4, "ear", visibility=1)]
    pose = dl.Pose("cat", None, points=nodes, skeleton=[(0, 1)])
    item = dl.Item(name="a.jpg", width=40, height=30)
    found = dl.AnnotationCollection(item, [dl.Annotation(pose)])
    dl.Dataset.from_pairs([(item, found)]).write(tmp_path / "c.json", format="coco")
    dl.Dataset.open(tmp_path / "c.json").write(tmp_path / "v.xml", format="cvat")
    dl.Dataset.open(tmp_path / "v.xml").write(tmp_path / "d.json", format="coco")
    [(_, [one])] = dl.Dataset.open(tmp_path / "d.json")
    again = one.annotation_definition
    assert (again.names, again.skeleton) == (pose.names, pose.skeleton)
    assert again.keypoints.tolist() == pose.keypoints.tolist()


def test_images_go_with_their_annotations(tmp_path: Path) -> None:
    from PIL import Image

    source = tmp_path / "in"
    (source / "images").mkdir(parents=True)
    Image.new("RGB", (8, 6)).save(source / "images" / "a.png")
    (source / "annotations.xml").write_text(
        '<annotations><image id="3" name="a.png" width="8" height="6"/></annotations>'
    )
    dl.Dataset.open(source).write(tmp_path / "out", format="cvat", image_files="copy")
    assert (tmp_path / "out" / "images" / "a.png").is_file()
    [(item, _)] = dl.Dataset.open(tmp_path / "out")
    assert (item.id, item.name) == (3, "a.png")


def test_tracks_become_images_where_a_target_has_no_videos(
    shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "video/cvat/datumaro_for_video.xml"
    dl.Dataset.open(source).write(tmp_path / "out", format="coco")
    names = {item.name for item, _ in dl.Dataset.open(tmp_path / "out")}
    assert names >= {f"t.mp4.frame.{k}.png" for k in (10, 11, 12, 13, 14, 15)}
