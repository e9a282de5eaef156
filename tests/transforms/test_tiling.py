"""Tiles cover the image, and come together to what they were cut from."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import masks, polygons
from transform_strategies import FEW, SOME, collections

import dlgeom as dl
from dlgeom import Affine
from dlgeom.errors import UsageError
from dlgeom.transforms import Tiles, Window, merge_tiles, tiles


@st.composite
def cuttings(draw: st.DrawFn) -> dict[str, object]:
    """Draw tile, overlap and last."""
    wide, high = draw(st.integers(7, 60)), draw(st.integers(7, 60))
    overlap = (draw(st.integers(0, 6)), draw(st.integers(0, 6)))
    last = draw(st.sampled_from(["align", "pad", "cut"]))
    return {"tile": (wide, high), "overlap": overlap, "last": last}


# ---------------------------------------------------------------- windows


@SOME
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.integers(1, 40),
    st.integers(0, 39),
    st.sampled_from(["align", "pad", "cut"]),
)
def test_windows_cover_every_pixel(
    size: tuple[int, int], tile: int, overlap: int, last: str
) -> None:
    if overlap >= tile:
        with pytest.raises(UsageError, match="overlap"):
            tiles(size, tile, overlap, last=last)
        return
    found = tiles(size, tile, overlap, last=last)
    seen = np.zeros(size[::-1], dtype=int)
    for window in found:
        seen[window.top : window.bottom, window.left : window.right] += 1
        assert window.left >= 0
        assert window.left < size[0]
        if last == "pad":
            assert window.size == (tile, tile)
        else:
            assert window.right <= size[0]
            assert window.bottom <= size[1]
        if last == "align":
            assert window.size == (min(tile, size[0]), min(tile, size[1]))
    assert (seen > 0).all()
    assert len(set(found)) == len(found)
    if overlap == 0 and last == "cut":
        assert (seen == 1).all()
    rows = sorted({window.top for window in found})
    tops = [window for window in found if window.left == 0]
    assert [window.top for window in tops] == rows
    for above, below in pairwise(tops):
        assert above.bottom - below.top >= overlap


@pytest.mark.parametrize(
    ("size", "tile", "overlap", "last"),
    [
        ((0, 5), 4, 0, "align"),
        ((5, 5), 0, 0, "align"),
        ((5, 5), 4, 4, "align"),
        ((5, 5), 4, -1, "align"),
        ((5, 5), 4, 0.5, "align"),
        ((5, 5), 4, 0, "end"),
        ((5, 5), (4, 4, 4), 0, "align"),
    ],
)
def test_bad_tilings_are_refused(size: object, tile: object, overlap: object, last: str) -> None:
    with pytest.raises(UsageError, match="tiles: "):
        tiles(size, tile, overlap, last=last)  # type: ignore[arg-type]


# ---------------------------------------------------------------- and back


@SOME
@given(collections(), cuttings(), st.sampled_from([0.0, 0.3, 1.0]))
def test_tile_then_merge_is_the_identity(
    collection: dl.AnnotationCollection, cutting: dict[str, object], least: float
) -> None:
    found = collection.tile(**cutting, min_visibility=least)  # type: ignore[arg-type]
    assert found.merge() == collection
    again = found.merge([tile.annotations for tile in found])
    assert again == collection
    for tile in found:
        assert ((tile.visible >= least) & (tile.visible > 0)).all()
        item = tile.annotations.item
        assert item is not None
        assert (item.width, item.height) == tile.window.size


@SOME
@given(masks(shape=(40, 48), allow_empty=False), cuttings())
def test_masks_come_together_pixel_for_pixel(mask: np.ndarray, cutting: dict[str, object]) -> None:
    """Without the tiling: by their ids."""
    item = dl.Item(width=48, height=40)
    source = dl.AnnotationCollection(item, [dl.Annotation(dl.Segmentation(mask, "cat"), id=3)])
    found = source.tile(**cutting)  # type: ignore[arg-type]
    merged = merge_tiles([(tile.window, tile.annotations) for tile in found], item=item)
    assert merged == source
    # And piece by piece the tile is the window of the mask.
    for tile in found:
        whole = np.zeros((160, 160), dtype=bool)
        whole[:40, :48] = mask
        w = tile.window
        expected = whole[w.top : w.bottom, w.left : w.right]
        if len(tile):
            assert np.array_equal(tile.annotations[0].geo, expected)
        else:
            assert not expected.any()


@SOME
@given(polygons(max_parts=2, cell=12.0), cuttings())
def test_polygons_come_together_as_regions(
    parts: list[list[np.ndarray]], cutting: dict[str, object]
) -> None:
    import shapely

    item = dl.Item(width=48, height=40)
    polygon = dl.Polygon.from_parts(parts, "cat")
    source = dl.AnnotationCollection(item, [dl.Annotation(polygon, id="a")])
    found = source.tile(**cutting)  # type: ignore[arg-type]
    merged = merge_tiles([(tile.window, tile.annotations) for tile in found], item=item)
    assert len(merged) == 1
    got = shapely.union_all([shapely.Polygon(p[0], p[1:]) for p in merged[0].parts])
    expected = shapely.union_all([shapely.Polygon(p[0], p[1:]) for p in parts])
    assert got.symmetric_difference(expected).area < 1e-6
    assert merged[0].id == "a"


@SOME
@given(
    st.lists(st.integers(0, 320), min_size=4, max_size=4),
    cuttings(),
)
def test_boxes_come_together_exactly(edges: list[int], cutting: dict[str, object]) -> None:
    left, right = sorted(min(edge, 48 * 8) / 8 for edge in edges[:2])
    top, bottom = sorted(min(edge, 40 * 8) / 8 for edge in edges[2:])
    item = dl.Item(width=48, height=40)
    source = dl.AnnotationCollection(
        item, [dl.Annotation(dl.Box(left, top, right, bottom, "cat"), id=1)]
    )
    found = source.tile(**cutting)  # type: ignore[arg-type]
    merged = merge_tiles([(tile.window, tile.annotations) for tile in found], item=item)
    assert merged == source


def _scene() -> dl.AnnotationCollection:
    item = dl.Item(name="field/a.png", id=7, width=100, height=80, record=b"{}")
    mask = np.zeros((80, 100), dtype=bool)
    mask[10:50, 20:70] = True
    pose = dl.Pose(
        "person", None, points=[dl.Point(10, 10, "left_eye"), dl.Point(60, 70, "right_eye")]
    )
    return dl.AnnotationCollection(
        item,
        [
            dl.Annotation(dl.Box(10.1, 10.2, 30.3, 20.4, "car"), id=1),
            dl.Annotation(dl.Segmentation(mask, "sea"), id=2),
            dl.Annotation(dl.Box(5, 5, 95, 75, "all"), id=3, stored_bounds=(5, 5, 95, 75)),
            dl.Annotation(pose),
            dl.Annotation(dl.Classification("day")),
            dl.Annotation(dl.Box(200, 5, 300, 75, "outside")),
            dl.Annotation(dl.Polyline([[0, 40], [100, 40]], "lane"), id=4),
            dl.Annotation(dl.Note(30, 30, 60, 60, "note"), id=5),
            dl.Annotation(dl.Ellipse(50, 40, 20, 10, 30, "pond"), id=6),
        ],
    )


def test_each_tile_has_its_own_item_and_picture() -> None:
    scene = _scene()
    found = scene.tile(50, overlap=10)
    assert isinstance(found, Tiles)
    names = [tile.annotations.item.name for tile in found]  # type: ignore[union-attr]
    assert names[:2] == ["field/a_0_0.png", "field/a_40_0.png"]
    assert all(tile.annotations.item.id is None for tile in found)  # type: ignore[union-attr]
    picture = np.arange(8000).reshape(80, 100)
    for tile in found:
        w = tile.window
        assert np.array_equal(tile.image(picture), picture[w.top : w.bottom, w.left : w.right])
    assert [a.label for a in found.dropped] == ["outside"]
    assert found.windows == tiles((100, 80), 50, 10)
    padded = scene.tile(60, last="pad")
    assert padded[-1].image(picture, border=-1).shape == (60, 60)


def test_what_is_changed_in_a_tile_is_changed_in_the_whole() -> None:
    scene = _scene()
    found = scene.tile(50, overlap=10)
    # A label: the geometry is the source's, value for value.
    next(a for a in found[0].annotations if a.id == 1).label = "truck"
    next(a for a in found[0].annotations if a.id == 2).score = 0.5
    merged = found.merge()
    assert merged[0].annotation_definition == scene[0].annotation_definition.replace(label="truck")
    assert merged[1].score == 0.5
    assert merged[1].annotation_definition == scene[1].annotation_definition
    assert merged[2:] == scene[2:]
    # A shape: the pieces are put together.
    found = scene.tile(50, overlap=10)
    for tile in found:
        for a in tile.annotations:
            if a.id == 2:
                a.annotation_definition = a.annotation_definition.erode(1)
    eroded = found.merge()[1]
    assert 0 < eroded.area < scene[1].area
    # Gone in all tiles is gone; gone in one is cut off.
    found = scene.tile(50)
    for tile in found:
        tile.annotations.annotations[:] = [a for a in tile.annotations if a.id != 3]
    assert [a.id for a in found.merge()] == [1, 2, None, None, None, 4, 5, 6]
    found = scene.tile(50, last="cut")
    kept = found[0].annotations.annotations
    kept[:] = [a for a in kept if a.id != 2]
    part = found.merge()[1]
    assert part.geo[:50, :50].sum() == 0
    assert part.area == scene[1].area - scene[1].geo[:50, :50].sum()
    # Copies are known by their ids.
    found = scene.tile(50, overlap=10)
    assert found.merge([[a.copy() for a in tile if a.id] for tile in found])[1] == scene[1]


def test_words_of_the_whole_come_from_any_kind_of_piece() -> None:
    scene = _scene()
    merged = merge_tiles(
        [(t.window, t.annotations) for t in scene.tile(50, overlap=10)], item=scene.item
    )
    by_id = {a.id: a for a in merged if a.id is not None}
    assert by_id[3].bounds == (5, 5, 95, 75)
    assert by_id[3].stored_bounds == (5, 5, 95, 75)
    assert by_id[2] == scene[1]
    assert by_id[5].bounds == (30, 30, 60, 60)
    assert by_id[4].length == pytest.approx(100)
    assert by_id[6].area == pytest.approx(scene[8].area, rel=0.01)
    assert [a.label for a in merged].count("day") == 1
    people = [a for a in merged if a.label == "person"]
    assert len(people) == 2  # no id, and no tile sees both eyes


def test_tracks_that_were_changed_come_together() -> None:
    item = dl.Item(name="a.mp4", media="video", width=100, height=50)
    track = dl.Annotation.new(item, dl.Box(0, 0, 10, 10, "car"), object_id=1, frame_num=0)
    track.add_frame(dl.Box(45, 0, 55, 10, "car"), 3)
    track.add_frame(dl.Box(80, 0, 90, 10, "car"), 6)
    track.id = 4
    scene = dl.AnnotationCollection(item, [track])
    found = scene.tile(50)
    assert found.merge() == scene
    merged = merge_tiles([(t.window, t.annotations) for t in found], item=item)
    assert [merged[0].frames[k].left for k in (0, 2, 3, 6)] == [0, 0, 45, 80]
    assert [merged[0].frames[k].right for k in (0, 2, 3, 6)] == [10, 10, 55, 90]
    assert all(merged[0].frames[k].object_visible for k in (0, 3, 6))


def test_predictions_of_two_tiles_become_one() -> None:
    found = _scene().tile(50, overlap=20)
    a, b = found.windows[:2]
    assert (a, b) == (Window(0, 0, 50, 50), Window(30, 0, 80, 50))

    def predict(box: tuple[float, ...], score: float, label: str = "ship") -> dl.Annotation:
        return dl.Annotation(dl.Box(*box, label), score=score)  # type: ignore[arg-type]

    results: list[list[dl.Annotation]] = [[] for _ in found]
    results[0] = [predict((33, 10, 45, 20), 0.8), predict((5, 5, 10, 10), 0.7)]
    results[1] = [predict((3, 10, 15.5, 20), 0.9), predict((3, 10, 15, 20), 0.4, "rock")]
    merged = found.merge(results)
    ships = [p for p in merged if p.score is not None]
    assert [(p.label, p.score) for p in ships] == [("ship", 0.9), ("ship", 0.7), ("rock", 0.4)]
    assert ships[0].bounds == (33, 10, 45.5, 20)
    # One that both tiles cut is joined.
    results[0], results[1] = [predict((20, 5, 50, 15), 0.8)], [predict((0, 5, 45, 15), 0.9)]
    merged = found.merge(results)
    assert merged[-1].bounds == (20, 5, 75, 15)
    assert merged[-1].score == 0.9
    # Of one window both stay.
    results[0], results[1] = [predict((1, 1, 9, 9), 0.8), predict((1, 1, 9, 9), 0.7)], []
    assert len([p for p in found.merge(results) if p.score]) == 2
    with pytest.raises(UsageError, match="one for each"):
        found.merge([[]])
    with pytest.raises(UsageError, match="iou"):
        found.merge(iou=0)


@FEW
@given(collections(most=2))
def test_one_definition_in_tiles(collection: dl.AnnotationCollection) -> None:
    for annotation in collection:
        shape = annotation.annotation_definition
        pieces = shape.tile(20, overlap=3, size=(48, 40))
        for window, piece in pieces:
            assert piece == shape.crop(*window)
        assert annotation.tile(20, size=(48, 40)).merge()[0] == annotation


def test_a_huge_image_in_tiles_stays_small() -> None:
    import tracemalloc

    rng = np.random.default_rng(0)
    item = dl.Item(width=60_000, height=50_000)
    scene = dl.AnnotationCollection(item)
    blob = np.ones((60, 50), dtype=bool)
    for x, y in zip(rng.integers(0, 59_000, 300), rng.integers(0, 49_000, 300), strict=True):
        scene.add(dl.Segmentation.from_crop(blob, int(x), int(y), (50_000, 60_000), "tree"))
        scene.add(dl.Box(float(x), float(y), float(x) + 70, float(y) + 40, "tree"))
    tracemalloc.start()
    found = scene.tile(4096, overlap=256)
    assert found.merge() == scene
    turned = Affine.rotate(5, center=(30_000, 25_000)).apply(scene)
    assert len(turned) == 600
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_ids_of_predictions_may_be_those_of_annotations() -> None:
    item = dl.Item(name="a.jpg", width=40, height=20)
    source = dl.AnnotationCollection(item, [dl.Annotation(dl.Box(2, 2, 8, 8, "cat"), id=1)])
    tiles = source.tile(20)
    found = [[dl.Annotation(dl.Box(12, 12, 18, 18, "dog"), id=1, score=0.5)], []]
    assert [a.label for a in tiles.merge(found)] == ["dog"]  # the cat, edited
    merged = tiles.merge(
        [[*tile, *more] for tile, more in zip(tiles, found, strict=True)], by_id=False
    )
    assert merged[0] == source[0]
    assert [a.label for a in merged] == ["cat", "dog"]
