"""How annotations are shown: small methods that hand over to `dlgeom.render`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from dlgeom.definitions.drawing import Drawable
from dlgeom.enums import ViewAnnotationOptions

if TYPE_CHECKING:
    from dlgeom.annotation.collection import AnnotationCollection

__all__ = ["DrawableAnnotation", "DrawableCollection"]


class DrawableAnnotation(Drawable):
    """What an annotation has for drawing."""

    __slots__ = ()

    def show(  # type: ignore[override]
        self,
        image: Any = None,
        thickness: int | None = None,
        with_text: bool = False,
        height: int | None = None,
        width: int | None = None,
        annotation_format: str = ViewAnnotationOptions.MASK,
        color: Any = None,
        label_instance_dict: Mapping[str, int] | None = None,
        alpha: float = 1,
        frame_num: int | None = None,
    ) -> NDArray[Any]:
        """Draw this annotation alone; see `AnnotationCollection.show`."""
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
            label_instance_dict=label_instance_dict,
            alpha=alpha,
            frame_num=frame_num,
        )


class DrawableCollection(Drawable):
    """What a collection has for drawing, and to read back what was drawn."""

    __slots__ = ()

    def show(  # type: ignore[override]
        self,
        image: Any = None,
        thickness: int | None = None,
        with_text: bool = False,
        height: int | None = None,
        width: int | None = None,
        annotation_format: str = ViewAnnotationOptions.MASK,
        label_instance_dict: Mapping[str, int] | None = None,
        color: Any = None,
        alpha: float = 1,
        frame_num: int | None = None,
    ) -> NDArray[Any]:
        """Draw the annotations and return the array; nothing that is given is changed.

        Masks are painted first, then all others, both in the order of the collection; what comes
        later lies above. `dlgeom.render` has other orders and more kinds of pictures.

        Parameters
        ----------
        image : array_like or PIL.Image.Image, optional
            What to draw on, in a copy: gray, RGB or RGBA. For masks of ids an array of ids; of a
            picture in colours they only take the size.
        thickness : int, optional
            Of outlines and lines in pixels; -1 fills boxes, polygons, ellipses and cubes. If not
            given 2 for outlines and lines, 5 for points, 1 for cubes, and more on pictures of
            more than 1,280 pixels. Masks are always painted whole.
        with_text : bool, default False
            Whether label, score and attribute values stand at each annotation; never in masks of
            ids.
        height, width : int, optional
            Size in pixels, where there is no image; that of the item, or of the first mask, if
            not given.
        annotation_format : ViewAnnotationOptions or str, default MASK
            ``mask``: colours of the labels, RGBA, on a transparent canvas or the image.
            ``instance``: ids of labels. ``object_id``: ids of objects. ``img_mask``: as mask, and
            the image has to be given.
        label_instance_dict : mapping of str to int, optional
            Label -> id for ``instance``; ``$default`` is the background, ``$missing`` the id of
            labels that are not in it. The collection's labels, sorted by name and counted from
            1, if not given.
        color : colour, optional
            For all: red, green, blue, opaque; with a fourth number for alpha; a number is the id
            in masks of ids.
        alpha : float, default 1
            Opacity: each annotation is put over what is below it.
        frame_num : int, optional
            Draw what is alive in that frame of a video.

        Returns
        -------
        ndarray of uint8, shape (H, W, 4), or of ids, shape (H, W)
            A new array. Ids are uint8, uint16 or int32, the smallest that holds all ids of the
            map. An empty collection gives the empty canvas.

        Raises
        ------
        UsageError
            If the size is not known, a label is not in the map, an annotation has no object id,
            or an argument is out of its range.
        GeometryError
            If a mask has another size than the picture, or a shape cannot be rasterised.
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
            label_instance_dict=label_instance_dict,
            alpha=alpha,
            frame_num=frame_num,
        )

    @classmethod
    def from_panoptic(
        cls,
        mask: ArrayLike,
        segments_info: Iterable[Mapping[str, Any]],
        categories: Mapping[Any, str] | Sequence[Mapping[str, Any]],
    ) -> AnnotationCollection:
        """Return a segmentation for each segment of a panoptic picture.

        Parameters
        ----------
        mask : array_like of int, shape (H, W) or (H, W, 3)
            Ids of segments, or the colours that stand for them: R + 256 G + 65,536 B.
        segments_info : iterable of dict
            For each segment ``id`` and ``category_id``; ``iscrowd`` is taken as well.
        categories : mapping or sequence of dict
            Category id -> label, or COCO's categories with ``id`` and ``name``.

        Raises
        ------
        UsageError
            If the mask is none, or a segment has no category that is known. A segment without
            pixels is left out.
        """
        from dlgeom.render.reading import from_panoptic

        return from_panoptic(mask, segments_info, categories)
