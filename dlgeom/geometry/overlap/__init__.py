"""Overlap of shapes in columns: IoU and its relatives, suppression, matching."""

from dlgeom.geometry.overlap.keypoints import COCO_SIGMAS, paired_oks, pairwise_oks
from dlgeom.geometry.overlap.matching import Matches, assign, match, match_table
from dlgeom.geometry.overlap.measures import (
    paired_giou,
    paired_intersections,
    paired_ioa,
    paired_iou,
    pairwise_giou,
    pairwise_intersections,
    pairwise_ioa,
    pairwise_iou,
)
from dlgeom.geometry.overlap.suppression import nms, nms_table, soft_nms, soft_nms_table

__all__ = [
    "COCO_SIGMAS",
    "Matches",
    "assign",
    "match",
    "match_table",
    "nms",
    "nms_table",
    "paired_giou",
    "paired_intersections",
    "paired_ioa",
    "paired_iou",
    "paired_oks",
    "pairwise_giou",
    "pairwise_intersections",
    "pairwise_ioa",
    "pairwise_iou",
    "pairwise_oks",
    "soft_nms",
    "soft_nms_table",
]
