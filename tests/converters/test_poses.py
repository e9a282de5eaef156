"""Poses of one label with other key points than the first have: nothing is lost in silence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.annotation import AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.chunk_poses import MOST_POINTS
from dlgeom.converters.lower_poses import in_class
from dlgeom.converters.report import Report
from dlgeom.labels import Label, LabelTable

few = settings(max_examples=min(settings().max_examples, 200))


def pose(names: str, *edges: tuple[int, int], label: str = "person", seen: int = 2) -> dl.Pose:
    """Make a pose whose points tell by their place which name they have."""
    points = [dl.Point(10 * ord(name), ord(name), name, visibility=seen) for name in names]
    return dl.Pose(label, "t", points=points, skeleton=edges)


@st.composite
def poses(draw: st.DrawFn) -> dl.Pose:
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True))
    edges = [(0, len(names) - 1)] if draw(st.booleans()) else []
    points = [dl.Point(10 * ord(n), ord(n), n, visibility=draw(st.integers(0, 2))) for n in names]
    return dl.Pose(draw(st.sampled_from("xy")), "t", points=points, skeleton=edges)


def data_set(*shapes: dl.Definition) -> dl.Dataset:
    """Make an image for each shape, so that they come one by one."""
    pairs = []
    for number, shape in enumerate(shapes):
        item = dl.Item(name=f"{number}.jpg", width=2_000, height=1_000)
        pairs.append((item, AnnotationCollection(item, [dl.Annotation(shape)])))
    return dl.Dataset.from_pairs(pairs)


def read(path: Path, **options: Any) -> list[dl.Annotation]:
    return [a for _, found in dl.open_dataset(path, **options) for a in found]


def labelled(shape: Any) -> dict[str, tuple[float, float, float]]:
    rows = shape.keypoints.tolist()
    return {n: tuple(xyv) for n, xyv in zip(shape.names, rows, strict=True) if xyv[2] > 0}


def codes(report: Report) -> dict[tuple[str, str], int]:
    return {key: kind.count for key, kind in report.codes.items() if key[0] != "notice"}


@given(st.lists(poses(), max_size=5))
@example([pose("ab"), pose("cd")])
@example([pose("ab"), pose("ab", (0, 1))])
@example([pose("a"), pose("ab")])
@example([pose("ab", (0, 1)), pose("abc", (1, 2))])
def test_poses_come_back_from_columns_with_their_own_names_and_edges(found: list[dl.Pose]) -> None:
    pairs = list(data_set(*found))
    again = [a.annotation_definition for _, c in Chunk.of(pairs).pairs() for a in c]
    assert again == found
    again = [a.annotation_definition for _, c in dl.Dataset.from_pairs(pairs) for a in c]
    assert again == found


@few
@given(st.lists(poses(), min_size=1, max_size=5))
@example([pose("ab"), pose("cd"), pose("db"), pose("a")])
def test_a_coco_category_has_the_key_points_of_all_its_poses(found: list[dl.Pose]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "a.json")
        report = data_set(*found).write(target, format="coco")
        told = json.loads(target.read_text())
        again = read(target)
    assert report.dropped == report.approximated == 0
    due = {entry["id"]: len(entry["keypoints"]) for entry in told["categories"]}
    for record in told["annotations"]:
        assert len(record["keypoints"]) == 3 * due[record["category_id"]]
    assert len(again) == len(found)
    for one, two in zip(again, found, strict=True):
        assert labelled(one.annotation_definition) == labelled(two)


def test_key_points_of_a_yolo_class_are_those_of_all_its_poses(tmp_path: Path) -> None:
    report = data_set(pose("ab"), pose("cb"), pose("dca")).write(
        tmp_path / "out", format="yolo", task="pose"
    )
    assert report.written == 3
    found = read(tmp_path / "out")
    for one, names in zip(found, ("ab", "cb", "dca"), strict=True):
        points = labelled(one.annotation_definition)
        assert sorted(points) == sorted(names)
        for name, (x, y, _) in points.items():
            assert (round(x), round(y)) == (10 * ord(name), ord(name))


def test_edges_that_a_category_does_not_have_are_counted(tmp_path: Path) -> None:
    shapes = [pose("abc", (0, 1)), pose("abc", (0, 1)), pose("ba", (0, 1)), pose("ab", (0, 1))]
    report = data_set(*shapes, pose("bc")).write(tmp_path / "a.json", format="coco")
    # An edge has a direction; "ba" names it the other way round.
    assert report.fields["skeleton"] == 1
    assert report.written == 5


@pytest.mark.parametrize("target", [("coco", None), ("yolo", "pose")], ids=["coco", "yolo"])
def test_names_that_only_count_go_by_their_order_and_are_told(
    tmp_path: Path, target: tuple[str, str | None]
) -> None:
    plain = dl.Pose("person", None, points=[dl.Point(7, 8, "0"), dl.Point(9, 6, "1")])
    report = data_set(pose("abc"), plain).write(tmp_path / "out", format=target[0], task=target[1])
    assert codes(report) == {("approximated", "keypoints.names"): 1}
    first, second = read(tmp_path / "out")
    assert sorted(labelled(first.annotation_definition)) == ["a", "b", "c"]
    points = labelled(second.annotation_definition)
    assert {n: (round(x), round(y)) for n, (x, y, _) in points.items()} == {
        "a": (7, 8),
        "b": (9, 6),
    }


@pytest.mark.parametrize(
    ("given_", "code", "measure", "kept"),
    [
        (pose("ba"), "", None, "ab"),
        (pose("bx"), "keypoints.names", 0.5, "b"),
        (pose("wxyz"), "keypoints.names", 0.75, "abc"),
        (pose("abc"), "", None, "abc"),
    ],
    ids=["by name", "one unknown", "all unknown", "the same"],
)
def test_a_pose_in_the_template_of_its_class(
    given_: dl.Pose, code: str, measure: float | None, kept: str
) -> None:
    label = Label(name="person", keypoints=("a", "b", "c"))
    placed = in_class(given_, label)
    assert (placed.code, "".join(labelled(placed.pose))) == (code, kept)
    assert placed.pose.names == label.keypoints
    assert placed.pose.template_id == given_.template_id
    assert np.isnan(placed.measure) if measure is None else placed.measure == measure


def test_a_class_has_an_end_of_key_points(tmp_path: Path) -> None:
    shapes = [
        dl.Pose("x", None, points=[dl.Point(1, 2, f"{k}.{n}") for n in range(400)])
        for k in range(4)
    ]
    report = data_set(*shapes).write(tmp_path / "a.json", format="coco")
    assert codes(report) == {("approximated", "keypoints.names"): 2}
    (entry,) = json.loads((tmp_path / "a.json").read_text())["categories"]
    assert len(entry["keypoints"]) <= MOST_POINTS


def test_labels_that_become_one_keep_the_names_of_key_points(tmp_path: Path) -> None:
    shapes = [pose("ab", label="man"), pose("bc", (0, 1), label="woman"), pose("d", label="woman")]
    data_set(*shapes).write(tmp_path / "a.json", format="coco")
    merged = {"man": "person", "woman": "person"}
    for target, to in (("b.json", "coco"), ("c", "dataloop")):
        report = dl.convert(tmp_path / "a.json", tmp_path / target, to_format=to, label_map=merged)
        assert (report.written, report.approximated) == (3, 0)
        found = [a.annotation_definition for a in read(tmp_path / target)]
        assert [labelled(f) for f in found] == [labelled(s) for s in shapes]
        assert {f.label for f in found} == {"person"}


def test_columns_become_objects_where_the_new_label_has_other_points() -> None:
    pairs = list(data_set(pose("ab", label="man"), pose("ab", label="woman"), dl.Box(1, 2, 3, 4)))
    chunk = Chunk.of(pairs)
    labels = LabelTable([Label(name="x", keypoints=("b", "a")), Label(name="woman")])
    labels.describe(1, Label(name="woman", keypoints=("a", "b")))
    again = chunk.relabel(lambda k: k, labels)
    assert list(again.others) == [0]
    assert not chunk.others
    for row in range(3):
        before = chunk.annotation(row)
        before.label = again.annotation(row).label
        assert again.annotation(row) == before
    assert (again.shapes == again.shapes_of_columns()).all()
    assert Chunk.of(again.pairs(), LabelTable(labels)) == again


@pytest.mark.parametrize("target", ["detect", "segment", "obb", "voc"])
def test_targets_without_key_points_say_nothing_of_their_names(tmp_path: Path, target: str) -> None:
    to = {"format": "voc"} if target == "voc" else {"format": "yolo", "task": target}
    same = data_set(pose("ab"), pose("ab")).write(tmp_path / "a", **to)
    other = data_set(pose("ab"), pose("cd")).write(tmp_path / "b", **to)
    assert codes(other) == codes(same)


@pytest.mark.parametrize("renamed", ["person", "man"])
def test_a_renamed_class_of_objects_has_its_key_points(tmp_path: Path, renamed: str) -> None:
    shapes = [
        dl.Box(1, 2, 3, 4, "person"),
        pose("ab", (0, 1)),
        pose("ab", (0, 1)),
        pose("bc", label="boy"),
    ]
    data_set(*shapes).write(tmp_path / "in", format="dataloop")
    report = dl.convert(
        tmp_path / "in", tmp_path / "a.json", label_map={"person": renamed, "boy": "child"}
    )
    assert (report.written, report.fields["skeleton"]) == (4, 0)
    told = json.loads((tmp_path / "a.json").read_text())["categories"]
    found = {entry["name"]: (entry["keypoints"], entry["skeleton"]) for entry in told}
    assert found == {renamed: (["a", "b"], [[1, 2]]), "child": (["b", "c"], [])}
