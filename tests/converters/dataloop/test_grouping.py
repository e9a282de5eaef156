"""Parts and holes of polygons, which the platform's even-odd rings do not tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.annotation import Annotation
from dlgeom.conversions import to_segmentation
from dlgeom.converters.dataloop.grouping import shown_share
from dlgeom.geometry import raster
from dlgeom.testing import strategies as shapes

BIG = [[0, 0], [20, 0], [20, 20], [0, 20]]
SMALL = [[5, 5], [9, 5], [9, 9], [5, 9]]
AWAY = [[22, 0], [30, 0], [30, 9]]
ACROSS = [[10, 10], [30, 10], [30, 30], [10, 30]]


def again(annotation: Annotation, item: dl.Item | None = None) -> Annotation:
    return Annotation.from_json(json.loads(json.dumps(annotation.to_json())), item=item)


@pytest.mark.parametrize(
    "parts",
    [
        [[SMALL, BIG]],
        [[AWAY], [SMALL, BIG]],
        [[BIG, AWAY]],
        [[BIG], [SMALL]],
        [[BIG, ACROSS], [SMALL]],
        [[SMALL, SMALL], [BIG]],
        [[BIG, SMALL], [SMALL], [AWAY]],
    ],
    ids=str,
)
def test_parts_and_holes_come_back_as_they_were(parts: Any) -> None:
    shape = dl.Polygon.from_parts(parts, "a")
    assert again(Annotation(shape)).annotation_definition == shape
    film = dl.Item(name="v.mp4", media="video", width=40, height=40, fps=25)
    track = Annotation.new(film, object_id=1)
    track.add_frames(shape, 0, 3)
    track.add_frames(dl.Polygon.from_parts([[AWAY], [SMALL, BIG]], "a"), 4, 6)
    found = again(track, film)
    assert list(found.frames) == list(track.frames)
    for frame, state in track.frames.items():
        assert found.frames[frame].annotation_definition == state.annotation_definition


@settings(max_examples=max(settings().max_examples // 4, 25))
@given(shapes.polygons(size=(16, 12), grid=1, labels=st.none(), attributes=False))
def test_what_the_platform_shows_is_told_where_it_differs(shape: dl.Polygon) -> None:
    size = (12, 16)
    own = to_segmentation(shape, size).to_mask()
    shown = np.zeros(size, dtype=bool)
    for ring in shape.rings:
        shown ^= raster.parts_to_mask([[ring]], size)
    share = shown_share(shape, size)
    assert (share is None) == np.array_equal(own, shown)
    if share is not None:
        assert share == (own & shown).sum() / (own | shown).sum()


def written(shape: dl.Definition, folder: Path) -> tuple[Any, list[Annotation]]:
    item = dl.Item(name="a.jpg", width=40, height=40)
    found = item.annotations.builder()
    found.add(shape)
    report = dl.Dataset.from_pairs([(item, found)]).write(folder, format="dataloop")
    return report, [a for _, annotations in dl.open_dataset(folder) for a in annotations]


def test_parts_that_share_pixels_are_told_with_how_much_is_shown(tmp_path: Path) -> None:
    shape = dl.Polygon.from_parts([[BIG], [ACROSS]], "a")
    report, (back,) = written(shape, tmp_path / "out")
    (((status, code), entry),) = report.codes.items()
    assert (status, code) == ("approximated", "geometry.even_odd")
    assert entry.least == (2 * 400 - 200) / (2 * 400 - 100)
    # For us nothing is lost, and what is copied loses nothing either.
    assert back.annotation_definition == shape
    report = dl.convert(tmp_path / "out", tmp_path / "copy", to_format="dataloop")
    assert (report.written, report.codes) == (1, {})


def test_a_part_inside_of_another_is_a_hole_for_the_platform(tmp_path: Path) -> None:
    report, _ = written(dl.Polygon.from_parts([[BIG], [SMALL]], "a"), tmp_path / "out")
    assert report.codes["approximated", "geometry.even_odd"].least == (400 - 16) / 400
    report, _ = written(dl.Polygon.from_parts([[BIG, SMALL], [AWAY]], "a"), tmp_path / "apart")
    assert not report.codes


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (dl.Ellipse(9, 9, 0, 4, 0, "a"), "polygon.zero_area"),
        (dl.Segmentation(np.ones((3, 4)), "a"), "image.size_disagrees"),
    ],
    ids=str,
)
def test_what_our_reader_refuses_is_not_written(
    shape: dl.Definition, code: str, tmp_path: Path
) -> None:
    report, back = written(shape, tmp_path / "out")
    assert list(report.codes) == [("dropped", code)]
    assert not back


def test_a_type_that_nobody_knows_is_kept_and_told_and_refused_where_strict(
    tmp_path: Path,
) -> None:
    shape = dl.UndefinedAnnotationType("hexagon", "a", {"x": 1})
    item = dl.Item(name="a.jpg", width=40, height=40)
    found = item.annotations.builder()
    found.add(shape)
    report = dl.Dataset.from_pairs([(item, found)]).write(tmp_path / "out", format="dataloop")
    assert (report.written, report.codes) == (1, {})
    [(_, [back])] = dl.open_dataset(tmp_path / "out", format="dataloop", on_error="skip")
    assert back.annotation_definition == shape
    settings: dict[str, Any] = {"from_format": "dataloop", "to_format": "dataloop"}
    report = dl.convert(tmp_path / "out", tmp_path / "copy", on_error="skip", **settings)
    assert (report.written, list(report.codes)) == (1, [("warning", "schema.unknown")])
    with pytest.raises(dl.FormatError, match="hexagon"):
        dl.convert(tmp_path / "out", tmp_path / "strict", on_error="raise", **settings)
