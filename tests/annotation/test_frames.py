"""States of an annotation over frames: step and hold, and reading changes nothing."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.annotation import Annotation, AnnotationCollection, FrameAnnotation
from dlgeom.definitions import Box, Classification, Point, Subtitle
from dlgeom.errors import UsageError
from dlgeom.item import Item

VIDEO = Item(name="a.mp4", media="video", fps=25)


def box(left: float, label: str = "car") -> Box:
    return Box(left, 0, left + 10, 10, label)


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[int, int, int, bool, bool]]:
    """First frame, last frame, left edge, fixed, visible."""
    one = st.tuples(
        st.integers(0, 30), st.integers(0, 6), st.integers(0, 3), st.booleans(), st.booleans()
    )
    return [(a, a + n, x, f, v) for a, n, x, f, v in draw(st.lists(one, min_size=1, max_size=12))]


def model(steps: list[tuple[int, int, int, bool, bool]]) -> dict[int, tuple[int, bool, bool]]:
    """What a dict with an entry for each frame gives: what was set last counts, then holds."""
    known: dict[int, tuple[int, bool, bool]] = {}
    for first, last, x, fixed, visible in steps:
        for frame in range(first, (last if fixed else first) + 1):
            known[frame] = (x, fixed, visible)
    found = {}
    end = max(step[1] for step in steps)
    for frame in range(min(known), end + 1):
        if frame in known:
            found[frame] = known[frame]
        else:
            x, _, visible = found[frame - 1]
            found[frame] = (x, False, visible)
    return found


@given(edits())
def test_frames_are_those_of_a_dict_of_all_frames(
    steps: list[tuple[int, int, int, bool, bool]],
) -> None:
    annotation = Annotation.new(VIDEO)
    for first, last, x, fixed, visible in steps:
        annotation.add_frames(box(x), first, last, fixed=fixed, object_visible=visible)
    expected = model(steps)
    before = copy.deepcopy(annotation)
    found = {k: (int(s.left), s.fixed, s.object_visible) for k, s in annotation.frames.items()}
    assert found == expected
    assert list(annotation.frames) == sorted(expected)
    assert annotation == before
    assert pickle.loads(pickle.dumps(annotation)) == annotation


@given(edits(), st.integers(-2, 40))
def test_set_frame_shows_the_state_and_changes_nothing(
    steps: list[tuple[int, int, int, bool, bool]], frame: int
) -> None:
    annotation = Annotation.new(VIDEO)
    for first, last, x, fixed, visible in steps:
        annotation.add_frames(box(x), first, last, fixed=fixed, object_visible=visible)
    frames = dict(annotation.frames)
    same = annotation.copy()
    assert annotation.set_frame(frame) is (frame in frames)
    if frame in frames:
        assert annotation.left == frames[frame].left
        assert annotation.fixed == frames[frame].fixed
        assert annotation.current_frame == frame
    assert dict(annotation.frames) == frames
    assert annotation == same
    assert annotation.to_json() == same.to_json()


@given(edits(), st.integers(0, 40))
def test_an_edit_in_between_leaves_its_key_frame_alone(
    steps: list[tuple[int, int, int, bool, bool]], frame: int
) -> None:
    annotation = Annotation.new(VIDEO)
    for first, last, x, fixed, visible in steps:
        annotation.add_frames(box(x), first, last, fixed=fixed, object_visible=visible)
    before = dict(annotation.frames)
    if not annotation.set_frame(frame):
        return
    annotation.label = "edited"
    after = annotation.frames
    assert set(after) == set(before)
    assert after[frame].label == "edited"
    assert all(after[k].label == before[k].label for k in before if k < frame)
    assert all(after[k].left == before[k].left for k in before)


def test_documented_use_of_frames() -> None:
    annotation = Annotation.new(item=VIDEO)
    for frame in range(100):
        annotation.add_frame(box(2 * frame), frame_num=frame, fixed=True)
    assert [annotation.frames[key].left for key in annotation.frames] == [
        2 * frame for frame in range(100)
    ]
    assert (annotation.start_frame, annotation.end_frame) == (0, 99)
    assert (annotation.start_time, annotation.end_time) == (0, 99 / 25)
    annotation.add_frame(box(7))
    assert annotation.end_frame == 100


def test_frames_refuse_what_they_do_not_have() -> None:
    annotation = Annotation.new(VIDEO, box(1), frame_num=3)
    annotation.add_frame(box(2), 9)
    for frame in (2, 10, 4.5, "5", True):
        assert frame not in annotation.frames
        with pytest.raises(KeyError):
            annotation.frames[frame]  # type: ignore[index]
    assert annotation.frames[5] == FrameAnnotation(box(1), 5, False, True, True)
    with pytest.raises(UsageError, match="one type"):
        annotation.add_frame(Point(1, 2, "car"), 5)
    with pytest.raises(UsageError, match="before frame_num"):
        annotation.add_frames(box(1), 9, 3)
    with pytest.raises(UsageError, match="whole numbers"):
        annotation.add_frame(box(1), -1)


def test_a_long_range_is_no_list() -> None:
    annotation = Annotation.new(VIDEO, box(1), frame_num=0)
    annotation.add_frames(box(2), 10, 10**12)
    assert len(annotation.later) == 1
    assert annotation.frames[10**11].left == 2
    assert annotation.frames[10**11].fixed


def test_the_same_object_id_continues_its_annotation() -> None:
    builder = VIDEO.annotations.builder()
    for frame in range(100):
        for thing in range(10):
            builder.add(box(frame + thing), frame_num=frame, object_id=thing + 1)
    assert len(builder) == 10
    shown = builder.get_frame(frame_num=55)
    assert [a.left for a in shown] == [55 + thing for thing in range(10)]
    assert len(builder.get_frame(100)) == 0
    with pytest.raises(UsageError, match="one type"):
        builder.add(Point(1, 2, "car"), frame_num=5, object_id=1)
    with pytest.raises(UsageError, match="object_id"):
        builder.add(box(1), object_id="abc")


def test_in_an_image_object_ids_do_not_merge() -> None:
    builder = Item(name="a.jpg").annotations.builder()
    builder.add(box(1), object_id=1)
    builder.add(box(2), object_id=1)
    assert len(builder) == 2


def test_subtitles_are_alive_while_they_are_shown() -> None:
    builder = VIDEO.annotations.builder()
    builder.add(Subtitle("hi", "Ann"), start_time=1.0, end_time=2.0)
    assert [len(builder.get_frame(f)) for f in (24, 25, 49, 50)] == [0, 1, 1, 0]
    assert (builder[0].start_time, builder[0].end_time) == (1.0, 2.0)


def test_an_image_annotation_has_one_frame() -> None:
    annotation = Annotation(Classification("cat"))
    assert not annotation.is_video
    assert (annotation.start_frame, annotation.end_frame) == (0, 0)
    collection = AnnotationCollection(annotations=[annotation])
    assert len(collection.get_frame(0)) == 1
    assert len(collection.get_frame(1)) == 0


def test_many_frames_cost_no_more_than_their_number() -> None:
    # Each step that copied or sorted what is there would take minutes here.
    annotation = Annotation.new(VIDEO)
    for frame in range(20_000):
        annotation.add_frame(box(frame), frame_num=frame)
    assert sum(annotation.frames[k].left == k for k in annotation.frames) == 20_000


def test_a_copy_shares_no_metadata() -> None:
    given = {"user": {"k": {"n": 1}}}
    annotation = Annotation.new(annotation_definition=box(1), metadata=given)
    builder = AnnotationCollection(annotations=[annotation])
    builder.add(box(2), metadata=given)
    for found in (*builder.get_frame(0), *builder):
        assert found.metadata is not None
        found.metadata["user"]["k"]["n"] += 1
    assert given == {"user": {"k": {"n": 1}}}
    assert [a.metadata for a in builder] == [{"user": {"k": {"n": 2}}}] * 2
