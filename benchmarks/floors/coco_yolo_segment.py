"""Floor: COCO to YOLO segment, with holes and parts bridged and crowds by their outline.

Usage: coco_yolo_segment.py SOURCE.json TARGET

The rows are those of the conversion: fifth-pixel rule, bridges, pixel-edge outlines of run
lengths (the same kernels of dlgeom.geometry that nobody else has).
"""

from __future__ import annotations

import sys
from itertools import chain, pairwise
from pathlib import Path

import msgspec
import numpy as np
from common import (
    open_coco,
    six_decimals,
    subset_of,
    windows,
    write_class_file,
    write_files,
    write_table,
)

from dlgeom.geometry import bridges, contours


class Rle(msgspec.Struct, gc=False):
    counts: list[int]
    size: tuple[int, int]


class Outlined(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    segmentation: list[list[float]] | Rle


def bridged(rings: list[list[float]]) -> list[float]:
    """Return one row: the first ring closed, then each other ring closed and back to its start."""
    anchor = rings[0][:2]
    flat = [*rings[0], *anchor]
    for ring in rings[1:]:
        flat += ring
        flat += ring[:2]
        flat += anchor
    return flat


def outline(rle: Rle) -> list[float]:
    height, width = rle.size
    rings = contours.trace_runs(np.array(rle.counts, dtype=np.uint32), (height, width))
    joined = bridges.join(rings.row(0))
    return joined.ravel().tolist()


def main(source: str, target: Path) -> None:
    data, head, start, stop = open_coco(source)
    decoder = msgspec.json.Decoder(list[Outlined])
    ids = np.array([image.id for image in head.images])
    order = np.argsort(ids)
    ranked = ids[order]
    size = np.array([(i.width, i.height) for i in head.images], dtype=np.float64)
    rank = {category.id: k for k, category in enumerate(head.categories)}
    images, rows = [], []
    for window in windows(data, start, stop):
        records = decoder.decode(window)
        flats = [
            outline(r.segmentation)
            if type(r.segmentation) is Rle
            else r.segmentation[0]
            if len(r.segmentation) == 1
            else bridged(r.segmentation)
            for r in records
        ]
        lengths = np.array([len(flat) for flat in flats])
        values = np.fromiter(chain.from_iterable(flats), dtype=np.float64, count=lengths.sum())
        image = order[np.searchsorted(ranked, np.array([r.image_id for r in records]))]
        points = values.reshape(-1, 2)
        scale = np.repeat(size[image], lengths // 2, axis=0)
        scaled = np.rint(points / scale * 1e6).astype(np.int64)
        # The number read back must fall into the same fifth of a pixel.
        cell = (5 * points + 0.5).astype(np.int64)
        back = (5 * (scaled / 1e6 * scale) + 0.5).astype(np.int64)
        scaled += np.sign(cell - back)
        text = six_decimals(scaled).reshape(-1).tobytes()
        ends = (np.cumsum(lengths) * 9).tolist()
        begin = 0
        for record, end in zip(records, ends, strict=True):
            rows.append(b"%d%b\n" % (rank[record.category_id], text[begin:end]))
            begin = end
        images.append(image)
    image = np.concatenate(images)
    by_image = np.argsort(image, kind="stable")
    at = np.searchsorted(image[by_image], np.arange(len(ids) + 1)).tolist()
    sorted_rows = [rows[k] for k in by_image.tolist()]
    names = [image.file_name[:-4] + ".txt" for image in head.images]
    write_files(
        target / "labels" / subset_of(source),
        names,
        (b"".join(sorted_rows[a:b]) for a, b in pairwise(at)),
    )
    write_class_file(target, head.categories, subset_of(source), "segment")
    write_table(target, head.images, subset_of(source))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
