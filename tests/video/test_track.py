"""Tracks: through their key frames, gaps never bridged, edits that keep what they promise."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.video import FrameTimes, Keyframe, Track
from dlgeom.video.editing import from_detections, merge
from dlgeom.video.simplifying import deviation

few = settings(max_examples=min(200, settings.default.max_examples))
"""Costly laws: each example walks through many frames or records."""

numbers = st.integers(-800, 800).map(lambda n: n / 8)
MODES = st.sampled_from(["hold", "linear", "approach"])


@st.composite
def boxes(draw: st.DrawFn, turned: bool = False) -> dl.Box:
    x, y, w, h = draw(numbers), draw(numbers), draw(numbers), draw(numbers)
    label = draw(st.sampled_from(["a", "a", "a", "b"]))
    attributes = draw(st.sampled_from([None, None, {"k": 1}]))
    angle = draw(st.floats(-400, 400)) if turned else None
    return dl.Box(x, y, x + abs(w), y + abs(h), label, attributes, angle=angle)


@st.composite
def tracks(draw: st.DrawFn, turned: bool = False, labels: bool = True) -> Track:
    frames = draw(st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True))
    keyframes = [
        Keyframe(frame, draw(boxes(turned)), draw(st.booleans() | st.just(True)))
        for frame in frames
    ]
    if not labels:
        keyframes = [
            Keyframe(k.frame, k.definition.replace(label="a", attributes=None)) for k in keyframes
        ]
    end = max(frames) + draw(st.integers(0, 5))
    return Track(tuple(keyframes), end, "7", draw(MODES))


@given(tracks(turned=True))
def test_a_track_passes_through_its_keyframes(track: Track) -> None:
    for keyframe in track.keyframes:
        state = track.at(keyframe.frame)
        assert state is not None
        assert state.annotation_definition is keyframe.definition
        assert (state.object_visible, state.interpolated) == (keyframe.visible, False)


@given(tracks(), st.integers(0, 60))
def test_reading_is_pure_and_ends_at_the_ends(track: Track, frame: int) -> None:
    before = pickle.dumps(track)
    first, second = track.at(frame), track.at(frame)
    assert first == second
    assert (first is None) == (frame not in track)
    assert pickle.dumps(track) == before
    assert pickle.loads(before) == track


@few
@given(tracks())
def test_gaps_are_never_bridged(track: Track) -> None:
    visible = {frame for start, end in track.spans for frame in range(start, end + 1)}
    for frame in range(track.start_frame, track.end_frame + 1):
        state = track.at(frame)
        assert state is not None
        assert state.object_visible == (frame in visible)
    for index, keyframe in enumerate(track.keyframes[:-1]):
        following = track.keyframes[index + 1]
        if keyframe.visible and (following.visible or track.mode == "approach"):
            continue
        for frame in range(keyframe.frame, following.frame):
            state = track.at(frame)
            assert state is not None
            assert state.annotation_definition is keyframe.definition


@few
@given(tracks(), st.randoms())
def test_the_order_of_keyframes_does_not_matter(track: Track, random: Any) -> None:
    shuffled = list(track.keyframes)
    random.shuffle(shuffled)
    assert track.replace(keyframes=tuple(shuffled)) == track


def test_of_two_keyframes_at_one_frame_the_last_counts() -> None:
    first, second = dl.Box(0, 0, 1, 1, "a"), dl.Box(5, 5, 6, 6, "a")
    with pytest.warns(UserWarning, match="frame 3"):
        track = Track((Keyframe(3, first), Keyframe(3, second)))
    assert track.keyframes == (Keyframe(3, second),)
    with pytest.warns(UserWarning, match="nothing is interpolated"):
        mixed = Track((Keyframe(0, first), Keyframe(4, dl.Point(1, 1, "a"))))
    state = mixed.at(2)
    assert state is not None
    assert state.annotation_definition is first


def test_bad_tracks_are_refused() -> None:
    box = dl.Box(0, 0, 1, 1, "a")
    with pytest.raises(dl.UsageError, match="no key frame"):
        Track(())
    with pytest.raises(dl.UsageError, match="frame"):
        Track((Keyframe(-1, box),))
    with pytest.raises(dl.UsageError, match="end_frame is 3"):
        Track((Keyframe(5, box),), 3)
    with pytest.raises(dl.UsageError, match="mode"):
        Track((Keyframe(5, box),), mode="cubic")  # type: ignore[arg-type]
    with pytest.raises(dl.UsageError, match="no key frame"):
        Track((box,))  # type: ignore[arg-type]


# ------------------------------------------------------------------ edits


@given(tracks(), st.integers(0, 30), st.integers(0, 60))
def test_a_shifted_track_is_the_same_later(track: Track, by: int, frame: int) -> None:
    moved = track.shift(by)
    assert moved.shift(-by) == track
    here, there = track.at(frame), moved.at(frame + by)
    assert (here is None) == (there is None)
    if here is not None and there is not None:
        assert here.annotation_definition == there.annotation_definition
        assert here.object_visible == there.object_visible
    with pytest.raises(dl.UsageError, match="before frame 0"):
        track.shift(-track.start_frame - 1)


def same(a: Any, b: Any, atol: float = 1e-9) -> bool:
    return (
        a.annotation_definition.is_close(b.annotation_definition, atol=atol)
        and a.object_visible == b.object_visible
    )


@given(tracks(), st.integers(0, 45), st.integers(0, 45))
def test_a_cut_keeps_every_frame_of_it(track: Track, start: int, end: int) -> None:
    part = track.cut(start, end)
    frames = [frame for frame in range(start, end + 1) if frame in track]
    if not frames:
        assert part is None
        return
    assert part is not None
    assert (part.start_frame, part.end_frame) == (frames[0], frames[-1])
    for frame in frames:
        assert same(track.at(frame), part.at(frame))


@few
@given(tracks())
def test_a_dense_track_is_the_same_and_thins_out_again(track: Track) -> None:
    dense = track.to_dense()
    assert len(dense.keyframes) == len(track)
    for frame in range(track.start_frame, track.end_frame + 1):
        assert same(track.at(frame), dense.at(frame))


@few
@given(tracks(turned=True), st.sampled_from([0.0, 0.5, 3.0]))
def test_simplify_stays_within_its_tolerance(track: Track, tolerance: float) -> None:
    thin, worst = track.simplify(tolerance)
    assert worst <= tolerance
    assert set(thin.keyframes) <= set(track.keyframes)
    assert (thin.start_frame, thin.end_frame) == (track.start_frame, track.end_frame)
    met = 0.0
    for frame in range(track.start_frame, track.end_frame + 1):
        here, there = track.at(frame), thin.at(frame)
        assert here is not None
        assert there is not None
        assert here.object_visible == there.object_visible
        one, other = here.annotation_definition, there.annotation_definition
        assert (one.label, one.attributes) == (other.label, other.attributes)
        met = max(met, float(np.hypot(*(one.corners - other.corners).T).max()))
    assert met <= tolerance + 1e-6


@few
@given(tracks(labels=False))
def test_what_interpolation_made_is_taken_away_again(track: Track) -> None:
    dense = track.to_dense()
    thin, worst = dense.simplify(1e-6)
    assert worst <= 1e-6
    # The end that only holds is one more key frame of a dense track.
    assert len(thin.keyframes) <= len(track.keyframes) + 2


@given(
    tracks(),
    st.sampled_from([(10, 25), (25, 30), (24, "29.97"), (Fraction(30000, 1001), 60), (25, 25)]),
)
def test_a_higher_rate_and_back_is_the_identity(track: Track, rates: tuple[Any, Any]) -> None:
    low, high = rates
    up = track.resample(low, high)
    assert len(up.keyframes) == len(track.keyframes)
    assert up.resample(high, low) == track


def test_resampling_keeps_times() -> None:
    track = Track(
        (Keyframe(0, dl.Box(0, 0, 1, 1, "a")), Keyframe(25, dl.Box(9, 0, 10, 1, "a"))), 49
    )
    slow = track.resample(25, 5)
    assert ([k.frame for k in slow.keyframes], slow.end_frame) == ([0, 5], 9)


def test_pieces_of_one_thing_become_one_track() -> None:
    first = Track((Keyframe(0, dl.Box(0, 0, 1, 1, "a")), Keyframe(4, dl.Box(4, 0, 5, 1, "a"))), 6)
    second = Track((Keyframe(10, dl.Box(9, 0, 10, 1, "a")),), 12)
    whole = merge([second, first])
    assert whole.spans == [(0, 6), (10, 12)]
    for piece in (first, second):
        for frame in range(piece.start_frame, piece.end_frame + 1):
            assert same(whole.at(frame), piece.at(frame))
    over = merge([first, Track((Keyframe(3, dl.Box(50, 0, 51, 1, "a")),), 4)])
    assert [over.at(k).left for k in (2, 3, 4, 5)] == [2, 50, 50, 4]  # type: ignore[union-attr]
    with pytest.raises(dl.UsageError, match="no track"):
        merge([])
    with pytest.raises(dl.UsageError, match="modes"):
        merge([first, second.replace(mode="hold")])


@few
@given(tracks(), tracks())
def test_merging_keeps_the_later_track_whole(a: Track, b: Track) -> None:
    b = b.replace(mode=a.mode)
    whole = merge([a, b])
    for frame in range(b.start_frame, b.end_frame + 1):
        assert same(whole.at(frame), b.at(frame))
    assert whole.start_frame == min(a.start_frame, b.start_frame)
    assert whole.end_frame == max(a.end_frame, b.end_frame)
    for frame in range(a.start_frame, a.end_frame + 1):
        if frame not in b:
            assert same(whole.at(frame), a.at(frame))


def test_detections_become_tracks_with_gaps() -> None:
    found = [(frame, 7, dl.Box(frame, 0, frame + 1, 1, "a")) for frame in (5, 0, 1, 2, 9)]
    found.append((1, 8, dl.Box(0, 0, 1, 1, "b")))
    seven, eight = from_detections(found)
    assert (seven.object_id, eight.object_id) == ("7", "8")
    assert seven.spans == [(0, 2), (5, 5), (9, 9)]
    bridged = from_detections(found, max_gap=2)[0]
    assert bridged.spans == [(0, 5), (9, 9)]
    assert bridged.at(4).left == 4  # type: ignore[union-attr]
    with pytest.warns(UserWarning, match="two detections"):
        from_detections([found[0], found[0]])


def test_hours_of_a_thousand_things_cost_no_frame_lists() -> None:
    frames = 10 * 3600 * 30
    many = [
        Track(
            (
                Keyframe(0, dl.Box(k, 0, k + 1, 1, "a")),
                Keyframe(frames - 1, dl.Box(0, k, 1, k + 1, "a")),
            )
        )
        for k in range(1000)
    ]
    states = [track.at(frame) for track in many for frame in (0, 12_345, frames // 2, frames - 1)]
    assert all(state is not None for state in states)
    assert many[10].at((frames - 1) // 3).left == pytest.approx(20 / 3, abs=1e-4)  # type: ignore[union-attr]


def test_deviation_says_where_nothing_corresponds() -> None:
    ring = np.array([[0, 0], [9, 0], [9, 9.0]])
    other = np.array([[0, 0], [9, 0], [9, 9], [0, 9.0]])
    assert deviation(dl.Polygon(ring, "a"), dl.Polygon(ring + 3, "a")) == pytest.approx(18**0.5)
    assert deviation(dl.Polygon(ring, "a"), dl.Polygon(other, "a")) == np.inf
    assert deviation(
        dl.Polygon([ring, ring + 50], "a"), dl.Polygon([ring, ring + 51], "a")
    ) == pytest.approx(2**0.5)
    assert deviation(dl.Point(0, 0, "a"), dl.Box(0, 0, 1, 1, "a")) == np.inf
    assert deviation(dl.Ellipse(0, 0, 5, 3, 0, "a"), dl.Ellipse(3, 4, 5, 3, 0, "a")) == 5


# ------------------------------------------------------------------ times


@st.composite
def frame_times(draw: st.DrawFn) -> FrameTimes:
    if draw(st.booleans()):
        rate = draw(st.sampled_from([1, 10, 24, "23.976", 25, "29.97", 30, "59.94", 60, 120, 500]))
        return FrameTimes.constant(rate, draw(st.integers(1, 2000)))
    steps = draw(st.lists(st.integers(1, 200), max_size=30))
    ticks = np.cumsum([draw(st.integers(-50, 5000)), *steps]).tolist()
    return FrameTimes(ticks, Fraction(1, 1000))


@given(frame_times(), st.integers(0, 3000))
def test_frame_to_time_to_frame_is_the_identity(times: FrameTimes, frame: int) -> None:
    time = times.time(frame)
    assert times.frame_at(time, tolerance=0) == frame
    assert times.nearest(time) == frame
    assert times.frame_at(time) == frame
    assert times.time(frame + 1) > time


@given(frame_times(), st.integers(0, 3000))
def test_times_rounded_to_milliseconds_still_tell_the_frame(times: FrameTimes, frame: int) -> None:
    rounded = Fraction(round(times.time(frame) * 1000), 1000)
    assert times.nearest(rounded) == frame
    if times.time(frame + 1) - times.time(frame) > Fraction(3, 1000):
        assert times.frame_at(rounded) == frame


@pytest.mark.parametrize("rate", ["23.976", 24, 25, "29.97", 30, 50, "59.94", 60, 120, 499, 500])
def test_an_hour_of_frames_keeps_its_numbers(rate: Any) -> None:
    times = FrameTimes.constant(rate, 3600 * 500)
    last = 3600 * 30
    for frame in (*range(2000), *range(last - 2000, last), last * 10):
        assert times.frame_at(Fraction(round(times.time(frame) * 1000), 1000)) == frame


def test_a_player_that_multiplies_would_be_wrong() -> None:
    times = FrameTimes([0, 50, 90, 400, 420], Fraction(1, 1000))
    assert [times.frame_at(t) for t in (0.049, 0.05, 0.39, 0.41, 0.43, -0.1)] == [0, 1, 2, 3, 4, -1]
    assert times.rate == Fraction(4, 1) / Fraction(420, 1000)
    assert not times.is_constant
    assert times.duration == Fraction(440, 1000)
    box = [dl.Box(0, 0, 1, 1, "a"), dl.Box(42, 0, 43, 1, "a")]
    track = Track((Keyframe(0, box[0]), Keyframe(4, box[1])))
    assert track.at(2).left == 21  # type: ignore[union-attr]
    assert track.at(2, times=times).left == 9  # type: ignore[union-attr]
    assert track.at_time(0.1, times=times).left == 9  # type: ignore[union-attr]
    assert track.at_time(0.1, 20).left == 21  # type: ignore[union-attr]
    assert track.at_time(-1, 20) is None
    with pytest.raises(dl.UsageError, match="fps="):
        track.at_time(0.1)


def test_beyond_the_table_a_tolerance_never_reaches_the_next_frame() -> None:
    times = FrameTimes([0, 1, 2], Fraction(1, 5000))  # steps shorter than half a millisecond
    for frame in (2, 3, 10):
        assert times.frame_at(times.time(frame)) == frame
        assert times.frame_at(float(times.time(frame)), tolerance="0.0005") == frame


def test_a_stream_that_starts_late_counts_from_its_first_picture() -> None:
    times = FrameTimes([2000, 2040, 2080], Fraction(1, 1000))
    assert (times.start, times.time(0), times.frame_at(0.04)) == (2, 0, 1)
    assert times.is_constant
    assert times.rate == 25
    with pytest.raises(dl.UsageError, match="ascend"):
        FrameTimes([0, 0], Fraction(1))
    with pytest.raises(dl.UsageError, match="at least one"):
        FrameTimes([], Fraction(1))


# ------------------------------------------------------------------ annotations


@few
@given(tracks(turned=True))
def test_an_annotation_has_the_states_of_its_track(track: Track) -> None:
    annotation = track.to_annotation()
    assert Track.from_annotation(annotation) == track
    assert (annotation.start_frame, annotation.end_frame) == (track.start_frame, track.end_frame)
    frames = annotation.frames
    assert len(frames) == len(track)
    for frame in range(track.start_frame, track.end_frame + 1):
        state, wanted = frames[frame], track.at(frame)
        assert wanted is not None
        assert same(state, wanted)
        assert (state.interpolated, state.fixed) == (wanted.interpolated, wanted.fixed)


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 5), boxes(), st.booleans(), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    MODES,
)
def test_ranges_of_states_become_keyframes(given: list[Any], mode: Any) -> None:
    annotation = dl.Annotation.new()
    for first, more, box, fixed, visible in given:
        annotation.add_frames(box, first, first + more, fixed=fixed, object_visible=visible)
    annotation.interpolation = mode
    before = annotation.copy()
    track = Track.from_annotation(annotation)
    assert annotation == before
    for frame in annotation.frames:
        assert same(annotation.frames[frame], track.at(frame))


def test_setting_the_frame_shows_what_lies_between() -> None:
    track = Track((Keyframe(0, dl.Box(0, 0, 1, 1, "a")), Keyframe(10, dl.Box(10, 0, 11, 1, "a"))))
    annotation = track.to_annotation()
    assert annotation.set_frame(5)
    assert annotation.left == 5
    assert annotation.frames[5].left == 5
    assert Track.from_annotation(annotation) == track
    annotation.annotation_definition = dl.Box(90, 0, 91, 1, "a")
    assert annotation.frames[5].left == 90
    assert annotation.frames[10].left == 10


def test_an_annotation_keeps_the_rest() -> None:
    base = dl.Annotation(dl.Box(0, 0, 1, 1, "a"), id="x", metadata={"k": [1]}, object_id="3")
    track = Track((Keyframe(2, dl.Box(0, 0, 1, 1, "a")),), 9)
    made = track.to_annotation(base)
    assert (made.id, made.metadata, made.object_id) == ("x", {"k": [1]}, "3")
    assert (made.frame_num, made.end_frame_num) == (2, 9)
    with pytest.raises(dl.UsageError, match="add_frame"):
        Track.from_annotation(dl.Annotation.new())
