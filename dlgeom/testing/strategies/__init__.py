"""Hypothesis strategies for everything that dlgeom has: shapes, masks, annotations, data sets.

All shrink to small shapes with small whole numbers. What is rare in real data comes up on
purpose: empty and full masks, holes, touching corners, lines of one pixel, shapes without area,
points outside of the image. The knobs are those of `Knobs`.

Importing this module also registers the classes, so that ``hypothesis.strategies.from_type(Box)``
and arguments that are annotated with them work.

Examples
--------
>>> from dlgeom.testing import strategies as shapes
>>> anything = shapes.definitions()
>>> cars = shapes.polygons(size=(640, 480), valid=True, holes=True, labels=["car"])
"""

try:
    import hypothesis as _  # noqa: F401
except ImportError as error:
    from dlgeom.errors import MissingDependencyError

    raise MissingDependencyError(
        "dlgeom.testing.strategies needs Hypothesis; the assertions of dlgeom.testing do not. "
        "Install the extra: pip install 'dlgeom[testing]'"
    ) from error

from dlgeom.testing.strategies.annotated import annotations, tracks
from dlgeom.testing.strategies.anything import definitions
from dlgeom.testing.strategies.arrays import (
    box_arrays,
    cube_corners,
    ellipse_arrays,
    keypoint_arrays,
    rotated_box_arrays,
)
from dlgeom.testing.strategies.columns import chunks, definitions_without_column
from dlgeom.testing.strategies.knobs import HUGE, HUGE_SIZE, Knobs
from dlgeom.testing.strategies.numbers import angles, coordinates, image_shapes, image_sizes
from dlgeom.testing.strategies.pixels import (
    counts_lists,
    huge_runs,
    id_masks,
    mask_pairs,
    masks,
    runs,
)
from dlgeom.testing.strategies.registration import register as _register
from dlgeom.testing.strategies.sets import (
    collections,
    datasets,
    file_names,
    items,
    label_names,
    label_tables,
)
from dlgeom.testing.strategies.shapes import (
    boxes,
    cubes,
    ellipses,
    points,
    polygons,
    polylines,
    poses,
    segmentations,
)
from dlgeom.testing.strategies.values import (
    attributes,
    fields,
    ids,
    json_values,
    names,
    texts,
    visibilities,
)
from dlgeom.testing.strategies.vertices import lines, outlines, rings, simple_rings
from dlgeom.testing.strategies.words import (
    classifications,
    comparisons,
    cubes_3d,
    descriptions,
    free_texts,
    gis,
    messages,
    notes,
    ref_images,
    subtitles,
    text_marks,
    undefined,
)

__all__ = [
    "HUGE",
    "HUGE_SIZE",
    "Knobs",
    "angles",
    "annotations",
    "attributes",
    "box_arrays",
    "boxes",
    "chunks",
    "classifications",
    "collections",
    "comparisons",
    "coordinates",
    "counts_lists",
    "cube_corners",
    "cubes",
    "cubes_3d",
    "datasets",
    "definitions",
    "definitions_without_column",
    "descriptions",
    "ellipse_arrays",
    "ellipses",
    "fields",
    "file_names",
    "free_texts",
    "gis",
    "huge_runs",
    "id_masks",
    "ids",
    "image_shapes",
    "image_sizes",
    "items",
    "json_values",
    "keypoint_arrays",
    "label_names",
    "label_tables",
    "lines",
    "mask_pairs",
    "masks",
    "messages",
    "names",
    "notes",
    "outlines",
    "points",
    "polygons",
    "polylines",
    "poses",
    "ref_images",
    "rings",
    "rotated_box_arrays",
    "runs",
    "segmentations",
    "simple_rings",
    "subtitles",
    "text_marks",
    "texts",
    "tracks",
    "undefined",
    "visibilities",
]

_register()
