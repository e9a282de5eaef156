"""Pictures move exactly as masks and shapes do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import masks
from transform_strategies import SOME, any_maps, sizes

import dlgeom as dl
from dlgeom import Affine
from dlgeom.errors import GeometryError, UsageError


@st.composite
def exact_maps(draw: st.DrawFn, size: tuple[int, int]) -> Affine:
    """Draw mirrors, quarter turns, shifts and crops after each other."""
    t = Affine.identity(size)
    for _ in range(draw(st.integers(1, 4))):
        now = t.size
        assert now is not None
        kind = draw(st.sampled_from(["flip", "turn", "shift", "crop", "exif"]))
        if kind == "flip":
            direction = draw(st.sampled_from(["horizontal", "vertical", "both"]))
            step = Affine.flip(direction, size=now)
        elif kind == "turn":
            step = Affine.rot90(draw(st.integers(-4, 4)), size=now)
        elif kind == "exif":
            step = Affine.exif(draw(st.integers(1, 8)), now)
        elif kind == "shift":
            step = Affine.translate(draw(st.integers(-9, 9)), draw(st.integers(-9, 9)))
        else:
            left, top = draw(st.integers(-5, now[0])), draw(st.integers(-5, now[1]))
            step = Affine.crop(
                left, top, left + draw(st.integers(1, 20)), top + draw(st.integers(1, 20))
            )
        t = t.then(step)
    return t


@SOME
@given(masks(), st.data())
def test_picture_and_mask_stay_together_under_exact_maps(
    mask: np.ndarray, data: st.DataObject
) -> None:
    t = data.draw(exact_maps((mask.shape[1], mask.shape[0])))
    moved = t.apply(dl.Segmentation(mask, "cat"))
    assert np.array_equal(t.image(mask), moved.geo)
    rng = np.random.default_rng(0)
    for dtype, channels in (("uint8", 3), ("uint16", 1), ("float32", 4), ("int32", 2), ("bool", 5)):
        picture = (rng.random((*mask.shape, channels)) * 200).astype(dtype)
        found = t.image(picture)
        assert found.dtype == picture.dtype
        assert found.shape[2] == channels
        # Each pixel is one of the picture, moved as points are.
        assert np.array_equal(found, _by_points(t, picture))


def _by_points(t: Affine, picture: np.ndarray) -> np.ndarray:
    wide, high = t.size  # type: ignore[misc]
    result = np.zeros((high, wide, picture.shape[2]), dtype=picture.dtype)
    rows, columns = np.indices(picture.shape[:2])
    there = np.floor(t.apply(np.stack((columns + 0.5, rows + 0.5), axis=2))).astype(int)
    inside = (there >= 0).all(axis=2) & (there[..., 0] < wide) & (there[..., 1] < high)
    result[there[inside][:, 1], there[inside][:, 0]] = picture[inside]
    return result


@SOME
@given(masks(), any_maps(), sizes(40))
def test_picture_and_mask_stay_together_under_any_map(
    mask: np.ndarray, t: Affine, size: tuple[int, int]
) -> None:
    sized = Affine(t.matrix, size)
    moved = sized.apply(dl.Segmentation(mask, "cat"))
    assert np.array_equal(sized.image(mask), moved.geo)
    assert np.array_equal(sized.image(mask.astype(np.int32) * 7), moved.geo * 7)
    assert np.array_equal(
        sized.image(mask.astype(np.uint8), interpolation="nearest"), moved.geo.astype(np.uint8)
    )
    # What is interpolated covers the same pixels.
    seen = sized.image(np.ones(mask.shape, dtype=np.float32), border=-1)
    full = sized.apply(dl.Segmentation(np.ones(mask.shape), "all"))
    if not (sized.image(np.ones(mask.shape, bool)) != full.geo).any():
        assert ((seen > 0) == full.geo).mean() > 0.9


@SOME
@given(masks(max_side=16), sizes(40))
def test_resize_of_picture_and_mask(mask: np.ndarray, to: tuple[int, int]) -> None:
    t = Affine.resize(to, size=mask.shape[::-1])  # type: ignore[arg-type]
    segmentation = dl.Segmentation(mask, "cat")
    assert t.apply(segmentation) == segmentation.resize(to)
    assert np.array_equal(t.image(mask), segmentation.resize(to).geo)
    box = Affine.letterbox(mask.shape[::-1], to)  # type: ignore[arg-type]
    assert np.array_equal(box.image(mask), box.apply(segmentation).geo)
    there = box.apply(segmentation)
    assert np.array_equal(box.inverse.image(there.geo), box.inverse.apply(there).geo)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_pictures_as_pillow_does(orientation: int) -> None:
    from PIL import Image, ImageOps

    stored = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    picture = Image.fromarray(stored)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.info["exif"] = exif.tobytes()
    upright = np.asarray(ImageOps.exif_transpose(picture))
    t = Affine.exif(orientation, (7, 5))
    assert np.array_equal(t.image(stored), upright)
    # A box around one pixel follows it.
    box = t.apply(dl.Box(6, 0, 7, 1, "corner"))
    assert np.array_equal(upright[int(box.top), int(box.left)], stored[0, 6])


@pytest.mark.parametrize("interpolation", ["linear", "cubic", "lanczos", "area"])
def test_pixel_centres_are_those_of_the_shapes(interpolation: str) -> None:
    """An ellipse of pixels, moved as a picture, has the centre and size of the moved shape."""
    shape = dl.Ellipse(60, 50, 24, 14, 20, "disc")
    y, x = np.indices((100, 120)) + 0.5
    local = dl.Affine.rotate(-20).apply(np.stack((x - 60, y - 50), axis=2)) / [24, 14]
    mask = ((local**2).sum(axis=2) <= 1).astype(np.float32)
    for t in (
        Affine.rotate(33, center=(60, 50), size=(120, 100)),
        Affine.scale(0.6, 0.9, center=(60, 50), size=(120, 100)),
        Affine(Affine.scale(1.7, center=(20, 20)).matrix, size=(240, 200)),
        Affine.translate(3.5, -2.25, size=(120, 100)),
        Affine.letterbox((120, 100), (77, 91)),
        Affine.shear(20, center=(60, 50), size=(120, 100)),
        Affine.scale(-1, 1, center=(60, 50), size=(120, 100)).then(Affine.rotate(10)),
    ):
        found = t.image(mask, interpolation=interpolation).astype(np.float64)
        rows, columns = np.indices(found.shape) + 0.5
        total = found.sum()
        moved = t.apply(shape)
        assert total == pytest.approx(moved.area, rel=0.03)
        center = (found * columns).sum() / total, (found * rows).sum() / total
        # Half a pixel of error would show.
        assert center == pytest.approx(moved.center, abs=0.05)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64", "float16"])
@pytest.mark.parametrize("channels", [None, 1, 3, 4, 6])
def test_linear_interpolation_of_a_ramp_is_the_ramp(dtype: str, channels: int | None) -> None:
    rows, columns = np.indices((60, 80)) + 0.5
    ramp = 20.5 + 2 * columns + rows  # whole numbers
    picture = ramp if channels is None else np.stack([ramp] * channels, axis=2)
    t = Affine.rotate(30, center=(40, 30), size=(80, 60))
    found = t.image(picture.astype(dtype), border=9)
    assert found.dtype == dtype
    assert found.ndim == picture.ndim
    back = t.inverse.apply(np.stack((columns, rows), axis=2))
    inner = ((back > 1) & (back < [79, 59])).all(axis=2)
    expected = 20.5 + 2 * back[..., 0] + back[..., 1]
    plane = found if channels is None else found[..., -1]
    assert np.abs(plane[inner].astype(float) - expected[inner]).max() < 1
    outside = ((back < 0) | (back > [80, 60])).any(axis=2)
    assert (plane[outside] == 9).all()


def test_pictures_need_not_lie_in_order() -> None:
    picture = np.random.default_rng(0).integers(0, 60_000, (20, 30, 3)).astype(np.uint16)
    t = Affine.rotate(20, center=(15, 10), size=(30, 20))
    expected = t.image(picture)
    assert np.array_equal(t.image(picture.astype(">u2")), expected)
    assert np.array_equal(t.image(np.asfortranarray(picture)), expected)
    wider = np.zeros((20, 60, 3), dtype=np.uint16)
    wider[:, ::2] = picture
    assert np.array_equal(t.image(wider[:, ::2]), expected)
    frozen = picture.copy()
    frozen.flags.writeable = False
    assert np.array_equal(t.image(frozen), expected)
    moved = Affine.translate(1, 0).image(frozen)
    moved[0, 0] = 1  # the caller's own


def test_letterbox_has_sharp_bars_and_a_whole_picture() -> None:
    picture = np.full((50, 100, 3), 200, dtype=np.uint8)
    found = Affine.letterbox((100, 50), (64, 64)).image(picture, border=(114, 0, 7))
    assert found.shape == (64, 64, 3)
    assert (found[16:48] == 200).all()
    assert (found[:16] == (114, 0, 7)).all()
    assert (found[48:] == (114, 0, 7)).all()
    up = Affine.letterbox((100, 50), (210, 210)).image(picture, border=114)
    assert (np.unique(up) == [114, 200]).all()
    # A size that does not divide: no border shines through.
    odd = Affine.letterbox((100, 67), (64, 64)).image(np.full((67, 100), 200, np.uint8), border=0)
    assert set(np.unique(odd)) == {0, 200}


def test_a_resize_is_that_of_opencv() -> None:
    import cv2

    picture = np.random.default_rng(0).integers(0, 255, (37, 53, 3), dtype=np.uint8)
    t = Affine.letterbox((53, 37), (106, 100))
    assert np.array_equal(t.image(picture)[13:87], cv2.resize(picture, (106, 74)))
    small = Affine.resize((26, 18), size=(53, 37)).image(picture, interpolation="area")
    assert np.array_equal(small, cv2.resize(picture, (26, 18), interpolation=cv2.INTER_AREA))


@settings(max_examples=20)
@given(st.floats(-180, 180), st.sampled_from(["linear", "cubic"]))
def test_blocks_join_without_a_seam(angle: float, how: str) -> None:
    from dlgeom.transforms import images

    picture = np.random.default_rng(0).random((70, 90), dtype=np.float32)
    t = Affine.rotate(angle, center=(45, 35), size=(90, 70))
    whole = t.image(picture, interpolation=how)
    before = images.SIDE
    try:
        images.SIDE = 16
        parts = t.image(picture, interpolation=how)
    finally:
        images.SIDE = before
    # OpenCV rounds to 1/32 pixel, from another corner.
    assert np.abs(whole - parts).mean() < 0.02


def test_a_picture_wider_than_opencv_takes() -> None:
    picture = np.zeros((4, 40_000), dtype=np.uint8)
    picture[:, 39_000:39_010] = 255
    t = Affine.translate(0.5, 0, size=(40_000, 4))
    found = t.image(picture)
    assert found[2, 39_001:39_010].tolist() == [255] * 9
    assert 126 <= found[2, 39_000] <= 129
    assert (found[2, :38_999] == 0).all()


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: Affine.identity().image([[1]]), UsageError, "array of shape"),  # type: ignore[arg-type]
        (lambda: Affine.identity().image(np.zeros((2, 2, 2, 2))), UsageError, "array of shape"),
        (lambda: Affine.identity().image(np.zeros((0, 2))), UsageError, "array of shape"),
        (lambda: Affine.identity().image(np.array([["a"]])), UsageError, "dtype"),
        (
            lambda: Affine.flip(size=(3, 2)).image(np.zeros((3, 2))),
            UsageError,
            "is for an image of",
        ),
        (
            lambda: Affine.rotate(3).image(np.zeros((3, 2), int), interpolation="linear"),
            UsageError,
            "does not fit",
        ),
        (
            lambda: Affine.rotate(3).image(np.zeros((3, 2)), interpolation="best"),
            UsageError,
            "interpolation",
        ),
        (
            lambda: Affine.rotate(3).image(np.zeros((3, 2), np.uint8), border=300),
            UsageError,
            "0 to 255",
        ),
        (
            lambda: Affine.rotate(3).image(np.zeros((3, 2, 3)), border=[1, 2]),
            UsageError,
            "border has shape",
        ),
        (lambda: Affine.scale(0).image(np.zeros((3, 2))), GeometryError, "no inverse"),
    ],
)
def test_refusals_say_why(call: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()  # type: ignore[operator]
