"""Tracks: cases that an audit of the documents found wrong."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlgeom as dl
from dlgeom.errors import MissingDependencyError, UsageError
from dlgeom.video import Keyframe, Track, from_detections, interpolate
from dlgeom.video.files import Video
from dlgeom.video.simplifying import deviation
from dlgeom.video.snapshots import video_snapshots
from dlgeom.video.writing import VideoWriter


def pose(*points: tuple[str | None, float, int]) -> dl.Pose:
    made = [dl.Point(x, 0, name, visibility=seen) for name, x, seen in points]
    return dl.Pose("p", None, points=made)


@pytest.mark.parametrize("name", [None, "knee"])
def test_points_of_one_name_meet_in_their_order(name: str | None) -> None:
    first = pose((name, 0, 2), (name, 10, 2), (name, 50, 2))
    second = pose((name, 4, 2), (name, 20, 2))
    found: Any = interpolate(first, second, 0.5)
    assert [point.x for point in found.points] == [2, 15, 50]


def test_simplify_keeps_where_a_node_becomes_hidden() -> None:
    shown, hidden = pose(("a", 0, 2), ("b", 9, 2)), pose(("a", 0, 1), ("b", 9, 2))
    track = Track(tuple(Keyframe(k, shape) for k, shape in enumerate((shown, hidden, shown))))
    assert track.simplify(5) == (track, 0)
    points = [dl.Point(k, 0, "x", visibility=seen) for k, seen in enumerate((2, 1, 2))]
    track = Track(tuple(Keyframe(k, point) for k, point in enumerate(points)))
    assert track.simplify(5) == (track, 0)


def test_simplify_gives_back_key_frames_of_rings_of_any_counts() -> None:
    def ring(count: int, x: float) -> dl.Polygon:
        turns = [2 * math.pi * k / count for k in range(count)]
        return dl.Polygon([(x + 30 * math.cos(a), 40 + 30 * math.sin(a)) for a in turns], "x")

    shapes = (ring(5, 40), ring(7, 80), ring(4, 60), ring(4, 200), ring(6, 90))
    track = Track(tuple(Keyframe(10 * k, shape) for k, shape in enumerate(shapes)))
    thin, off = track.to_dense().simplify(1e-6)
    assert [keyframe.frame for keyframe in thin.keyframes] == [0, 10, 20, 30, 40]
    assert off <= 1e-6


def test_simplify_measures_cuboids_in_space() -> None:
    shapes = [
        dl.Cube3d("x", [k, 0, 0], [2, 3, 4], [0, 0, turn]) for k, turn in enumerate((0.0, 1.5, 1.0))
    ]
    track = Track(tuple(Keyframe(20 * k, shape) for k, shape in enumerate(shapes)))
    thin, off = track.to_dense().simplify(1e-6)
    assert [keyframe.frame for keyframe in thin.keyframes] == [0, 20, 40]
    thin, off = track.simplify(10)
    assert len(thin.keyframes) == 2
    for frame in range(41):
        states: list[Any] = [one.at(frame) for one in (track, thin)]
        assert deviation(*(state.annotation_definition for state in states)) <= off + 0.01


def test_detections_without_an_id_are_things_of_their_own() -> None:
    box = dl.Box(0, 0, 4, 4, "x")
    found = from_detections([(0, None, box), (1, 7, box), (0, None, box), (2, 7, box)])
    assert [(track.object_id, track.spans) for track in found] == [
        (None, [(0, 0)]),
        ("7", [(1, 2)]),
        (None, [(0, 0)]),
    ]


def test_settings_that_mean_nothing_are_refused() -> None:
    box = dl.Box(0, 0, 4, 4, "x")
    with pytest.raises(UsageError, match="max_gap"):
        from_detections([(0, 1, box)], max_gap=-1)
    with pytest.raises(UsageError, match="masks"):
        Track((Keyframe(0, box),), masks="never")  # type: ignore[arg-type]


@pytest.mark.parametrize("every", [float("nan"), "a", 0, True, 2.5])
def test_snapshots_say_what_no_interval_is(tmp_path: Path, every: Any) -> None:
    clip = tmp_path / "a.mkv"
    with VideoWriter(clip, fps=25, lossless=True) as writer:
        writer.write(np.zeros((8, 8, 3), dtype=np.uint8))
    with pytest.raises(UsageError, match="every"):
        video_snapshots(clip, tmp_path / "out", every=every)


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(30), Fraction(24000, 1001)])
def test_rates_by_opencv_are_exact(tmp_path: Path, rate: Fraction) -> None:
    clip = tmp_path / "a.mp4"
    with VideoWriter(clip, fps=rate) as writer:
        for k in range(40):
            writer.write(np.full((16, 16, 3), 6 * k, dtype=np.uint8))
    with Video(clip, backend="opencv") as video:
        assert (video.fps, len(video), video.times.time(39)) == (rate, 40, 39 / rate)


@pytest.mark.parametrize("backend", [None, "opencv"])
def test_writing_without_any_backend_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError, match="neither"):
        VideoWriter(tmp_path / "a.mp4", fps=25, backend=backend)


def test_a_mask_between_masks_is_never_empty() -> None:
    def blobs(*boxes: Any) -> dl.Segmentation:
        mask = np.zeros((40, 50), dtype=np.bool_)
        for y, x, height, width in boxes:
            mask[y : y + height, x : x + width] = True
        return dl.Segmentation(mask, "x")

    random = np.random.default_rng(0)
    for _ in range(200):
        pair = []
        for count in random.integers(1, 4, 2):
            places = random.integers((0, 0, 1, 1), (40, 50, 12, 12), (count, 4))
            pair.append(blobs(*places.tolist()))
        for t in (0.01, 0.3, 0.5, 0.99):
            found: Any = interpolate(pair[0], pair[1], t, masks="distance")
            assert found.geo.any()
    # Blobs at opposite edges: what the blend keeps lies above of the image.
    edges = blobs((0, 0, 1, 1), (0, 49, 1, 1), (39, 25, 1, 1))
    found = interpolate(edges, blobs((0, 25, 1, 1)), 0.5, masks="distance")
    assert found.geo.any()
