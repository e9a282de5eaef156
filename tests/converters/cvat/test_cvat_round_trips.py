"""CVAT: what is written is read again, for shapes and tracks of every kind."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from cvat_strategies import KINDS, SIZE, labels, shapes, tracks
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl


def written(pairs: Any, **options: Any) -> tuple[Any, list[Any], list[str]]:
    """Write pairs and read them again; return report, pairs and the texts of the files."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out"
        report = dl.Dataset.from_pairs(pairs).write(target, format="cvat", **options)
        report.check()
        texts = [path.read_text("utf-8") for path in sorted(target.rglob("*.xml"))]
        return report, list(dl.Dataset.open(target)), texts


def film(*annotations: dl.Annotation, count: int | None = None, **more: Any) -> list[Any]:
    item = dl.Item(
        name="a b.mp4", width=SIZE[0], height=SIZE[1], media="video", frame_count=count, **more
    )
    return [(item, dl.AnnotationCollection(item, annotations))]


def same(a: Any, b: Any) -> bool:
    """Whether two shapes are equal; poses in columns do not say if a point was given as seen."""
    if isinstance(a, dl.Pose):
        told = (a.names, a.skeleton, a.label) == (b.names, b.skeleton, b.label)
        return told and bool((a.keypoints == b.keypoints).all())
    # Turned boxes travel as centre and size.
    return bool(a.is_close(b, atol=1e-9) if isinstance(a, dl.Box) else a == b)


def attributes_of(shape: Any) -> dict[str, Any]:
    return dict(shape.attributes)


def close(a: Any, b: Any) -> bool:
    """Whether two shapes are the same but for rounding in what lies between key frames."""
    if type(a) is not type(b) or (a.label, attributes_of(a)) != (b.label, attributes_of(b)):
        return False
    if isinstance(a, dl.Segmentation):
        return bool(a == b)
    if isinstance(a, dl.Pose):
        told = (a.names, a.skeleton) == (b.names, b.skeleton)
        return told and bool(np.allclose(a.keypoints, b.keypoints, rtol=0, atol=1e-6))
    return bool(a.is_close(b, atol=1e-6))


def assert_same_frames(before: Any, after: Any) -> None:
    """See that each thing looks the same in each frame; pieces follow their first one."""
    given = {one.object_id for one in before}
    groups: list[list[Any]] = []
    for one in after:
        if one.object_id in given:
            groups.append([one])
        else:
            groups[-1].append(one)
    assert len(groups) == len(list(before))
    for one, pieces in zip(before, groups, strict=True):
        assert pieces[0].object_id == one.object_id
        for frame in range(20):
            state = one.frames.get(frame)
            visible = state is not None and state.object_visible
            found = [p.frames[frame] for p in pieces if frame in p.frames]
            seen = [s for s in found if s.object_visible]
            assert len(seen) == int(visible), (frame, one, pieces)
            if visible:
                a, b = state.annotation_definition, seen[0].annotation_definition
                assert close(a, b), (frame, a, b, one, pieces)


@given(st.data(), st.sampled_from([None, 16, 40]))
@settings(max_examples=150)
def test_tracks_are_the_same_in_each_frame(data: Any, count: int | None) -> None:
    given_ = [data.draw(tracks(k)) for k in range(data.draw(st.integers(1, 2)))]
    report, [(item, found)], _ = written(film(*given_, count=count))
    assert report.dropped == 0
    assert (item.name, item.width, item.height, item.media) == ("a b.mp4", *SIZE, "video")
    end = max(one.end_frame for one in given_)
    assert item.frame_count == (count or end + 1)
    assert set(report.codes) == (set() if count else {("notice", "video.frames")})
    assert len(found) == len(given_)
    assert_same_frames(given_, found)
    for a, b in zip(given_, found, strict=True):
        assert a.source == b.source
        assert (a.start_frame, a.end_frame) == (b.start_frame, b.end_frame)


@given(st.data())
@settings(max_examples=100)
def test_tracks_that_change_kind_or_label_become_several(data: Any) -> None:
    given_ = [data.draw(tracks(k, mixed=True)) for k in range(2)]
    report, [(_, found)], _ = written(film(*given_, count=30))
    assert report.dropped == 0
    split = [
        len({(type(s.annotation_definition), s.label) for s in one.states}) > 1 for one in given_
    ]
    assert (len(found) > 2) == any(split)
    kinds = report.codes.get(("approximated", "video.parts"))
    assert (0 if kinds is None else kinds.count) == sum(split)
    assert_same_frames(given_, found)


@given(st.data())
@settings(max_examples=100)
def test_written_once_read_and_written_again_is_the_same(data: Any) -> None:
    given_ = [data.draw(tracks(k)) for k in range(2)]
    _, pairs, texts = written(film(*given_, count=30))
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.xml", Path(folder) / "b.xml"
        first.write_text(texts[0], "utf-8")
        dl.Dataset.open(first).write(second, format="cvat").check()
        again = list(dl.Dataset.open(second))
        third = Path(folder) / "c.xml"
        dl.Dataset.open(second).write(third, format="cvat")
        assert third.read_bytes() == second.read_bytes()
    assert list(again[0][1]) == list(pairs[0][1])


@given(st.data())
@settings(max_examples=150)
def test_shapes_of_images_are_the_same(data: Any) -> None:
    kinds = [*KINDS, "mask", "empty mask"]
    pairs = []
    for k in range(data.draw(st.integers(1, 2))):
        item = dl.Item(
            name=f"day {k}/i&{k}.jpg", width=SIZE[0], height=SIZE[1], id=k + 5, subset=f"s{k}"
        )
        found = []
        for _ in range(data.draw(st.integers(0, 4))):
            kind, label = data.draw(st.sampled_from(kinds)), data.draw(labels)
            name = f"{label} {kind}" if kind == "pose" else label
            shape = data.draw(shapes(kind, name))
            found.append(dl.Annotation(shape, extra={"group_id": 3, "mine": "a&b"}, score=0.1))
        if data.draw(st.booleans()):
            found.append(dl.Annotation(dl.Classification(data.draw(labels), {"text": "x"})))
        pairs.append((item, dl.AnnotationCollection(item, found)))
    report, again, texts = written(pairs)
    assert len(texts) == 1
    assert report.dropped == report.approximated == 0
    assert not +report.fields
    assert len(again) == len(pairs)
    for (item, before), (other, after) in zip(pairs, again, strict=True):
        assert (other.name, other.width, other.height) == (item.name, item.width, item.height)
        assert (other.id, other.subset) == (item.id, item.subset)
        assert len(before) == len(after)
        for a, b in zip(before, after, strict=True):
            x, y = a.annotation_definition, b.annotation_definition
            assert type(x) is type(y)
            assert (x.label, attributes_of(x)) == (y.label, attributes_of(y))
            assert same(x, y)
            assert (a.extra, a.score) == (b.extra, b.score)


def test_turned_boxes_keep_their_decimals() -> None:
    item = dl.Item(name="a.jpg", width=900, height=900)
    box = dl.Box(421.37, 10.1, 533.69, 77.77, "a", angle=33.3)
    found = dl.AnnotationCollection(item, [dl.Annotation(box)])
    _, again, [text] = written([(item, found)])
    assert 'xtl="421.37" ytl="10.1" xbr="533.69" ybr="77.77" rotation="33.3"' in text
    assert again[0][1][0].angle == 33.3


def test_angles_are_written_from_0_to_360() -> None:
    item = dl.Item(name="a.jpg", width=900, height=900)
    shapes_ = [dl.Box(0, 0, 4, 2, "a", angle=-90), dl.Ellipse(9, 9, 4, 2, 720, "a")]
    _, again, [text] = written(
        [(item, dl.AnnotationCollection(item, [dl.Annotation(shape) for shape in shapes_]))]
    )
    assert 'rotation="270"' in text
    assert [one.angle for one in again[0][1]] == [270, 0]


def test_a_mask_is_written_row_by_row_in_its_box() -> None:
    item = dl.Item(name="a.jpg", width=6, height=5)
    pixels = np.zeros((5, 6), dtype=bool)
    pixels[1:3, 2:5] = [[0, 1, 1], [1, 0, 1]]
    shape = dl.Segmentation(pixels, "a")
    _, again, [text] = written([(item, dl.AnnotationCollection(item, [dl.Annotation(shape)]))])
    assert 'rle="1, 3, 1, 1" left="2" top="1" width="3" height="2"' in text
    assert again[0][1][0].annotation_definition == shape


def test_the_rear_of_a_cuboid_is_written_from_the_right() -> None:
    # CVAT's canvas: edges front left, front right, rear right, rear left.
    item = dl.Item(name="a.jpg", width=60, height=50)
    cube = dl.Cube("a", (0, 5), (10, 5), (10, 15), (0, 15), (4, 0), (14, 0), (14, 10), (4, 10))
    _, again, [text] = written([(item, dl.AnnotationCollection(item, [dl.Annotation(cube)]))])
    assert 'xtl1="0" ytl1="5" xbl1="0" ybl1="15" xtr1="10" ytr1="5" xbr1="10" ybr1="15"' in text
    assert 'xtl2="14" ytl2="0" xbl2="14" ybl2="10" xtr2="4" ytr2="0" xbr2="4" ybr2="10"' in text
    assert again[0][1][0].annotation_definition == cube
