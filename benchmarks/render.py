"""Id maps and overlays against a bare loop over OpenCV, and against supervision where it is.

    python benchmarks/render.py              # everything; about a minute
    python benchmarks/render.py --repeat 5   # fewer repeats

Prints a table: median CPU milliseconds of the bare loop and of dlgeom for the same work, ours
divided by theirs, and the goal. Work starts from polygons of float64 (of dlgeom: `Polygon` in a
collection) and ends with an array: ids of labels as uint8, ids of instances as uint16, or an
image with filled areas at 40 % and outlines of two pixels. Objects are seeded blobs whose sizes
are those of COCO's, in images of 640 x 480 and 4,000 x 3,000 pixels. A second table has the peak
memory of one map and one overlay of 1,000 objects at 1920 x 1080, above that before, each in a
process of its own. Before anything is timed, results are compared: the quick rule and the layer of
the overlay with OpenCV's, the exact rule with pycocotools'.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from generate import blob  # noqa: E402
from harness import Table, command_of, intro, parser, wanted  # noqa: E402

from dlgeom import AnnotationCollection, Item, Polygon, render  # noqa: E402

SIZES = ((640, 480), (4000, 3000))
COUNTS = (10, 100, 1000)
LEAST = 0.03  # CPU seconds that one measurement takes at least
GOALS = {"exact": 3.0, "fast": 1.5, "overlay": 1.5}
COLORS = [tuple(int(part) for part in color) for color in render.palette(20)]


def objects(count: int, width: int, height: int) -> list[np.ndarray]:
    """Return outlines of the sizes of COCO's objects, 12 to 60 vertices each."""
    rng = np.random.default_rng(count)
    rings = []
    for _ in range(count):
        scale = float(np.clip(rng.lognormal(-1.9, 1.0), 0.02, 0.7))
        cx, cy = rng.random() * width, rng.random() * height
        size = (scale * width / 2, scale * height / 2)
        rings.append(blob(rng, int(rng.integers(12, 60)), cx, cy, *size))
    return rings


def scene(rings: list[np.ndarray], width: int, height: int) -> AnnotationCollection:
    builder = AnnotationCollection(Item(width=width, height=height))
    builder.add([Polygon(ring, f"label {k % 20:02}") for k, ring in enumerate(rings)])
    return builder


# ---------------------------------------------------------------- the bare loops


def bare_ids(rings: list[np.ndarray], width: int, height: int, ids: list[int], dtype) -> np.ndarray:
    canvas = np.zeros((height, width), dtype=dtype)
    for ring, number in zip(rings, ids, strict=True):
        cv2.fillPoly(canvas, [np.rint(ring).astype(np.int32)], number)
    return canvas


def bare_overlay(image: np.ndarray, rings: list[np.ndarray]) -> np.ndarray:
    result = image.copy()
    layer = image.copy()
    shapes = [np.rint(ring).astype(np.int32) for ring in rings]
    for k, shape in enumerate(shapes):
        cv2.fillPoly(layer, [shape], COLORS[k % 20])
    cv2.addWeighted(layer, 0.4, result, 0.6, 0, dst=result)
    for k, ring in enumerate(rings):
        fine = np.rint((ring - 0.5) * 16).astype(np.int32)
        cv2.polylines(result, [fine], True, COLORS[k % 20], 2, cv2.LINE_AA, 4)
    return result


def dense_ids(rings: list[np.ndarray], width: int, height: int, ids: list[int]) -> np.ndarray:
    canvas = np.zeros((height, width), dtype=np.uint16)
    for ring, number in zip(rings, ids, strict=True):
        (runs,) = coco.frPyObjects([ring.ravel()], height, width)
        canvas[coco.decode(runs).astype(bool)] = number
    return canvas


def supervision_overlay(image: np.ndarray, rings: list[np.ndarray]) -> Callable[[], object]:
    import supervision as sv

    height, width = image.shape[:2]
    masks = np.stack([bare_ids([ring], width, height, [1], np.uint8) > 0 for ring in rings])
    found = sv.Detections(
        xyxy=np.array([[*ring.min(axis=0), *ring.max(axis=0)] for ring in rings]),
        mask=masks,
        class_id=np.arange(len(rings)) % 20,
    )
    annotator = sv.MaskAnnotator(opacity=0.4)
    return lambda: annotator.annotate(image.copy(), found)


# ---------------------------------------------------------------- measuring


def cpu(work: Callable[[], object]) -> float:
    """Return CPU seconds of one call, from as many as take long enough."""
    times, total = 0, 0.0
    gc.collect()
    start = time.process_time()
    while total < LEAST:
        work()
        times += 1
        total = time.process_time() - start
    return total / times


def compare(works: list[Callable[[], object]], repeat: int) -> list[float]:
    """Return the median of each, measured in turns."""
    rounds = [[cpu(work) for work in works] for _ in range(repeat)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def check(rings: list[np.ndarray], width: int, height: int, image: np.ndarray) -> None:
    made = scene(rings, width, height)
    ids = list(range(1, len(rings) + 1))
    assert (render.instance_ids(made) == dense_ids(rings, width, height, ids)).all()
    bare = bare_ids(rings, width, height, ids, np.uint16)
    quick = render.instance_ids(made, rule="fast")
    # Vertices on the right and lower edge of the image lie in its last pixels with us.
    assert (bare != quick).mean() < 1e-4
    colors = {f"label {k:02}": COLORS[k] for k in range(20)}
    ours = render.overlay(image, made, colors=colors, with_text=False, thickness=2)
    assert np.abs(ours.astype(int) - bare_overlay(image, rings)).mean() < 0.2


def works(rings: list[np.ndarray], made: AnnotationCollection, image: np.ndarray) -> list[tuple]:
    """Return name, kind, the bare loop and ours for each piece of work."""
    height, width = image.shape[:2]
    labels = {f"label {k:02}": k + 1 for k in range(20)}
    colors = {f"label {k:02}": COLORS[k] for k in range(20)}
    by_label = [k % 20 + 1 for k in range(len(rings))]
    each = list(range(1, len(rings) + 1))

    def bare_labels() -> np.ndarray:
        return bare_ids(rings, width, height, by_label, np.uint8)

    def bare_instances() -> np.ndarray:
        return bare_ids(rings, width, height, each, np.uint16 if len(each) > 255 else np.uint8)

    return [
        ("label ids, exact masks", "exact", bare_labels, lambda: render.label_ids(made, labels)),
        (
            "label ids, quick rule",
            "fast",
            bare_labels,
            lambda: render.label_ids(made, labels, rule="fast"),
        ),
        ("instance ids, exact masks", "exact", bare_instances, lambda: render.instance_ids(made)),
        (
            "instance ids, quick rule",
            "fast",
            bare_instances,
            lambda: render.instance_ids(made, rule="fast"),
        ),
        (
            "overlay",
            "overlay",
            lambda: bare_overlay(image, rings),
            lambda: render.overlay(image, made, colors=colors, with_text=False, thickness=2),
        ),
    ]


def measure(repeat: int, counts: Sequence[int], only: Sequence[str], table: Table) -> None:
    for width, height in SIZES:
        image = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
        for count in counts:
            rings = objects(count, width, height)
            made = scene(rings, width, height)
            if count <= 100 or width < 1000:
                check(rings, width, height, image)
            rows = works(rings, made, image)
            where = f"{count:,}, {width:,} x {height:,}"
            for name, goal, theirs, ours in rows:
                if not wanted(name, only):
                    continue
                one, two = compare([theirs, ours], repeat)
                table.add(name, where, one * 1e3, two * 1e3, two / one, GOALS[goal])
            if find_spec("supervision") and count <= 100 and wanted("supervision", only):
                theirs = supervision_overlay(image, rings)
                one, two = compare([theirs, rows[-1][3]], min(repeat, 3))
                table.add(
                    "overlay, against supervision", where, one * 1e3, two * 1e3, two / one, 1.0
                )


def highest() -> float:
    """Return the peak of this process in MB; what `resource` tells is inherited on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def peak(work: str) -> None:
    """Print how much one piece of work adds to the memory of this process, in MB."""
    width, height = 1920, 1080
    made = scene(objects(1000, width, height), width, height)
    image = np.zeros((height, width, 3), dtype=np.uint8)
    tiny = scene([np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]])], 8, 8)
    # What is loaded once is not the work's.
    render.instance_ids(tiny)
    render.overlay(image[:8, :8], tiny)
    before = highest()
    if work == "overlay":
        render.overlay(image, made)
    else:
        render.instance_ids(made, rule=work)
    print(highest() - before)


def main() -> None:
    options = parser(__doc__, repeat=9, work=False)
    options.add_argument("--objects", type=int, nargs="*", default=COUNTS, help="in an image")
    options.add_argument("--peak", help=argparse.SUPPRESS)
    args = options.parse_args()
    if args.peak:
        peak(args.peak)
        return
    packages = ("numpy", "opencv-python-headless", "pycocotools", "supervision")
    intro(command_of(__file__), args.repeat, markdown=args.markdown, packages=packages)
    columns = ("CPU ms", "objects", "bare loop", "dlgeom", "ratio", "goal")
    table = Table(columns, markdown=args.markdown, others={1: 22})
    measure(args.repeat, args.objects, args.only, table)
    if args.only:
        return
    print()
    columns = ("1,000 objects at 1920 x 1080", "more MB", "goal")
    table = Table(columns, markdown=args.markdown)
    for work in ("exact", "fast", "overlay"):
        command = [sys.executable, __file__, "--peak", work]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        table.add(work, round(float(done.stdout)), 60)


if __name__ == "__main__":
    main()
