"""Any shape to any other; each function says what is exact and what is approximate.

Labels, attributes and descriptions are kept. Masks are given as arrays of shape (height, width),
where anything that is not zero is set, or as `Segmentation`.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions import Box, Definition, Point, Polygon, Pose, Segmentation
from dlgeom.definitions.base import AttributesLike, frozen_attributes
from dlgeom.definitions.segmentation import mask_array, mask_shape
from dlgeom.errors import GeometryError
from dlgeom.geometry import contours, raster, rle, rotated
from dlgeom.geometry.ragged import offsets_of

__all__ = [
    "mask_to_boxes",
    "mask_to_polygon",
    "mask_to_polygons",
    "polygon_to_mask",
    "polygon_to_runs",
    "simplify",
    "to_box",
    "to_polygon",
    "to_rotated_box",
    "to_segmentation",
]

Floats = NDArray[np.float64]
Mask = NDArray[Any] | Segmentation
Shape = tuple[int, int]

HALVINGS = 8
"""How often `simplify` tries again with half the distance before it keeps the outline."""


# Masks.


def _crop(mask: Mask) -> tuple[NDArray[np.bool_], int, int]:
    """Return a part of a mask that holds all its pixels, with its left and top."""
    if isinstance(mask, Segmentation):
        return mask.to_crop()
    return mask_array(mask), 0, 0


def mask_to_boxes(mask: Mask, label: str | None, *, attributes: AttributesLike = None) -> list[Box]:
    """Return the bounds of each separate component of a mask, largest (most pixels) first.

    Exact. Components are 8-connected; holes are none, single pixels are.

    Raises
    ------
    GeometryError
        If the mask is not two-dimensional.
    """
    if isinstance(mask, Segmentation):
        counts, shape = mask.counts, mask.shape
    else:
        dense = mask_array(mask)
        counts, shape = rle.encode(dense), (dense.shape[0], dense.shape[1])
    given = frozen_attributes(attributes)
    found = contours.component_bounds(counts, shape).astype(np.float64)
    return [
        Box(left, top, right, bottom, label, given) for left, top, right, bottom in found.tolist()
    ]


def mask_to_polygons(
    mask: Mask,
    label: str | None,
    *,
    attributes: AttributesLike = None,
    epsilon: float | None = None,
    max_instances: int | None = None,
    min_area: float = 0,
) -> list[Polygon]:
    """Outline each separate component of a mask, largest (most pixels) first.

    Exact unless `epsilon` is greater than 0: outlines run along pixel edges, holes and islands
    in them included, so that filling the polygons gives back the mask, pixel for pixel.

    Parameters
    ----------
    mask : ndarray, shape (H, W), or Segmentation
        What to outline; components are 8-connected.
    label, attributes
        Of the polygons.
    epsilon : float, optional
        None leaves out collinear vertices; 0 keeps each pixel corner; a greater number is the
        largest distance in pixels between the outline and its simplification (`simplify`).
    max_instances : int, optional
        How many components to return; all if None.
    min_area : float, default 0
        Components with fewer pixels are left out.

    Returns
    -------
    list of Polygon
        Empty for an empty mask.

    Raises
    ------
    GeometryError
        If the mask is not two-dimensional, or a parameter is out of its range.
    """
    _check_epsilon(epsilon)
    if max_instances is not None and max_instances < 1:
        raise GeometryError(f"max_instances is {max_instances}; it is at least 1, or None for all")
    given = frozen_attributes(attributes)
    crop, left, top = _crop(mask)
    pieces = (piece for piece in contours.components(crop) if piece[0].sum() >= min_area)
    found = []
    for piece, dx, dy in islice(pieces, max_instances):
        outline = contours.trace(piece, left + dx, top + dy)
        found.append(_with_epsilon(Polygon._of_row(outline, 0, label, given), epsilon))
    return found


def mask_to_polygon(
    mask: Mask,
    label: str | None,
    *,
    attributes: AttributesLike = None,
    epsilon: float | None = None,
) -> Polygon:
    """Outline all components of a mask as the parts of one polygon.

    Exact unless `epsilon` is greater than 0, as `mask_to_polygons`.

    Raises
    ------
    GeometryError
        If the mask is not two-dimensional or has no pixel set.
    """
    _check_epsilon(epsilon)
    if isinstance(mask, Segmentation):
        outline = contours.trace_runs(mask.counts, mask.shape)
    else:
        outline = contours.trace(mask_array(mask))
    if outline.part_counts[0] == 0:
        raise GeometryError("the mask has no pixel set; an outline needs one. Leave it out")
    polygon = Polygon._of_row(outline, 0, label, frozen_attributes(attributes))
    return _with_epsilon(polygon, epsilon)


def _check_epsilon(epsilon: float | None) -> None:
    if epsilon is not None and not 0 <= epsilon < np.inf:
        raise GeometryError(f"epsilon is {epsilon}; it is a distance in pixels, 0 or more")


def _with_epsilon(polygon: Polygon, epsilon: float | None) -> Polygon:
    if epsilon is None:
        return polygon
    return _all_corners(polygon) if epsilon == 0 else simplify(polygon, epsilon=epsilon)


def _all_corners(polygon: Polygon) -> Polygon:
    """Put back the pixel corners on the straight pieces of a pixel-edge outline."""
    parts = [[_unit_steps(ring) for ring in part] for part in polygon.parts]
    return Polygon.from_parts(parts, polygon.label, polygon.attributes, polygon.description)


def _unit_steps(ring: Floats) -> Floats:
    steps = np.roll(ring, -1, axis=0) - ring
    counts = np.abs(steps).max(axis=1).astype(np.int64)
    starts = offsets_of(counts)
    position = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
    ways = np.repeat(np.sign(steps), counts, axis=0)
    return np.asarray(np.repeat(ring, counts, axis=0) + ways * position[:, None])


# Simplification.


def simplify(polygon: Polygon, *, epsilon: float) -> Polygon:
    """Leave out vertices so that no point of the outline moves by more than `epsilon` pixels.

    Each part and hole stays, rings of a valid polygon neither cross themselves nor each other.

    Parameters
    ----------
    polygon : Polygon
        What to simplify.
    epsilon : float
        Largest distance in pixels between the outlines.

    Raises
    ------
    GeometryError
        If `epsilon` is negative or not finite.

    Notes
    -----
    Topology-preserving Douglas-Peucker simplification of all rings together (GEOS). Its result
    is checked, because GEOS may move the start of a ring twice: a ring that strays gets its
    start back, and where a ring is lost or rings come to cross, half the distance is tried. A
    polygon that crosses itself to begin with comes back as it is.
    """
    import shapely

    _check_epsilon(epsilon)
    whole = _to_shapely(polygon.parts)
    if epsilon == 0 or not shapely.is_valid(whole):
        return polygon
    distance = float(epsilon)
    for _ in range(HALVINGS):
        thin = _from_shapely(shapely.simplify(whole, distance, preserve_topology=True))
        if [len(part) for part in thin] == [len(part) for part in polygon.parts]:
            near = [
                [_kept_near(*rings, epsilon) for rings in zip(*part, strict=True)]
                for part in zip(polygon.parts, thin, strict=True)
            ]
            found = [[ring for ring in part if ring is not None] for part in near]
            complete = [len(part) for part in found] == [len(part) for part in near]
            if complete and shapely.is_valid(_to_shapely(found)):
                return Polygon.from_parts(
                    found, polygon.label, polygon.attributes, polygon.description
                )
        distance /= 2
    return polygon


def _to_shapely(parts: list[list[Floats]]) -> Any:
    import shapely

    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in parts])


def _from_shapely(shape: Any) -> list[list[Floats]]:
    pieces = shape.geoms if shape.geom_type == "MultiPolygon" else [shape]
    return [
        [np.asarray(ring.coords)[:-1, :2] for ring in (piece.exterior, *piece.interiors)]
        for piece in pieces
        if not piece.is_empty
    ]


def _kept_near(ring: Floats, thin: Floats, epsilon: float) -> Floats | None:
    """Return the vertices kept, with the start if it is needed to stay near; None if too few."""
    place = {vertex: index for index, vertex in enumerate(map(tuple, ring.tolist()))}
    kept = sorted(place[vertex] for vertex in map(tuple, thin.tolist()))
    if len(kept) < 3:
        return None
    if _strays(ring, kept) > epsilon:
        kept = sorted({0, *kept})
        if _strays(ring, kept) > epsilon:
            return None
    return ring[kept]


def _strays(ring: Floats, kept: list[int]) -> float:
    """Return the largest distance of a vertex from the segment that stands for it.

    Each segment joins two vertices of the piece that it replaces, so no point of it is farther
    from that piece than this either.
    """
    chosen = np.array(kept)
    segment = np.searchsorted(chosen, np.arange(len(ring)), side="right") - 1
    start = ring[chosen][segment]
    way = np.roll(ring[chosen], -1, axis=0)[segment] - start
    from_start = ring - start
    length = np.maximum((way * way).sum(axis=1), np.finfo(np.float64).tiny)
    share = np.clip((from_start * way).sum(axis=1) / length, 0, 1)
    return float(np.hypot(*(from_start - share[:, None] * way).T).max())


# Pixels.


def polygon_to_runs(polygon: Polygon, shape: Shape) -> NDArray[np.uint32]:
    """Fill a polygon as run lengths, column by column, zeros first; see `polygon_to_mask`."""
    return raster.parts_to_runs(polygon.parts, mask_shape(shape, "polygon_to_runs"))


def polygon_to_mask(polygon: Polygon, shape: Shape) -> NDArray[np.bool_]:
    """Fill a polygon: bool array of shape (height, width).

    Equal to pycocotools' result pixel for pixel: OR over the parts of (exterior XOR holes).

    Raises
    ------
    GeometryError
        If the shape is not (height, width) > 0, or the polygon is too far from the image.
    """
    return raster.parts_to_mask(polygon.parts, mask_shape(shape, "polygon_to_mask"))


# Everything to everything.


def _no_way(definition: Definition, wanted: str, why: str) -> GeometryError:
    kind = type(definition).__name__
    return GeometryError(f"a {kind} does not become a {wanted}; {why}")


def _seen_points(definition: Pose) -> Floats:
    points = definition.keypoints
    return points[points[:, 2] > 0, :2]


def to_box(definition: Definition) -> Box:
    """Return the smallest upright box around a definition.

    Exact for upright boxes, points and masks; of anything else the box is larger than the shape.
    Of a pose it holds the labelled points.

    Raises
    ------
    GeometryError
        If the definition has no place in the image, or is an empty mask.
    """
    if isinstance(definition, Box) and not definition.is_rotated:
        return definition
    left, top, right, bottom = definition.bounds
    if left != left or (isinstance(definition, Segmentation) and definition.area == 0):
        raise _no_way(definition, "box", "it covers no place in the image. Leave it out")
    return Box(
        left,
        top,
        right,
        bottom,
        definition.label,
        definition.attributes,
        definition.description,
    )


def to_rotated_box(definition: Definition) -> Box:
    """Return a rotated box around a definition.

    Exact for boxes, and within 1e-6 pixels for polygons of one ring with four vertices that
    make a rectangle: the first edge becomes the width. Of anything else it is the rotated box of
    the smallest area that holds it (of a pose: its labelled points; of a mask: its pixels).

    Raises
    ------
    GeometryError
        If the definition has no place in the image, or is an empty mask.
    """
    if isinstance(definition, Box):
        found = np.array(definition.rotated)
    else:
        points = _hull_points(definition)
        if len(points) == 0:
            raise _no_way(definition, "rotated box", "it covers no place in the image")
        if (
            isinstance(definition, Polygon)
            and len(points) == 4
            and len(definition.rings) == 1
            and bool(rotated.is_rectangle(points[None])[0])
        ):
            found = rotated.from_corners(points[None])[0]
        else:
            found = rotated.min_area_rectangle(points)
    return Box.from_rotated(found, definition.label, definition.attributes, definition.description)


def _hull_points(definition: Definition) -> Floats:
    """Return points whose convex hull is that of the definition, shape (n, 2)."""
    if isinstance(definition, Polygon):
        return np.concatenate([part[0] for part in definition.parts])
    if isinstance(definition, Segmentation):
        return contours.trace_runs(definition.counts, definition.shape).xy
    if isinstance(definition, Pose):
        return _seen_points(definition)
    if isinstance(definition, Point):
        return definition.geo[None]
    return np.zeros((0, 2))


def to_polygon(definition: Definition, *, epsilon: float | None = None) -> Polygon:
    """Return the outline of a definition.

    Exact for boxes (four corners, clockwise from left-top; those of a rotated box are rounded
    to floats), polygons, and masks (along pixel edges, all components; `epsilon` as for
    `mask_to_polygons`).

    Raises
    ------
    GeometryError
        If the definition has no area: points, poses, classifications, empty masks.
    """
    if isinstance(definition, Polygon):
        return definition
    if isinstance(definition, Box):
        return Polygon(
            definition.corners, definition.label, definition.attributes, definition.description
        )
    if isinstance(definition, Segmentation):
        polygon = mask_to_polygon(
            definition, definition.label, attributes=definition.attributes, epsilon=epsilon
        )
        return polygon.replace(description=definition.description)
    raise _no_way(definition, "polygon", "it has no area. Use to_box")


def to_segmentation(definition: Definition, shape: Shape) -> Segmentation:
    """Return the pixels of a definition.

    Equal to pycocotools' filling of its polygon, pixel for pixel; boxes and rotated boxes are
    filled as the polygons they are. Exact for masks, and for boxes with whole-numbered edges.

    Parameters
    ----------
    definition : Definition
        What to fill.
    shape : tuple of int
        (height, width) of the image in pixels; what lies outside is cut away.

    Raises
    ------
    GeometryError
        If the definition has no area, or is a mask of another shape.
    """
    sides = mask_shape(shape, "to_segmentation")
    if isinstance(definition, Segmentation):
        if definition.shape != sides:
            raise GeometryError(
                f"the mask is {definition.shape}, the image {sides} (height, width); "
                "they have to be equal. Crop or pad the mask first"
            )
        return definition
    if isinstance(definition, Polygon):
        parts = definition.parts
    elif isinstance(definition, Box):
        parts = [[definition.corners]]
    else:
        raise _no_way(definition, "segmentation", "it has no area. Use to_box")
    return Segmentation._of_counts(
        raster.parts_to_runs(parts, sides),
        sides,
        definition.label,
        definition.attributes,
        definition.description,
    )
