"""Affine maps as values: how an image and everything in it moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions.base import Definition, number, read_only
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import affine as maps

__all__ = ["Affine", "FlipIdx", "checked_size"]

Floats = NDArray[np.float64]
Size = tuple[int, int]
Point = tuple[float, float]
FlipIdx = Sequence[int] | Mapping[str, Sequence[int]] | Literal[False] | None
BoxesAs = Literal["exact", "rotated", "bounds", "polygon"]

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


def checked_size(value: object, what: str) -> Size:
    """Return (width, height) as whole numbers > 0, or raise `UsageError` that names `what`."""
    given: Any = value
    whole = (0, 0)
    try:
        width, height = given
        whole = (int(width), int(height))
        exact = whole == (width, height) and not isinstance(width, bool | np.bool_)
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or min(whole) <= 0:
        raise UsageError(
            f"{what} is {value!r}; it is (width, height) in whole pixels, both > 0. "
            "Shapes of arrays are the other way round"
        )
    return whole


def _needed(size: Size | None, method: str) -> Size:
    if size is None:
        raise UsageError(f"{method} needs the size of the image; pass size=(width, height)")
    return checked_size(size, f"{method}: size")


class Affine:
    """An affine map of an image and of all that lies in it; immutable.

    Parameters
    ----------
    matrix : array_like of float, shape (3, 3) or (2, 3)
        Where a point x, y in continuous pixels goes: ``matrix @ (x, y, 1)``.
    size : tuple of int, optional
        (width, height) of the image that comes out. None keeps that of the image put in.
    source : tuple of int, optional
        (width, height) of the image that the map is for. Images and masks of another size are
        refused; None takes any.

    Raises
    ------
    GeometryError
        If the matrix has another shape, a number that is not finite or another last row.
    UsageError
        If a size is none.

    Notes
    -----
    Coordinates are those of the whole library: the pixel in row r and column c covers
    ``[c, c + 1) x [r, r + 1)``, so that its centre is at (c + 0.5, r + 0.5). Angles are degrees,
    clockwise on screen. ``b @ a`` and ``a.then(b)`` do `a` first.

    Examples
    --------
    >>> turn = Affine.rotate(90, center=(10, 10))
    >>> turn.apply([[10, 0]]).tolist()
    [[20.0, 10.0]]
    >>> (turn @ turn.inverse) == Affine.identity()
    True
    >>> from dlgeom.definitions import Box
    >>> Affine.flip(size=(100, 80)).apply(Box(0, 0, 30, 20, "cat"))
    Box(left=70.0, top=0.0, right=100.0, bottom=20.0, label='cat')
    """

    __slots__ = ("_matrix", "size", "source")

    _matrix: Floats
    size: Size | None
    source: Size | None

    def __init__(
        self, matrix: ArrayLike, size: Size | None = None, source: Size | None = None
    ) -> None:
        put = object.__setattr__
        put(self, "_matrix", read_only(maps.matrix_of(matrix)))
        put(self, "size", None if size is None else checked_size(size, "Affine: size"))
        put(self, "source", None if source is None else checked_size(source, "Affine: source"))

    # Building.

    @classmethod
    def identity(cls, size: Size | None = None) -> Affine:
        """Return the map that moves nothing."""
        return cls(np.eye(3), size, size)

    @classmethod
    def translate(cls, dx: float, dy: float = 0.0, *, size: Size | None = None) -> Affine:
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
    ) -> Affine:
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
    ) -> Affine:
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
    ) -> Affine:
        """Lean upright lines over by `x` degrees, and level ones by `y`, about `center`.

        ``x' = x + tan(x degrees) * y`` and ``y' = y + tan(y degrees) * x``, counted from
        `center`.
        """
        lean = number(x, "shear: x"), number(y, "shear: y")
        return cls(maps.shearing(*lean, _point(center, "shear")), size, size)

    @classmethod
    def flip(cls, direction: str = "horizontal", *, size: Size) -> Affine:
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
    def rot90(cls, k: int = 1, *, size: Size) -> Affine:
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
    def exif(cls, orientation: int, size: Size) -> Affine:
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
    ) -> Affine:
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
    def resize(cls, to: Size, *, size: Size) -> Affine:
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
    ) -> Affine:
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

    # What it is.

    @property
    def matrix(self) -> Floats:
        """The map as a read-only matrix, shape (3, 3)."""
        return self._matrix

    @property
    def det(self) -> float:
        """By what factor areas grow; negative where it mirrors."""
        return maps.determinant(self._matrix)

    @property
    def mirrors(self) -> bool:
        """Whether left and right change places."""
        return self.det < 0

    @property
    def inverse(self) -> Affine:
        """The map back: `size` and `source` change places.

        Raises
        ------
        GeometryError
            If it presses the plane onto a line or a point.
        """
        return Affine(maps.inverse(self._matrix), self.source, self.size)

    def __invert__(self) -> Affine:
        return self.inverse

    def then(self, other: Affine) -> Affine:
        """Return the map that does this one first and then the other.

        Raises
        ------
        UsageError
            If the other one is for an image of another size than this one gives.
        """
        if not isinstance(other, Affine):
            raise UsageError(f"then: {other!r} is no Affine")
        if self.size and other.source and self.size != other.source:
            raise UsageError(
                f"the first map gives an image of {self.size}, the second is for one of "
                f"{other.source} (width, height); they have to be equal. Build the second with "
                "the size that the first gives"
            )
        before = self.source
        if before is None and self.size is None:
            before = other.source
        return Affine(maps.product(other._matrix, self._matrix), other.size or self.size, before)

    def __matmul__(self, first: object) -> Affine:
        if not isinstance(first, Affine):
            return NotImplemented
        return first.then(self)

    def for_image(self, size: Size | None) -> Affine:
        """Return the same map for images of `size`, which they keep unless it changes it.

        Raises
        ------
        UsageError
            If it is for images of another size.
        """
        if size is None:
            return self
        if self.source is not None and self.source != size:
            raise UsageError(
                f"the map is for an image of {self.source}, this one is {size} (width, height). "
                "Build it with size= of this image"
            )
        return Affine(self._matrix, self.size or size, size)

    # What it does.

    @overload
    def apply(self, thing: Annotation, **options: Any) -> Annotation: ...

    @overload
    def apply(self, thing: AnnotationCollection, **options: Any) -> AnnotationCollection: ...

    @overload
    def apply(self, thing: Definition, **options: Any) -> Definition: ...

    @overload
    def apply(self, thing: ArrayLike, **options: Any) -> Floats: ...

    def apply(self, thing: Any, **options: Any) -> Any:
        """Return the thing where the map takes it; nothing but masks is cut.

        Parameters
        ----------
        thing : Definition, Annotation, AnnotationCollection, or array_like, shape (..., 2)
            What to move. An annotation moves with all its frames, companions, children and
            stored bounds; arrays are points x, y.
        boxes : {"exact", "rotated", "bounds", "polygon"}
            What a box becomes. ``exact``: a box or rotated box where it stays a rectangle,
            elsewhere (shear, uneven scale of a turned box) the polygon that it is.
            ``rotated``: always a box, of the smallest area around it. ``bounds``: the
            smallest upright box. ``polygon``: always a polygon.
        flip_idx : sequence of int, mapping of label to sequence of int, False, optional
            For each key point the one that it becomes when the image is mirrored. None: as the
            collection's labels say, else by names that differ in left and right; False: never.

        Returns
        -------
        Definition, Annotation, AnnotationCollection or ndarray
            A new one. Key points that leave the image get visibility 0, if the map has a `size`.

        Raises
        ------
        GeometryError
            If something leaves what floats hold, or a mask cannot be mapped.
        UsageError
            If a mask or item has another size than the map is for, or an option is unknown.
        """
        from dlgeom.transforms import collections, shapes

        if isinstance(thing, Definition):
            return shapes.apply_to_definition(self, thing, **options)
        if isinstance(thing, Annotation):
            return collections.apply_to_annotation(self, thing, **options)
        if isinstance(thing, AnnotationCollection):
            return collections.apply_to_collection(self, thing, **options)
        try:
            points = np.asarray(thing, dtype=np.float64)
        except (TypeError, ValueError):
            points = np.zeros(0)
        if points.ndim == 0 or points.shape[-1] != 2:
            raise UsageError(
                f"{type(thing).__name__} cannot be moved; give a definition, an annotation, a "
                "collection or points of shape (..., 2). Pictures go to image()"
            )
        return maps.apply(self._matrix, points)

    __call__ = apply

    def cut(self, thing: Any, *, min_visibility: float = 0.0, **options: Any) -> Any:
        """Return the thing where the map takes it, cut to the image that comes out.

        Parameters
        ----------
        thing : Definition, Annotation or AnnotationCollection
            What to move.
        min_visibility : float, default 0
            The least fraction, in [0, 1], that has to be left for it to be kept.
        **options
            As for `apply`.

        Returns
        -------
        Definition, Annotation, None or Cut
            None for a definition or annotation of which nothing is left; a `Cut` for a
            collection, which tells what was cut and dropped.

        Raises
        ------
        UsageError
            If the map has no `size`; as for `apply`.
        """
        from dlgeom.transforms import cutting, within

        if isinstance(thing, AnnotationCollection):
            return cutting.cut_collection(self, thing, min_visibility=min_visibility, **options)
        if isinstance(thing, Annotation):
            return cutting.cut_annotation(self, thing, min_visibility=min_visibility, **options)[0]
        if isinstance(thing, Definition):
            return within.move_and_cut(self, thing, min_visibility=min_visibility, **options)[0]
        raise UsageError(
            f"{type(thing).__name__} cannot be cut; give a definition, an annotation or a "
            "collection. Pictures go to image()"
        )

    def image(
        self, image: NDArray[Any], *, interpolation: str | None = None, border: ArrayLike = 0
    ) -> NDArray[Any]:
        """Return the picture where the map takes it, as a new array.

        Parameters
        ----------
        image : ndarray, shape (H, W) or (H, W, C)
            Gray or any number of channels; bool, integers or floats.
        interpolation : {"nearest", "linear", "cubic", "area", "lanczos"}, optional
            How values between pixels are made. If None ``linear``, and ``nearest`` for bool and
            for integers of more than 16 bits, which are ids.
        border : float or array_like of float, shape (C,), default 0
            Value of what no pixel of the picture covers; of a letterbox its bars.

        Returns
        -------
        ndarray, shape (H', W') or (H', W', C)
            Of the size that the map gives, of the same dtype. Shifts by whole pixels, mirrors,
            quarter turns and crops move pixels unchanged.

        Raises
        ------
        UsageError
            If the array is no picture, has another size than the map is for, or the
            interpolation does not fit.
        GeometryError
            If the map has no inverse.
        """
        from dlgeom.transforms.images import transform_image

        return transform_image(self, image, interpolation=interpolation, border=border)

    def boxes(
        self, boxes: ArrayLike, *, boxes_as: Literal["bounds", "rotated", "corners"] = "bounds"
    ) -> Floats:
        """Map boxes, N at once.

        Parameters
        ----------
        boxes : array_like of float, shape (N, 4) or (N, 5)
            Upright ones (left, top, right, bottom) or rotated ones (cx, cy, w, h, angle).
        boxes_as : {"bounds", "rotated", "corners"}
            Upright boxes around them (N, 4); rotated boxes (N, 5), of the smallest area where
            they are no rectangles; or corners (N, 4, 2), clockwise from what was left-top.
        """
        from dlgeom.geometry import boxes as upright
        from dlgeom.geometry import rotated

        given = np.asarray(boxes, dtype=np.float64)
        if given.size == 0:
            given = given.reshape(0, 4 if given.ndim < 2 else given.shape[-1])
        if given.ndim != 2 or given.shape[1] not in (4, 5):
            raise UsageError(
                f"boxes have shape {given.shape}; expected (N, 4): left, top, right, bottom, or "
                "(N, 5): cx, cy, w, h, angle"
            )
        turned = given.shape[1] == 5
        if boxes_as == "rotated":
            if not turned:
                given = np.column_stack((upright.xyxy_to_cxcywh(given), np.zeros(len(given))))
            return maps.rotated_boxes(self._matrix, given)[0]
        corners = rotated.corners(given) if turned else upright.box_rings(given)
        moved = maps.apply(self._matrix, corners)
        if boxes_as == "corners":
            return moved
        if boxes_as != "bounds":
            raise UsageError(f"boxes_as is {boxes_as!r}; it is 'bounds', 'rotated' or 'corners'")
        return np.hstack((moved.min(axis=1), moved.max(axis=1)))

    def keypoints(self, keypoints: ArrayLike, *, flip_idx: ArrayLike | None = None) -> Floats:
        """Map key points (x, y, visibility), shape (..., K, 3).

        Those that leave the image get visibility 0 if the map has a `size`; with `flip_idx`
        pairs change places where the map mirrors. See `dlgeom.geometry.affine.keypoints`.
        """
        return maps.keypoints(
            self._matrix, keypoints, size=self.size, source=self.source, flip_idx=flip_idx
        )

    # Values.

    def _key(self) -> tuple[Any, ...]:
        return self._matrix.tobytes(), self.size, self.source

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Affine) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def is_close(self, other: Affine, *, atol: float) -> bool:
        """Whether sizes are equal and no number of the matrices differs by more than `atol`."""
        return (self.size, self.source) == (other.size, other.source) and bool(
            (np.abs(self._matrix - other._matrix) <= atol).all()
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Affine.{name} is read-only; maps are values. Build a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Affine.{name} is read-only; maps are values")

    def __copy__(self) -> Affine:
        return self

    def __deepcopy__(self, memo: object) -> Affine:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Affine, (np.array(self._matrix), self.size, self.source)

    def __repr__(self) -> str:
        rows = self._matrix[:2].tolist()
        given = [f"{name}={value}" for name in ("size", "source") if (value := getattr(self, name))]
        return f"Affine({', '.join([str(rows), *given])})"


def _point(value: Any, what: str) -> Point:
    try:
        x, y = value
    except (TypeError, ValueError) as error:
        raise GeometryError(f"{what}: center is {value!r}; it is (x, y) in pixels") from error
    return number(x, f"{what}: center"), number(y, f"{what}: center")
