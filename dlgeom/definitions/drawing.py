"""How a definition is shown: small methods that hand over to `dlgeom.render`."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from dlgeom.enums import ViewAnnotationOptions

__all__ = ["Drawable"]


class Drawable:
    """What definitions and states of frames have for drawing."""

    __slots__ = ()

    def show(
        self,
        image: Any = None,
        thickness: int | None = None,
        with_text: bool = False,
        height: int | None = None,
        width: int | None = None,
        annotation_format: str = ViewAnnotationOptions.MASK,
        color: Any = None,
        alpha: float = 1,
    ) -> NDArray[Any]:
        """Draw it alone and return the array; nothing that is given is changed.

        Parameters
        ----------
        image : array_like or PIL.Image.Image, optional
            What to draw on, in a copy: gray, RGB or RGBA; of ids for masks of ids.
        thickness : int, optional
            Of outlines and lines in pixels; -1 fills. If not given 2 for outlines and lines, 5
            for points, 1 for cubes, and more on pictures of more than 1,280 pixels.
        with_text : bool, default False
            Whether the label and attribute values are written on it.
        height, width : int, optional
            Size in pixels, where there is no image; that of a mask itself if not given.
        annotation_format : ViewAnnotationOptions or str, default MASK
            ``mask``, ``instance`` (the label has the id 1), or ``img_mask``.
        color : colour, optional
            Red, green, blue, opaque; a number is the id in masks of ids. A colour made from the
            label if not given.
        alpha : float, default 1
            Opacity.

        Returns
        -------
        ndarray of uint8, shape (H, W, 4), or of ids, shape (H, W)
            What has no place in the image leaves the canvas as it is.

        Raises
        ------
        UsageError
            If the size is not known, or an argument is out of its range.
        """
        from dlgeom.render import show

        return show(
            self,  # type: ignore[arg-type]
            image=image,
            thickness=thickness,
            with_text=with_text,
            height=height,
            width=width,
            annotation_format=annotation_format,
            color=color,
            alpha=alpha,
        )

    def plot(self, ax: Any = None, image: Any = None, **options: Any) -> Any:
        """Draw it into axes of matplotlib and return them; see `dlgeom.render.notebook.plot`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed (the extra ``plot``).
        """
        from dlgeom.render.notebook import plot

        return plot(self, ax, image, **options)  # type: ignore[arg-type]

    def _repr_svg_(self) -> str | None:
        """Return what a notebook shows, as shapes."""
        from dlgeom.render.svg import svg

        return svg(self)  # type: ignore[arg-type]

    def _repr_png_(self) -> bytes | None:
        """Return what a notebook shows, as pixels."""
        from dlgeom.render.notebook import png

        return png(self)  # type: ignore[arg-type]
