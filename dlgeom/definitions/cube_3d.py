"""Cuboids in space, and their picture through a camera."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.definitions.base import (
    ArrayDefinition,
    AttributesLike,
    float_array,
    number,
    read_only,
)
from dlgeom.definitions.cube import CORNERS, Cube
from dlgeom.errors import GeometryError
from dlgeom.geometry import cuboids

__all__ = ["Cube3d"]

Floats = NDArray[np.float64]


class Cube3d(ArrayDefinition):
    """A cuboid in space.

    Parameters
    ----------
    label : str
        Name of its class.
    position : array_like of float, shape (3,)
        Centre x, y, z in the units of the scene.
    scale : array_like of float, shape (3,)
        Full size along each of its own axes.
    rotation : array_like of float, shape (3,)
        Euler angles about x, y, z in radians, order XYZ: the matrix is ``Rx @ Ry @ Rz``.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If a vector has another shape, or a number is NaN or infinite.

    Notes
    -----
    Bounds are NaN: without a camera it has no place in an image. `project` gives its corners,
    `to_cube` the `Cube` that a camera sees.

    Examples
    --------
    >>> cube = Cube3d("car", position=[0, 0, 10], scale=[2, 2, 2], rotation=[0, 0, 0])
    >>> camera = [[100, 0, 320], [0, 100, 240], [0, 0, 1]]
    >>> cube.project(camera)[2].round(2).tolist()
    [331.11, 251.11]
    """

    type: ClassVar[str] = "cube_3d"

    __slots__ = ("_vectors",)
    _geometry = ("_vectors",)

    _vectors: Floats

    def __init__(
        self,
        label: str | None,
        position: ArrayLike,
        scale: ArrayLike,
        rotation: ArrayLike,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> None:
        vectors = np.array(
            [_vector(position, "position"), _vector(scale, "scale"), _vector(rotation, "rotation")]
        )
        object.__setattr__(self, "_vectors", read_only(vectors))
        self._fill(label, attributes, description)

    @property
    def geo(self) -> Floats:
        """Position, scale and rotation; read-only, shape (3, 3)."""
        return self._vectors

    def _vector(self, index: int) -> Floats:
        vector: Floats = self._vectors[index]
        return vector

    @property
    def position(self) -> Floats:
        """Centre x, y, z; read-only, shape (3,)."""
        return self._vector(0)

    @property
    def scale(self) -> Floats:  # type: ignore[override]  # no map of the image moves it
        """Full size along each of its own axes; read-only, shape (3,)."""
        return self._vector(1)

    @property
    def rotation(self) -> Floats:
        """Euler angles about x, y, z in radians, order XYZ; read-only, shape (3,)."""
        return self._vector(2)

    @property
    def corners(self) -> Floats:
        """Corners x, y, z, shape (8, 3), in the order of `Cube.geo`.

        Seen along its own z axis with y down: the front is at the lower z, left at the lower x,
        top at the lower y.
        """
        corners: Floats = cuboids.corners(self._vectors[None])[0]
        return corners

    @property
    def volume(self) -> float:
        """Volume in cubic units of the scene."""
        return float(abs(self._vectors[1].prod()))

    def project(
        self,
        camera: ArrayLike,
        rotation: ArrayLike | None = None,
        translation: ArrayLike | None = None,
    ) -> Floats:
        """Return where a camera sees its corners: x, y in pixels, shape (8, 2).

        Parameters
        ----------
        camera : array_like of float, shape (3, 4) or (3, 3)
            The whole projection, or the intrinsic matrix; scaled so that the third coordinate
            of a projected point is its depth, as it is where the last row of the intrinsic
            matrix is 0, 0, 1.
        rotation : array_like of float, shape (3, 3), optional
            With a (3, 3) camera: from the scene's to the camera's axes. None turns nothing.
        translation : array_like of float, shape (3,), optional
            With a (3, 3) camera: the scene's origin in the camera's axes. None moves nothing.

        Raises
        ------
        GeometryError
            If a matrix has another shape or a number that is not finite, or a corner is not in
            front of the camera. `dlgeom.geometry.cuboids.project` gives the depths as well and
            refuses nothing.
        """
        points, depths = cuboids.project(self.corners, camera, rotation, translation)
        behind = np.flatnonzero(~((depths > 0) & np.isfinite(points).all(axis=1)))
        if len(behind):
            name = CORNERS[int(behind[0])]
            raise GeometryError(
                f"Cube3d: corner {name} has depth {depths[behind[0]]:g}; what a camera sees has a "
                "depth > 0. Leave the cuboid out, or cut it at the image plane first"
            )
        return points

    def to_cube(
        self,
        camera: ArrayLike,
        rotation: ArrayLike | None = None,
        translation: ArrayLike | None = None,
    ) -> Cube:
        """Return what a camera sees of it as a `Cube`; parameters and errors of `project`."""
        points = self.project(camera, rotation, translation)
        return Cube.from_points(points, self.label, None, self.attributes, self.description)

    def _geometry_key(self) -> Any:
        # Adding 0.0 turns -0.0 into 0.0, which compare equal but differ in their bytes.
        return (self._vectors + 0.0).tobytes()

    def _same_geometry(self, other: Any) -> bool:
        return np.array_equal(self._vectors, other._vectors)

    def _close_geometry(self, other: Any, atol: float) -> bool:
        return bool((np.abs(self._vectors - other._vectors) <= atol).all())

    def _summary(self) -> list[str]:
        x, y, z = self._vectors[0].tolist()
        return [f"at ({x:g}, {y:g}, {z:g})"]


def _vector(value: ArrayLike, name: str) -> list[float]:
    numbers = float_array(value, f"Cube3d: {name}", "it is [x, y, z]")
    if numbers.shape != (3,):
        raise GeometryError(f"Cube3d: {name} has shape {numbers.shape}; it is [x, y, z], (3,)")
    return [number(entry, f"Cube3d: {name}") for entry in numbers.tolist()]
