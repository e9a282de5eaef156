"""Floor: COCO to YOLO detect. Usage: coco_yolo_detect.py SOURCE.json TARGET"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import msgspec
import numpy as np
from common import (
    Boxed,
    open_coco,
    six_decimals,
    subset_of,
    windows,
    write_class_file,
    write_files,
    write_table,
)


def main(source: str, target: Path) -> None:
    data, head, start, stop = open_coco(source)
    decoder = msgspec.json.Decoder(list[Boxed])
    columns = []
    for window in windows(data, start, stop):
        rows = decoder.decode(window)
        columns.append(
            np.array([(r.image_id, r.category_id, *r.bbox) for r in rows], dtype=np.float64)
        )
    table = np.concatenate(columns)
    ids = np.array([image.id for image in head.images])
    order = np.argsort(ids)
    image = order[np.searchsorted(ids[order], table[:, 0])]
    rank = {category.id: k for k, category in enumerate(head.categories)}
    lookup = np.zeros(max(rank) + 1, dtype=np.int64)
    lookup[list(rank)] = list(rank.values())
    size = np.array([(i.width, i.height) for i in head.images], dtype=np.float64)
    by_image = np.argsort(image, kind="stable")
    table, image = table[by_image], image[by_image]
    scale = size[image]
    box = table[:, 2:]
    centre = (box[:, :2] + (box[:, :2] + box[:, 2:])) / 2 / scale
    numbers = np.rint(np.concatenate([centre, box[:, 2:] / scale], axis=1) * 1e6).astype(np.int64)
    text = six_decimals(numbers).reshape(len(numbers), 36)
    cls = lookup[table[:, 1].astype(np.int64)]
    line = np.empty((len(text), 39), dtype=np.uint8)
    line[:, 0], line[:, 1] = cls // 10 + 48, cls % 10 + 48
    line[:, 2:38], line[:, 38] = text, 10
    keep = np.ones(line.shape, dtype=bool)
    keep[cls < 10, 0] = False
    flat = line[keep].tobytes()
    bounds = np.zeros(len(ids) + 1, dtype=np.int64)
    lengths = np.where(cls < 10, 38, 39)
    np.cumsum(
        np.bincount(image, weights=lengths, minlength=len(ids)).astype(np.int64), out=bounds[1:]
    )
    at = bounds.tolist()
    names = [image.file_name[:-4] + ".txt" for image in head.images]
    write_files(
        target / "labels" / subset_of(source),
        names,
        (flat[a:b] for a, b in itertools.pairwise(at)),
    )
    write_class_file(target, head.categories, subset_of(source), "detect")
    write_table(target, head.images, subset_of(source))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
