"""Annotated images: what must hold of them besides looking good."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scenes import scenes
from test_showing import MODES, picture

import dlgeom as dl
from dlgeom import render
from dlgeom.render import details
from dlgeom.render.canvas import rgb_and_alpha
from dlgeom.render.overlay import overlay
from dlgeom.render.palette import contrasting, neighbour_colors, palette
from dlgeom.render.regions import Region
from dlgeom.render.text import Places, caption_of, font_size, label_image, text_image


@given(scenes(), MODES, st.booleans(), st.booleans())
@settings(max_examples=100)
def test_the_image_stays_as_it_is(scene, mode, text, legend) -> None:
    image = picture(mode, scene.item.shape)
    before = image.copy()
    found = overlay(image, scene, with_text=text, legend=legend)
    assert_array_equal(image, before)
    assert found.shape == (*scene.item.shape, 4 if mode == "rgba" else 3)
    assert found.dtype == np.uint8


@given(scenes(), MODES)
@settings(max_examples=100)
def test_without_opacity_outlines_and_text_nothing_but_lines_is_drawn(scene, mode) -> None:
    image = picture(mode, scene.item.shape)
    areas = [one for one in scene if one.type not in ("point", "polyline", "pose")]
    found = overlay(image, areas, alpha=0, outlines=False, with_text=False)
    rgb, alpha = rgb_and_alpha(image)
    expected = rgb if alpha is None else np.dstack((rgb, alpha))
    assert_array_equal(found, expected)


@given(scenes(), st.floats(0.01, 1))
@settings(max_examples=100)
def test_areas_are_one_layer(scene, alpha) -> None:
    areas = [one for one in scene if one.type not in ("point", "polyline", "pose", "cube")]
    size = scene.item.shape
    image = picture("rgb", size)
    found = overlay(
        image, areas, alpha=alpha, outlines=False, with_text=False, rule="exact", fill_boxes=True
    )
    layer = render.color_mask(areas, height=size[0], width=size[1], thickness=-1)
    share = np.where(layer[..., 3:] > 0, alpha, 0)
    expected = layer[..., :3] * share + image * (1 - share)
    assert np.abs(found - expected).max(initial=0) <= 1


def test_transparency_is_kept() -> None:
    image = np.zeros((20, 20, 4), dtype=np.uint8)
    box = dl.Box(5, 5, 15, 15, "a")
    found = overlay(
        image,
        box,
        alpha=0.5,
        color=(200, 100, 50),
        outlines=False,
        with_text=False,
        fill_boxes=True,
    )
    assert found[0, 0].tolist() == [0, 0, 0, 0]
    inside = found[10, 10].astype(int)
    assert abs(inside[3] - 127) <= 1
    assert np.abs(inside[:3] - (200, 100, 50)).max() <= 2


def test_crowds_are_hatched() -> None:
    crowd = dl.Annotation(dl.Segmentation(np.ones((40, 40)), "a"), crowd=True)
    image = np.zeros((40, 40, 3), dtype=np.uint8)
    found = overlay(image, crowd, alpha=1, color=(255, 0, 0), outlines=False, with_text=False)
    share = (found[..., 0] == 255).mean()
    assert 0.3 < share < 0.7
    # Stripes are those of the picture: two crowds side by side go on into each other.
    part = details.hatched(Region(np.ones((5, 5), dtype=bool), 3, 4), 7, 3)
    whole = details.hatched(Region(np.ones((9, 8), dtype=bool), 0, 0), 7, 3)
    assert_array_equal(part.crop, whole.crop[4:, 3:])


def test_hidden_points_are_rings_and_unlabelled_ones_are_not_drawn() -> None:
    names = ("gone", "hidden", "seen")
    points = [dl.Point(20 + 30 * k, 20, name, visibility=k) for k, name in enumerate(names)]
    pose = dl.Pose("person", "t", points=points)
    image = np.zeros((40, 100, 3), dtype=np.uint8)
    found = overlay(image, pose, color=(255, 0, 0), with_text=False, thickness=4)
    assert found[20, 20].tolist() == [0, 0, 0]
    assert found[20, 50].tolist() == [255, 255, 255]
    assert found[20, 80].tolist() == [255, 0, 0]


def test_trails_follow_the_centres() -> None:
    item = dl.Item(name="v.mp4", media="video", width=60, height=20)
    builder = item.annotations.builder()
    for frame in range(0, 50, 5):
        builder.add(dl.Box(frame, 5, frame + 10, 15, "a"), object_id=1, frame_num=frame,
                    object_visible=frame != 20)  # fmt: skip
    ways = details.trail_of(builder[0], 40, 30)
    assert [way[:, 0].tolist() for way in ways] == [
        [15.0] * 5 + [20.0] * 5, [30.0] * 5 + [35.0] * 5 + [40.0] * 5 + [45.0],
    ]  # fmt: skip
    image = np.zeros((20, 60, 3), dtype=np.uint8)
    options = {"frame_num": 40, "with_text": False, "alpha": 0, "outlines": False}
    plain = overlay(image, builder, **options)
    assert not plain.any()
    trail = overlay(image, builder, trail=30, **options)
    assert trail[10, 32:44].any(axis=1).all()
    assert not trail[:, 23:27].any()
    with pytest.raises(dl.UsageError, match="needs frame_num="):
        overlay(image, builder, trail=3)


def test_long_trails_cost_the_frames_that_are_asked_for() -> None:
    annotation = dl.Annotation.new(dl.Item(media="video"), dl.Box(0, 0, 1, 1, "a"), frame_num=0)
    annotation.end_frame_num = 10_000_000
    assert len(details.trail_of(annotation, 9_000_000, 20)[0]) == 21


# ---------------------------------------------------------------- colours


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_text_is_readable_on_any_colour(color) -> None:
    def luminance(some) -> float:
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4
                  for p in (part / 255 for part in some)]  # fmt: skip
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(color), luminance(contrasting(color))))
    assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("safe", [False, True])
def test_colours_next_to_each_other_differ(safe) -> None:
    from dlgeom.render.palette import _lightness_space

    space = _lightness_space(palette(64, safe=safe))
    assert np.linalg.norm(np.diff(space, axis=0), axis=1).min() > 20
    assert len(set(palette(24, safe=safe))) == 24


@given(st.integers(0, 60), st.booleans(), st.integers(0, 100))
@settings(max_examples=50)
def test_boxes_that_touch_have_other_colours(count, safe, seed) -> None:
    random = np.random.default_rng(seed)
    corner = random.random((count, 2)) * 100
    bounds = np.hstack((corner, corner + random.random((count, 2)) * 12))
    colors = neighbour_colors(bounds, safe=safe)
    for k in range(count):
        near = (bounds[:, :2] <= bounds[k, 2:]).all(axis=1)
        near &= (bounds[:, 2:] >= bounds[k, :2]).all(axis=1)
        if near.sum() <= 8:
            assert [colors[j] for j in np.flatnonzero(near)].count(colors[k]) == 1


def test_instances_and_objects_tell_apart() -> None:
    image = np.zeros((30, 30, 3), dtype=np.uint8)
    boxes = [dl.Box(0, 0, 14, 30, "a"), dl.Box(14, 0, 30, 30, "a")]
    options = {"alpha": 1, "fill_boxes": True, "outlines": False, "with_text": False}
    same = overlay(image, boxes, **options)
    assert (same[5, 5] == same[5, 25]).all()
    apart = overlay(image, boxes, color_by="instance", **options)
    assert (apart[5, 5] != apart[5, 25]).any()
    with pytest.raises(dl.UsageError, match="color_by"):
        overlay(image, boxes, color_by="size")
    with pytest.raises(dl.UsageError, match="legend="):
        overlay(image, boxes, color_by="instance", legend=True)


# ---------------------------------------------------------------- text


def test_captions() -> None:
    plain = dl.Annotation(dl.Box(0, 0, 1, 1, "cat"))
    assert caption_of(plain) == "cat"
    full = dl.Annotation(
        dl.Box(0, 0, 1, 1, "cat", {"color": "red", "sure": True, "gone": False, "n": [1, 2.5]}),
        score=0.876,
    )
    assert caption_of(full) == "cat 0.88: red, sure, 1, 2.5"
    assert caption_of(dl.Annotation(dl.Box(0, 0, 1, 1, "cat", ["old", "red"]))) == "cat: old, red"
    assert caption_of(dl.Annotation(dl.Box(0, 0, 1, 1))) == ""
    assert caption_of(dl.Annotation(dl.Box(0, 0, 1, 1, None, ["old"]))) == "old"
    assert (
        caption_of(dl.Annotation(dl.Subtitle("Hello there", "speaker"))) == "speaker: Hello there"
    )
    assert caption_of(dl.Annotation(dl.FreeText("Well"))) == "free-text: Well"


def test_names_of_points_do_not_hide_them() -> None:
    image = np.full((200, 300, 3), 90, np.uint8)
    hand, head = dl.Point(150, 100, "hand"), dl.Point(60, 80, "head")
    for shape, (x, y) in (
        (hand, (150, 100)),
        (dl.Pose("person", None, points=[head, dl.Point(60, 150, "foot")]), (60, 80)),
    ):
        plain = overlay(image, [shape], with_text=False)
        named = overlay(image, [shape])
        assert (plain != named).any()
        part = np.s_[y - 5 : y + 6, x - 5 : x + 6]
        assert np.array_equal(plain[part], named[part])


@given(st.text(max_size=30), st.integers(8, 40), st.integers(20, 200))
@settings(max_examples=100)
def test_any_text_can_be_drawn_within_its_width(text, size, widest) -> None:
    image = label_image(text, size, (10, 200, 30), widest)
    assert image.ndim == 3
    least = text_image("\N{HORIZONTAL ELLIPSIS}", size).shape[1] + 2 * max(1, size // 5)
    assert image.shape[1] <= max(widest, least)


def test_different_scripts_are_drawn_and_not_as_boxes() -> None:
    from dlgeom.render.fonts import font_for

    missing = text_image("\U0010fffd", 30)
    texts = [text for text in ("cat", "кот", "γάτα", "قطة", "ñ") if font_for(text[0])]
    if not texts:
        pytest.skip("no font is installed")
    for text in texts:
        image = text_image(text, 30)
        assert image.max() == 255
        assert image.shape != missing.shape or (image != missing).any()


@given(st.lists(st.tuples(st.floats(-50, 250), st.floats(-50, 250), st.floats(0, 80)), max_size=12))
@settings(max_examples=100)
def test_labels_stay_inside_and_apart_where_there_is_room(corners) -> None:
    places = Places((200, 200))
    taken = []
    for x, y, size in corners:
        left, top = places.find((x, y, x + size, y + size), (30, 10))
        assert 0 <= left <= 170
        assert 0 <= top <= 190
        taken.append((left, top))
    # A label has 25 places at its thing, so that four of them never collide.
    for k, (left, top) in enumerate(taken[:4]):
        assert not any(abs(left - x) < 30 and abs(top - y) < 10 for x, y in taken[:k])


def test_labels_and_legend_of_tiny_pictures() -> None:
    builder = dl.Item(width=3, height=2).annotations.builder()
    builder.add(dl.Box(0, 0, 3, 2, "a label that is much wider than the picture"))
    found = overlay(np.zeros((2, 3, 3), dtype=np.uint8), builder, legend=True)
    assert found.shape == (2, 3, 3)
    assert font_size((2, 3)) == 10


def test_the_legend_lists_what_fits() -> None:
    from dlgeom.render.legend import legend_image

    entries = {f"label {k}": (k, 0, 0) for k in range(100)}
    image = legend_image(entries, 12, (300, 200))
    assert image is not None
    assert image.shape[0] <= 200
    assert image.shape[1] <= 300
    assert legend_image(entries, 12, (300, 10)) is None
