"""Annotations over frames that move between key frames, in JSON whose readers only hold."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.converters.dataloop.computed import Room
from dlgeom.converters.dataloop.record import write_annotation
from dlgeom.video import Keyframe, Track
from tests.video.test_track import tracks

FILM = dl.Item(name="a.mp4", media="video", width=640, height=480, fps=25.0)
MODES = st.sampled_from(["linear", "approach", "hold"])
numbers = st.integers(-800, 800).map(lambda n: n / 8)


@st.composite
def shapes(draw: st.DrawFn, kind: str) -> dl.Definition:
    label = draw(st.sampled_from(["a", "b"]))
    x, y = draw(numbers), draw(numbers)
    w, h = (draw(st.integers(1, 60)) for _ in "wh")
    if kind == "turned":
        return dl.Box.from_rotated((x, y, w, h, draw(st.floats(-200, 200))), label)
    if kind == "polygon":
        points = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)][: draw(st.integers(3, 4))]
        return dl.Polygon([points], label)
    if kind == "two":
        square = np.array([(0, 0), (w, 0), (w, h), (0, h)], dtype=float)
        by = np.array([x, y])
        return dl.Polygon.from_parts([[square + by], [square + by + 100]], label)
    if kind == "mask":
        mask = np.zeros((480, 640), dtype=bool)
        mask[100 : 100 + h, 50 : 50 + w] = True
        return dl.Segmentation(mask, label)
    if kind == "ellipse":
        return dl.Ellipse(x, y, w, h, draw(st.floats(0, 180)), label)
    if kind == "point":
        return dl.Point(x, y, label, visibility=draw(st.sampled_from([None, 0, 1, 2])))
    return dl.Classification(label)


@st.composite
def things(draw: st.DrawFn) -> Track:
    kind = draw(st.sampled_from(["turned", "polygon", "two", "mask", "ellipse", "point", "class"]))
    frames = draw(st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True))
    keyframes = tuple(
        Keyframe(frame, draw(shapes(kind)), draw(st.booleans()), draw(st.booleans()))
        for frame in frames
    )
    return Track(keyframes, max(frames) + draw(st.integers(0, 3)), "7", draw(MODES))


def shown(raw: dict[str, Any]) -> dl.Annotation:
    """Return what a reader that knows nothing of hints has."""
    bare = json.loads(json.dumps(raw))
    bare["metadata"]["user"].pop("dlgeom", None)
    return dl.Annotation.from_json(bare, item=FILM)


def same_in_all_frames(a: dl.Annotation, b: dl.Annotation, atol: float) -> None:
    assert (a.start_frame, a.end_frame) == (b.start_frame, b.end_frame)
    for frame in a.frames:
        one, other = a.frames[frame], b.frames[frame]
        assert one.object_visible == other.object_visible
        x, y = one.annotation_definition, other.annotation_definition
        assert (x.type, x.label, x.attributes) == (y.type, y.label, y.attributes)
        if isinstance(x, dl.Point):
            x, y = dl.Point(x.x, x.y, x.label), dl.Point(y.x, y.y, y.label)
        if isinstance(x, dl.Polygon):
            assert np.allclose(np.vstack(x.rings), np.vstack(y.rings), atol=atol)
        else:
            assert x.is_close(y, atol=atol)


@given(tracks() | tracks(turned=True))
@settings(max_examples=200)
def test_boxes_show_the_same_in_each_frame_and_come_back(track: Track) -> None:
    annotation = track.to_annotation(dl.Annotation(dl.Box(0, 0, 1, 1, "a"), item=FILM))
    raw = annotation.to_json()
    held = shown(raw)
    assert held.interpolation == "hold"
    same_in_all_frames(annotation, held, 1e-9)
    back = dl.Annotation.from_json(json.loads(json.dumps(raw)), item=FILM)
    assert Track.from_annotation(back) == track or track.mode == "hold"
    assert back.to_json() == raw


@given(things())
@settings(max_examples=150)
def test_any_geometry_shows_the_same_and_comes_back(track: Track) -> None:
    annotation = track.to_annotation(dl.Annotation(dl.Box(0, 0, 1, 1, "a"), item=FILM))
    raw = annotation.to_json()
    same_in_all_frames(annotation, shown(raw), 1e-6)
    back = dl.Annotation.from_json(json.loads(json.dumps(raw)), item=FILM)
    same_in_all_frames(annotation, back, 1e-9)
    if track.mode != "hold":
        assert Track.from_annotation(back) == track


def moving(**changes: Any) -> dl.Annotation:
    boxes = [dl.Box(x, 0, x + 10, 10, "car") for x in (0, 40, 40)]
    keyframes = tuple(Keyframe(f, box) for f, box in zip((3, 7, 12), boxes, strict=True))
    track = Track(keyframes, 20, "5", "linear").replace(**changes)
    return track.to_annotation(dl.Annotation(boxes[0], item=FILM))


def snapshots(raw: dict[str, Any]) -> list[dict[str, Any]]:
    return list(raw["metadata"]["system"]["snapshots_"])


def test_computed_ones_are_not_fixed_and_stand_only_where_something_moves() -> None:
    raw = moving().to_json()
    assert [(s["frame"], s["fixed"], s["data"][0]["x"]) for s in snapshots(raw)] == [
        (4, False, 10.0),
        (5, False, 20.0),
        (6, False, 30.0),
        (7, True, 40.0),
        (12, True, 40.0),
    ]
    hint = raw["metadata"]["user"]["dlgeom"]["track"]
    assert hint == {"mode": "linear", "keys": [3, 7, 12], "computed": True}


@pytest.mark.parametrize("what", ["moved", "gone", "more", "hidden", "renamed", "fixed"])
def test_an_edit_made_elsewhere_wins(what: str) -> None:
    raw = json.loads(json.dumps(moving().to_json()))
    entries = raw["metadata"]["system"]["snapshots_"]
    if what == "moved":
        entries[1]["data"][0]["x"] += 1
    elif what == "gone":
        del entries[1]
    elif what == "more":
        entries.append({**entries[-1], "frame": 15})
    elif what == "hidden":
        entries[1]["objectVisible"] = False
    elif what == "renamed":
        entries[1]["label"] = "bus"
    else:
        entries[1]["fixed"] = True
    back = dl.Annotation.from_json(raw, item=FILM)
    assert back.interpolation == "hold"
    same_in_all_frames(back, shown(raw), 0)
    assert back.to_json() == raw


def test_editing_a_key_frame_computes_again_and_keeps_what_it_does_not_know() -> None:
    raw = json.loads(json.dumps(moving().to_json()))
    for entry in raw["metadata"]["system"]["snapshots_"]:
        entry["clientId"] = f"c{entry['frame']}"
    back = dl.Annotation.from_json(raw, item=FILM)
    assert back.interpolation == "linear"
    back.set_frame(7)
    back.annotation_definition = dl.Box(80, 0, 90, 10, "car")
    again = back.to_json()
    assert [(s["frame"], s["data"][0]["x"], s.get("clientId")) for s in snapshots(again)] == [
        (4, 20.0, "c4"),
        (5, 40.0, "c5"),
        (6, 60.0, "c6"),
        (7, 80.0, "c7"),
        (8, 72.0, None),
        (9, 64.0, None),
        (10, 56.0, None),
        (11, 48.0, None),
        (12, 40.0, "c12"),
    ]
    once_more = dl.Annotation.from_json(again, item=FILM)
    assert once_more.interpolation == "linear"
    assert [state.frame_num for state in once_more.states] == [3, 7, 12]
    back.interpolation = "hold"
    assert [s["frame"] for s in snapshots(back.to_json())] == [7, 12]
    assert "dlgeom" not in back.to_json()["metadata"]["user"]


def test_ten_hours_are_not_made_dense() -> None:
    far = Track(
        (Keyframe(0, dl.Box(0, 0, 9, 9, "a")), Keyframe(1_080_000, dl.Box(90, 0, 99, 9, "a"))),
        object_id="1",
    ).to_annotation()
    start = time.perf_counter()
    with pytest.warns(UserWarning, match="computed snapshots"):
        raw = far.to_json()
    assert len(snapshots(raw)) == 1
    assert raw["metadata"]["user"]["dlgeom"]["track"]["computed"] is False
    back = dl.Annotation.from_json(raw, is_video=True)
    assert Track.from_annotation(back) == Track.from_annotation(far)
    assert back.frames[540_000].left == 45
    assert time.perf_counter() - start < 5
    still = Track(
        (Keyframe(0, dl.Box(0, 0, 9, 9, "a")), Keyframe(1_080_000, dl.Box(0, 0, 9, 9, "a")))
    ).to_annotation()
    assert len(snapshots(still.to_json())) == 1


def test_ranges_of_key_frames_are_not_made_dense_either() -> None:
    found = dl.Annotation(dl.Box(0, 0, 9, 9, "a"), object_id="1", frame_num=0, end_frame_num=0)
    found.add_frames(dl.Box(5, 5, 9, 9, "a"), 1, 1_080_000)
    start = time.perf_counter()
    with pytest.warns(UserWarning, match="computed snapshots"):
        raw = found.to_json()
    assert [s["frame"] for s in snapshots(raw)] == [1]
    back = dl.Annotation.from_json(raw, is_video=True)
    assert (back.states, back.end_frame) == (found.states, 1_080_000)
    assert back.frames[700_000].fixed
    raw["metadata"]["system"]["snapshots_"][0]["data"][0]["x"] = 6
    assert dl.Annotation.from_json(raw, is_video=True).frames[700_000].left == 6
    assert time.perf_counter() - start < 5
    short = dl.Annotation(dl.Box(0, 0, 9, 9, "a"), object_id="1", frame_num=0, end_frame_num=0)
    short.add_frames(dl.Box(5, 5, 9, 9, "a"), 1, 20)
    assert len(snapshots(short.to_json())) == 20
    assert "dlgeom" not in short.to_json()["metadata"]["user"]


def test_room_is_for_all_annotations_of_an_item(tmp_path: Path) -> None:
    item = dl.Item(name="a.mp4", media="video", width=640, height=480)
    found = []
    for k in range(3):
        boxes = [dl.Box(x, k, x + 10, k + 9, "car") for x in (0, 40)]
        track = Track((Keyframe(0, boxes[0]), Keyframe(10, boxes[1])), 12, str(k))
        found.append(track.to_annotation())
    data = dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, found))])
    report = data.write(tmp_path / "out", format="dataloop", dataloop_computed=20)
    assert (report.written, report.approximated, report.dropped) == (2, 1, 0)
    assert list(report.codes) == [("approximated", "video.held")]
    [(_, back)] = dl.Dataset.open(tmp_path / "out", "dataloop")
    assert [Track.from_annotation(one) for one in back] == [
        Track.from_annotation(one) for one in found
    ]


def test_states_of_two_types_are_not_written_as_one(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="between types"):
        track = Track(
            (Keyframe(0, dl.Box(0, 0, 1, 1, "a")), Keyframe(4, dl.Point(1, 1, "a"))), object_id="1"
        )
    item = dl.Item(name="a.mp4", media="video", width=640, height=480)
    data = dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, [track.to_annotation()]))])
    report = data.write(tmp_path / "out", format="dataloop")
    assert (report.dropped, list(report.codes)) == (1, [("dropped", "geometry.disagree")])


@pytest.mark.parametrize(
    "hint",
    [
        {"mode": "cubic", "keys": [3], "computed": True},
        {"mode": "linear", "keys": [], "computed": True},
        {"mode": "linear", "keys": [[3, 9]], "computed": True},
        {"mode": "linear", "keys": [True], "computed": True},
        {"mode": "linear", "keys": ["3"], "computed": True},
        {"mode": "linear", "keys": 3, "computed": True},
        {"mode": "linear"},
        [1],
        "linear",
    ],
)
def test_hints_of_others_are_errors_not_crashes(hint: Any) -> None:
    raw = json.loads(json.dumps(moving().to_json()))
    raw["metadata"]["user"]["dlgeom"]["track"] = hint
    with pytest.raises(dl.FormatError, match=r"metadata\.user\.dlgeom"):
        dl.Annotation.from_json(raw, item=FILM)


@pytest.mark.parametrize(
    "keys", [[3, 10_000_000], [3, [4, 9_000_000]], [3, 3], [3, 7, 5], [4], [3, 7]]
)
def test_hints_that_do_not_fit_cost_nothing(keys: Any) -> None:
    raw = json.loads(json.dumps(moving().to_json()))
    raw["metadata"]["user"]["dlgeom"]["track"]["keys"] = keys
    start = time.perf_counter()
    back = dl.Annotation.from_json(raw, item=FILM)
    assert back.interpolation == "hold"
    same_in_all_frames(back, shown(raw), 0)
    assert time.perf_counter() - start < 2


def test_writing_needs_no_room_object() -> None:
    room = Room(0)
    raw = write_annotation(moving(), room=room)
    assert len(room.refused) == 1
    assert [s["frame"] for s in snapshots(raw)] == [7, 12]
