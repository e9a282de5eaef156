"""Transforms of ``torchvision.transforms.v2`` on an image and its target, rows kept aligned.

Those transforms move images, boxes, masks and key points that are ``tv_tensors`` and leave other
tensors alone, and ``SanitizeBoundingBoxes`` drops rows of boxes, masks and labels only. What a
target has beside them follows here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import MissingDependencyError, UsageError
from dlgeom.training.extras import import_torch

__all__ = ["transformed"]

_PROBE, _VISIBLE, _FLIPS = "_probe", "_visible", "_flips"
_PLAIN = ("area", "iscrowd", "keypoints", _VISIBLE, _FLIPS)
"""Rows that the transforms do not know."""


def transformed(
    image: Any,
    target: dict[str, Any],
    transforms: Sequence[Any],
    tv: Any,
    torch: Any,
    flips: NDArray[np.int64] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Call transforms with an image and its target, one after the other.

    Parameters
    ----------
    image : Tensor
        The picture, a ``tv_tensors.Image``.
    target : dict
        As `to_target` makes it.
    transforms : sequence of callable
        Called with image and target.
    tv, torch : module
        ``torchvision.tv_tensors`` and PyTorch.
    flips : ndarray of int64, shape (N, K), optional
        For each key point of each row the one that it becomes in a mirror.

    Returns
    -------
    image, target
        Rows that are dropped are dropped from all tensors. Where boxes moved, `area` is that of
        the masks, else of the boxes. Key points that leave the image have visibility 0, and those
        of the left and the right side change places where the image is mirrored.

    Raises
    ------
    UsageError
        If a transform drops rows and it is not known which.
    MissingDependencyError
        For key points, if torchvision has no tensors for them.
    """
    if "keypoints" in target:
        target = _with_points(target, image, tv, torch, flips)
    for transform in transforms:
        image, target = _called(transform, image, target, torch)
    if "keypoints" in target:
        target = _without_points(target, image, torch)
    return image, target


def _called(
    transform: Any, image: Any, target: dict[str, Any], torch: Any
) -> tuple[Any, dict[str, Any]]:
    """Call one transform; drop rows that it dropped from what it does not know."""
    labels, boxes = target["labels"], target.get("boxes")
    names = _names(transform)
    if "SanitizeKeyPoints" in names:
        raise UsageError(
            "SanitizeKeyPoints drops things of which a key point left the image. Leave it out: "
            "those points have visibility 0 here"
        )
    rows = torch.arange(len(labels))
    if "SanitizeBoundingBoxes" in names:
        # Its labels are the numbers of the rows, so that they tell which are left.
        image, target = transform(image, {**target, "labels": rows})
        target, rows = dict(target), target["labels"]
        target["labels"] = labels[rows]
        for key in _PLAIN:
            if key in target and len(target[key]) == len(labels):
                target[key] = target[key][rows]
    else:
        image, target = transform(image, target)
        target = dict(target)
    lengths = {key: len(target[key]) for key in ("boxes", "masks", *_PLAIN) if key in target}
    wrong = [f"{length} {key}" for key, length in lengths.items() if length != len(rows)]
    if wrong:
        raise UsageError(
            f"{type(transform).__name__} left {len(rows)} labels, but {', '.join(wrong)}; rows "
            "are the same in all of them. Let its labels_getter give the labels, as by default"
        )
    if boxes is not None and "area" in target:
        now = _edges(target["boxes"])
        if not torch.equal(_edges(boxes)[rows], now):
            target["area"] = _areas(target, now, torch)
    return image, target


def _names(transform: Any) -> set[str]:
    """Return the names of the classes of a transform and of those inside of it."""
    inner = getattr(transform, "transforms", None)
    inside = inner if isinstance(inner, Sequence) else ()
    return {type(transform).__name__}.union(*map(_names, inside))


def _edges(boxes: Any) -> Any:
    """Return boxes as plain tensors of left, top, right, bottom."""
    if not hasattr(boxes, "format"):
        return boxes
    functional = import_module("torchvision.transforms.v2.functional")
    plain = functional.convert_bounding_box_format(boxes, new_format="XYXY")
    return plain.as_subclass(import_torch().Tensor)


def _areas(target: dict[str, Any], boxes: Any, torch: Any) -> Any:
    if "masks" in target:
        return (target["masks"].as_subclass(torch.Tensor) != 0).flatten(1).sum(1).float()
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


@cache
def _points_class() -> Any:
    """Return a class of tensors for key points as they are here.

    torchvision mirrors key points as positions of pixels, from 0 to ``width - 1``, and moves them
    as continuous ones by everything else. Here they are continuous.
    """
    tv = import_module("torchvision.tv_tensors")
    functional = import_module("torchvision.transforms.v2.functional")

    class Points(tv.KeyPoints):  # type: ignore[misc, name-defined]
        """Key points that are continuous in mirrors too."""

    def mirrored(axis: int) -> Callable[[Any], Any]:
        def kernel(points: Any) -> Any:
            moved = points.as_subclass(import_torch().Tensor).clone()
            moved[..., axis] = points.canvas_size[1 - axis] - moved[..., axis]
            return tv.wrap(moved, like=points)

        return kernel

    for axis, name in enumerate(("horizontal_flip", "vertical_flip")):
        functional.register_kernel(name, Points)(mirrored(axis))
    return Points


def _with_points(
    target: dict[str, Any], image: Any, tv: Any, torch: Any, flips: NDArray[np.int64] | None
) -> dict[str, Any]:
    """Return a target whose key points are such that torchvision moves them."""
    if not hasattr(tv, "KeyPoints"):
        raise MissingDependencyError(
            "this version of torchvision leaves key points where they are while the image moves; "
            "its transforms need 0.23 or later for them. Update it, or use those of "
            "dlgeom.training"
        )
    canvas = tuple(int(side) for side in image.shape[-2:])
    points, new = target["keypoints"], _points_class()
    # Corners of the image: they tell whether it was mirrored.
    corners = torch.tensor([[0, 0], [canvas[1], 0], [0, canvas[0]]], dtype=points.dtype)
    return {
        **target,
        "keypoints": new(points[..., :2], canvas_size=canvas),
        _VISIBLE: points[..., 2],
        _FLIPS: torch.from_numpy(flips),
        _PROBE: new(corners, canvas_size=canvas),
    }


def _without_points(target: dict[str, Any], image: Any, torch: Any) -> dict[str, Any]:
    """Return a target with key points as x, y and visibility."""
    target = dict(target)
    visible, flips, probe = (target.pop(key) for key in (_VISIBLE, _FLIPS, _PROBE))
    high, wide = (int(side) for side in image.shape[-2:])
    xy = target["keypoints"].as_subclass(torch.Tensor)
    inside = ((xy >= 0) & (xy <= torch.tensor([wide, high]))).all(-1)
    visible = torch.where(inside, visible, torch.zeros_like(visible))
    xy = torch.where((visible > 0)[..., None], xy, torch.zeros_like(xy))
    points = torch.cat((xy, visible[..., None]), -1)
    (ox, oy), (ax, ay), (bx, by) = probe.as_subclass(torch.Tensor).tolist()
    if (ax - ox) * (by - oy) < (ay - oy) * (bx - ox):
        points = points.gather(1, flips[..., None].expand_as(points))
    target["keypoints"] = points
    return target
