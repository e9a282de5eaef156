"""Samples as tensors in the layout of torchvision's detection models."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.batches import Columns
from dlgeom.definitions import Pose
from dlgeom.training.classes import Classes
from dlgeom.training.extras import import_torch, import_tv_tensors
from dlgeom.training.kinds import Kind
from dlgeom.training.torch_transforms import transformed
from dlgeom.transforms.collections import known_flips
from dlgeom.transforms.pairs import flip_for

__all__ = ["to_target"]


def to_target(
    image: Any,
    columns: Columns,
    kind: Kind | None,
    classes: Classes,
    number: int,
    *,
    points: int | None = None,
    transforms: Any = None,
) -> tuple[Any, dict[str, Any]]:
    """Return an image and its target as tensors.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3), tensor, or None
        The picture; a tensor is taken as it is.
    columns : Columns
        Its annotations.
    kind : Kind, optional
        Says whether there are masks or key points.
    classes : Classes
        The class ids; 0 is the background of these models.
    number : int
        Position of the item in the data set.
    points : int, optional
        Number of key points of a pose, the same for all samples.
    transforms : sequence of callable
        Transforms of torchvision's ``v2``, called with image and target; see `transformed`.

    Returns
    -------
    image : Tensor of uint8, shape (3, H, W)
        A ``tv_tensors.Image`` where torchvision is installed.
    target : dict
        ``boxes`` float32 (N, 4) left, top, right, bottom (``tv_tensors.BoundingBoxes``),
        ``labels`` int64 (N,), ``image_id`` int, ``area`` float32 (N,), ``iscrowd`` int64 (N,);
        ``masks`` uint8 (N, H, W) (``tv_tensors.Mask``) for segment and binary, ``keypoints``
        float32 (N, K, 3) for pose. Rows without a box of some width and height, which these
        models refuse, are left out of all of them; for class there are no boxes.

    Raises
    ------
    MissingDependencyError
        If torch is not installed.
    """
    torch, tv = import_torch(), import_tv_tensors()
    picture, shape = _picture(image, torch, tv, columns)
    target: dict[str, Any] = {}
    boxed = kind is not None and kind.name != "class"
    if boxed:
        prefer: Any = "shape" if kind is not None and kind.has_area else "stored"
        boxes = columns.boxes_xyxy(prefer=prefer).astype(np.float32)
        sizes = boxes[:, 2:] - boxes[:, :2]
        rows = np.flatnonzero((sizes > 0).all(axis=1))  # False for NaN
        columns, boxes = columns[rows], boxes[rows]
        target["boxes"] = torch.from_numpy(boxes)
        if tv is not None and shape is not None:
            target["boxes"] = tv.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=shape)
    target["labels"] = torch.from_numpy(columns.class_ids(classes.label_to_id))
    if kind is not None and kind.has_area:
        masks = torch.from_numpy(columns.masks(shape).astype(np.uint8))
        target["masks"] = masks if tv is None else tv.Mask(masks)
    if kind is not None and kind.name == "pose":
        from dlgeom.training.entries import keypoints_of

        target["keypoints"] = torch.from_numpy(keypoints_of(columns, points).astype(np.float32))
    item = columns.item
    target["image_id"] = item.id if type(item.id) is int else number
    if boxed:
        target["area"] = torch.from_numpy(columns.areas().astype(np.float32))
        target["iscrowd"] = torch.from_numpy(columns.crowd.astype(np.int64))
    if not transforms:
        return picture, target
    flips = None
    if "keypoints" in target:
        flips = _flips(columns, target["keypoints"].shape[1])
    return transformed(picture, target, transforms, tv, torch, flips)


def _flips(columns: Columns, count: int) -> NDArray[np.int64]:
    """Return for each key point of each row the one it becomes in a mirror, shape (N, count)."""
    collection = columns.collection()
    known = known_flips(collection)
    result = np.tile(np.arange(count), (len(columns), 1))
    for row, annotation in enumerate(collection):
        pose = annotation.annotation_definition
        if isinstance(pose, Pose):
            found = flip_for(None, pose.label, pose.names, known)
            if found is not None:
                result[row, : len(found)] = found
    return result


def _picture(
    image: Any, torch: Any, tv: Any, columns: Columns
) -> tuple[Any, tuple[int, int] | None]:
    """Return the image as a tensor, and its (height, width)."""
    if image is None:
        return None, columns.item.shape
    if isinstance(image, np.ndarray):
        pixels = image[..., None] if image.ndim == 2 else image
        tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        return (tensor if tv is None else tv.Image(tensor)), pixels.shape[:2]
    return image, tuple(image.shape[-2:])
