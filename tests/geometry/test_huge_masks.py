"""Masks of 60,000 x 50,000 pixels: what they cost in memory, and that they are right.

Each test runs in a process of its own and asks the kernel for the most memory it ever had. (Not
``ru_maxrss``, which begins with that of the process that started it.)
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from /proc"
)

SETUP = """
import json
import numpy as np
from dlgeom import Segmentation

HEIGHT, WIDTH = SHAPE = 50_000, 60_000

def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))

peaks = {"start": peak()}
"""


def peaks_of(code: str) -> dict[str, int]:
    """Run the code after `SETUP`; return the peak memory after each step, in MiB."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            SETUP + textwrap.dedent(code) + "\nprint(json.dumps(peaks))",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    peaks: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return peaks


def test_three_thousand_objects_stay_within_200_mb() -> None:
    peaks = peaks_of("""
        from dlgeom.geometry.overlap import pairwise_iou
        from dlgeom.geometry.ragged import Runs

        rng = np.random.default_rng(0)
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        ways = np.column_stack((np.cos(angles), np.sin(angles)))
        masks = []
        for _ in range(3000):
            radii = rng.uniform(20, 220) * rng.uniform(0.7, 1, len(angles))
            ring = ways * radii[:, None] + rng.uniform(0, (WIDTH, HEIGHT))
            masks.append(Segmentation.from_polygon(ring, "cell", SHAPE))
        peaks["polygons to masks"] = peak()

        runs = Runs.of([(mask.counts, SHAPE) for mask in masks])
        table = pairwise_iou(runs, runs)
        pairs = [(i, j) for i, j in np.argwhere(table).tolist() if i < j]
        assert len(pairs) > 100
        assert [table[i, j] for i, j in pairs] == [masks[i].iou(masks[j]) for i, j in pairs]
        assert (table.diagonal() == 1).all()
        shared = sum((masks[i] & masks[j]).area for i, j in pairs)
        peaks["IoU of each with each"] = peak()
        del runs, table

        whole = masks[0].union(*masks[1:])
        total = sum(mask.area for mask in masks)
        assert total - shared <= whole.area < total  # triples are counted off twice
        peaks["union"] = peak()

        for mask in masks:
            assert sum(outline.area for outline in mask.contours()) == mask.area
        outlines = whole.contours()
        assert sum(outline.area for outline in outlines) == whole.area
        assert len(outlines) == whole.count_components()
        peaks["contours"] = peak()
        del outlines

        for mask in masks:
            crop = mask.crop(*mask.bounds)
            assert crop.area == mask.area
            assert crop.paste(SHAPE, mask.left, mask.top) == mask
        tiles = [
            whole.crop(left, top, left + 12_000, top + 10_000)
            for left in range(0, WIDTH, 12_000)
            for top in range(0, HEIGHT, 10_000)
        ]
        assert sum(tile.area for tile in tiles) == whole.area
        peaks["crop"] = peak()
        del tiles

        small = whole.resize((6_000, 5_000))
        assert abs(small.area * 100 / whole.area - 1) < 0.01
        assert whole.resize((2 * WIDTH, 2 * HEIGHT)).resize((WIDTH, HEIGHT)) == whole
        peaks["resize"] = peak()
    """)
    assert max(peaks.values()) <= 200, peaks


@pytest.mark.parametrize(
    "shape",
    ["corners", "diagonal", "frame", "full", "blob"],
)
def test_objects_as_large_as_the_image_stay_within_150_mb(shape: str) -> None:
    peaks = peaks_of(
        f"SHAPE_NAME = {shape!r}\n"
        + textwrap.dedent("""
        size = HEIGHT * WIDTH
        columns = np.arange(WIDTH)
        if SHAPE_NAME == "corners":
            mask = Segmentation.from_rle([0, 1, size - 2, 1], SHAPE, "x")
        elif SHAPE_NAME == "diagonal":
            rows = columns * HEIGHT // WIDTH
            flips = np.column_stack((columns * HEIGHT + rows, columns * HEIGHT + rows + 1))
        elif SHAPE_NAME == "frame":
            inner = Segmentation.from_rle([0, (HEIGHT - 20) * (WIDTH - 20)],
                                          (HEIGHT - 20, WIDTH - 20), "x")
            mask = ~inner.paste(SHAPE, 10, 10)
        elif SHAPE_NAME == "full":
            mask = Segmentation.from_rle([0, size], SHAPE, "x")
        else:
            rng = np.random.default_rng(0)
            top = 200 + (100 * np.sin(columns / 500)).astype(int) + rng.integers(0, 9, WIDTH)
            hole = 20_000 + rng.integers(0, 9, WIDTH)
            ends = (top, hole, hole + 5_000, HEIGHT - top)
            flips = np.column_stack([columns * HEIGHT + end for end in ends])
            flips = flips[100:-100]
        if SHAPE_NAME in ("diagonal", "blob"):
            counts = np.diff(flips.ravel(), prepend=0, append=size)
            mask = Segmentation.from_rle(counts, SHAPE, "x")
        del columns
        area, pieces = mask.area, mask.components()
        assert sum(piece.area for piece in pieces) == area
        assert len(pieces) == {"corners": 2, "blob": 2}.get(SHAPE_NAME, 1)
        peaks["components"] = peak()

        outlines = mask.contours()
        assert sum(outline.area for outline in outlines) == area
        back = [Segmentation.from_polygon(outline, "x", SHAPE) for outline in outlines]
        assert back == pieces
        del outlines, back, pieces
        peaks["contours"] = peak()

        assert mask.flip().flip() == mask
        assert mask.rot90().rot90(-1) == mask
        peaks["turns"] = peak()

        assert mask.resize((2 * WIDTH, 2 * HEIGHT)).area == 4 * area
        small = mask.resize((600, 500))
        assert small.area <= 600 * 500
        peaks["resize"] = peak()

        left, right = mask.crop(0, 0, 30_000, HEIGHT), mask.crop(30_000, 0, WIDTH, HEIGHT)
        assert left.paste(SHAPE) | right.paste(SHAPE, 30_000) == mask
        assert mask.iou(mask.shift(1, 1)) < 1
        peaks["crop, paste, shift"] = peak()

        grown, shrunk = mask.dilate(3), mask.erode(3)
        assert (mask - grown).is_empty and (shrunk - mask).is_empty
        assert (~mask).erode(3) == ~grown
        peaks["dilate, erode"] = peak()

        filled = mask.fill_holes()
        assert filled.area == {"frame": size}.get(SHAPE_NAME, area)
        assert (filled - mask) | mask == filled
        mask.centroid, mask.perimeter, mask.to_box(), mask.to_rotated_box()
        peaks["holes, measures"] = peak()
    """)
    )
    assert max(peaks.values()) <= 150, peaks
