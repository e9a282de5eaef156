"""Moving a definition: methods that all definitions have.

Each returns a new definition; what has no place in the image comes back as it is. They are short
for `dlgeom.Affine`, which moves annotations, collections and pictures as well and has more
options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlgeom.errors import UsageError

if TYPE_CHECKING:
    from dlgeom.definitions.base import Definition
    from dlgeom.transforms.affine import Affine
    from dlgeom.transforms.windows import Window

__all__ = ["Moving", "MovingBox", "MovingPose"]

Center = tuple[float, float]
Size = tuple[int, int]


class Moving:
    """The methods of `Definition` that move it. Coordinates are continuous pixels."""

    __slots__ = ()

    def affine(self, transform: Affine) -> Definition:
        """Return it where an affine map takes it; see `dlgeom.Affine.apply`."""
        moved: Definition = transform.apply(self)  # type: ignore[call-overload]
        return moved

    def translate(self, dx: float, dy: float = 0.0) -> Definition:
        """Return it shifted by dx to the right and dy down, in pixels.

        A mask keeps its canvas: pixels that leave it are cut.
        """
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.translate(dx, dy))

    def scale(
        self, sx: float, sy: float | None = None, *, center: Center = (0.0, 0.0)
    ) -> Definition:
        """Return it stretched by sx along x and sy (sx if None) along y about `center`.

        A mask keeps its canvas; `resize` changes it.
        """
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.scale(sx, sy, center=center))

    def rotate(self, angle: float, *, center: Center = (0.0, 0.0)) -> Definition:
        """Return it turned by `angle` degrees, clockwise on screen, about `center`.

        An upright box becomes a rotated box. A mask keeps its canvas.
        """
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.rotate(angle, center=center))

    def shear(self, x: float = 0.0, y: float = 0.0, *, center: Center = (0.0, 0.0)) -> Definition:
        """Return it with upright lines leaning over by `x` degrees and level ones by `y`.

        A box becomes the polygon that it is then. A mask keeps its canvas.
        """
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.shear(x, y, center=center))

    def flip(self, direction: str = "horizontal", *, size: Size | None = None) -> Definition:
        """Return it mirrored in an image of `size` (width, height).

        ``horizontal`` exchanges left and right, ``vertical`` top and bottom, ``both`` both. Key
        points whose names differ in left and right change places. A mask knows its size.
        """
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.flip(direction, size=_size(self, size, "flip")))

    def rot90(self, k: int = 1, *, size: Size | None = None) -> Definition:
        """Return it turned with an image of `size` by k quarters, COUNTER-clockwise on screen.

        As `numpy.rot90` turns an array. A mask knows its size (width, height).
        """
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.rot90(k, size=_size(self, size, "rot90")))

    def resize(self, to: Size, *, size: Size | None = None) -> Definition:
        """Return it in an image that is stretched from `size` to `to`, both (width, height).

        A mask knows its size.
        """
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.resize(to, size=_size(self, size, "resize")))

    def crop(self, left: float, top: float, right: float, bottom: float) -> Definition | None:
        """Return what of it lies in a window, counted from the window's left-top corner.

        None if nothing is left. See `dlgeom.transforms.cut_definition` for what is cut how.
        """
        from dlgeom.transforms.within import crop_definition

        return crop_definition(self, left, top, right, bottom)  # type: ignore[arg-type]

    def tile(
        self,
        tile: int | Size,
        *,
        overlap: int | Size = 0,
        size: Size | None = None,
        last: str = "align",
    ) -> list[tuple[Window, Definition]]:
        """Return what of it lies in each tile of an image of `size`, for the tiles it reaches.

        `dlgeom.transforms.tiles` has the parameters. A mask knows its size (width, height).
        """
        from dlgeom.transforms.windows import tiles
        from dlgeom.transforms.within import crop_definition

        found = []
        for window in tiles(_size(self, size, "tile"), tile, overlap, last=last):
            piece = crop_definition(self, *window)  # type: ignore[arg-type]
            if piece is not None:
                found.append((window, piece))
        return found


class MovingBox(Moving):
    """The methods of `Box`: `boxes` says what becomes of a box that is no longer upright.

    ``exact``: a box or rotated box where it stays a rectangle, else the polygon that it is;
    ``rotated``: always a box, of the smallest area around it; ``bounds``: the smallest upright
    box; ``polygon``: always a polygon.
    """

    __slots__ = ()

    def affine(self, transform: Affine, *, boxes: str = "exact") -> Definition:
        """Return it where an affine map takes it; see `dlgeom.Affine.apply`."""
        moved: Definition = transform.apply(self, boxes=boxes)  # type: ignore[call-overload]
        return moved

    def scale(
        self,
        sx: float,
        sy: float | None = None,
        *,
        center: Center = (0.0, 0.0),
        boxes: str = "exact",
    ) -> Definition:
        """Return it stretched by sx along x and sy (sx if None) along y about `center`."""
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.scale(sx, sy, center=center), boxes=boxes)

    def rotate(
        self, angle: float, *, center: Center = (0.0, 0.0), boxes: str = "exact"
    ) -> Definition:
        """Return it turned by `angle` degrees, clockwise on screen, about `center`."""
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.rotate(angle, center=center), boxes=boxes)

    def shear(
        self,
        x: float = 0.0,
        y: float = 0.0,
        *,
        center: Center = (0.0, 0.0),
        boxes: str = "exact",
    ) -> Definition:
        """Return it with upright lines leaning over by `x` degrees and level ones by `y`."""
        from dlgeom.transforms.affine import Affine

        return self.affine(Affine.shear(x, y, center=center), boxes=boxes)

    def crop(
        self, left: float, top: float, right: float, bottom: float, *, boxes: str = "exact"
    ) -> Definition | None:
        """Return what of it lies in a window, counted from the window's left-top corner."""
        from dlgeom.transforms.within import crop_definition

        return crop_definition(self, left, top, right, bottom, boxes=boxes)  # type: ignore[arg-type]


class MovingPose(Moving):
    """The methods of `Pose`: `flip_idx` says which key points change places in a mirror.

    For each key point the one that it becomes; None goes by names that differ in left and right,
    False exchanges nothing.
    """

    __slots__ = ()

    def affine(self, transform: Affine, *, flip_idx: Any = None) -> Definition:
        """Return it where an affine map takes it; see `dlgeom.Affine.apply`."""
        moved: Definition = transform.apply(self, flip_idx=flip_idx)  # type: ignore[call-overload]
        return moved

    def flip(
        self,
        direction: str = "horizontal",
        *,
        size: Size | None = None,
        flip_idx: Any = None,
    ) -> Definition:
        """Return it mirrored in an image of `size` (width, height)."""
        from dlgeom.transforms.affine import Affine

        transform = Affine.flip(direction, size=_size(self, size, "flip"))
        return self.affine(transform, flip_idx=flip_idx)


def _size(definition: Any, size: Size | None, method: str) -> Size:
    """Return the size of the image that is given, or that of a mask."""
    from dlgeom.definitions.segmentation import Segmentation

    if size is None and isinstance(definition, Segmentation):
        height, width = definition.shape
        return width, height
    if size is None:
        raise UsageError(
            f"{type(definition).__name__}.{method} needs the size of the image; pass "
            "size=(width, height)"
        )
    return size
