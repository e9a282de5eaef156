"""Affine maps as values: how an image and everything in it moves."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.geometry import affine as maps
from dlgeom.transforms.building import AffineBuilding

__all__ = ["Affine"]

Floats = NDArray[np.float64]


class Affine(AffineBuilding):
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

    __slots__ = ()

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
            What to move, or a list of definitions or annotations. An annotation moves with all
            its frames, companions, children and stored bounds; arrays are points x, y.
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
        Definition, Annotation, AnnotationCollection, list of them, or ndarray
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
        if isinstance(thing, list | tuple) and (
            not thing or any(isinstance(one, Definition | Annotation) for one in thing)
        ):
            return [self.apply(one, **options) for one in thing]
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
