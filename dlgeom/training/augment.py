"""Random augmentations of images and annotations together, all of them maps of `Affine`.

Each draws its numbers from the generator it is given and nothing else, so that a seed says what
comes out. Pictures are interpolated linearly; boxes that are turned become the upright boxes
around what is left of them, and what is outside of the image is cut or dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import AnnotationCollection
from dlgeom.errors import UsageError
from dlgeom.transforms import Affine

__all__ = [
    "Augmentation",
    "Letterbox",
    "RandomCrop",
    "RandomFlip",
    "RandomResize",
    "RandomRotate",
    "Resize",
]

Image = NDArray[Any]
Size = tuple[int, int]
Random = np.random.Generator


class Augmentation(msgspec.Struct, frozen=True, kw_only=True):
    """A map that is drawn for each image; subclasses say which, this one changes nothing.

    Parameters
    ----------
    min_visibility : float, default 0.1
        The least fraction of an annotation that has to be left in the image; others are dropped.
    border : int, default 114
        Value of what the picture does not cover.
    boxes : str, default "bounds"
        What a turned box becomes, as for `Affine.apply`; ``rotated`` keeps rotated boxes.
    """

    min_visibility: float = 0.1
    border: int = 114
    boxes: str = "bounds"

    def draw(self, size: Size, random: Random) -> Affine | None:
        """Return the map for an image of `size` (width, height), None for no change."""
        return None

    def transform(
        self, image: Image, annotations: AnnotationCollection, random: Random
    ) -> tuple[Image, AnnotationCollection]:
        """Return the image and its annotations after the step."""
        if not isinstance(image, np.ndarray):
            raise UsageError(
                f"{type(self).__name__} comes after a step that made a {type(image).__name__} of "
                "the image; it takes arrays. Put that step last"
            )
        affine = self.draw((image.shape[1], image.shape[0]), random)
        if affine is None:
            return image, annotations
        cut = affine.cut(annotations, min_visibility=self.min_visibility, boxes=self.boxes)
        return affine.image(image, border=self.border), cut.annotations

    def __call__(
        self, image: Image, annotations: AnnotationCollection, random: Random
    ) -> tuple[Image, AnnotationCollection]:
        """Do the same as `transform`."""
        return self.transform(image, annotations, random)


def _range(value: object, what: str) -> tuple[float, float]:
    """Return a range; one number stands for that number on both sides."""
    given: Any = value
    try:
        low, high = given
        pair = (float(low), float(high))
    except (TypeError, ValueError):
        pair = (float("nan"), 0.0)
    if not pair[0] <= pair[1] or not np.isfinite(pair).all():
        raise UsageError(f"{what} is {value!r}; it is a range (low, high)")
    return pair


class RandomFlip(Augmentation, frozen=True, kw_only=True):
    """Mirror left and right in a part of the images; key points exchange their sides.

    Parameters
    ----------
    p : float, default 0.5
        Probability.
    direction : {"horizontal", "vertical", "both"}
        As for `Affine.flip`.
    """

    p: float = 0.5
    direction: str = "horizontal"

    def draw(self, size: Size, random: Random) -> Affine | None:
        """Return the map."""
        if random.random() >= self.p:
            return None
        return Affine.flip(self.direction, size=size)


class RandomRotate(Augmentation, frozen=True, kw_only=True):
    """Turn about the middle of the image.

    Parameters
    ----------
    degrees : float or (float, float), default 10
        Range of the angle, clockwise on screen; one number d stands for (-d, d).
    expand : bool, default False
        Whether the image grows so that nothing is cut.
    """

    degrees: Any = 10.0
    expand: bool = False

    def draw(self, size: Size, random: Random) -> Affine | None:
        """Return the map."""
        given = self.degrees
        single = isinstance(given, int | float)
        low, high = _range((-abs(given), abs(given)) if single else given, "RandomRotate: degrees")
        angle = random.uniform(low, high)
        center = (size[0] / 2, size[1] / 2)
        return Affine.rotate(angle, center=center, size=size, expand=self.expand)


class RandomCrop(Augmentation, frozen=True, kw_only=True):
    """Take a window at a random place.

    Parameters
    ----------
    size : (int, int), optional
        (width, height) of the window; a smaller image is taken as a whole along that side.
    scale : (float, float), default (0.5, 1)
        Where there is no `size`: range of the window's sides as parts of the image's, the same
        for both.
    """

    size: Any = None
    scale: Any = (0.5, 1.0)

    def draw(self, size: Size, random: Random) -> Affine | None:
        """Return the map."""
        if self.size is None:
            part = random.uniform(*_range(self.scale, "RandomCrop: scale"))
            wanted: Sequence[int] = [max(1, round(part * side)) for side in size]
        else:
            wanted = [int(side) for side in self.size]
        wide, high = (min(want, side) for want, side in zip(wanted, size, strict=True))
        left = int(random.integers(0, size[0] - wide + 1))
        top = int(random.integers(0, size[1] - high + 1))
        return Affine.crop(left, top, left + wide, top + high, size=size)


class RandomResize(Augmentation, frozen=True, kw_only=True):
    """Make the image larger or smaller by a random factor.

    Parameters
    ----------
    scale : (float, float), default (0.5, 2)
        Range of the factor; its logarithm is drawn evenly.
    """

    scale: Any = (0.5, 2.0)

    def draw(self, size: Size, random: Random) -> Affine | None:
        """Return the map."""
        low, high = _range(self.scale, "RandomResize: scale")
        if low <= 0:
            raise UsageError(f"RandomResize: scale is {self.scale!r}; factors are above 0")
        factor = float(np.exp(random.uniform(np.log(low), np.log(high))))
        to = (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))
        return Affine.resize(to, size=size)


class Resize(Augmentation, frozen=True, kw_only=True):
    """Stretch all images to one size (width, height)."""

    size: Size

    def draw(self, size: Size, random: Random) -> Affine | None:
        """Return the map."""
        return Affine.resize(self.size, size=size)


class Letterbox(Augmentation, frozen=True, kw_only=True):
    """Fit all images into one size (width, height), their form kept, bars around them."""

    size: Size

    def draw(self, size: Size, random: Random) -> Affine | None:
        """Return the map."""
        return Affine.letterbox(size, self.size)
