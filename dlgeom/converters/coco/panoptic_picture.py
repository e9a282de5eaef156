"""The pictures of a panoptic data set: found, read and compared with ``segments_info``."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.panoptic_index import PanopticFile
from dlgeom.converters.coco.panoptic_json import Segment
from dlgeom.converters.inputs import check_inside
from dlgeom.converters.names import safe_name, stem_of
from dlgeom.converters.packed import bare_name
from dlgeom.converters.png import read_png
from dlgeom.errors import FormatError
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Runs
from dlgeom.geometry.segments import id_map, segment_runs
from dlgeom.item import Item

__all__ = ["compare", "read_picture"]


def read_picture(
    context: ReadContext, file: PanopticFile, item: Item, raw: bytes
) -> NDArray[np.uint32]:
    """Read the PNG of an annotation as segment ids."""
    name = msgspec.json.decode(raw).get("file_name")
    if name is None:
        name = stem_of(item.name or str(item.id)) + ".png"
    if not isinstance(name, str):
        raise FormatError(
            f"file_name is {name!r}; names are text", code="type.text", path=file.shown
        )
    limits = context.limits
    safe, _ = safe_name(name, limits=limits, shown=file.shown)
    root = file.path.parent
    stem = bare_name(file.path.name).removesuffix(".json")
    folders = [root / stem, root]
    if root.name == "annotations":
        # Trainers want the folder beside that of the annotations.
        root = root.parent
        folders.append(root / stem)
    candidates = [folder / safe for folder in folders]
    path = next((path for path in candidates if path.is_file()), candidates[0])
    shown = path.relative_to(root).as_posix()
    check_inside(path, root, shown)
    png = read_png(path, limits=limits, shown=shown)
    problems = context.problems
    for code, what in png.notes:
        tell = problems.notice if code == "file.trailing_data" else problems.warning
        tell(code, what, path=shown)
    if png.array.ndim != 3 or png.array.shape[2] < 3 or png.array.dtype != np.uint8:
        raise FormatError(
            f"is a PNG of mode {png.mode}; panoptic ids are 8-bit RGB. Save it as RGB",
            code="image.mode",
            path=shown,
        )
    if png.array.shape[2] > 3:
        problems.warning(
            "image.mode", "has an alpha channel; it is ignored. Save it as RGB", path=shown
        )
    height, width = png.array.shape[:2]
    item.width, item.height = item.width or width, item.height or height
    if (height, width) != item.shape:
        raise FormatError(
            f"is {width} x {height} pixels, its image {item.width} x {item.height}; they "
            "are of one size. Correct the size, or the picture",
            code="image.size_disagrees",
            path=shown,
        )
    return id_map(png.array)


def compare(
    context: ReadContext,
    file: PanopticFile,
    number: int,
    segments: list[Segment],
    ids: NDArray[np.uint32],
    used: set[int],
) -> tuple[list[Segment], Runs]:
    """Compare the segments with the pixels; return those that have any, with masks."""
    problems = context.problems
    location = f"annotations[{number}]"
    found, runs = segment_runs(ids)
    row_of = {value: row for row, value in enumerate(found.tolist())}
    unknown = [value for value in row_of if value not in used]
    if unknown:
        problems.warning(
            "geometry.disagree",
            f"the picture has pixels of {len(unknown)} segments that segments_info does not "
            f"know, such as {unknown[0]}; add them, or make the pixels void",
            path=file.shown,
            location=location,
        )
    kept = []
    for segment in segments:
        if segment.id in row_of:
            kept.append(segment)
            continue
        problems.skipped(
            "mask.empty",
            "the picture has no pixel of this segment; remove it, or paint it",
            path=file.shown,
            location=location,
            annotation_id=segment.id,
        )
    rows = np.array([row_of[segment.id] for segment in kept], dtype=np.int64)
    masks = runs.take(rows)
    areas, bounds = rle.areas(masks), rle.bounds_many(masks)
    for segment, area, box in zip(kept, areas.tolist(), bounds.tolist(), strict=True):
        wrong = []
        if segment.area == segment.area and segment.area != area:
            wrong.append(f"area is {segment.area}, the mask has {area} pixels")
        if segment.bounds[0] == segment.bounds[0] and segment.bounds != tuple(box):
            wrong.append(f"bbox ends at {segment.bounds}, the mask at {tuple(box)}")
        if wrong:
            problems.warning(
                "geometry.disagree",
                "; ".join(wrong) + ". Both are kept; recompute them",
                path=file.shown,
                location=location,
                annotation_id=segment.id,
            )
    return kept, masks
