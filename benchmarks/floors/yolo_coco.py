"""Floor: YOLO boxes or outlines, with images.csv, to COCO. Usage: yolo_coco.py SOURCE X.json"""

from __future__ import annotations

import csv
import gc
import itertools
import os
import sys
from pathlib import Path

import msgspec
import numpy as np

BATCH = 2_000


def main(source: Path, target: Path) -> None:
    gc.disable()
    with open(source / "images.csv", newline="") as file:
        table = list(csv.DictReader(file))
    names = [
        line.split(":", 1)[1].strip()
        for line in (source / "data.yaml").read_text().split("names:")[1].splitlines()
        if line.startswith("  ")
    ]
    encode = msgspec.json.encode
    with open(target, "wb") as out:
        images = [
            {
                "id": k + 1,
                "file_name": r["file_name"],
                "width": int(r["width"]),
                "height": int(r["height"]),
            }
            for k, r in enumerate(table)
        ]
        out.write(
            b'{"info": {}, "licenses": [], "images": ' + encode(images) + b', "annotations": ['
        )
        number = 1
        for start in range(0, len(table), BATCH):
            records = batch(source, table[start : start + BATCH], start + 1, number)
            if records:
                out.write((b"," if number > 1 else b"") + encode(records)[1:-1])
            number += len(records)
        categories = [{"id": k + 1, "name": name} for k, name in enumerate(names)]
        out.write(b'], "categories": ' + encode(categories) + b"}")


def batch(source: Path, rows: list[dict], first_image: int, first: int) -> list[dict]:
    texts = []
    for row in rows:
        file = os.open(source / row["label_file"], os.O_RDONLY)
        texts.append(os.read(file, 1 << 24))
        os.close(file)
    lines = np.array([text.count(b"\n") for text in texts])
    joined = b"".join(texts)
    counts = np.array([line.count(b" ") for line in joined.split(b"\n")[:-1]])
    if not counts.size:
        return []
    numbers = np.array(
        msgspec.json.decode(
            b"[" + joined[:-1].replace(b" ", b",").replace(b"\n", b",") + b"]", type=list[float]
        )
    )
    image = np.repeat(np.arange(len(rows)), lines)
    size = np.array([(int(r["width"]), int(r["height"])) for r in rows], dtype=np.float64)[image]
    at = np.concatenate([[0], np.cumsum(counts + 1)])
    cls = numbers[at[:-1]].astype(np.int64).tolist()
    if (counts == 4).all():
        box = numbers.reshape(-1, 5)[:, 1:] * np.tile(size, 2)
        xywh = np.concatenate([box[:, :2] - box[:, 2:] / 2, box[:, 2:]], axis=1)
        area = (xywh[:, 2] * xywh[:, 3]).tolist()
        outlines = [[]] * len(cls)
    else:
        keep = np.ones(len(numbers), dtype=bool)
        keep[at[:-1]] = False
        points = numbers[keep].reshape(-1, 2) * np.repeat(size, counts // 2, axis=0)
        start = np.concatenate([[0], np.cumsum(counts // 2)])
        low, high = np.minimum.reduceat(points, start[:-1]), np.maximum.reduceat(points, start[:-1])
        xywh = np.concatenate([low, high - low], axis=1)
        flat, ends = points.ravel().tolist(), (start * 2).tolist()
        outlines = [[flat[a:b]] for a, b in itertools.pairwise(ends)]
        following = np.roll(points, -1, axis=0)
        following[start[1:] - 1] = points[start[:-1]]
        cross = points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]
        area = (np.abs(np.add.reduceat(cross, start[:-1])) / 2).tolist()
    return [
        {
            "id": first + k,
            "image_id": first_image + i,
            "category_id": c + 1,
            "bbox": b,
            "area": a,
            "iscrowd": 0,
            "segmentation": s,
        }
        for k, (i, c, b, a, s) in enumerate(
            zip(image.tolist(), cls, xywh.tolist(), area, outlines, strict=True)
        )
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
