"""Transforms that take keywords and return a dict of the same keys, as albumentations do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.batches import Columns
from dlgeom.conversions import mask_to_polygon
from dlgeom.definitions import Box, Point, Pose, Segmentation
from dlgeom.errors import UsageError

__all__ = ["KeywordTransform", "name_of"]

Image = NDArray[Any]
Floats = NDArray[np.float64]


class KeywordTransform:
    """A transform that takes keywords and returns a dict of the same keys, as albumentations do.

    Parameters
    ----------
    transform : callable
        Called with ``image`` (H, W, 3), and what the annotations have of: ``bboxes``, a list of
        (left, top, right, bottom) in pixels, or as the transform's settings say (``coco``,
        ``yolo``...); ``masks``, a list of uint8 (H, W); ``keypoints``, a list of (x, y); and with
        the label fields.
    label_field : str, optional
        Field that goes with the boxes: it holds the number of each row, and tells what was
        dropped. Found from the transform's own settings, else ``labels``.
    keypoint_field : str, optional
        The same for key points, else ``keypoint_labels``.
    keypoint_offset : float, optional
        What is taken off key points on the way in and added on the way out: 0.5 for transforms
        that count from the middle of the first pixel, as those of albumentations do and as is
        the default for them; else 0. Boxes are continuous everywhere.

    Notes
    -----
    With albumentations: ``Compose([...], bbox_params=BboxParams("pascal_voc",
    label_fields=["labels"]))``, and ``KeypointParams("xy", label_fields=["keypoint_labels"])``
    for poses; it draws its random numbers itself, so give it a seed of its own.

    A row whose box is dropped is dropped as a whole; one that has only a mask, where nothing of
    it is left. Key points that are dropped get visibility 0. A polygon passes as its mask and
    comes back as the outline along pixel edges; a rotated box as its bounds.
    """

    def __init__(
        self,
        transform: Callable[..., Mapping[str, Any]],
        label_field: str | None = None,
        keypoint_field: str | None = None,
        keypoint_offset: float | None = None,
    ) -> None:
        self.transform_function = transform
        fields = _settings(transform, "bboxes", "label_fields") or ["labels"]
        points = _settings(transform, "keypoints", "label_fields") or ["keypoint_labels"]
        self.label_field = label_field or str(fields[0])
        self.keypoint_field = keypoint_field or str(points[0])
        self.more_fields = [name for name in fields if name != self.label_field]
        self.more_keypoint_fields = [name for name in points if name != self.keypoint_field]
        self.box_format = str(_settings(transform, "bboxes", "format") or "pascal_voc")
        counted = 0.5 if _is_albumentations(transform) else 0.0
        self.keypoint_offset = counted if keypoint_offset is None else float(keypoint_offset)

    def transform(
        self, image: Image, annotations: AnnotationCollection, random: np.random.Generator
    ) -> tuple[Image, AnnotationCollection]:
        """Return the image and its annotations after the step."""
        columns = annotations.columns()
        if not isinstance(image, np.ndarray):
            raise UsageError(
                f"{name_of(self.transform_function)} comes after a step that made a "
                f"{type(image).__name__} of the image; it takes arrays. Put that step last"
            )
        rows = _KeywordRows(annotations, columns, (image.shape[0], image.shape[1]))
        self._check(len(annotations), len(rows.points))
        arguments: dict[str, Any] = {"image": image, **rows.arguments(self)}
        made = self.transform_function(**arguments)
        if not isinstance(made, Mapping) or "image" not in made:
            raise UsageError(
                f"{name_of(self.transform_function)} returned {type(made).__name__}; a transform "
                "of keywords returns a dict with the same keys"
            )
        for key in arguments:
            if key not in made:
                raise UsageError(
                    f"{name_of(self.transform_function)} was given {key!r} and did not return it; "
                    "without it rows cannot be told apart"
                )
        return made["image"], rows.result(made, self)

    @property
    def processors(self) -> Mapping[str, Any] | None:
        """What the transform says it can take, as a ``Compose`` of albumentations does."""
        found = getattr(self.transform_function, "processors", None)
        return found if isinstance(found, Mapping) else None

    def _check(self, rows: int, points: int) -> None:
        known = self.processors
        alone = known is None and _is_albumentations(self.transform_function)
        if alone or (known is not None and "bboxes" not in known and rows):
            raise UsageError(
                f"{name_of(self.transform_function)} does not say how boxes are given. Make it "
                "Compose([...], bbox_params=BboxParams('pascal_voc', label_fields=['labels']))"
            )
        if known is not None and points and "keypoints" not in known:
            raise UsageError(
                f"{name_of(self.transform_function)} does not say how key points are given. Pass "
                "keypoint_params=KeypointParams('xy', label_fields=['keypoint_labels']) to it too"
            )
        order = _settings(self.transform_function, "keypoints", "format") or "xy"
        if points and order != "xy":
            raise UsageError(
                f"{name_of(self.transform_function)} takes key points as {order!r}; here they "
                "are x, y. Make it KeypointParams('xy', ...)"
            )


class _KeywordRows:
    """The rows of a sample on their way through a transform that takes keywords."""

    def __init__(
        self, annotations: AnnotationCollection, columns: Columns, shape: tuple[int, int]
    ) -> None:
        self.annotations = annotations
        self.shape = shape
        self.shapes = [annotation.annotation_definition for annotation in annotations]
        self.bounds = columns.boxes_xyxy(prefer="shape")
        areas = columns.runs(shape)
        self.masked = np.flatnonzero(areas.present).tolist()
        self.masks = columns.masks(shape)[self.masked].astype(np.uint8) if self.masked else None
        self.points: list[tuple[int, int, float, float]] = []
        for row, found in enumerate(self.shapes):
            if isinstance(found, Pose):
                values = found.keypoints.tolist()
                self.points += [(row, k, x, y) for k, (x, y, seen) in enumerate(values) if seen > 0]
            elif isinstance(found, Point):
                self.points.append((row, 0, found.x, found.y))
        posed = {row for row, *_ in self.points}
        given = [b is not None for b in (a.stored_bounds for a in annotations)]
        # The box of a pose or point without one of its own says nothing.
        self.boxed = [
            row
            for row in range(len(self.shapes))
            if not np.isnan(self.bounds[row, 0]) and (row not in posed or given[row])
        ]

    def arguments(self, names: KeywordTransform) -> dict[str, Any]:
        """Return what the transform is called with beside the image."""
        known = names.processors
        result: dict[str, Any] = {}
        if known is None or "bboxes" in known:
            given = _given(self.bounds[self.boxed], names.box_format, self.shape)
            result["bboxes"] = [tuple(box) for box in given.tolist()]
            for field in (names.label_field, *names.more_fields):
                result[field] = list(self.boxed)
        if self.masks is not None:
            result["masks"] = list(self.masks)
        if self.points or (known is not None and "keypoints" in known):
            off = names.keypoint_offset
            result["keypoints"] = [(x - off, y - off) for *_, x, y in self.points]
            for field in (names.keypoint_field, *names.more_keypoint_fields):
                result[field] = list(range(len(self.points)))
        return result

    def result(self, made: Mapping[str, Any], names: KeywordTransform) -> AnnotationCollection:
        """Return the annotations that are left."""
        kept = [int(row) for row in made.get(names.label_field, ())]
        found = list(made.get("bboxes", ()))
        if len(kept) != len(found) or not set(kept) <= set(self.boxed):
            raise UsageError(
                f"the transform returned {len(found)} boxes with the {names.label_field} {kept}; "
                "each box keeps the one it came with"
            )
        size = np.shape(made["image"])
        sides = (size[0], size[1]) if isinstance(made["image"], np.ndarray) else size[-2:]
        edges = np.array([np.asarray(box)[:4] for box in found], dtype=np.float64).reshape(-1, 4)
        boxes = dict(zip(kept, _taken(edges, names.box_format, sides), strict=True))
        masks = self._masks(made.get("masks"), kept)
        points = {
            int(number): np.asarray(place, dtype=np.float64)[:2] + names.keypoint_offset
            for number, place in zip(
                made.get(names.keypoint_field, ()), made.get("keypoints", ()), strict=True
            )
        }
        # Those that were kept outside of the image are not seen there.
        far = (sides[1], sides[0])
        points = {k: xy for k, xy in points.items() if (xy >= 0).all() and (xy <= far).all()}
        image = made["image"]
        left: list[Annotation] = []
        for row, annotation in enumerate(self.annotations):
            if row in self.boxed and row not in boxes:
                continue
            shape = self._shape(row, boxes.get(row), masks.get(row), points)
            if shape is None:
                continue
            copy = annotation.copy()
            copy.annotation_definition, copy.companions, copy.children = shape, (), ()
            if annotation.stored_bounds is not None and row in boxes:
                a, b, c, d = boxes[row].tolist()
                copy.stored_bounds = (a, b, c, d)
            copy.stored_area = None
            left.append(copy)
        return AnnotationCollection(
            _item_of(self.annotations, image), left, self.annotations.labels
        )

    def _masks(self, masks: Any, kept: list[int]) -> dict[int, NDArray[Any]]:
        if masks is None:
            return {}
        if len(masks) == len(self.masked):
            return dict(zip(self.masked, masks, strict=True))
        rows = [row for row in kept if row in self.masked]
        if len(masks) != len(rows):
            raise UsageError(
                f"the transform returned {len(masks)} masks of {len(self.masked)}, and "
                f"{len(rows)} boxes that have one; it is not known which is whose"
            )
        return dict(zip(rows, masks, strict=True))

    def _shape(self, row: int, box: Any, mask: Any, points: Mapping[int, Any]) -> Any:
        """Return the shape of a row after the transform, None if nothing is left."""
        shape = self.shapes[row]
        rest = (shape.label, shape.attributes, shape.description)
        if row in self.masked and not isinstance(shape, Box):
            pixels = np.asarray(mask) != 0
            if not pixels.any():
                return None
            if isinstance(shape, Segmentation):
                return Segmentation(pixels, *rest)
            return mask_to_polygon(pixels, rest[0], attributes=rest[1])
        mine = {k: n for n, (r, k, *_) in enumerate(self.points) if r == row}
        if isinstance(shape, Pose):
            xyv = np.array(shape.keypoints)
            for k in range(len(xyv)):
                if k in mine and mine[k] in points:
                    xyv[k, :2] = points[mine[k]]
                elif k in mine:
                    xyv[k] = 0
            return Pose(
                shape.label,
                shape.template_id,
                shape.instance_id,
                shape.attributes,
                [
                    Point(x, y, name, visibility=int(seen))
                    for (x, y, seen), name in zip(xyv.tolist(), shape.names, strict=True)
                ],
                shape.description,
                skeleton=shape.skeleton,
            )
        if isinstance(shape, Point):
            if mine[0] not in points:
                return None
            x, y = points[mine[0]].tolist()
            return Point(x, y, *rest, shape.visibility)
        if isinstance(shape, Box) and box is not None:
            left, top, right, bottom = box.astype(float).tolist()
            return Box(left, top, right, bottom, *rest)
        if box is not None:
            raise UsageError(
                f"a {type(shape).__name__} cannot pass through a transform of keywords; boxes, "
                "masks, polygons and key points can"
            )
        return shape


def _item_of(annotations: AnnotationCollection, image: Any) -> Any:
    item = annotations.item
    shape = getattr(image, "shape", None)
    if item is None or shape is None or not isinstance(image, np.ndarray):
        return item
    return msgspec.structs.replace(item, width=int(shape[1]), height=int(shape[0]))


def _settings(transform: Any, kind: str, name: str) -> Any:
    """Return what a transform's settings say of boxes or key points, None if nothing."""
    processors = getattr(transform, "processors", None)
    processor = processors.get(kind) if isinstance(processors, Mapping) else None
    return getattr(getattr(processor, "params", None), name, None)


def _given(boxes: Floats, order: str, shape: tuple[int, int]) -> Floats:
    """Return left, top, right, bottom in pixels as albumentations' format of that name."""
    boxes = boxes.copy()
    if order in ("yolo", "albumentations"):
        boxes /= np.array([shape[1], shape[0]] * 2)
    if order in ("coco", "yolo"):
        boxes[:, 2:] -= boxes[:, :2]
    if order == "yolo":
        boxes[:, :2] += boxes[:, 2:] / 2
    return boxes


def _taken(boxes: Floats, order: str, shape: tuple[int, int]) -> Floats:
    """Return boxes of a format as left, top, right, bottom in pixels."""
    boxes = boxes.copy()
    if order == "yolo":
        boxes[:, :2] -= boxes[:, 2:] / 2
    if order in ("coco", "yolo"):
        boxes[:, 2:] += boxes[:, :2]
    if order in ("yolo", "albumentations"):
        boxes *= np.array([shape[1], shape[0]] * 2)
    return boxes


def _is_albumentations(transform: Any) -> bool:
    return type(transform).__module__.startswith("albument")


def name_of(function: Any) -> str:
    """Return what a function is called in messages."""
    return str(getattr(function, "__name__", type(function).__name__))
