"""Names that are chosen from: types, states, formats, kinds of pictures and files.

Members are text: ``AnnotationType.BOX == "box"``. Each is also a constant of `dlgeom`, named
after its enumeration and itself, such as ``dlgeom.VIEW_ANNOTATION_OPTIONS_MASK``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = [
    "AnnotationFormat",
    "AnnotationStatus",
    "AnnotationType",
    "ExportVersion",
    "ViewAnnotationOptions",
    "constants",
]


class _Name(StrEnum):
    """Text that is found whatever its case."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if isinstance(value, str):
            for member in cls:
                if member.value.casefold() == value.casefold():
                    return member
        return None


class AnnotationType(_Name):
    """Type strings of the platform's JSON."""

    BOX = "box"
    CUBE = "cube"
    CUBE3D = "cube_3d"
    CLASSIFICATION = "class"
    COMPARISON = "comparison"
    DESCRIPTION = "item_description"
    ELLIPSE = "ellipse"
    FREE_TEXT = "text"
    GIS = "gis"
    NOTE = "note"
    POINT = "point"
    POLYGON = "segment"
    POLYLINE = "polyline"
    POLYLINE_3D = "polyline_3d"
    POSE = "pose"
    REF_IMAGE = "ref_image"
    REF_SEMANTIC_3D = "ref_semantic_3d"
    SEGMENTATION = "binary"
    SEMANTIC_3D = "semantic_3d"
    SUBTITLE = "subtitle"
    TEXT = "text_mark"


class AnnotationStatus(_Name):
    """Where the review of an annotation stands; `CLEAR` is written as null."""

    ISSUE = "issue"
    APPROVED = "approved"
    REVIEW = "review"
    CLEAR = "clear"


class ViewAnnotationOptions(_Name):
    """Kinds of pictures and files that annotations are drawn or saved as.

    `MASK` has the colours of the labels, `INSTANCE` ids of labels, `OBJECT_ID` ids of objects;
    `ANNOTATION_ON_IMAGE` is the picture with its annotations.
    """

    JSON = "json"
    MASK = "mask"
    INSTANCE = "instance"
    ANNOTATION_ON_IMAGE = "img_mask"
    VTT = "vtt"
    OBJECT_ID = "object_id"


class ExportVersion(_Name):
    """How files are named after their item.

    `V1` replaces its extension (``a.jpg`` gives ``a.json``), `V2` appends (``a.jpg.json``).
    """

    V1 = "v1"
    V2 = "v2"


class AnnotationFormat(_Name):
    """Formats of annotation files."""

    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"
    DATALOOP = "dataloop"
    VTT = "vtt"
    SRT = "srt"
    MOT = "mot"
    CVAT = "cvat"
    YOLO_VIDEO = "yolo-video"
    YTVIS = "ytvis"


PREFIXES: dict[str, type[StrEnum]] = {
    "ANNOTATION_TYPE": AnnotationType,
    "ANNOTATION_STATUS": AnnotationStatus,
    "VIEW_ANNOTATION_OPTIONS": ViewAnnotationOptions,
    "EXPORT_VERSION": ExportVersion,
    "ANNOTATION_FORMAT": AnnotationFormat,
}


def constants() -> dict[str, StrEnum]:
    """Return the members of all enumerations under the names of their constants."""
    return {
        f"{prefix}_{name}": member
        for prefix, members in PREFIXES.items()
        for name, member in members.__members__.items()
    }
