"""The real data sets of the shared folder: where they are, how to open them, what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["SETS", "RealSet"]


class RealSet(NamedTuple):
    """A data set, the options it takes, and the counts that its documentation states."""

    path: str
    format: str
    images: int
    annotations: int
    options: Mapping[str, Any] = MappingProxyType({})
    skipped: int = 0
    convertible: bool = True


IMAGES = "voc/voc100/images"

SETS = [
    # coco_mini: instances 739 + 624, captions 400 + 395; keypoint records are instances too.
    RealSet("coco/coco_mini", "coco", 159, 739 + 624 + 400 + 395),
    RealSet("coco/keypoints_2213", "coco", 538, 2_213),
    RealSet("coco/person_1045", "coco", 1_045, 1_045),
    RealSet("coco/taco", "coco", 1_500, 4_784),
    RealSet("coco/lvis_val_100", "coco", 100, 977),
    RealSet("coco/results/instances_val2014_fakesegm100_results.json", "coco", 99, 734),
    RealSet("coco/results/instances_val2014_fakebbox100_results.json", "coco", 99, 734),
    RealSet("coco/results/person_keypoints_val2014_fakekeypoints100_results.json", "coco", 47, 125),
    RealSet("coco/results/captions_val2014_fakecap_results.json", "coco", 1_000, 1_000),
    RealSet("coco/panoptic_val100", "coco", 100, 1_078),
    RealSet("coco/voc100_coco/coco_format_v1", "coco", 100, 273),
    RealSet("coco/voc100_coco/coco_format_v2", "coco", 100, 273),
    RealSet("coco/roboflow_small", "coco", 72, 37 + 189),
    RealSet("coco/labelme_coco", "coco", 3, 12),
    RealSet("coco/retinanet", "coco", 2, 23),
    RealSet("coco/mmpose/test_coco.json", "coco", 4, 14),
    RealSet("coco/mmpose/test_coco_wholebody.json", "coco", 4, 14),
    RealSet("coco/mmpose/test_crowdpose.json", "coco", 2, 5),
    RealSet("coco/mmpose/test_animalpose.json", "coco", 2, 2),
    RealSet("coco/mmpose/test_aic.json", "coco", 3, 9),
    RealSet("coco/datumaro/coco_instances", "coco", 2, 3),
    # Its picture of one split has another size than its record.
    RealSet("coco/datumaro/coco_panoptic", "coco", 2, 3, convertible=False),
    RealSet("coco/datumaro/coco_person_keypoints", "coco", 2, 3),
    RealSet("coco/datumaro/coco_roboflow", "coco", 2, 3),
    RealSet("yolo/coco128_val/detect", "yolo", 128, 898, {"images": "yolo/coco128_val/images"}),
    RealSet("yolo/coco128_val/segment", "yolo", 100, 712, {"images": "yolo/coco128_val/images"}),
    RealSet("yolo/coco8_detect", "yolo", 8, 30),
    RealSet("yolo/darknet_voc100", "yolo", 100, 273, {"images": IMAGES}),
    RealSet("yolo/dota8_obb_labels", "yolo", 8, 133, {"yolo_image_size": "1024x1024"}),
    RealSet(
        "yolo/predictions_voc100/rel_xywh",
        "yolo",
        98,
        452,
        {"images": IMAGES, "names": "yolo/darknet_voc100/obj.names", "yolo_conf": "second"},
    ),
    RealSet("yolo/datumaro_variants/yolov8_detection", "yolo", 1, 2),
    RealSet("yolo/datumaro_variants/yolov8_segmentation", "yolo", 1, 2),
    RealSet("yolo/datumaro_variants/yolov8_oriented_boxes", "yolo", 1, 2),
    RealSet("yolo/datumaro_variants/yolov8_pose", "yolo", 1, 1),
    RealSet("yolo/datumaro_variants/yolov8_pose_two_values_per_point", "yolo", 1, 1),
    RealSet("yolo/datumaro_variants/yolov8_classification", "yolo", 3, 3),
    RealSet("yolo/datumaro_layouts/labels", "yolo", 2, 4),
    RealSet("voc/voc100/pascalvoc", "voc", 100, 273, {"images": IMAGES}),
    RealSet("voc/voc100/cvat_voc_export", "voc", 100, 273),
    RealSet("voc/bccd", "voc", 364, 4_888),
    RealSet("voc/labelme_voc/data_dataset_voc", "voc", 3, 12),
    RealSet("voc/labelme_voc_bbox", "voc", 3, 9),
    RealSet("voc/retinanet", "voc", 1, 2),
    # It has neither sizes nor images.
    RealSet("voc/datumaro/voc_dataset2", "voc", 5, 4, convertible=False),
]
