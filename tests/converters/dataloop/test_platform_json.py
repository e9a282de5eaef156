"""The platform's JSON: what is not changed comes out key for key, what is written is read back."""

from __future__ import annotations

import base64
import copy
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chunk_strategies import chunks, definitions
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import dlgeom as dl
from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.converters.dataloop.itemjson import item_json
from dlgeom.converters.dataloop.poses import write_all
from dlgeom.definitions import Box, Definition, Point, Polygon, Segmentation
from dlgeom.errors import FormatError, GeometryError
from dlgeom.item import Item

VIDEO = Item(name="v.webm", media="video", fps=25, width=640, height=480)


def strict(value: Any) -> Any:
    """Through JSON text: nothing that JSON cannot hold."""
    return json.loads(json.dumps(value, allow_nan=False))


@given(definitions())
def test_each_definition_is_read_back_as_it_was(shape: Definition) -> None:
    annotation = Annotation(shape)
    assert Annotation.from_json(strict(annotation.to_json())) == annotation


@given(chunks())
def test_each_record_is_read_back_as_it_was(chunk: Chunk) -> None:
    for row in range(len(chunk)):
        annotation = chunk.annotation(row)
        again = Annotation.from_json(strict(annotation.to_json()), item=annotation.item)
        for name in ("annotation_definition", "companions", "id", "score", "crowd"):
            assert getattr(again, name) == getattr(annotation, name), name
        for name in ("stored_area", "stored_bounds", "extra", "children"):
            assert getattr(again, name) == getattr(annotation, name), name


@st.composite
def states(draw: st.DrawFn) -> Annotation:
    annotation = Annotation.new(VIDEO, object_id=draw(st.integers(0, 9)))
    for _ in range(draw(st.integers(1, 8))):
        first = draw(st.integers(0, 40))
        annotation.add_frames(
            Box(draw(st.integers(0, 5)), 0, 9, 9, draw(st.sampled_from("ab"))),
            first,
            first + draw(st.integers(0, 3)),
            fixed=draw(st.booleans()),
            object_visible=draw(st.booleans()),
        )
    return annotation


@given(states())
def test_frames_are_read_back_as_they_were(annotation: Annotation) -> None:
    again = Annotation.from_json(strict(annotation.to_json()), item=VIDEO)
    assert list(again.frames) == list(annotation.frames)
    for key, state in annotation.frames.items():
        found = again.frames[key]
        assert found.annotation_definition == state.annotation_definition
        assert found.object_visible == state.object_visible
        # A computed state that repeats the one before it is not written: it is only held.
        assert found.fixed == state.fixed or not (found.fixed or state.fixed)
    assert strict(again.to_json()) == strict(annotation.to_json()) or not any(
        s.fixed for s in annotation.states
    )


def real_files(shared_data: Path) -> list[Path]:
    found = [*(shared_data / "platform").rglob("*.json")]
    found += (shared_data / "video" / "platform").rglob("*.json")
    return [p for p in sorted(found) if p.parent.name not in ("ontology", "coco")]


def test_real_files_come_out_value_equal(shared_data: Path, tmp_path: Path) -> None:
    files = real_files(shared_data)
    assert len(files) > 20
    for path in files:
        raw = json.loads(path.read_text())
        collection = AnnotationCollection.from_json_file(path)
        whole = item_json(collection.item, write_all(collection))
        assert (write_all(collection) if isinstance(raw, list) else whole) == raw, path
        for annotation in collection:
            assert annotation.copy().to_json() == annotation.record.raw
        target = tmp_path / path.stem
        report = dl.convert(path, target, from_format="dataloop", to_format="dataloop")
        assert report.written == report.read
        (written,) = target.rglob("*.json")
        assert json.loads(written.read_text()) == raw


def test_an_edit_changes_what_it_changes_only(shared_data: Path) -> None:
    for path in real_files(shared_data):
        for annotation in AnnotationCollection.from_json_file(path):
            raw = copy.deepcopy(annotation.record.raw)
            annotation.label = "edited"
            if annotation.later:
                # The first state alone: others have labels of their own.
                assert annotation.frames[annotation.start_frame].label == "edited"
                continue
            assert annotation.to_json() == {**raw, "label": "edited"}
            annotation.object_id = "7"
            system = annotation.to_json()["metadata"]["system"]
            before = (raw.get("metadata") or {}).get("system") or {}
            assert {k: v for k, v in system.items() if k != "objectId"} == {
                k: v for k, v in before.items() if k != "objectId"
            }


# Where the platform's own SDK is wrong (platform page, "SDK defect").


def read(**fields: Any) -> Annotation:
    return Annotation.from_json({"label": "a", **fields})


def xy(*points: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in points]


def test_a_bare_annotation_is_enough_and_unknown_keys_survive() -> None:
    raw = {"type": "box", "label": "a", "coordinates": xy((1, 2), (3, 4)), "mine": {"k": [1]}}
    annotation = Annotation.from_json(raw)
    assert annotation.to_json() == raw
    annotation.label = "b"
    assert annotation.to_json() == {**raw, "label": "b"}


def test_corners_of_a_box_may_be_any_two_that_are_opposite() -> None:
    shape = read(type="box", coordinates=xy((30, 12), (10, 36))).annotation_definition
    assert shape == Box(10, 12, 30, 36, "a")


def test_a_turned_box_stays_turned_and_bounds_follow() -> None:
    shape = read(type="box", coordinates=[*xy((10, 10), (100, 100)), 80]).annotation_definition
    assert shape.angle == 80
    expected = [(91.5022, 2.8695), (2.8695, 18.4978), (18.4978, 107.1305), (107.1305, 91.5022)]
    assert np.allclose(sorted(shape.corners.tolist()), sorted(expected), atol=1e-4)
    four = read(type="box", coordinates=xy(*expected)).annotation_definition
    assert four.bounds == pytest.approx(shape.bounds, abs=1e-3)
    assert np.allclose(sorted(four.corners.tolist()), sorted(expected), atol=1e-4)
    with pytest.raises(FormatError, match="rectangle"):
        read(type="box", coordinates=xy((0, 0), (1, 0), (9, 9), (0, 5)))


def test_all_rings_of_a_polygon_are_kept() -> None:
    rings = [xy((0, 0), (9, 0), (9, 9), (0, 9)), xy((2, 2), (5, 2), (5, 5), (2, 5))]
    annotation = read(type="segment", coordinates=rings)
    shape = annotation.annotation_definition
    assert isinstance(shape, Polygon)
    assert len(shape.rings) == 2
    assert shape.area == 81 - 9
    assert annotation.to_json()["coordinates"] == rings


def test_an_ellipse_without_angle_and_a_cube_without_one_are_read() -> None:
    center = {"x": 10, "y": 20}
    shape = read(type="ellipse", coordinates={"center": center, "rx": 5, "ry": 3})
    assert shape.angle == 0
    names = [f"{f}_{c}" for f in ("front", "back") for c in ("tl", "tr", "br", "bl")]
    points = xy((0, 0), (0, 4), (-4, 4), (-4, 0)) * 2
    cube = read(type="cube", coordinates=dict(zip(names, points, strict=True)))
    assert cube.angle == 90


def test_cube_3d_is_read_by_key() -> None:
    axes = {"z": 3.0, "x": 1.0, "y": 2.0}
    cube = read(type="cube_3d", coordinates={"rotation": axes, "scale": axes, "position": axes})
    assert cube.geo.tolist() == [[1, 2, 3]] * 3


def test_points_keep_left_and_right_apart() -> None:
    point = read(type="point", coordinates={"x": 3, "y": 7.5, "z": 2})
    assert (point.right, point.bottom) == (3, 7.5)
    assert point.to_json()["coordinates"]["z"] == 2


def png(array: np.ndarray, mode: str) -> str:
    stream = io.BytesIO()
    Image.fromarray(array).convert(mode).save(stream, format="PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize("mode", ["RGBA", "L", "1", "P", "LA"])
def test_masks_of_every_mode_are_read_and_kept_until_they_are_edited(mode: str) -> None:
    mask = np.zeros((6, 9), dtype=np.uint8)
    mask[2:4, 3:8] = 255
    if mode in ("RGBA", "LA"):
        rgba = np.dstack([mask, mask, mask, mask])
        url = png(rgba, mode)
    else:
        url = png(mask, mode)
    annotation = read(type="binary", coordinates=url)
    shape = annotation.annotation_definition
    assert isinstance(shape, Segmentation)
    assert np.array_equal(shape.to_mask(), mask > 0)
    assert shape.bounds == (3, 2, 8, 4)
    assert annotation.to_json()["coordinates"] == url
    annotation.annotation_definition = Segmentation(mask == 0, "a")
    assert annotation.to_json()["coordinates"] != url
    old = read(type="binary", coordinates={"data": url})
    assert old.annotation_definition == shape
    assert old.to_json()["coordinates"] == {"data": url}


def test_an_image_annotation_with_an_end_frame_is_no_video() -> None:
    system = {"frame": 0, "endFrame": 1, "startTime": 0, "endTime": 1.5, "snapshots_": []}
    raw = {"type": "box", "label": "a", "coordinates": xy((1, 2), (3, 4))}
    annotation = Annotation.from_json({**raw, "metadata": {"system": system}})
    assert not annotation.is_video
    assert annotation.to_json()["metadata"]["system"] == system


def snapshot(frame: int, left: int, **fields: Any) -> dict[str, Any]:
    data = xy((left, 0), (left + 5, 5))
    return {"frame": frame, "fixed": True, "type": "box", "label": "a", "data": data, **fields}


def video(*snapshots: dict[str, Any], end: int = 10, start: int = 0) -> Annotation:
    system = {"frame": start, "endFrame": end, "objectId": "1", "snapshots_": list(snapshots)}
    raw = {"type": "box", "label": "a", "coordinates": xy((0, 0), (5, 5))}
    return Annotation.from_json({**raw, "metadata": {"system": system}}, item=VIDEO)


def test_a_hidden_start_is_kept() -> None:
    annotation = video(snapshot(0, 1, objectVisible=False), snapshot(4, 2))
    assert not annotation.frames[0].object_visible
    assert annotation.frames[0].left == 1
    assert annotation.frames[4].object_visible
    fresh = Annotation.new(VIDEO, Box(1, 2, 3, 4, "a"), object_id=1, frame_num=0)
    fresh.add_frames(Box(1, 2, 3, 4, "a"), 0, 0, object_visible=False)
    assert not Annotation.from_json(fresh.to_json(), item=VIDEO).object_visible


def test_a_snapshot_without_data_inherits_it() -> None:
    annotation = video({"frame": 3, "label": "b", "fixed": True})
    assert annotation.frames[5].label == "b"
    assert annotation.frames[5].left == 0


def test_unordered_repeated_and_outlying_snapshots() -> None:
    annotation = video(snapshot(9, 9), snapshot(4, 1), snapshot(4, 2), snapshot(15, 3))
    assert [annotation.frames[k].left for k in (0, 4, 8, 9, 15)] == [0, 2, 2, 9, 3]
    assert annotation.end_frame == 15


def test_reading_frames_does_not_change_what_is_written() -> None:
    annotation = video(snapshot(4, 2))
    raw = copy.deepcopy(annotation.to_json())
    for key in annotation.frames:
        assert annotation.frames[key].left in (0, 2)
    annotation.set_frame(7)
    assert annotation.to_json() == raw


def test_both_versions_of_attributes_are_offered_and_kept() -> None:
    raw = {
        "type": "class",
        "label": "a",
        "attributes": ["old"],
        "metadata": {"system": {"attributes": {"1": "new"}}},
    }
    annotation = Annotation.from_json(raw)
    assert annotation.attributes == {"1": "new"}
    assert annotation.attributes_v1 == ["old"]
    assert annotation.to_json() == raw
    annotation.attributes = {"1": "newer"}
    assert annotation.to_json()["attributes"] == ["old"]
    assert annotation.to_json()["metadata"]["system"]["attributes"] == {"1": "newer"}


def test_an_unreadable_annotation_is_told_by_index_and_id_and_the_others_survive() -> None:
    good = {"type": "class", "label": "a", "id": "1"}
    bad = {"type": "box", "label": "a", "coordinates": [], "id": "2"}
    with pytest.raises(FormatError, match=r"annotations\[1\]"):
        AnnotationCollection.from_json([good, bad])
    collection = AnnotationCollection.from_json([good, bad, good], on_error="skip")
    assert len(collection) == 2
    (error,) = collection.extra["errors"]
    assert (error["index"], error["id"], error["code"]) == (1, "2", "geometry.bbox_arity")


def test_what_the_caller_gave_is_the_callers() -> None:
    raw = {"type": "class", "label": "a", "metadata": {"user": {"k": [1]}}}
    same = copy.deepcopy(raw)
    annotation = Annotation.from_json(raw)
    assert annotation.metadata is not None
    annotation.metadata["user"]["k"].append(2)
    annotation.label = "b"
    annotation.to_json()
    assert raw == same


def test_numpy_numbers_are_written_as_numbers() -> None:
    shape = Box(np.float32(1), np.int64(2), np.float64(3), 4, "a", {"n": np.int64(5)})
    assert strict(Annotation(shape).to_json())["coordinates"][0] == {"x": 1, "y": 2, "z": 0}


def test_poses_take_their_points_and_give_them_back(tmp_path: Path) -> None:
    pose = {"type": "pose", "label": "p", "id": "P", "coordinates": {"templateId": "t"}}
    point = {"type": "point", "metadata": {"system": {"parentId": "P"}}, "attributes": ["visible"]}
    points = [
        {**point, "label": name, "id": name, "coordinates": {"x": k, "y": k, "z": 0}}
        for k, name in enumerate("abc", 1)
    ]
    other = {"type": "class", "label": "q", "id": "Q"}
    raw = {
        "id": "I",
        "filename": "/x.jpg",
        "metadata": {"system": {"width": 9, "height": 9}},
        "annotations": [points[0], pose, other, *points[1:]],
    }
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.json").write_text(json.dumps(raw))
    ((_, found),) = list(dl.open_dataset(tmp_path / "in", format="dataloop"))
    assert [a.type for a in found] == ["pose", "class"]
    assert found[0].annotation_definition.names == ("a", "b", "c")
    assert found[0].annotation_definition.keypoints[:, 2].tolist() == [2, 2, 2]
    dl.convert(tmp_path / "in", tmp_path / "out", from_format="dataloop", to_format="dataloop")
    assert json.loads((tmp_path / "out" / "json" / "x.json").read_text()) == raw
    dl.convert(tmp_path / "in", tmp_path / "o.json", from_format="dataloop", subsets=["train"])
    (record,) = [
        r for r in json.loads((tmp_path / "o.json").read_text())["annotations"] if "keypoints" in r
    ]
    assert record["keypoints"] == [1, 1, 2, 2, 2, 2, 3, 3, 2]


def test_no_geometry_is_an_error_that_says_so() -> None:
    with pytest.raises(FormatError, match="no points"):
        read(type="segment", coordinates=[])
    with pytest.raises(GeometryError):
        dl.conversions.to_polygon(Point(1, 2, "a"))


def test_what_is_changed_deep_inside_is_written_and_what_is_given_out_is_a_copy() -> None:
    raw = {"type": "class", "label": "a", "metadata": {"user": {"k": {"n": 1}}}, "own": [{"n": 1}]}
    annotation = Annotation.from_json(raw)
    given = annotation.to_json()
    given["metadata"]["user"]["k"]["n"] = 5
    given["own"][0]["n"] = 5
    assert annotation.to_json() == raw
    assert annotation.metadata is not None
    annotation.metadata["user"]["k"]["new"] = 2
    assert annotation.to_json()["metadata"]["user"] == {"k": {"n": 1, "new": 2}}


def test_numbers_of_numpy_anywhere_and_none_that_json_cannot_hold(tmp_path: Path) -> None:
    values = {"n": np.int64(3), "a": np.arange(2), "b": np.bool_(True), 5: np.float32(0.5)}
    item = Item(name="v.mp4", media="video", fps=25, metadata={"user": {"n": np.int64(1)}})
    builder = AnnotationCollection(item)
    builder.add(Box(1, 2, 3, 4, "a"), metadata={"user": values}, frame_num=np.int64(2))
    builder[0].id = np.int64(7)
    raw = json.loads(Path(builder.download(tmp_path / "deep" / "x")).read_text())
    assert raw["metadata"]["user"] == {"n": 1}
    (record,) = raw["annotations"]
    assert record["id"] == 7
    assert record["metadata"]["user"] == {"n": 3, "a": [0, 1], "b": True, "5": 0.5}
    for value in (math.nan, math.inf, {1, 2}):
        builder[0].metadata = {"user": {"n": value}}
        with pytest.raises(FormatError, match="JSON"):
            builder[0].to_json()
        with pytest.raises(FormatError, match=r"annotations\[0\]"):
            builder.download(tmp_path / "y.json")
    half = AnnotationCollection(annotations=[Annotation(Box(1, 2, 3, 4, "\ud800"))])
    assert AnnotationCollection.from_json_file(half.download(tmp_path / "z"))[0].label == "\ud800"


HOLDING = {
    "type": "box",
    "label": "a",
    "coordinates": [{"x": 0, "y": 0}, {"x": 9, "y": 9}],
    "metadata": {
        "system": {
            "frame": 2,
            "endFrame": 10,
            "objectId": "1",
            "snapshots_": [
                {"frame": 5, "fixed": True, "objectVisible": False, "clientId": "c"},
                {"frame": 6, "fixed": False, "label": "a", "objectVisible": False, "q": 1},
                {"frame": 8, "label": "b", "data": [{"x": 1, "y": 0}, {"x": 9, "y": 9}], "q": 1},
            ],
        }
    },
}


@pytest.mark.parametrize("name", ["label", "description", "attributes"])
@pytest.mark.parametrize("frame", [2, 5, 6, 7, 8, 9])
def test_an_edit_changes_its_keys_and_what_hung_on_them_only(frame: int, name: str) -> None:
    annotation = Annotation.from_json(HOLDING, item=VIDEO)
    before = [dict(s) for s in HOLDING["metadata"]["system"]["snapshots_"]]  # type: ignore[index]
    annotation.set_frame(frame)
    setattr(annotation, name, {"1": "x"} if name == "attributes" else "new")
    written = strict(annotation.to_json())
    again = Annotation.from_json(written, item=VIDEO)
    assert again == annotation
    assert again.states == annotation.states
    system = written["metadata"]["system"]
    assert set(system) <= {*HOLDING["metadata"]["system"], "attributes"}  # type: ignore[index]
    after = {s["frame"]: s for s in system["snapshots_"]}
    assert set(after) == {5, 6, 8, *([frame] if frame > 2 else [])}
    for old in before:
        kept = {k: v for k, v in old.items() if not (k == name and old["frame"] == frame)}
        assert kept.items() <= after[old["frame"]].items()


def test_new_frames_change_the_span_only() -> None:
    annotation = Annotation.from_json(HOLDING, item=VIDEO)
    annotation.description = "d"
    annotation.add_frame(Box(1, 1, 2, 2, "a"), 20)
    written = strict(annotation.to_json())
    assert Annotation.from_json(written, item=VIDEO) == annotation
    assert written["metadata"]["system"]["endFrame"] == 20
    assert written["metadata"]["system"]["snapshots_"][0]["clientId"] == "c"


@pytest.mark.parametrize(
    ("kind", "old", "shape", "new"),
    [
        ("point", {"x": 1, "y": 2, "z": 5, "k": 1}, Point(3, 2, "a"), {"x": 3}),
        ("ellipse", {"center": {"x": 1, "y": 2}, "rx": 3, "ry": 4, "k": 1}, None, {"ry": 9}),
        ("text_mark", {"type": "block", "label": "a", "start": 1, "end": 2, "k": 1}, None, None),
    ],
)
def test_coordinates_keep_what_was_not_changed(kind: str, old: Any, shape: Any, new: Any) -> None:
    annotation = Annotation.from_json({"type": kind, "label": "a", "coordinates": old})
    if kind == "ellipse":
        shape = dl.Ellipse(1, 2, 3, 9, 0, "a")
    if shape is None:
        annotation.label, new = "z", {"label": "z"}
    else:
        annotation.annotation_definition = shape
    found = annotation.to_json()["coordinates"]
    assert {**found, "angle": 0} == {**old, **new, "angle": 0}


def test_the_item_tells_the_medium_and_arguments_win() -> None:
    image = {"system": {"mimetype": "image/png"}}
    assert not Annotation.from_json(HOLDING, item_metadata=image).is_video
    assert Annotation.from_json(HOLDING).is_video
    root = {"metadata": {"system": {"mimetype": "video/mp4", "fps": 10}}, "annotations": [HOLDING]}
    assert AnnotationCollection.from_json(root)[0].fps == 10
    for fps in (25, 25.0, 30):
        assert AnnotationCollection.from_json(root, fps=fps)[0].fps == fps
    assert AnnotationCollection.from_json([HOLDING])[0].fps == 25


def test_a_ring_closed_twice_is_read_back_as_it_was() -> None:
    shape = Polygon([(0, 0), (4, 0), (4, 4), (0, 0), (0, 0)], "a")
    assert Annotation.from_json(strict(Annotation(shape).to_json())) == Annotation(shape)
    nested = Polygon.from_parts([[shape.geo, [(1, 1), (2, 1), (2, 2), (1, 1), (1, 1)]]], "a")
    assert Annotation.from_json(strict(Annotation(nested).to_json())) == Annotation(nested)
