"""MOTChallenge: rows to tracks and back, real files, bad rows."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.converters import registry
from dlgeom.converters.mot.recognise import recognise
from dlgeom.video import Keyframe, Track

numbers = st.integers(0, 800).map(lambda n: n / 8) | st.floats(-1e4, 1e4).map(lambda x: round(x, 3))


@st.composite
def tracks(draw: st.DrawFn, thing: int) -> dl.Annotation:
    frames = draw(st.lists(st.integers(0, 15), min_size=1, max_size=4, unique=True))
    label = draw(st.sampled_from(["pedestrian", "car", "my own", "Fußgänger"]))
    keyframes = []
    for frame in frames:
        x, y, w, h = (draw(numbers) for _ in range(4))
        attributes = draw(
            st.none()
            | st.fixed_dictionaries({"visibility": st.sampled_from([0.25, 0.5])})
            | st.just({"ignored": True})
        )
        box = dl.Box(x, y, x + abs(w), y + abs(h), label, attributes)
        keyframes.append(Keyframe(frame, box, draw(st.booleans() | st.just(True))))
    track = Track(tuple(keyframes), max(frames) + draw(st.integers(0, 3)), str(thing + 1))
    return track.replace(mode=draw(st.sampled_from(["hold", "linear", "approach"]))).to_annotation()


@st.composite
def films(draw: st.DrawFn) -> list[tuple[dl.Item, dl.AnnotationCollection]]:
    pairs = []
    for k in range(draw(st.integers(1, 2))):
        item = dl.Item(
            name=f"seq-{k}",
            width=draw(st.none() | st.just(640)),
            height=480,
            media="video",
            fps=draw(st.none() | st.sampled_from([25.0, 29.97002997002997, 14.0])),
        )
        found = [draw(tracks(thing)) for thing in range(draw(st.integers(0, 3)))]
        pairs.append((item, dl.AnnotationCollection(item, found)))
    return pairs


def seen(pairs: Any) -> dict[tuple[str, int, str], tuple[Any, ...]]:
    """Return what is seen of each object in each frame."""
    found = {}
    for item, annotations in pairs:
        for annotation in annotations:
            for frame, state in annotation.frames.items():
                if state.object_visible:
                    box = state.annotation_definition
                    edges = tuple(np.round([box.left, box.top, box.width, box.height], 6).tolist())
                    row = (state.label, edges, dict(state.attributes))
                    found[item.name, frame, annotation.object_id] = row
    return found


@given(films(), st.sampled_from(["0", "1"]))
@settings(max_examples=150)
def test_what_is_written_is_read_again(pairs: Any, origin: str) -> None:
    dataset = dl.Dataset.from_pairs(pairs)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out"
        report = dataset.write(target, format="mot", mot_origin=origin)
        report.check()
        back = dl.Dataset.open(target, mot_origin=origin)
        assert seen(back) == seen(pairs)
        fps = {item.name: item.fps for item, _ in pairs}
        for item, _ in back:
            known = fps[item.name]
            assert item.fps == (None if known is None else pytest.approx(known))
    hidden = sum(
        not any(state.object_visible for state in a.frames.values()) for _, c in pairs for a in c
    )
    told = report.codes.get(("dropped", "video.hidden"))
    assert (0 if told is None else told.count) == hidden


def rows_of(path: Path) -> list[list[float]]:
    with open(path, newline="") as file:
        return [[float(value) for value in row] for row in csv.reader(file) if row]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MOT15_TUD-Campus_gt.txt", "gt"),
        ("MOT15_TUD-Stadtmitte_gt.txt", "gt"),
        ("MOT17-09_gt_excerpt.txt", "gt"),
        ("MOT15_TUD-Campus_results.txt", "results"),
        ("MOT15_TUD-Stadtmitte_results.txt", "results"),
        ("TUD-Stadtmitte_det_excerpt.txt", "det"),
        ("datumaro_gt.txt", "gt"),
    ],
)
def test_real_files_come_back_row_by_row(
    shared_data: Path, tmp_path: Path, name: str, kind: str
) -> None:
    source = shared_data / "video" / "mot" / name
    dataset = dl.Dataset.open(source)
    [(item, annotations)] = dataset
    assert item.media == "video"
    wanted = sorted(rows_of(source))
    count = sum(
        state.object_visible for annotation in annotations for state in annotation.frames.values()
    )
    assert count == len(wanted)
    report = dataset.write(tmp_path / "out.txt", format="mot", mot_kind=kind)
    assert report.dropped == 0
    found = sorted(rows_of(tmp_path / "out.txt"))
    # Files of detections without ids get ids as a ground truth only.
    columns = [0, 2, 3, 4, 5, 6] if name == "datumaro_gt.txt" else [0, 1, 2, 3, 4, 5, 6]
    pick = [[row[k] for k in columns] for row in wanted]
    assert np.allclose([[row[k] for k in columns] for row in found], pick, atol=1e-9)
    if kind == "gt" and len(wanted[0]) == 9:
        assert [row[7:] for row in found] == [row[7:] for row in wanted]


def test_a_file_that_counts_from_0_says_so(shared_data: Path) -> None:
    source = shared_data / "video" / "mot" / "scalabel_mot.txt"
    dataset = dl.Dataset.open(source, on_error="skip")
    [(_, annotations)] = dataset
    assert min(a.start_frame for a in annotations) == 0
    assert any("count from 0" in entry.message for entry in dataset.problems.entries)  # type: ignore[union-attr]


def test_seqinfo_and_labels_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "MOT17-02"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text("3,1,10,20,30,40,1,2,0.5\n4,1,11,20,30,40,0,2,1\n")
    (folder / "gt" / "labels.txt").write_text("cat\ndog\n")
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=MOT17-02\nimDir=img1\nframeRate=30\nseqLength=600\nimWidth=1920\n"
        "imHeight=1080\nimExt=.png\n"
    )
    assert recognise(tmp_path) == recognise(folder) == 2
    assert registry.recognise(tmp_path).name == "mot"
    [(item, [track])] = dl.Dataset.open(tmp_path)
    assert (item.name, item.width, item.height, item.fps, item.frame_count) == (
        "MOT17-02",
        1920,
        1080,
        30.0,
        600,
    )
    assert (track.label, track.object_id, track.start_frame, track.end_frame) == ("dog", "1", 2, 3)
    assert track.frames[2].attributes == {"visibility": 0.5}
    assert track.frames[3].attributes == {"ignored": True}
    dl.Dataset.open(tmp_path).write(tmp_path / "out", format="mot")
    [(again, [same])] = dl.Dataset.open(tmp_path / "out")
    assert (again.extra, again.frame_count) == (item.extra, 600)
    assert same.frames[2].attributes == {"visibility": 0.5}


GOOD = "1,1,0,0,9,9,1,1,1\n"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("1,1,0,0,9", "row.arity"),
        ("1,1,0,0,9,9,1,1,1,1,1", "row.arity"),
        ("1,1,0,0,9,nan,1,1,1", "type.number"),
        ("1,1,0,0,9,1e999,1,1,1", "number.not_finite"),
        ("1,1,0,0,9,1_0,1,1,1", "type.number"),
        ("١,1,0,0,9,9,1,1,1", "type.number"),
        ("1.5,1,0,0,9,9,1,1,1", "type.number"),
        ("-1,1,0,0,9,9,1,1,1", "type.number"),
        ("2,1,0,0,-9,9,1,1,1", "geometry.bbox_size"),
        ("2,1,0,0,9e9,9,1,1,1", "number.range"),
        ("999999999999,1,0,0,9,9,1,1,1", "limit.frames"),
    ],
)
def test_a_bad_row_costs_itself(tmp_path: Path, row: str, code: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(GOOD + row + "\n2,1,1,0,9,9,1,1,1\n", encoding="utf-8")
    dataset = dl.Dataset.open(path, "mot", on_error="skip")
    [(_, [track])] = dataset
    assert (track.start_frame, track.end_frame) == (0, 1)
    assert [entry.code for entry in dataset.problems.entries] == [code]  # type: ignore[union-attr]
    assert dataset.problems.entries[0].location == "line 2"  # type: ignore[union-attr]
    with pytest.raises(dl.FormatError, match="line 2"):
        list(dl.Dataset.open(path, "mot"))


def test_repeats_and_collisions_are_told(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(GOOD + GOOD + "1,1,5,5,9,9,1,1,1\n1,2,5,5,9,9,1,99,1\n")
    dataset = dl.Dataset.open(path, "mot", on_error="skip")
    [(_, annotations)] = dataset
    assert [(a.object_id, a.left, a.label) for a in annotations] == [
        ("1", 0, "pedestrian"),
        ("1", 5, "pedestrian"),
        ("2", 5, "99"),
    ]
    codes = [entry.code for entry in dataset.problems.entries]  # type: ignore[union-attr]
    assert sorted(codes) == ["record.duplicate", "ref.category", "ref.duplicate_id"]


def film(*annotations: dl.Annotation) -> dl.Dataset:
    item = dl.Item(name="v.mp4", width=64, height=48, media="video")
    return dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, annotations))])


def test_what_has_no_box_is_dropped_and_what_is_none_approximated(tmp_path: Path) -> None:
    subtitle = dl.Annotation(dl.Subtitle("hello", "Bob"), start_time=0.0, end_time=1.0)
    ellipse = Track((Keyframe(0, dl.Ellipse(9, 9, 4, 2, 0, "cat")),), 2, "5").to_annotation()
    hidden = Track((Keyframe(0, dl.Box(0, 0, 1, 1, "cat"), False),), 2, "6").to_annotation()
    far = Track((Keyframe(0, dl.Box(0, 0, 1e7, 1, "cat")),), 2, "7").to_annotation()
    report = film(subtitle, ellipse, hidden, far).write(tmp_path / "out", format="mot")
    assert {key: kind.count for key, kind in report.codes.items()} == {
        ("dropped", "shape.no_box"): 1,
        ("approximated", "geometry.to_box"): 1,
        ("dropped", "video.hidden"): 1,
        ("dropped", "value.range"): 1,
    }
    [(_, [found])] = dl.Dataset.open(tmp_path / "out")
    assert (found.object_id, found.end_frame, found.bounds) == ("5", 2, (5, 7, 13, 11))


def test_fields_without_a_place_are_counted(tmp_path: Path) -> None:
    one = dl.Annotation(
        dl.Box(0, 0, 1, 1, "cat", {"mood": "good", "visibility": 0.5}), id=7, score=0.5
    )
    report = film(one).write(tmp_path / "out", format="mot")
    assert report.fields["attributes.mood"] == report.fields["id"] == report.fields["score"] == 1
    assert "attributes.visibility" not in report.fields


def test_images_become_sequences(tmp_path: Path) -> None:
    pairs = []
    for k in (1, 2, 3):
        item = dl.Item(name=f"cam/{k:06d}.jpg", width=64, height=48)
        box = dl.Annotation(dl.Box(k, 0, k + 5, 5, "car"), object_id="4")
        pairs.append((item, dl.AnnotationCollection(item, [box])))
    dl.Dataset.from_pairs(pairs).write(tmp_path / "out", format="mot")
    [(item, [track])] = dl.Dataset.open(tmp_path / "out")
    assert (item.name, track.start_frame, track.end_frame, track.frames[1].left) == ("cam", 0, 2, 2)


def test_tracks_of_hours_are_written_as_they_are_walked_through(tmp_path: Path) -> None:
    ways = [
        Track(
            (
                Keyframe(0, dl.Box(k, 0, k + 1, 1, "car")),
                Keyframe(9_999, dl.Box(0, k, 1, k + 1, "car")),
            ),
            object_id=str(k + 1),
        ).to_annotation()
        for k in range(3)
    ]
    film(*ways).write(tmp_path / "out", format="mot")
    text = (tmp_path / "out" / "v.mp4" / "gt" / "gt.txt").read_text()
    assert text.count("\n") == 30_000
