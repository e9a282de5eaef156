"""Transforms of a sample: ours, functions, and those that take keywords.

A step gets the image and the annotations and returns both. Whatever it drops, the arrays of a
sample are made from what it returns, so that their rows stay aligned.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import AnnotationCollection
from dlgeom.errors import UsageError
from dlgeom.training.keywords import KeywordTransform, name_of
from dlgeom.transforms import Affine

__all__ = ["Step", "split_steps", "steps_of"]

Image = NDArray[Any]


@runtime_checkable
class Step(Protocol):
    """A transform that takes its random numbers from the generator."""

    def transform(
        self, image: Image, annotations: AnnotationCollection, random: np.random.Generator
    ) -> tuple[Image, AnnotationCollection]:
        """Return the image and its annotations after the step."""
        ...


class _Fixed:
    """A map that is the same for all samples."""

    def __init__(self, affine: Affine) -> None:
        self.affine = affine

    def transform(
        self, image: Image, annotations: AnnotationCollection, random: np.random.Generator
    ) -> tuple[Image, AnnotationCollection]:
        affine = self.affine.for_image((image.shape[1], image.shape[0]))
        cut = affine.cut(annotations, boxes="bounds")
        return affine.image(image), cut.annotations


class _ImageOnly:
    """A function of the image alone."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def transform(
        self, image: Image, annotations: AnnotationCollection, random: np.random.Generator
    ) -> tuple[Image, AnnotationCollection]:
        made = self.function(image)
        shape = made.shape[:2] if isinstance(made, np.ndarray) else image.shape[:2]
        if shape != image.shape[:2] and len(annotations):
            raise UsageError(
                f"{name_of(self.function)} made an image of {shape} from one of {image.shape[:2]}; "
                "a transform of the image alone keeps its (height, width), or the annotations "
                "would not lie on it. Let it take (image, annotations)"
            )
        return made, annotations


class _Pair:
    """A function of the image and its annotations."""

    def __init__(self, function: Callable[..., Any], with_random: bool) -> None:
        self.function = function
        self.with_random = with_random

    def transform(
        self, image: Image, annotations: AnnotationCollection, random: np.random.Generator
    ) -> tuple[Image, AnnotationCollection]:
        more = (random,) if self.with_random else ()
        made = self.function(image, annotations, *more)
        if (
            not isinstance(made, tuple)
            or len(made) != 2
            or not isinstance(made[1], AnnotationCollection)
        ):
            raise UsageError(
                f"{name_of(self.function)} returned {type(made).__name__}; a transform returns "
                "(image, annotations), an AnnotationCollection"
            )
        return made[0], made[1]


def steps_of(transforms: Any) -> list[Step]:
    """Return transforms as steps.

    Parameters
    ----------
    transforms : None, Affine, Step, callable, or sequence of them
        A callable is taken by its parameters: one is the image; ``image`` with ``bboxes``, or any
        keywords, is a `KeywordTransform`; two are (image, annotations), three (image,
        annotations, random).

    Raises
    ------
    UsageError
        If something is no transform.
    """
    if transforms is None:
        return []
    if isinstance(transforms, Affine):
        return [_Fixed(transforms)]
    if isinstance(transforms, type) and any("__call__" in vars(c) for c in transforms.__mro__):
        raise UsageError(
            f"transforms has the class {transforms.__name__}; it takes objects. Write "
            f"{transforms.__name__}(...)"
        )
    home = type(transforms).__module__
    if home.startswith("torchvision.transforms.v2"):
        raise UsageError(
            f"{type(transforms).__name__} of torchvision takes tensors, and would leave arrays as "
            "they are. Pass output='torch' and put it last"
        )
    if home.split(".")[0] == "torchvision":
        return [_ImageOnly(transforms)]
    if isinstance(transforms, Step) and not isinstance(transforms, type):
        return [transforms]
    if isinstance(transforms, Sequence) and not isinstance(transforms, str):
        return [step for one in transforms for step in steps_of(one)]
    if not callable(transforms):
        raise UsageError(
            f"transforms has {transforms!r}; it is a function, an Affine, an augmentation or a "
            "list of them"
        )
    return [_step_of(transforms)]


def _step_of(function: Callable[..., Any]) -> Step:
    try:
        # A module of PyTorch tells what it takes there.
        parameters = inspect.signature(getattr(function, "forward", function)).parameters.values()
    except (TypeError, ValueError):
        return _ImageOnly(function)
    names = {p.name for p in parameters}
    if any(p.kind is p.VAR_KEYWORD for p in parameters) or {"image", "bboxes"} <= names:
        return KeywordTransform(function)
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return _Pair(function, with_random=False)
    needed = [p for p in places if p.default is p.empty]
    if len(needed) <= 1:
        return _ImageOnly(function)
    if len(needed) > 3:
        raise UsageError(
            f"{name_of(function)} takes {len(needed)} arguments; a transform takes (image), "
            "(image, annotations), (image, annotations, random) or keywords"
        )
    return _Pair(function, with_random=len(needed) == 3)


def split_steps(transforms: Any, output: str) -> tuple[list[Step], list[Any]]:
    """Return the transforms of arrays, and those of tensors, which come last.

    Parameters
    ----------
    transforms : object
        As for `steps_of`.
    output : str
        With ``torch`` the transforms of ``torchvision.transforms.v2`` are called with tensors.

    Raises
    ------
    UsageError
        If a transform of arrays follows one of tensors.
    """
    if output != "torch":
        return steps_of(transforms), []
    listed = (
        list(transforms)
        if isinstance(transforms, Sequence) and not isinstance(transforms, str)
        else []
        if transforms is None
        else [transforms]
    )
    late = [t for t in listed if type(t).__module__.startswith("torchvision.transforms.v2")]
    early = listed[: len(listed) - len(late)]
    if late and any(t is u for t in early for u in late):
        raise UsageError(
            "a transform of torchvision stands before one of arrays; the former take tensors, "
            "which are made at the end. Put it last"
        )
    return steps_of(early), late
