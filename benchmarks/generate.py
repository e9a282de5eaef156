"""Make COCO data of any size, with the distributions of the real file, from a seed.

    python benchmarks/generate.py val.json                      # 5,000 images, 37,123 annotations
    python benchmarks/generate.py train.json --images 118287    # 869,188 annotations, 0.5 GB
    python benchmarks/generate.py x.json --images 20000 --boxes # boxes only

As in the real file: 80 categories on ids 1..90 with gaps, 7.35 annotations an image with a long
tail and 1 % of empty images, 1.2 % crowds as run lengths, 9 % of the others in several parts,
22 vertices a part with two decimals, annotations not grouped by image, categories last.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import numpy as np

PER_IMAGE = 869_188 / 118_287
MISSING = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
BATCH = 20_000


def image_records(rng: np.random.Generator, count: int) -> tuple[list[dict], np.ndarray]:
    long_side = np.where(rng.random(count) < 0.9, 640, rng.integers(300, 640, count))
    short_side = rng.choice([480, 427, 426, 424, 360, 333, 500, 640], count)
    upright = rng.random(count) < 0.25
    width = np.where(upright, np.minimum(short_side, long_side), long_side)
    height = np.where(upright, long_side, np.minimum(short_side, long_side))
    ids = np.sort(rng.choice(count * 5, count, replace=False)) + 1
    ids = rng.permutation(ids)
    records = [
        {
            "license": int(lic),
            "file_name": f"{identifier:012d}.jpg",
            "coco_url": f"http://images.example.org/train2017/{identifier:012d}.jpg",
            "height": h,
            "width": w,
            "date_captured": "2013-11-14 17:02:52",
            "flickr_url": f"http://farm7.example.org/6116/{identifier:010d}_02bbd2a4b0_z.jpg",
            "id": identifier,
        }
        for lic, identifier, w, h in zip(
            rng.integers(1, 9, count).tolist(),
            ids.tolist(),
            width.tolist(),
            height.tolist(),
            strict=True,
        )
    ]
    return records, np.stack([ids, width, height], axis=1)


def owners(rng: np.random.Generator, images: int, annotations: int) -> np.ndarray:
    """Return the image index of each annotation, not grouped."""
    weight = rng.lognormal(0.0, 0.95, images)
    weight[rng.random(images) < 0.01] = 0.0
    return rng.choice(images, annotations, p=weight / weight.sum())


def blob(
    rng: np.random.Generator, n: int, cx: float, cy: float, rx: float, ry: float
) -> np.ndarray:
    angle = np.sort(rng.random(n)) * (2 * np.pi)
    radius = 0.55 + 0.45 * rng.random(n)
    return np.stack([cx + rx * radius * np.cos(angle), cy + ry * radius * np.sin(angle)], axis=1)


def crowd_counts(rng: np.random.Generator, box: np.ndarray, width: int, height: int) -> list[int]:
    left, top, right, bottom = box.astype(int).tolist()
    right, bottom = max(right, left + 2), max(bottom, top + 2)
    counts = [left * height]
    for _ in range(left, min(right, width)):
        start = top + int(rng.integers(0, max(1, (bottom - top) // 4)))
        stop = max(start + 1, bottom - int(rng.integers(0, max(1, (bottom - top) // 4))))
        stop = min(stop, height)
        start = min(start, stop - 1)
        counts[-1] += start
        counts += [stop - start, height - stop]
    counts[-1] += (width - min(right, width)) * height
    return counts


def annotation_batch(
    rng: np.random.Generator, first: int, images: np.ndarray, categories: list[int], boxes: bool
) -> list[dict]:
    count = len(images)
    width, height = images[:, 1].astype(float), images[:, 2].astype(float)
    scale = np.clip(rng.lognormal(-1.9, 1.0, count), 0.01, 0.98)
    aspect = np.clip(rng.lognormal(0.0, 0.5, count), 0.2, 5.0)
    rx = np.clip(scale * width * np.sqrt(aspect), 3, width * 0.98) / 2
    ry = np.clip(scale * height / np.sqrt(aspect), 3, height * 0.98) / 2
    cx = rx + rng.random(count) * (width - 2 * rx)
    cy = ry + rng.random(count) * (height - 2 * ry)
    crowd = rng.random(count) < 0.012
    parts = np.where(rng.random(count) < 0.09, rng.integers(2, 5, count), 1)
    vertices = np.clip(rng.lognormal(2.85, 0.7, count), 4, 250).astype(int)
    chosen = rng.choice(len(categories), count, p=_usage(len(categories)))
    records = []
    for k in range(count):
        x0, y0, x1, y1 = cx[k] - rx[k], cy[k] - ry[k], cx[k] + rx[k], cy[k] + ry[k]
        segmentation: object
        if boxes:
            segmentation, area = [], float(4 * rx[k] * ry[k])
            extent = np.array([x0, y0, x1, y1])
        elif crowd[k]:
            extent = np.array([x0, y0, x1, y1])
            counts = crowd_counts(rng, extent, int(width[k]), int(height[k]))
            segmentation = {"counts": counts, "size": [int(height[k]), int(width[k])]}
            area = float(sum(counts[1::2]))
        else:
            rings = []
            area = 0.0
            for p in range(parts[k]):
                # Parts lie side by side, as where something stands in front of the object.
                share = 2 * rx[k] / parts[k]
                ring = blob(
                    rng, vertices[k], x0 + (p + 0.5) * share, cy[k], max(share / 2 - 0.6, 1), ry[k]
                ).round(2)
                x, y = ring[:, 0], ring[:, 1]
                area += abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
                rings.append(ring)
            every = np.concatenate(rings)
            extent = np.concatenate([every.min(axis=0), every.max(axis=0)])
            segmentation = [ring.ravel().tolist() for ring in rings]
        x, y = np.round(extent[:2], 2).tolist()
        w, h = np.round(extent[2:] - extent[:2], 2).tolist()
        records.append(
            {
                "segmentation": segmentation,
                "area": round(area, 5),
                "iscrowd": int(crowd[k] and not boxes),
                "image_id": int(images[k, 0]),
                "bbox": [x, y, w, h],
                "category_id": categories[chosen[k]],
                "id": first + k,
            }
        )
    return records


def _usage(count: int) -> np.ndarray:
    weight = 1.0 / np.arange(1, count + 1) ** 0.9
    return weight / weight.sum()


def generate(
    path: Path, images: int, annotations: int, *, seed: int = 0, boxes: bool = False
) -> None:
    """Write a COCO instances file."""
    rng = np.random.default_rng(seed)
    ids = [k for k in range(1, 91) if k not in MISSING]
    records, table = image_records(rng, images)
    owner = owners(rng, images, annotations)
    encode = msgspec.json.encode
    with path.open("wb") as file:
        info = {"description": "generated", "url": "", "version": "1.0", "year": 2017}
        file.write(
            b'{"info": ' + encode(info) + b', "licenses": [{"id": 1, "name": "any", "url": ""}]'
        )
        file.write(b', "images": ' + encode(records) + b', "annotations": [')
        for start in range(0, annotations, BATCH):
            rows = table[owner[start : start + BATCH]]
            batch = annotation_batch(rng, start + 1, rows, ids, boxes)
            file.write((b"," if start else b"") + encode(batch)[1:-1])
        categories = [
            {"supercategory": f"group {k % 12}", "id": identifier, "name": f"class {k:02d}"}
            for k, identifier in enumerate(ids)
        ]
        file.write(b'], "categories": ' + encode(categories) + b"}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--annotations", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--boxes", action="store_true", help="boxes only")
    args = parser.parse_args()
    known = {5_000: 37_123, 118_287: 869_188}
    count = args.annotations or known.get(args.images) or round(args.images * PER_IMAGE)
    generate(args.path, args.images, count, seed=args.seed, boxes=args.boxes)


if __name__ == "__main__":
    main()
