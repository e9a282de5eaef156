"""Frames of videos as images and back: names, ids, visibility; nothing lost without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.converters.films import FilmItems
from dlgeom.converters.frames import FrameItems, frame_name
from dlgeom.converters.problems import Problems
from dlgeom.video import Keyframe, Track

numbers = st.integers(0, 400).map(lambda n: n / 8)


def quiet() -> Problems:
    return Problems(strict=False, listener=lambda _: None)


@st.composite
def tracks(draw: st.DrawFn, thing: int) -> Track:
    frames = draw(st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True))
    keyframes = []
    for frame in frames:
        x, y, w, h = (draw(numbers) for _ in range(4))
        keyframes.append(
            Keyframe(frame, dl.Box(x, y, x + w, y + h, f"label {thing % 2}"), draw(st.booleans()))
        )
    end = max(frames) + draw(st.integers(0, 3))
    return Track(tuple(keyframes), end, str(thing), draw(st.sampled_from(["hold", "linear"])))


@st.composite
def films(draw: st.DrawFn) -> list[tuple[dl.Item, dl.AnnotationCollection]]:
    pairs = []
    for number in range(draw(st.integers(1, 2))):
        item = dl.Item(name=f"{number}.mp4", width=200, height=100, media="video", fps=25)
        found = [draw(tracks(k)).to_annotation() for k in range(draw(st.integers(0, 3)))]
        pairs.append((item, dl.AnnotationCollection(item, found)))
    if draw(st.booleans()):
        still = dl.Item(name="still.jpg", width=200, height=100)
        collection = dl.AnnotationCollection(still, [dl.Annotation(dl.Box(0, 0, 1, 1, "still"))])
        pairs.insert(draw(st.integers(0, len(pairs))), (still, collection))
    return pairs


def seen(pairs: Any) -> dict[tuple[str, int], list[tuple[Any, ...]]]:
    """Return what is seen in each frame: object, label, edges."""
    found: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
    for item, annotations in pairs:
        for annotation in annotations:
            for frame, state in annotation.frames.items():
                if state.object_visible:
                    box = state.annotation_definition
                    row = (annotation.object_id, box.label, *np.round(box.bounds, 6).tolist())
                    found.setdefault((item.name, frame), []).append(row)
    return {key: sorted(rows) for key, rows in found.items()}


@given(films())
@settings(max_examples=150)
def test_each_frame_has_what_is_seen_in_it(pairs: Any) -> None:
    before = [annotations[:] for _, annotations in pairs]
    reader = FrameItems(dl.Dataset.from_pairs(pairs).reader, quiet())
    wanted = seen(pair for pair in pairs if pair[0].media == "video")
    found = {}
    names = []
    for chunk in reader.chunks(grouped=True):
        for item, annotations in chunk.pairs():
            names.append(item.name)
            assert item.number == len(names) - 1
            if item.media == "video" or item.name == "still.jpg":
                continue
            film, _, rest = str(item.name).partition(".frame.")
            rows = [(a.object_id, a.label, *np.round(a.bounds, 6).tolist()) for a in annotations]
            assert not any(a.later or a.frame_num is not None for a in annotations)
            found[film, int(rest.removesuffix(".png"))] = sorted(rows)
    assert found == wanted
    assert len(set(names)) == len(names)
    assert before == [annotations[:] for _, annotations in pairs]


@given(films())
@settings(max_examples=150)
def test_frames_become_the_video_again(pairs: Any) -> None:
    reader = FrameItems(dl.Dataset.from_pairs(pairs).reader, quiet())
    back = FilmItems(reader, quiet())
    found = [pair for chunk in back.chunks(grouped=True) for pair in chunk.pairs()]
    assert all(item.media == "video" for item, _ in found)
    assert [item.number for item, _ in found] == list(range(len(found)))
    films = seen(pair for pair in pairs if pair[0].media == "video")
    assert {k: v for k, v in seen(found).items() if not k[0].startswith("video")} == films


def film(*annotations: dl.Annotation, **fields: Any) -> dl.Dataset:
    item = dl.Item(name="a/v.mp4", width=64, height=48, media="video", **fields)
    return dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, annotations))])


def moving(start: int = 2, end: int = 6, **fields: Any) -> dl.Annotation:
    track = Track(
        (Keyframe(start, dl.Box(0, 0, 9, 9, "car")), Keyframe(end, dl.Box(8, 0, 17, 9, "car")))
    )
    annotation = track.to_annotation()
    for name, value in fields.items():
        setattr(annotation, name, value)
    return annotation


def read(path: Path) -> list[tuple[dl.Item, dl.AnnotationCollection]]:
    return list(dl.Dataset.open(path))


@pytest.mark.parametrize(
    ("which", "frames"),
    [
        ("annotated", [2, 3, 4, 5, 6]),
        ("key", [2, 6]),
        ("2", [2, 4, 6]),
        ("all", list(range(9))),
        ("none", []),
    ],
)
def test_the_user_chooses_frames(tmp_path: Path, which: str, frames: list[int]) -> None:
    report = film(moving(), frame_count=9).write(tmp_path / "a.json", format="coco", frames=which)
    found = read(tmp_path / "a.json")
    assert [item.name for item, _ in found] == [frame_name("a/v.mp4", k) for k in frames]
    assert report.read == report.written + report.approximated + report.dropped
    if which == "none":
        assert report.codes["dropped", "video.frames"].count == 1
        return
    assert report.dropped == 0
    told = report.codes["notice", "video.frames"]
    assert "a/v.mp4.frame.0.png" in told.message
    lefts = {str(item.name): [a.left for a in annotations] for item, annotations in found}
    assert lefts.get(frame_name("a/v.mp4", 4), [4.0] if which == "key" else []) == [4.0]


def test_things_without_an_id_get_one_and_the_source_stays_as_it_is(tmp_path: Path) -> None:
    one, two = moving(), moving(object_id="0")
    film(one, two).write(tmp_path / "a.json", format="coco")
    assert one.object_id is None
    ids = {
        annotation.extra["object_id"]
        for _, found in read(tmp_path / "a.json")
        for annotation in found
    }
    assert ids == {"0", "1"}


def test_what_has_no_place_in_a_frame_is_dropped_and_told(tmp_path: Path) -> None:
    subtitle = dl.Annotation(dl.Subtitle("hello", "Bob"), start_time=0.0, end_time=1.0)
    report = film(moving(), subtitle).write(tmp_path / "a.json", format="coco")
    assert report.codes["dropped", "video.frames"].count == 1
    assert len(read(tmp_path / "a.json")) == 5


def test_ten_hours_are_walked_through_without_a_list(tmp_path: Path) -> None:
    last = 10 * 3600 * 30 - 1
    ways = [moving(k, last, object_id=str(k)) for k in range(20)]
    report = film(*ways).write(tmp_path / "a.json", format="coco", frames=str(last // 4))
    assert len(read(tmp_path / "a.json")) == 5
    assert report.written == 81


def test_wrong_choices_are_told(tmp_path: Path) -> None:
    for which in ("every", "0", "-1", "1.5", "²"):
        with pytest.raises(dl.UsageError, match="every n-th"):
            film(moving()).write(tmp_path / "a.json", format="coco", frames=which)


def _pictures(names: list[str], **fields: Any) -> dl.Dataset:
    pairs = []
    for k, name in enumerate(names):
        item = dl.Item(name=name, width=64, height=48)
        box = dl.Annotation(dl.Box(k, 0, k + 9, 9, "car"), **fields)
        pairs.append((item, dl.AnnotationCollection(item, [box])))
    return dl.Dataset.from_pairs(pairs)


def _joined(dataset: dl.Dataset) -> list[tuple[dl.Item, dl.AnnotationCollection]]:
    back = FilmItems(dataset.reader, quiet())
    return [pair for chunk in back.chunks(grouped=True) for pair in chunk.pairs()]


def test_images_of_a_folder_are_a_video_in_the_order_of_their_numbers() -> None:
    names = ["b/img10.jpg", "b/img9.jpg", "c/1.jpg", "b/img11.jpg"]
    found = _joined(_pictures(names, object_id="7"))
    assert [item.name for item, _ in found] == ["b", "c"]
    [track] = found[0][1]
    assert (track.object_id, track.start_frame, track.end_frame) == ("7", 0, 2)
    assert [track.frames[k].left for k in range(3)] == [1, 0, 3]


def test_gaps_are_hidden_and_scores_stay_with_their_frames() -> None:
    names = [frame_name("v.mp4", k) for k in (0, 1, 5)]
    [(item, [track])] = _joined(_pictures(names, object_id="7", score=0.5))
    assert (item.name, item.frame_count) == ("v.mp4", 6)
    assert [state.object_visible for state in track.frames.values()] == [1, 1, 0, 0, 0, 1]
    assert track.frames[1].attributes == {"score": 0.5}


def test_an_object_that_is_in_two_places_or_of_two_types_is_not_lost() -> None:
    item = dl.Item(name="1.jpg", width=64, height=48)
    shapes = [dl.Box(0, 0, 9, 9, "a"), dl.Box(9, 0, 19, 9, "a"), dl.Point(3, 3, "a")]
    found = [dl.Annotation(shape, object_id="7") for shape in shapes]
    [(_, joined)] = _joined(dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, found))]))
    assert sorted(str(a.annotation_definition) for a in joined) == sorted(map(str, shapes))
    assert all(a.object_id == "7" for a in joined)
