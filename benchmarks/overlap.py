"""Overlap of many shapes with many, against pycocotools, shapely and OpenCV.

    python benchmarks/overlap.py             # everything; about half a minute
    python benchmarks/overlap.py --only nms  # operations whose name has 'nms' in it

Prints a table: median CPU milliseconds of the peer and of dlgeom, dlgeom's divided by the peer's
and the goal for that ratio where there is one. Shapes are seeded, in images of 640 and 4,000
pixels. Before anything is timed, the results of both sides are compared; peers that are not exact
(OpenCV computes rotated boxes in float32) with their own tolerance. Both sides of a row are
measured in turn within one run. With `supervision` installed its functions are measured too.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import shapely
from pycocotools import mask as coco

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from generate import blob  # noqa: E402
from harness import Table, command_of, intro, parser, wanted  # noqa: E402

from dlgeom.geometry import overlap, raster, rotated  # noqa: E402
from dlgeom.geometry.ragged import Rings  # noqa: E402

LEAST = 0.02  # CPU seconds that one measurement takes at least


class Operation(NamedTuple):
    name: str
    peer: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    agree: Callable[[Any, Any], bool]
    goal: float | None = None  # of our time divided by the peer's


def outlines(side: int, count: int, vertices: float, seed: int = 0) -> Rings:
    """Make blobs with the sizes of objects in COCO."""
    rng = np.random.default_rng(seed)
    width, height = side, side * 3 // 4
    rows = []
    for _ in range(count):
        scale = np.clip(rng.lognormal(-1.9, 1.0), 0.01, 0.98)
        rx, ry = max(3, scale * width) / 2, max(3, scale * height) / 2
        cx, cy = rx + rng.random() * (width - 2 * rx), ry + rng.random() * (height - 2 * ry)
        n = int(np.clip(rng.lognormal(np.log(vertices), 0.7), 4, 250))
        rows.append([[blob(rng, n, cx, cy, rx, ry).round(2)]])
    return Rings.of(rows)


def near(atol: float) -> Callable[[Any, Any], bool]:
    return lambda ours, theirs: np.allclose(ours, theirs, rtol=0, atol=atol)


def boxes_of(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(4, 0.7, (count, 2)))
    corner = rng.random((count, 2)) * [640, 480]
    return np.hstack((corner, corner + size))


def rotated_of(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack(
        (
            rng.random((count, 2)) * [640, 480],
            np.exp(rng.normal(4, 0.7, (count, 2))),
            rng.uniform(-180, 180, count),
        )
    )


# ---------------------------------------------------------------- operations


def masks(side: int) -> Iterator[Operation]:
    outline = outlines(side, 200, 17)
    shapes = np.tile((side * 3 // 4, side), (200, 1))
    runs = raster.rows_to_runs(outline, shapes)
    height, width = shapes[0].tolist()
    native = [
        coco.frPyObjects([ring.ravel().tolist() for part in row for ring in part], height, width)[0]
        for row in outline
    ]
    first, second = runs.take(np.arange(100)), runs.take(np.arange(100, 200))
    yield Operation(
        f"mask iou 100 x 100, {side:,} px",
        "pycocotools iou",
        lambda: overlap.pairwise_iou(first, second),
        lambda: coco.iou(native[:100], native[100:], [0] * 100),
        np.array_equal,
        1.5,
    )
    moved = raster.rows_to_runs(
        Rings(outline.xy + side / 200, outline.rings, outline.parts, outline.rows), shapes
    )
    beside = [
        coco.frPyObjects(
            [(ring + side / 200).ravel().tolist() for part in row for ring in part], height, width
        )[0]
        for row in outline
    ]
    pairs = list(zip(native, beside, strict=True))
    yield Operation(
        f"mask iou of 200 pairs, {side:,} px",
        "pycocotools iou, a pair a call",
        lambda: overlap.paired_iou(runs, moved),
        lambda: np.array([coco.iou([a], [b], [0])[0, 0] for a, b in pairs]),
        np.array_equal,
        1.0,
    )
    scores = np.random.default_rng(1).random(200)
    yield Operation(
        f"mask nms 200, {side:,} px",
        "pycocotools iou and a loop",
        lambda: overlap.nms(runs, scores),
        lambda: plain_nms(coco.iou(native, native, [0] * 200), scores),
        np.array_equal,
    )
    if side == 640 and find_spec("supervision"):
        from supervision.detection.utils.iou_and_nms import mask_iou_batch

        dense = np.stack([coco.decode(one).astype(bool) for one in native])
        yield Operation(
            "mask iou 100 x 100, 640 px",
            "supervision mask_iou_batch",
            lambda: overlap.pairwise_iou(first, second),
            lambda: mask_iou_batch(dense[:100], dense[100:]),
            near(1e-6),
        )


def plain_nms(iou: np.ndarray, scores: np.ndarray) -> list[int]:
    kept: list[int] = []
    alive = np.ones(len(scores), dtype=bool)
    for k in np.argsort(-scores, kind="stable").tolist():
        if alive[k]:
            kept.append(k)
            alive &= iou[k] <= 0.5
    return kept


def turned() -> Iterator[Operation]:
    one, two = rotated_of(200, 0), rotated_of(200, 1)

    def shapely_iou() -> np.ndarray:
        a, b = (shapely.polygons(rotated.corners(side)) for side in (one, two))
        return tree_iou(a, b)

    def cv_iou() -> np.ndarray:
        a, b = ([((x, y), (w, h), t) for x, y, w, h, t in side.tolist()] for side in (one, two))
        result = np.zeros((len(a), len(b)))
        for i, first in enumerate(a):
            for j, second in enumerate(b):
                kind, points = cv2.rotatedRectangleIntersection(first, second)
                if kind:
                    shared = cv2.contourArea(points)
                    areas = first[1][0] * first[1][1] + second[1][0] * second[1][1]
                    result[i, j] = shared / (areas - shared)
        return result

    def ours() -> np.ndarray:
        return overlap.pairwise_iou(one, two)

    yield Operation(
        "rotated iou 200 x 200", "shapely with STRtree", ours, shapely_iou, near(1e-12), 0.5
    )
    yield Operation("rotated iou 200 x 200", "OpenCV, float32", ours, cv_iou, near(1e-2))


def tree_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    i, j = shapely.STRtree(b).query(a, predicate="intersects")
    shared = shapely.area(shapely.intersection(a[i], b[j]))
    result = np.zeros((len(a), len(b)))
    result[i, j] = shared / (shapely.area(a)[i] + shapely.area(b)[j] - shared)
    return result


def polygons() -> Iterator[Operation]:
    one, two = outlines(640, 200, 17, 0), outlines(640, 200, 17, 1)

    def made(outline: Rings) -> np.ndarray:
        shapes = np.array([shapely.Polygon(row[0][0]) for row in outline], dtype=object)
        return shapely.make_valid(shapes)

    yield Operation(
        "polygon iou 200 x 200",
        "shapely with STRtree",
        lambda: overlap.pairwise_iou(one, two),
        lambda: tree_iou(made(one), made(two)),
        near(1e-9),
    )


def boxes() -> Iterator[Operation]:
    rows, other = boxes_of(1_000), boxes_of(1_000, 1)
    scores = np.random.default_rng(2).random(1_000)
    xywh = np.hstack((rows[:, :2], rows[:, 2:] - rows[:, :2]))
    yield Operation(
        "box iou 1,000 x 1,000",
        "pycocotools iou",
        lambda: overlap.pairwise_iou(rows, other),
        lambda: coco.iou(xywh, np.hstack((other[:, :2], other[:, 2:] - other[:, :2])), [0] * 1_000),
        near(1e-12),
    )
    yield Operation(
        "box nms 1,000",
        "cv2.dnn.NMSBoxes",
        lambda: overlap.nms(rows, scores),
        lambda: cv2.dnn.NMSBoxes(xywh, scores.astype(np.float32), 0.0, 0.5),
        lambda a, b: np.array_equal(a, b) or len(set(a) ^ set(b)) < 10,  # float32 there
    )
    yield Operation(
        "box nms 1,000",
        "a numpy loop",
        lambda: overlap.nms(rows, scores),
        lambda: loop_nms(rows, scores),
        np.array_equal,
    )
    if find_spec("supervision"):
        from supervision.detection.utils.iou_and_nms import box_non_max_suppression

        detections = np.column_stack((rows, scores))
        yield Operation(
            "box nms 1,000",
            "supervision",
            lambda: overlap.nms(rows, scores),
            lambda: box_non_max_suppression(detections, 0.5),
            lambda a, b: set(a.tolist()) == set(np.flatnonzero(b).tolist()),
        )


def loop_nms(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """What most projects carry with them: each box that stays against all that are left."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        first, order = order[0], order[1:]
        kept.append(int(first))
        low = np.maximum(boxes[first, :2], boxes[order, :2])
        high = np.minimum(boxes[first, 2:], boxes[order, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        order = order[shared / (areas[first] + areas[order] - shared) <= 0.5]
    return kept


def matching() -> Iterator[Operation]:
    if not find_spec("scipy"):
        return
    from scipy.optimize import linear_sum_assignment

    for count in (100, 1_000):
        iou = overlap.pairwise_iou(boxes_of(count), boxes_of(count, 1))
        yield Operation(
            f"optimal match {count:,} x {count:,}",
            "scipy linear_sum_assignment",
            lambda iou=iou: overlap.match_table(iou, iou_threshold=0.1, method="optimal").iou.sum(),
            lambda iou=iou: best_of(linear_sum_assignment, np.where(iou >= 0.1, iou, 0)),
            near(1e-9),
        )


def best_of(solve: Callable[..., Any], table: np.ndarray) -> float:
    return float(table[solve(table, maximize=True)].sum())


# ---------------------------------------------------------------- measuring


def cpu(call: Callable[[], Any], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times


def measure(operation: Operation, repeat: int) -> tuple[float, float]:
    """Return median CPU seconds of the peer and of ours, measured in turn."""
    sides = operation.theirs, operation.ours
    times = [max(1, int(LEAST / max(cpu(side, 1), 1e-6))) for side in sides]
    rounds = [[cpu(side, n) for side, n in zip(sides, times, strict=True)] for _ in range(repeat)]
    peer, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    return peer, ours


def main() -> None:
    args = parser(__doc__, repeat=7, work=False).parse_args()
    packages = ("numpy", "shapely", "pycocotools", "opencv-python-headless", "scipy")
    intro(command_of(__file__), args.repeat, markdown=args.markdown, packages=packages)
    columns = ("CPU ms", "peer", "dlgeom", "ratio", "goal")
    table = Table(columns, markdown=args.markdown, first=66)
    for group in (lambda: masks(640), lambda: masks(4_000), turned, polygons, boxes, matching):
        for operation in group():
            if not wanted(operation.name, args.only):
                continue
            if not operation.agree(operation.ours(), operation.theirs()):
                sys.exit(f"{operation.name}: dlgeom and {operation.peer} do not agree")
            peer, ours = measure(operation, args.repeat)
            name = f"{operation.name}, against {operation.peer}"
            table.add(name, peer * 1e3, ours * 1e3, ours / peer, operation.goal)


if __name__ == "__main__":
    main()
