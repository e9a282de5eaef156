"""Building affine maps: the classmethods of `dlgeom.Affine`."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np

from dlgeom.definitions.base import number
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import affine as maps
from dlgeom.transforms.value import AffineValue, Size, checked_size

__all__ = ["AffineBuilding"]

Point = tuple[float, float]

TURNS: dict[int, tuple[bool, int]] = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}
"""EXIF orientation -> whether to mirror left and right, then quarter turns counter-clockwise."""


def _needed(size: Size | None, method: str) -> Size:
    if size is None:
        raise UsageError(f"{method} needs the size of the image; pass size=(width, height)")
    return checked_size(size, f"{method}: size")


class AffineBuilding(AffineValue):
    """The maps that are asked for by name."""

    __slots__ = ()

    @classmethod
    def identity(cls, size: Size | None = None) -> Self:
        """Return the map that moves nothing."""
        return cls(np.eye(3), size, size)

    @classmethod
    def translate(cls, dx: float, dy: float = 0.0, *, size: Size | None = None) -> Self:
        """Shift by dx to the right and dy down, in pixels; the image keeps its `size`."""
        dx, dy = number(dx, "translate: dx"), number(dy, "translate: dy")
        return cls(maps.translation(dx, dy), size, size)

    @classmethod
    def scale(
        cls,
        sx: float,
        sy: float | None = None,
        *,
        center: Point = (0.0, 0.0),
        size: Size | None = None,
    ) -> Self:
        """Stretch by sx along x and sy along y (sx if None) about `center`.

        The image keeps its `size`; `resize` changes it too. A negative factor mirrors.
        """
        x = number(sx, "scale: sx")
        y = x if sy is None else number(sy, "scale: sy")
        return cls(maps.scaling(x, y, _point(center, "scale")), size, size)

    @classmethod
    def rotate(
        cls,
        angle: float,
        *,
        center: Point = (0.0, 0.0),
        size: Size | None = None,
        expand: bool = False,
    ) -> Self:
        """Turn by `angle` degrees, clockwise on screen, about `center`.

        Parameters
        ----------
        angle : float
            Degrees; multiples of 90 are exact.
        center : tuple of float, default (0, 0)
            x, y in pixels; the middle of the image is ``(width / 2, height / 2)``.
        size : tuple of int, optional
            (width, height) of the image, which keeps it.
        expand : bool, default False
            Let the new image be as large as the turned one needs, and shift it into it; needs
            `size`.
        """
        turned = maps.rotation(number(angle, "rotate: angle"), _point(center, "rotate"))
        if not expand:
            return cls(turned, size, size)
        given = _needed(size, "rotate with expand=True")
        left, top, right, bottom = maps.box_bounds(turned, [0, 0, *given])[0].tolist()
        # Rounding of a turn by 90 degrees does not cost a pixel.
        width = max(1, math.ceil(right - left - 1e-6))
        height = max(1, math.ceil(bottom - top - 1e-6))
        dx, dy = (width - left - right) / 2, (height - top - bottom) / 2
        return cls(maps.product(maps.translation(dx, dy), turned), (width, height), given)

    @classmethod
    def shear(
        cls,
        x: float = 0.0,
        y: float = 0.0,
        *,
        center: Point = (0.0, 0.0),
        size: Size | None = None,
    ) -> Self:
        """Lean upright lines over by `x` degrees, and level ones by `y`, about `center`.

        ``x' = x + tan(x degrees) * y`` and ``y' = y + tan(y degrees) * x``, counted from
        `center`.
        """
        lean = number(x, "shear: x"), number(y, "shear: y")
        return cls(maps.shearing(*lean, _point(center, "shear")), size, size)

    @classmethod
    def flip(cls, direction: str = "horizontal", *, size: Size) -> Self:
        """Mirror an image of `size` (width, height).

        ``horizontal`` exchanges left and right, ``vertical`` top and bottom, ``both`` both.
        """
        width, height = _needed(size, "flip")
        if direction not in ("horizontal", "vertical", "both"):
            raise UsageError(
                f"flip: direction is {direction!r}; it is 'horizontal' (left and right), "
                "'vertical' (top and bottom) or 'both'"
            )
        matrix = np.eye(3)
        if direction != "vertical":
            matrix[0] = [-1.0, 0.0, width]
        if direction != "horizontal":
            matrix[1] = [0.0, -1.0, height]
        return cls(matrix, (width, height), (width, height))

    @classmethod
    def rot90(cls, k: int = 1, *, size: Size) -> Self:
        """Turn an image of `size` (width, height) by k quarters, COUNTER-clockwise on screen.

        As `numpy.rot90` turns an array. Width and height change places where k is odd.
        """
        width, height = _needed(size, "rot90")
        if isinstance(k, bool) or not isinstance(k, int | np.integer):
            raise UsageError(f"rot90: k is {k!r}; it counts quarter turns, a whole number")
        quarter = int(k) % 4
        matrix = (
            np.eye(3),
            [[0, 1, 0], [-1, 0, width], [0, 0, 1]],
            [[-1, 0, width], [0, -1, height], [0, 0, 1]],
            [[0, -1, height], [1, 0, 0], [0, 0, 1]],
        )[quarter]
        turned = (height, width) if quarter % 2 else (width, height)
        return cls(np.asarray(matrix, dtype=np.float64), turned, (width, height))

    @classmethod
    def exif(cls, orientation: int, size: Size) -> Self:
        """Turn an image as it is stored upright, as its EXIF orientation says.

        Parameters
        ----------
        orientation : int
            1..8 (EXIF tag 0x0112).
        size : tuple of int
            (width, height) of the image as it is stored; 5..8 exchange them.
        """
        if isinstance(orientation, bool) or orientation not in TURNS:
            raise UsageError(f"exif: orientation is {orientation!r}; EXIF knows 1 to 8")
        mirrored, quarters = TURNS[orientation]
        stored = _needed(size, "exif")
        first = cls.flip(size=stored) if mirrored else cls.identity(stored)
        return first.then(cls.rot90(quarters, size=stored))

    @classmethod
    def crop(
        cls, left: float, top: float, right: float, bottom: float, *, size: Size | None = None
    ) -> Self:
        """Take a window out of an image; coordinates then count from its left-top corner.

        The window may leave the image. Its width and height are whole pixels; `size` is that of
        the image it is taken from. Shapes are moved, not cut: see `cut`.
        """
        edges = [number(v, "crop") for v in (left, top, right, bottom)]
        width, height = edges[2] - edges[0], edges[3] - edges[1]
        if not (width > 0 and height > 0):
            raise GeometryError(
                f"crop: the window {tuple(edges)} has no area; edges go left, top, right, bottom"
            )
        if not (width.is_integer() and height.is_integer()):
            raise GeometryError(
                f"crop: the window {tuple(edges)} is {width} x {height}; an image has whole "
                "pixels. Round its edges"
            )
        shift = maps.translation(-edges[0], -edges[1])
        return cls(shift, (int(width), int(height)), size)

    @classmethod
    def resize(cls, to: Size, *, size: Size) -> Self:
        """Stretch an image of `size` (width, height) to the size `to`."""
        width, height = _needed(size, "resize")
        wide, high = checked_size(to, "resize: to")
        return cls(maps.scaling(wide / width, high / height), (wide, high), (width, height))

    @classmethod
    def letterbox(
        cls,
        size: Size,
        to: Size,
        *,
        scale_up: bool = True,
        align: Literal["center", "left-top"] = "center",
    ) -> Self:
        """Fit an image of `size` into `to` (both (width, height)), its form kept, bars around it.

        Parameters
        ----------
        size, to : tuple of int
            (width, height) of the image and of what comes out.
        scale_up : bool, default True
            Whether a small image is made larger; if not it is only put in the middle.
        align : {"center", "left-top"}
            Where the image is put; of an odd number of spare pixels the smaller half is on the
            left and on top.

        Notes
        -----
        The numbers of Ultralytics' LetterBox: both axes are scaled by the smaller of both ratios
        r, and the bars are those around ``round(width * r) x round(height * r)`` pixels. They get
        the colour that `image` is given as `border` (114 there); `inverse` brings predictions
        back.
        """
        width, height = _needed(size, "letterbox")
        wide, high = checked_size(to, "letterbox: to")
        if align not in ("center", "left-top"):
            raise UsageError(f"letterbox: align is {align!r}; it is 'center' or 'left-top'")
        ratio = min(wide / width, high / height)
        if not scale_up:
            ratio = min(ratio, 1.0)
        inner = max(1, round(width * ratio)), max(1, round(height * ratio))
        dx, dy = wide - inner[0], high - inner[1]
        shift = (dx // 2, dy // 2) if align == "center" else (0, 0)
        moved = maps.product(maps.translation(*shift), maps.scaling(ratio, ratio))
        return cls(moved, (wide, high), (width, height))


def _point(value: Any, what: str) -> Point:
    try:
        x, y = value
    except (TypeError, ValueError) as error:
        raise GeometryError(f"{what}: center is {value!r}; it is (x, y) in pixels") from error
    return number(x, f"{what}: center"), number(y, f"{what}: center")
