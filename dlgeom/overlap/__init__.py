"""Overlap of definitions, annotations and collections: IoU, suppression, matching.

The same on plain arrays is in `dlgeom.geometry.overlap`.
"""

from __future__ import annotations

from dlgeom.geometry.overlap import COCO_SIGMAS, Matches
from dlgeom.overlap.choosing import match, nms, soft_nms
from dlgeom.overlap.keypoints import oks, pairwise_oks
from dlgeom.overlap.measures import giou, ioa, iou, pairwise_giou, pairwise_ioa, pairwise_iou

__all__ = [
    "COCO_SIGMAS",
    "Matches",
    "giou",
    "ioa",
    "iou",
    "match",
    "nms",
    "oks",
    "pairwise_giou",
    "pairwise_ioa",
    "pairwise_iou",
    "pairwise_oks",
    "soft_nms",
]
