"""YOLO rows of videos: the platform's own text, there and back, and everything that is no row."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.conversions import to_segmentation
from dlgeom.converters import registry
from dlgeom.converters.yolo_video.recognise import recognise
from dlgeom.video import Keyframe, Track

numbers = st.integers(-800, 1600).map(lambda n: n / 8)
SIZE = (640, 360)


@st.composite
def shapes(draw: st.DrawFn, kind: str) -> dl.Definition:
    label = draw(st.sampled_from(["person", "car", "my own", "Fußgänger"]))
    x, y = draw(numbers), draw(numbers)
    w, h = (draw(st.integers(1, 300)) for _ in "wh")
    if kind == "box":
        return dl.Box(x, y, x + w, y + h, label)
    points = [(x, y), (x + w, y), (x + w, y + h), (x, y + h / 2)][: draw(st.integers(3, 4))]
    return dl.Polygon([points], label)


@st.composite
def films(draw: st.DrawFn) -> list[tuple[dl.Item, dl.AnnotationCollection]]:
    pairs = []
    for k in range(draw(st.integers(1, 2))):
        item = dl.Item(name=f"clips/v{k}", width=SIZE[0], height=SIZE[1], media="video")
        found = []
        for thing in range(draw(st.integers(0, 3))):
            kind = draw(st.sampled_from(["box", "polygon"]))
            frames = draw(st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True))
            keyframes = tuple(
                Keyframe(frame, draw(shapes(kind)), draw(st.booleans() | st.just(True)))
                for frame in frames
            )
            track = Track(keyframes, max(frames) + draw(st.integers(0, 3)), str(thing))
            mode = draw(st.sampled_from(["hold", "linear", "approach"]))
            found.append(track.replace(mode=mode).to_annotation())
        pairs.append((item, dl.AnnotationCollection(item, found)))
    return pairs


def seen(pairs: Any) -> dict[tuple[str, int, str, str], tuple[Any, ...]]:
    """Return what is seen of each object in each frame."""
    found = {}
    for item, annotations in pairs:
        for a in annotations:
            for frame, state in a.frames.items():
                if state.object_visible:
                    shape = state.annotation_definition
                    points = shape.corners if isinstance(shape, dl.Box) else shape.rings[0]
                    place = tuple(np.round(np.asarray(points).ravel(), 6).tolist())
                    found[item.name, frame, a.object_id, a.type] = (state.label, place)
    return found


@given(films())
@settings(max_examples=150)
def test_what_is_written_is_read_again(pairs: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out"
        report = dl.Dataset.from_pairs(pairs).write(target, format="yolo-video")
        report.check()
        rows = seen(pairs)
        if not rows:
            return
        back = dl.Dataset.open(target, "yolo-video", yolo_video_size="640x360")
        again = seen(back)
        assert again.keys() == rows.keys()
        for key, (label, place) in rows.items():
            assert again[key][0] == label
            assert np.allclose(again[key][1], place, atol=2e-6)


def rows_of(path: Path) -> list[list[float]]:
    lines = path.read_text().splitlines()
    return [[float(value) for value in line.split()] for line in lines]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("video/platform/video_boxes.json", "video/platform/video_boxes.expected_yolo.txt"),
        (
            "platform/video/cache_trim_cropped_obj1.json",
            "platform/video/cache_trim_cropped_obj1.yolo.txt",
        ),
    ],
)
def test_the_platforms_own_text_agrees(
    shared_data: Path, tmp_path: Path, source: str, text: str
) -> None:
    wanted = [row for row in rows_of(shared_data / text) if len(row) == 7]
    report = dl.Dataset.open(shared_data / source, "dataloop").write(
        tmp_path / "out", format="yolo-video", yolo_video_size="1280x720"
    )
    assert (report.dropped, report.approximated) == (0, 0)
    [file] = [path for path in (tmp_path / "out").glob("*.txt") if path.name != "labels.txt"]
    found = rows_of(file)
    assert len(found) == len(wanted) > 50
    by_key = {tuple(row[:3]): row[3:] for row in found}
    for row in wanted:
        assert np.allclose(by_key[tuple(row[:3])], row[3:], atol=1e-12)
    assert (tmp_path / "out" / "labels.txt").read_text() == "person\n"


def test_the_platforms_text_is_read_by_its_video_or_a_size(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "video" / "platform"
    source = folder / "video_boxes.expected_yolo.txt"
    names = folder / "yolo_labels.txt"
    assert recognise(source) == 2
    assert registry.recognise(source).name == "yolo-video"
    with pytest.raises(dl.FormatError, match="--yolo-video-size") as error:
        list(dl.Dataset.open(source, names=names))
    assert error.value.code == "image.size"
    [(item, found)] = dl.Dataset.open(source, names=names, yolo_video_size="1280x720")
    assert [(a.object_id, a.type, a.label, a.start_frame, a.end_frame) for a in found] == [
        ("1", "box", "person", 0, 50),
        ("2", "box", "person", 0, 50),
        ("3", "segment", "sports ball", 51, 100),
    ]
    [(_, real)] = dl.Dataset.open(folder / "video_boxes.json", "dataloop")
    for a in real:
        [same] = [b for b in found if b.object_id == a.object_id]
        for frame in a.frames:
            assert np.allclose(same.frames[frame].bounds, a.frames[frame].bounds, atol=1e-9)
    # By a video of that name beside the rows.
    (tmp_path / "clip.txt").write_bytes(source.read_bytes())
    (tmp_path / "labels.txt").write_bytes(names.read_bytes())
    (tmp_path / "clip.webm").write_bytes((folder / "video.webm").read_bytes())
    [(item, _)] = dl.Dataset.open(tmp_path)
    assert (item.name, item.width, item.height, item.fps, item.frame_count) == (
        "clip.webm",
        1280,
        720,
        25.0,
        125,
    )
    again = dl.Dataset.open(tmp_path).write(tmp_path / "out", format="yolo-video")
    assert again.dropped == again.approximated == 0
    found = sorted(rows_of(tmp_path / "out" / "clip.txt"))
    for one, other in zip(found, sorted(rows_of(source)), strict=True):
        assert np.allclose(one, other, atol=1e-12)


GOOD = "0 1 0 0.5 0.5 0.1 0.2\n"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("1 1 0 0.5 0.5 0.1", "row.arity"),
        ("1 1 0 0.5 0.5 0.1 0.2 0.3", "row.arity"),
        ("1 1 0 0.5 0.5 0.1 0.2 0.3 0.4 0.5", "row.arity"),
        ("1 1 0 0.5 0.5 0.1 nan", "number.not_finite"),
        ("1 1 0 0.5 0.5 0.1 -inf", "number.not_finite"),
        ("1 1 0 0.5 0.5 0.1 1e999", "value.range"),
        ("1 1 0 0.5 0.5 0.1 1_0", "type.number"),
        ("1 1 0 0.5 0.5 0.1 ١", "type.number"),
        ("1.5 1 0 0.5 0.5 0.1 0.2", "type.number"),
        ("-1 1 0 0.5 0.5 0.1 0.2", "type.number"),
        ("1 none 0 0.5 0.5 0.1 0.2", "type.number"),
        ("1 -1 0 0.5 0.5 0.1 0.2", "type.number"),
        ("1 1 0.0 0.5 0.5 0.1 0.2", "type.number"),
        ("1 1 0 0.5 0.5 -0.1 0.2", "geometry.bbox_size"),
        ("1 1 0 50000 0.5 0.1 0.2", "value.range"),
        ("1 1 3 0.5 0.5 0.1 0.2", "ref.category"),
        ("1 1 0 0 0 0.5 0.5 1 1", "polygon.zero_area"),
        ("99999999999 1 0 0.5 0.5 0.1 0.2", "limit.frames"),
        ("1" * 30 + " 1 0 0.5 0.5 0.1 0.2", "type.number"),
        ("1 1 0" + " 0.5" * 300_000, "limit.points"),
    ],
)
def test_a_bad_row_costs_itself(tmp_path: Path, row: str, code: str) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    path = tmp_path / "a.txt"
    path.write_text(GOOD + row + "\n\n2 1 1 0.5 0.5 0.1 0.2\r\n", encoding="utf-8")
    dataset = dl.Dataset.open(path, "yolo-video", on_error="skip", yolo_video_size="100x50")
    [(_, [track])] = dataset
    assert (track.start_frame, track.end_frame) == (0, 2)
    assert [state.label for state in track.states] == ["cat", "cat", "dog"]
    assert [entry.code for entry in dataset.problems.entries] == [code]  # type: ignore[union-attr]
    assert dataset.problems.entries[0].location == "line 2"  # type: ignore[union-attr]
    with pytest.raises(dl.FormatError, match="line 2"):
        list(dl.Dataset.open(path, "yolo-video", yolo_video_size="100x50"))


def test_rows_without_an_object_and_repeats(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(
        "0 None 7 0.5 0.5 0.1 0.2\n0 None 7 0.5 0.5 0.1 0.2\n"
        "3 4 7 0.5 0.5 0.1 0.2\n3 4 7 0.5 0.5 0.1 0.2\n3 4 7 0.25 0.5 0.1 0.2\n"
        "3 4 7 0.1 0.1 0.5 0.5 0.1 0.5\n5 4 7 0.1 0.1 0.5 0.5 0.1 0.5\n"
    )
    dataset = dl.Dataset.open(path, on_error="skip", yolo_video_size="100x50")
    [(_, found)] = dataset
    assert [(a.object_id, a.type, a.label, a.start_frame, a.end_frame) for a in found] == [
        (None, "box", "7", 0, 0),
        (None, "box", "7", 0, 0),
        ("4", "box", "7", 3, 3),
        ("4", "box", "7", 3, 3),
        ("4", "segment", "7", 3, 5),
    ]
    assert not found[4].frames[4].object_visible
    codes = [entry.code for entry in dataset.problems.entries]  # type: ignore[union-attr]
    assert sorted(codes) == ["record.duplicate", "ref.duplicate_id"]


def test_what_is_no_row_of_a_video_is_not_recognised(tmp_path: Path) -> None:
    for k, text in enumerate(
        [
            "",
            "0 0.5 0.5 0.1 0.2\n",
            "0 0.1 0.1 0.5 0.5 0.1 0.5\n",
            "0 0.1 0.1 0.5 0.5 0.1 0.5 0.3 0.3\n",
            "1,1,0,0,9,9,1,1,1\n",
            "hello world\n",
            GOOD + "hello\n",
            "1" * 5000 + GOOD[1:],
            "0 " + "1" * 5000 + " 0 0.5 0.5 0.1 0.2\n",
        ]
    ):
        path = tmp_path / f"{k}.txt"
        path.write_text(text)
        assert recognise(path) == 0, text
    assert recognise(tmp_path) == 0
    assert recognise(tmp_path / "none.txt") == 0


def film(*annotations: dl.Annotation, **facts: Any) -> dl.Dataset:
    item = dl.Item(**{"name": "v.mp4", "width": 64, "height": 48, "media": "video", **facts})
    return dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, annotations))])


def test_what_rows_cannot_hold_is_told(tmp_path: Path) -> None:
    def track(*shapes: dl.Definition, visible: bool = True) -> dl.Annotation:
        keys = tuple(Keyframe(k, shape, visible) for k, shape in enumerate(shapes))
        return Track(keys, object_id="5").to_annotation()

    square = np.array([(0, 0), (9, 0), (9, 9), (0, 9)], dtype=float)
    ring = dl.Polygon([square * 3, square + 3], "cat")
    flat = dl.Polygon([[(0, 0), (5, 5), (9, 9)]], "cat")
    report = film(
        dl.Annotation(dl.Subtitle("hello", "Bob"), start_time=0.0, end_time=1.0),
        track(dl.Ellipse(9, 9, 4, 2, 0, "cat")),
        track(dl.Box(9, 9, 20, 12, "cat", angle=30)),
        track(dl.Box(0, 0, 1, 1, "cat"), visible=False),
        track(dl.Box(0, 0, 9e6, 1, "cat")),
        track(dl.Box(0, 0, 1, 1)),
        track(ring),
        track(dl.Point(3, 4, "cat")),
        track(dl.Polygon([square], "cat"), flat),
        track(flat),
    ).write(tmp_path / "out", format="yolo-video")
    report.check()
    assert {key: kind.count for key, kind in report.codes.items()} == {
        ("dropped", "shape.no_box"): 1,
        ("dropped", "video.hidden"): 1,
        ("dropped", "value.range"): 1,
        ("dropped", "ref.category"): 1,
        ("dropped", "polygon.zero_area"): 1,
        ("approximated", "geometry.to_polygon"): 2,
        ("approximated", "geometry.bridged"): 1,
        ("approximated", "geometry.to_box"): 1,
        ("approximated", "polygon.zero_area"): 1,
    }
    [(_, found)] = dl.Dataset.open(tmp_path / "out", on_error="skip", yolo_video_size="64x48")
    joined = found[2].annotation_definition
    assert isinstance(joined, dl.Polygon)
    assert to_segmentation(joined, (48, 64)).area == to_segmentation(ring, (48, 64)).area


def test_sizes_are_needed(tmp_path: Path) -> None:
    one = Track((Keyframe(0, dl.Box(0, 0, 10, 10, "cat")),), 2, "1").to_annotation()
    unsized = film(one, width=None, height=None)
    with pytest.raises(dl.FormatError, match="--yolo-video-size") as error:
        unsized.write(tmp_path / "a", format="yolo-video")
    assert error.value.code == "image.size"
    assert not (tmp_path / "a").exists()
    unsized.write(tmp_path / "b", format="yolo-video", yolo_video_size="100x50")
    assert (tmp_path / "b" / "v.txt").read_text().splitlines()[0] == "0 1 0 0.05 0.1 0.1 0.2"
    film(one).write(tmp_path / "c", format="yolo-video", yolo_video_decimals=6)
    assert (tmp_path / "c" / "v.txt").read_text().splitlines()[2] == (
        "2 1 0 0.078125 0.104167 0.156250 0.208333"
    )
    for wrong in ("0x5", "100", "axb", "1x2x3"):
        with pytest.raises(dl.UsageError, match="WIDTHxHEIGHT"):
            film(one).write(tmp_path / "d", format="yolo-video", yolo_video_size=wrong)


def test_two_videos_never_share_a_file(tmp_path: Path) -> None:
    pairs = []
    for name in ("labels.mp4", "a.mp4", "a.avi"):
        item = dl.Item(name=name, width=64, height=48, media="video")
        one = dl.Annotation(dl.Box(0, 0, 1, 1, "cat"), frame_num=1, end_frame_num=1)
        pairs.append((item, dl.AnnotationCollection(item, [one])))
    dl.Dataset.from_pairs(pairs).write(tmp_path / "out", format="yolo-video")
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(files) == 4
    assert (tmp_path / "out" / "labels.txt").read_text() == "cat\n"
    assert len(list(dl.Dataset.open(tmp_path / "out", yolo_video_size="64x48"))) == 3


def test_dataloop_there_and_back_keeps_what_is_seen(tmp_path: Path) -> None:
    box, other = dl.Box(5, 5, 25, 25, "car"), dl.Box(25, 5, 45, 35, "car")
    gap = Track(
        (Keyframe(3, box), Keyframe(6, box, False), Keyframe(9, other), Keyframe(12, box)), 14, "8"
    )
    single = Track((Keyframe(7, dl.Polygon([[(0, 0), (9, 0), (9, 9)]], "dog")),), 7, "2")
    source = film(gap.to_annotation(), single.to_annotation(), name="v", fps=25.0)
    source.write(tmp_path / "json", format="dataloop")
    dl.Dataset.open(tmp_path / "json").write(tmp_path / "rows", format="yolo-video")
    dl.Dataset.open(tmp_path / "rows", yolo_video_size="64x48").write(
        tmp_path / "again", format="dataloop"
    )
    back = dl.Dataset.open(tmp_path / "again")
    for (label, place), (again, there) in zip(
        seen(source).values(), seen(back).values(), strict=True
    ):
        assert label == again
        assert np.allclose(place, there, atol=2e-6)
    assert seen(source).keys() == seen(back).keys()


def test_tracks_of_hours_are_written_as_they_are_walked_through(tmp_path: Path) -> None:
    ends = (Keyframe(0, dl.Box(0, 0, 1, 1, "car")), Keyframe(9_999, dl.Box(9, 0, 10, 1, "car")))
    ways = [Track(ends, object_id=str(k)).to_annotation() for k in range(3)]
    film(*ways).write(tmp_path / "out", format="yolo-video")
    assert (tmp_path / "out" / "v.txt").read_text().count("\n") == 30_000
