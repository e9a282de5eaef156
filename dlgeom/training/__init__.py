"""Data for training loops: samples as arrays or tensors, augmentations, batches.

`DatasetGenerator` reads any format; see ``docs/training.md``.
"""

from __future__ import annotations

from dlgeom.training.augment import (
    Augmentation,
    Letterbox,
    RandomCrop,
    RandomFlip,
    RandomResize,
    RandomRotate,
    Resize,
)
from dlgeom.training.classes import Classes, to_categorical
from dlgeom.training.collate import (
    collate_default,
    collate_detection,
    collate_lists,
    collate_pad,
    collate_torch,
)
from dlgeom.training.generator import DatasetGenerator
from dlgeom.training.hooks import Step, steps_of
from dlgeom.training.images import read_image
from dlgeom.training.keywords import KeywordTransform

__all__ = [
    "Augmentation",
    "Classes",
    "DatasetGenerator",
    "KeywordTransform",
    "Letterbox",
    "RandomCrop",
    "RandomFlip",
    "RandomResize",
    "RandomRotate",
    "Resize",
    "Step",
    "collate_default",
    "collate_detection",
    "collate_lists",
    "collate_pad",
    "collate_torch",
    "read_image",
    "steps_of",
    "to_categorical",
]
