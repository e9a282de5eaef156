"""Moving annotations and collections: methods that both have.

Each returns a new one; nobody's annotations change. They are short for `dlgeom.Affine`, whose
``image`` moves the picture in the same way. The size of the image is that of the item, unless it
is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dlgeom.errors import UsageError

if TYPE_CHECKING:
    from dlgeom.annotation.single import Annotation
    from dlgeom.item import Item
    from dlgeom.transforms import Affine, Cut, Tiles

__all__ = ["Moving", "MovingCollection", "MovingOne"]

Center = tuple[float, float]
Size = tuple[int, int]


class Moving:
    """What annotations and collections share.

    ``**options`` are those of `dlgeom.Affine.apply`: `boxes`, what boxes become that are no
    longer upright, and `flip_idx`, which key points change places when the image is mirrored.
    """

    __slots__ = ()

    item: Item | None

    def _size(self, size: Size | None, method: str) -> Size:
        """Return the size that is given, that of the item, or that of a mask."""
        found = size or self._known_size()
        if found is None:
            raise UsageError(
                f"{method} needs the size of the image; the item does not tell it. Pass "
                "size=(width, height), or give an Item with width and height"
            )
        return found

    def _known_size(self) -> Size | None:
        item = self.item
        if item is None or not item.width or not item.height:
            return None
        return item.width, item.height

    def affine(self, transform: Affine, **options: Any) -> Self:
        """Return it where an affine map takes it; see `dlgeom.Affine.apply`."""
        moved: Self = transform.apply(self, **options)  # type: ignore[call-overload]
        return moved

    def translate(self, dx: float, dy: float = 0.0, **options: Any) -> Self:
        """Return it shifted by dx to the right and dy down, in pixels; the image keeps its size.

        Masks are cut to the image, key points that leave it get visibility 0.
        """
        from dlgeom.transforms import Affine

        return self.affine(Affine.translate(dx, dy), **options)

    def _scaled(
        self,
        sx: float,
        sy: float | None = None,
        *,
        center: Center = (0.0, 0.0),
        **options: Any,
    ) -> Self:
        """Return it stretched by sx along x and sy (sx if None) along y about `center`."""
        from dlgeom.transforms import Affine

        return self.affine(Affine.scale(sx, sy, center=center), **options)

    def rotate(self, angle: float, *, center: Center = (0.0, 0.0), **options: Any) -> Self:
        """Return it turned by `angle` degrees, clockwise on screen, about `center`.

        The image keeps its size. Upright boxes become rotated boxes.
        """
        from dlgeom.transforms import Affine

        return self.affine(Affine.rotate(angle, center=center), **options)

    def shear(
        self, x: float = 0.0, y: float = 0.0, *, center: Center = (0.0, 0.0), **options: Any
    ) -> Self:
        """Return it with upright lines leaning over by `x` degrees and level ones by `y`."""
        from dlgeom.transforms import Affine

        return self.affine(Affine.shear(x, y, center=center), **options)

    def flip(
        self, direction: str = "horizontal", *, size: Size | None = None, **options: Any
    ) -> Self:
        """Return it mirrored: ``horizontal`` exchanges left and right, ``vertical``, ``both``.

        Left and right key points change places, as `flip_idx`, the labels or their names say.
        """
        from dlgeom.transforms import Affine

        return self.affine(Affine.flip(direction, size=self._size(size, "flip")), **options)

    def rot90(self, k: int = 1, *, size: Size | None = None, **options: Any) -> Self:
        """Return it turned by k quarters, COUNTER-clockwise on screen, as `numpy.rot90` does."""
        from dlgeom.transforms import Affine

        return self.affine(Affine.rot90(k, size=self._size(size, "rot90")), **options)

    def resize(self, to: Size, *, size: Size | None = None, **options: Any) -> Self:
        """Return it in an image that is stretched to `to`, (width, height)."""
        from dlgeom.transforms import Affine

        return self.affine(Affine.resize(to, size=self._size(size, "resize")), **options)

    def letterbox(
        self, to: Size, *, size: Size | None = None, scale_up: bool = True, **options: Any
    ) -> Self:
        """Return it in an image that is fitted into `to`; see `dlgeom.Affine.letterbox`."""
        from dlgeom.transforms import Affine

        given = self._size(size, "letterbox")
        return self.affine(Affine.letterbox(given, to, scale_up=scale_up), **options)


class MovingOne(Moving):
    """The methods of `Annotation` that move it, with all its frames, companions and children."""

    __slots__ = ()

    @property
    def scale(self) -> Any:
        """A method: ``scale(sx, sy=None, *, center=(0, 0))``, as collections have it.

        Of a `Cube3d` its size in space, which its definition calls so.
        """
        shape = getattr(self, "annotation_definition", None)
        return shape.scale if getattr(shape, "type", "") == "cube_3d" else self._scaled  # type: ignore[union-attr]

    def _known_size(self) -> Size | None:
        found = super()._known_size()
        shape = getattr(self, "annotation_definition", None)
        if found is None and getattr(shape, "type", "") == "binary":
            height, width = shape.shape  # type: ignore[union-attr]
            return width, height
        return found

    def crop(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        *,
        min_visibility: float = 0.0,
        **options: Any,
    ) -> Annotation | None:
        """Return what of it lies in a window, counted from the window's left-top corner.

        None if nothing, or less than the fraction `min_visibility`, is left.
        """
        from dlgeom.transforms import Affine, cut_annotation

        window = Affine.crop(left, top, right, bottom)
        one: Any = self
        return cut_annotation(window, one, min_visibility=min_visibility, **options)[0]

    def tile(
        self,
        tile: int | Size,
        *,
        overlap: int | Size = 0,
        size: Size | None = None,
        **options: Any,
    ) -> Tiles:
        """Return what of it lies in each tile; see `AnnotationCollection.tile`."""
        from dlgeom.annotation.collection import AnnotationCollection

        one: Any = self
        whole = self._size(size, "tile")
        collection = AnnotationCollection(self.item, [one])
        return collection.tile(tile, overlap=overlap, size=whole, **options)


class MovingCollection(Moving):
    """The methods of `AnnotationCollection` that move it."""

    __slots__ = ()

    def scale(
        self,
        sx: float,
        sy: float | None = None,
        *,
        center: Center = (0.0, 0.0),
        **options: Any,
    ) -> Self:
        """Return it stretched by sx along x and sy (sx if None) along y about `center`.

        The image keeps its size; `resize` changes it.
        """
        return self._scaled(sx, sy, center=center, **options)

    def crop(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        *,
        min_visibility: float = 0.0,
        **options: Any,
    ) -> Cut:
        """Return what lies in a window, counted from its left-top corner, and what was cut.

        Parameters
        ----------
        left, top, right, bottom : float
            Edges of the window in pixels; it has whole width and height and may leave the image.
        min_visibility : float, default 0
            The least fraction of an annotation, in [0, 1], that has to be left.

        Returns
        -------
        Cut
            ``annotations``, which part of each is ``visible``, and what was ``dropped``.
        """
        from dlgeom.transforms import Affine, cut_collection

        window = Affine.crop(left, top, right, bottom)
        all_of_it: Any = self
        return cut_collection(window, all_of_it, min_visibility=min_visibility, **options)

    def tile(
        self,
        tile: int | Size,
        *,
        overlap: int | Size = 0,
        size: Size | None = None,
        last: str = "align",
        min_visibility: float = 0.0,
        boxes: str = "exact",
    ) -> Tiles:
        """Cut it into tiles, whose `merge` puts them together again.

        Parameters
        ----------
        tile : int or tuple of int
            (width, height) of a tile; one number is both.
        overlap : int or tuple of int, default 0
            Pixels along x and y that neighbours share.
        size : tuple of int, optional
            (width, height) of the image; that of the item if not given.
        last : {"align", "pad", "cut"}
            Whether the last tiles move back, leave the image, or are smaller.
        min_visibility : float, default 0
            The least part of an annotation, in [0, 1], that a tile takes.
        boxes : {"exact", "rotated", "bounds", "polygon"}
            What a rotated box becomes where it is cut.

        Returns
        -------
        dlgeom.transforms.Tiles
            Row by row.
        """
        from dlgeom.transforms import tile_collection

        all_of_it: Any = self
        return tile_collection(
            all_of_it,
            tile,
            overlap=overlap,
            last=last,
            size=size,
            min_visibility=min_visibility,
            boxes=boxes,
        )
