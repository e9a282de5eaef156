"""Geometry, an object at a time, against pycocotools, OpenCV and dense masks.

    python benchmarks/geometry.py                       # everything; about a minute
    python benchmarks/geometry.py --only rle --repeat 9 # operations whose name has 'rle' in it
    python benchmarks/geometry.py --objects 50 --goals  # fewer objects, only what has a goal

Prints a table: median CPU microseconds an object of the peer and of dlgeom, the peer's divided by
ours (how many times faster), and the goal for that where there is one. Objects are seeded blobs in
images of 640 x 480 and 4,000 x 3,000 pixels and, where DLGEOM_SHARED_DATA or ../shared/data has
them, real COCO polygons in their images and scaled to images of 4,000 pixels. Before anything is
timed, the results of both sides are compared. A second table has CPU seconds of making 860,000
annotations.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from pycocotools import mask as coco

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from generate import blob  # noqa: E402
from harness import Table, command_of, intro, parser, wanted  # noqa: E402

from dlgeom import Annotation, Box  # noqa: E402
from dlgeom.geometry import (  # noqa: E402
    bridges,
    contours,
    overlap,
    raster,
    rle,
    rle_grid,
    rle_morphology,
    rle_regions,
)
from dlgeom.geometry.ragged import Rings  # noqa: E402

LEAST = 0.02  # CPU seconds that one measurement takes at least
SLICE = 255  # pycocotools' area and toBbox overflow for longer lists under numpy 2
ANNOTATIONS = 860_000


# ---------------------------------------------------------------- objects


class Objects:
    """Outlines in images, with their masks in every form that an operation starts from."""

    def __init__(
        self, name: str, side: int, parts: list[list[list[np.ndarray]]], shapes: list[tuple]
    ) -> None:
        self.name, self.side = name, side
        self.parts, self.shapes = parts, shapes
        # What the peers take: flat lists of numbers and their own dictionaries, made beforehand.
        self.flat = [[ring.ravel() for part in row for ring in part] for row in parts]
        self.native = [native(*pair) for pair in zip(self.flat, shapes, strict=True)]
        self.outline = Rings.of(parts)
        self.sizes = np.array(shapes, dtype=np.int64)
        self.runs = raster.rows_to_runs(self.outline, self.sizes)
        self.counts = [self.runs.row(index) for index in range(len(parts))]
        self.masks = [coco.decode(one).astype(np.bool_, order="C") for one in self.native]
        self.crops = [
            (np.ascontiguousarray(crop), left, top)
            for crop, left, top in map(rle.decode_crop, self.counts, shapes)
        ]
        # The same objects a little aside, to have something to compare them with.
        moved = Rings(
            self.outline.xy + side / 200, self.outline.rings, self.outline.parts, self.outline.rows
        )
        self.moved = raster.rows_to_runs(moved, self.sizes)
        self.native_moved = [
            native([ring + side / 200 for ring in row], shape)
            for row, shape in zip(self.flat, shapes, strict=True)
        ]
        # Each object with a small part beside it and a hole in that, all as one walk.
        self.pieces = [[*row, island(row)] for row in parts]

    def __len__(self) -> int:
        return len(self.parts)


def native(flat: list[np.ndarray], shape: tuple[int, int]) -> dict:
    filled = coco.frPyObjects(flat, *shape)
    return filled[0] if len(filled) == 1 else coco.merge(filled)


def island(row: list[list[np.ndarray]]) -> list[np.ndarray]:
    right, top = np.concatenate([part[0] for part in row]).max(axis=0)[0] + 2, 1.0
    outer = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], dtype=float)
    corner = np.array([right, top])
    return [outer + corner, outer[::-1] / 3 + (corner + 3)]


def synthetic(side: int, count: int, seed: int = 0) -> Objects:
    """Make blobs with the sizes and the numbers of vertices of `generate.py`."""
    rng = np.random.default_rng(seed)
    width, height = side, side * 3 // 4
    parts = []
    for _ in range(count):
        scale = np.clip(rng.lognormal(-1.9, 1.0), 0.01, 0.98)
        aspect = np.clip(rng.lognormal(0.0, 0.5), 0.2, 5.0)
        rx = np.clip(scale * width * np.sqrt(aspect), 3, width * 0.98) / 2
        ry = np.clip(scale * height / np.sqrt(aspect), 3, height * 0.98) / 2
        cx, cy = rx + rng.random() * (width - 2 * rx), ry + rng.random() * (height - 2 * ry)
        vertices = int(np.clip(rng.lognormal(2.85, 0.7), 4, 250))
        parts.append([[blob(rng, vertices, cx, cy, rx, ry).round(2)]])
    return Objects(f"blobs, {side:,} px", side, parts, [(height, width)] * count)


def real(files: list[Path], side: int | None, count: int) -> Objects:
    """Read COCO polygons; `side` scales each image to that many pixels."""
    parts, shapes = [], []
    for path in files:
        document = json.loads(path.read_bytes())
        images = {image["id"]: image for image in document["images"]}
        for record in document["annotations"]:
            if not isinstance(record.get("segmentation"), list) or not record["segmentation"]:
                continue
            image = images[record["image_id"]]
            factor = side / max(image["height"], image["width"]) if side else 1.0
            rings = [np.array(ring).reshape(-1, 2) * factor for ring in record["segmentation"]]
            parts.append([[ring] for ring in rings])
            shapes.append((round(image["height"] * factor), round(image["width"] * factor)))
    chosen = np.linspace(0, len(parts) - 1, min(count, len(parts))).astype(int).tolist()
    name = f"COCO polygons, {side or 640:,} px"
    return Objects(name, side or 640, [parts[k] for k in chosen], [shapes[k] for k in chosen])


def sources(count: int) -> Iterator[Objects]:
    large = max(1, count // 8)  # a dense mask of 4,000 x 3,000 pixels has 12 MB
    named = os.environ.get("DLGEOM_SHARED_DATA")
    data = Path(named) if named else HERE.parent.parent / "shared" / "data"
    files = sorted(data.glob("coco/coco_mini/instances_*.json"))
    yield synthetic(640, count)
    if files:
        yield real(files, None, count)
    yield synthetic(4_000, large)
    if files:
        yield real(files, 4_000, large)


# ---------------------------------------------------------------- operations


class Operation(NamedTuple):
    """Both sides take the index of an object; where `bulk`, they take all objects in one call."""

    name: str
    peer: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any] | None
    agree: Callable[..., bool]  # takes our result and then what `ours` takes
    goals: tuple[float, float | None] | None = None  # at 640 and at 4,000 pixels
    bulk: bool = False


def filling(o: Objects) -> Iterator[Operation]:
    def same_text(counts: np.ndarray, k: int) -> bool:
        return rle.to_string(counts).encode() == o.native[k]["counts"]

    def first_ring(k: int) -> dict:
        return native(o.flat[k][:1], o.shapes[k])

    yield Operation(
        "polygon -> mask (crop)",
        "pycocotools, full decode",
        lambda k: raster.parts_to_crop(o.parts[k], o.shapes[k]),
        lambda k: coco.decode(native(o.flat[k], o.shapes[k])),
        lambda crop, k: is_mask(*crop, o.masks[k]),
        (3, 20),
    )
    peer = "pycocotools frPyObjects"
    yield Operation(
        "ring -> RLE",
        peer,
        lambda k: raster.ring_to_runs(o.parts[k][0][0], o.shapes[k]),
        first_ring,
        lambda counts, k: rle.to_string(counts).encode() == first_ring(k)["counts"],
    )
    yield Operation(
        "polygon -> RLE",
        peer,
        lambda k: raster.parts_to_runs(o.parts[k], o.shapes[k]),
        lambda k: native(o.flat[k], o.shapes[k]),
        same_text,
    )
    yield Operation(
        "polygon -> RLE, rows_to_runs",
        peer,
        lambda: raster.rows_to_runs(o.outline, o.sizes),
        lambda: [native(*pair) for pair in zip(o.flat, o.shapes, strict=True)],
        lambda runs: all(same_text(runs.row(k), k) for k in range(len(o))),
        bulk=True,
    )


def coding(o: Objects) -> Iterator[Operation]:
    def encode(k: int) -> dict:
        return coco.encode(np.asfortranarray(o.masks[k].view(np.uint8)))

    def same_counts(counts: np.ndarray, k: int) -> bool:
        return rle.to_string(counts).encode() == encode(k)["counts"]

    peer = "pycocotools encode, full mask"
    yield Operation(
        "crop -> RLE",
        peer,
        lambda k: rle.encode_crop(*o.crops[k], o.shapes[k]),
        encode,
        same_counts,
        (5, 30),
    )
    yield Operation(
        "mask -> RLE",
        peer,
        lambda k: rle.encode(o.masks[k]),
        encode,
        same_counts,
        (5, None),  # at 4,000 pixels reading the mask once takes 1/13 of the peer's time
    )
    yield Operation(
        "RLE -> crop",
        "pycocotools decode, full mask",
        lambda k: rle.decode_crop(o.counts[k], o.shapes[k]),
        lambda k: coco.decode(o.native[k]),
        lambda crop, k: is_mask(*crop, o.masks[k]),
        (10, 50),
    )


def measuring(o: Objects) -> Iterator[Operation]:
    def peer_boxes() -> np.ndarray:
        boxes = np.concatenate([coco.toBbox(part) for part in slices(o.native)])
        boxes[:, 2:] += boxes[:, :2]
        return boxes

    def peer_areas() -> np.ndarray:
        return np.concatenate([coco.area(part) for part in slices(o.native)])

    def peer_iou() -> np.ndarray:
        pairs = zip(o.native, o.native_moved, strict=True)
        return np.array([coco.iou([one], [other], [0])[0, 0] for one, other in pairs])

    yield Operation(
        "RLE area",
        "dense count_nonzero",
        lambda k: rle.area(o.counts[k]),
        lambda k: np.count_nonzero(o.masks[k]),
        lambda area, k: area == np.count_nonzero(o.masks[k]),
    )
    yield Operation(
        "RLE bounds",
        "dense any by row and column",
        lambda k: rle.bounds(o.counts[k], o.shapes[k]),
        lambda k: dense_bounds(o.masks[k]),
        lambda box, k: box == dense_bounds(o.masks[k]),
    )
    yield Operation(
        "RLE areas, all in one",
        "pycocotools area",
        lambda: rle.areas(o.runs),
        peer_areas,
        lambda areas: np.array_equal(areas, peer_areas()),
        bulk=True,
    )
    yield Operation(
        "RLE bounds, all in one",
        "pycocotools toBbox",
        lambda: rle.bounds_many(o.runs),
        peer_boxes,
        lambda boxes: np.array_equal(boxes, peer_boxes()),
        bulk=True,
    )
    yield Operation(
        "IoU of pairs, paired_iou",
        "pycocotools iou, a pair a call",
        lambda: overlap.paired_iou(o.runs, o.moved),
        peer_iou,
        lambda iou: np.allclose(iou, peer_iou(), rtol=0, atol=1e-15),
        (0.67, 0.67),
        bulk=True,
    )


def tracing(o: Objects) -> Iterator[Operation]:
    def fills_back(outline: Rings, k: int) -> bool:
        filled = raster.parts_to_runs(outline.row(0), o.shapes[k])
        return np.array_equal(filled, o.counts[k])

    def center_rings(k: int) -> object:
        """For scale only: rings through pixel centres do not fill back."""
        crop = o.crops[k][0]
        if not crop.size:
            return ()
        return cv2.findContours(crop.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)

    def from_runs(k: int) -> Rings:
        return contours.trace_runs(o.counts[k], o.shapes[k])

    peer = "cv2.findContours, not exact"
    yield Operation(
        "crop -> polygon, trace",
        peer,
        lambda k: contours.trace(*o.crops[k]),
        center_rings,
        fills_back,
    )
    yield Operation("RLE -> polygon, trace_runs", peer, from_runs, center_rings, fills_back)
    if find_spec("rasterio"):
        from rasterio.features import shapes

        def raster_shapes(k: int) -> list:
            mask = o.masks[k]
            return list(shapes(mask.view(np.uint8), mask=mask, connectivity=4))

        def as_many(outline: Rings, k: int) -> bool:
            rings = [len(field["coordinates"]) for field, _ in raster_shapes(k)]
            return sorted(rings) == sorted(np.diff(outline.parts).tolist())

        peer = "rasterio.features.shapes"
        yield Operation(
            "RLE -> polygon, trace_runs", peer, from_runs, raster_shapes, as_many, (8, 8)
        )


def moving(o: Objects) -> Iterator[Operation]:
    """From run lengths to run lengths; the peer decodes, works on pixels and encodes again."""

    def through(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[int], bytes]:
        def work(k: int) -> bytes:
            changed = change(coco.decode(o.native[k]))
            return coco.encode(np.asfortranarray(changed))["counts"]

        return work

    def window(k: int) -> tuple[int, int, int, int]:
        height, width = o.shapes[k]
        return width // 4, height // 4, width * 3 // 4, height * 3 // 4

    def cut(pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape
        return pixels[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4]

    def halved(pixels: np.ndarray) -> np.ndarray:
        (rows, columns) = (
            ((2 * np.arange(side // 2) + 1) * side) // (2 * (side // 2)) for side in pixels.shape
        )
        return pixels[rows[:, None], columns]

    def half(k: int) -> tuple[int, int]:
        height, width = o.shapes[k]
        return height // 2, width // 2

    for name, ours, change in (
        ("RLE crop", lambda k: rle_grid.window(o.counts[k], o.shapes[k], *window(k)), cut),
        (
            "RLE flip, left and right",
            lambda k: rle_grid.flip(o.counts[k], o.shapes[k], horizontal=True),
            lambda pixels: pixels[:, ::-1],
        ),
        (
            "RLE flip, top and bottom",
            lambda k: rle_grid.flip(o.counts[k], o.shapes[k], vertical=True),
            lambda pixels: pixels[::-1],
        ),
        ("RLE rot90", lambda k: rle_grid.rot90(o.counts[k], o.shapes[k]), np.rot90),
        (
            "RLE resize to a half",
            lambda k: rle_grid.resize(o.counts[k], o.shapes[k], half(k)),
            halved,
        ),
    ):
        theirs = through(change)
        yield Operation(
            name,
            "pycocotools decode, encode",
            ours,
            theirs,
            lambda counts, k, theirs=theirs: rle.to_string(counts).encode() == theirs(k),
        )


def combining(o: Objects) -> Iterator[Operation]:
    moved = [o.moved.row(k) for k in range(len(o))]

    def text(counts: np.ndarray) -> bytes:
        return rle.to_string(counts).encode()

    def merge(k: int, intersect: bool) -> bytes:
        return coco.merge([o.native[k], o.native_moved[k]], intersect=intersect)["counts"]

    for name, ours, intersect in (
        ("RLE union", rle.union, False),
        ("RLE intersection", rle.intersection, True),
    ):
        yield Operation(
            name,
            "pycocotools merge",
            lambda k, ours=ours: ours(o.counts[k], moved[k]),
            lambda k, intersect=intersect: merge(k, intersect),
            lambda counts, k, intersect=intersect: text(counts) == merge(k, intersect),
        )
        yield Operation(
            name,
            "numpy, dense masks at hand",
            lambda k, ours=ours: ours(o.counts[k], moved[k]),
            (lambda k: o.masks[k] & o.masks[k])
            if intersect
            else (lambda k: o.masks[k] | o.masks[k]),
            lambda counts, k, intersect=intersect: text(counts) == merge(k, intersect),
        )


def regions(o: Objects) -> Iterator[Operation]:
    """The peers have the dense mask at hand and give one: no run lengths on their side."""

    def pixels(k: int) -> np.ndarray:
        return o.masks[k].view(np.uint8)

    def labels(k: int) -> np.ndarray:
        """For scale only: a map of numbers, from which no piece is taken."""
        return cv2.connectedComponents(pixels(k), connectivity=8)[1]

    yield Operation(
        "RLE components",
        "cv2.connectedComponents",
        lambda k: rle_regions.components(o.counts[k], o.shapes[k]),
        labels,
        lambda found, k: (
            [rle.area(part) for part in found]
            == sorted(np.bincount(labels(k).ravel())[1:].tolist(), reverse=True)
        ),
    )
    for radius in (2, 10):
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        disc = (x * x + y * y <= radius * radius).astype(np.uint8)

        def grow(k: int, disc: np.ndarray = disc) -> np.ndarray:
            return cv2.dilate(pixels(k), disc)

        yield Operation(
            f"RLE dilate, radius {radius}",
            "cv2.dilate",
            lambda k, radius=radius: rle_morphology.dilate(o.counts[k], o.shapes[k], radius),
            grow,
            lambda counts, k, grow=grow: np.array_equal(rle.decode(counts, o.shapes[k]), grow(k)),
        )


def bridging(o: Objects) -> Iterator[Operation]:
    walks = [bridges.join(pieces) for pieces in o.pieces]
    good = [k for k, walk in enumerate(walks) if walk is not None]
    xy = np.concatenate([walks[k] for k in good])
    offsets = np.cumsum([0, *(len(walks[k]) for k in good)])
    pieces = Rings.of([o.pieces[k] for k in good])

    def same_mask(apart: list[list[np.ndarray]], k: int) -> bool:
        """Tell whether parts fill the same pixels; a ring may begin at another vertex."""
        wanted = o.pieces[good[k % len(good)]]
        farthest = np.concatenate([ring for part in wanted for ring in part]).max(axis=0)
        height, width = np.ceil(farthest[::-1]).astype(int).tolist()
        masks = [raster.parts_to_runs(parts, (height, width)) for parts in (apart, wanted)]
        return np.array_equal(*masks)

    def join(k: int) -> np.ndarray:
        return bridges.join(o.pieces[good[k % len(good)]])

    yield Operation(
        "parts -> one ring, join",
        "",
        join,
        None,
        lambda walk, k: same_mask(bridges.split(walk), k),
    )
    yield Operation(
        "one ring -> parts, split",
        "",
        lambda k: bridges.split(walks[good[k % len(good)]]),
        None,
        same_mask,
    )
    yield Operation(
        "parts -> one ring, join_orders",
        "",
        lambda: bridges.join_orders(pieces),
        None,
        lambda found: np.array_equal(pieces.xy[found[0]], xy),
        bulk=True,
    )
    yield Operation(
        "one ring -> parts, split_many",
        "",
        lambda: bridges.split_many(xy, offsets),
        None,
        lambda apart: all(same_mask(row, k) for k, row in enumerate(apart)),
        bulk=True,
    )


def outlining(o: Objects) -> Iterator[Operation]:
    """Polygons by what they cover: both sides start from arrays; only valid ones, for the peer."""
    import shapely

    from dlgeom import Polygon
    from dlgeom.geometry import regions as areas

    def shape(parts: list[list[np.ndarray]]) -> Any:
        return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in parts])

    good = [k for k, parts in enumerate(o.parts) if shapely.is_valid(shape(parts))]
    moved = [[[ring + o.side / 200 for ring in part] for part in o.parts[k]] for k in good]
    polygons = [Polygon.from_parts(o.parts[k], "x") for k in good]

    def pair(k: int) -> tuple[list, list]:
        return o.parts[good[k % len(good)]], moved[k % len(good)]

    def shapes(k: int) -> tuple[Any, Any]:
        first, second = pair(k)
        return shape(first), shape(second)

    def peer_iou(k: int) -> float:
        first, second = shapes(k)
        shared = shapely.intersection(first, second).area
        return shared / (first.area + second.area - shared)

    def thin(k: int) -> Any:
        return shapely.simplify(shape(pair(k)[0]), 1.0, preserve_topology=True)

    yield Operation(
        "polygon IoU of a pair",
        "shapely intersection",
        lambda k: areas.iou(*pair(k)),
        peer_iou,
        lambda iou, k: abs(iou - peer_iou(k)) < 1e-9,
    )
    yield Operation(
        "polygon union",
        "shapely union",
        lambda k: areas.combine(*pair(k), "union"),
        lambda k: shapely.union(*shapes(k)),
        lambda parts, k: bool(
            np.isclose(shape(parts).area, shapely.union(*shapes(k)).area, rtol=1e-9)
        ),
    )
    yield Operation(
        "polygon simplify, 1 px",
        "shapely simplify, unchecked",
        lambda k: polygons[k % len(good)].simplify(1.0),
        thin,
        lambda found, k: (
            found.is_valid
            and shape(found.parts).boundary.hausdorff_distance(shape(pair(k)[0]).boundary) <= 1.001
        ),
    )
    yield Operation(
        "polygon simplify, min_iou 0.95",
        "",
        lambda k: polygons[k % len(good)].simplify(min_iou=0.95),
        None,
        lambda found, k: areas.iou(found.parts, pair(k)[0]) >= 0.95,
    )


SUITES = (filling, coding, measuring, moving, combining, regions, outlining, tracing, bridging)


# ---------------------------------------------------------------- plain references


def is_mask(crop: np.ndarray, left: int, top: int, mask: np.ndarray) -> bool:
    placed = np.zeros_like(mask)
    placed[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return np.array_equal(placed, mask)


def slices(native_masks: list[dict]) -> Iterator[list[dict]]:
    return (native_masks[k : k + SLICE] for k in range(0, len(native_masks), SLICE))


def dense_bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


# ---------------------------------------------------------------- timing


def rounds_for(work: Callable[[], None]) -> int:
    """Return how often to do the work so that a clock tick does not matter; warms up as well."""
    work()
    start = time.process_time()
    work()
    return max(1, round(LEAST / max(time.process_time() - start, 1e-6)))


def cpu(work: Callable[[], None], rounds: int) -> float:
    start = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - start) / rounds


def over_all(call: Callable[..., Any], operation: Operation, count: int) -> Callable[[], None]:
    def work() -> None:
        if operation.bulk:
            call()
        else:
            for index in range(count):
                call(index)

    return work


def measure(operation: Operation, objects: Objects, repeat: int) -> tuple[object, ...]:
    """Check one operation, time both sides in turn, and return its line of the table."""
    count = len(objects)
    calls = [()] if operation.bulk else [(index,) for index in range(count)]
    for arguments in calls:
        if not operation.agree(operation.ours(*arguments), *arguments):
            raise SystemExit(f"{operation.name}: object {arguments} of {objects.name} differs")
    sides = [operation.ours] + ([operation.theirs] if operation.theirs else [])
    works = [over_all(side, operation, count) for side in sides]
    rounds = [rounds_for(work) for work in works]
    times: list[list[float]] = [[] for _ in works]
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeat):
            for work, often, column in zip(works, rounds, times, strict=True):
                column.append(cpu(work, often) / count * 1e6)
    finally:
        gc.enable()
    ours, *peers = (statistics.median(column) for column in times)
    name = f"{operation.name}, against {operation.peer}" if peers else operation.name
    if not peers:
        return name, objects.name, None, ours, None, None
    goal = operation.goals[objects.side > 1_000] if operation.goals else None
    return name, objects.name, peers[0], ours, peers[0] / ours, goal


# ---------------------------------------------------------------- many objects


def make_annotations(columns: list[list[float]]) -> list[Annotation]:
    return [
        Annotation(Box(left, top, right, bottom, "cat"))
        for left, top, right, bottom in zip(*columns, strict=True)
    ]


def make_boxes(columns: list[list[float]]) -> list[Box]:
    return [
        Box(left, top, right, bottom, "cat")
        for left, top, right, bottom in zip(*columns, strict=True)
    ]


def objects_seconds(make: Callable[[Any], list], repeat: int, *, collect: bool) -> float:
    """Return median CPU seconds of making objects, with the cyclic GC on or paused."""
    rng = np.random.default_rng(0)
    low = rng.random((ANNOTATIONS, 2)) * 500
    edges = np.concatenate([low, low + rng.random((ANNOTATIONS, 2)) * 100], axis=1)
    columns = edges.T.tolist()
    seconds = []
    for _ in range(repeat):
        gc.collect()
        if not collect:
            gc.disable()
        start = time.process_time()
        made = make(columns)
        seconds.append(time.process_time() - start)
        gc.enable()
        if [made[-1].left, made[-1].bottom] != edges[-1, [0, 3]].tolist():
            raise SystemExit("annotations differ from their columns")
        del made
    return statistics.median(seconds)


def object_rows(repeat: int) -> Iterator[tuple[object, ...]]:
    for name, make, collect, goal in (
        ("boxes", make_boxes, False, None),
        ("box annotations, GC paused as in bulk work", make_annotations, False, 0.6),
        ("box annotations, GC on", make_annotations, True, None),
    ):
        seconds = objects_seconds(make, min(repeat, 3), collect=collect)
        yield f"{ANNOTATIONS:,} {name}", seconds, goal


# ---------------------------------------------------------------- command


def main() -> None:
    options = parser(__doc__, repeat=5, work=False)
    options.add_argument(
        "--objects", type=int, default=200, help="of each source; an eighth of it at 4,000 px"
    )
    options.add_argument("--goals", action="store_true", help="only what has a goal")
    args = options.parse_args()
    cv2.setNumThreads(1)
    packages = ("numpy", "pycocotools", "opencv-python-headless", "shapely", "rasterio")
    intro(command_of(__file__), args.repeat, markdown=args.markdown, packages=packages)
    columns = ("CPU us an object", "objects", "peer", "dlgeom", "times", "goal")
    table = Table(columns, markdown=args.markdown, first=64, others={1: 20})
    for objects in sources(args.objects):
        for suite in SUITES:
            for operation in suite(objects):
                if wanted(operation.name, args.only) and (operation.goals or not args.goals):
                    table.add(*measure(operation, objects, args.repeat))
    if not args.only:
        print()
        table = Table(("CPU seconds", "dlgeom", "goal"), markdown=args.markdown, first=64)
        for row in object_rows(args.repeat):
            table.add(*row)


if __name__ == "__main__":
    main()
