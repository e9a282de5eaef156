"""Make the sample data set that ships with the package: pictures and their COCO file.

    python docs/make_sample.py          # writes dlgeom/sample/coco

A few pictures of our own with what converters lose: a ring with a hole, an island in a hole, a
polygon in two parts, a crowd as run lengths, a rotated box, keypoints, attributes and scores,
equal file names in two folders, equal stems with two endings, an image without annotations.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dlgeom.geometry import rings, rle, rotated

TARGET = Path(__file__).parents[1] / "dlgeom" / "sample" / "coco"
SKY, GRASS, ROAD = (196, 221, 240), (120, 170, 90), (110, 110, 120)


def canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (width, height), SKY)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 2 // 3, width, height), fill=GRASS)
    return image, draw


def polygon(*parts: list[float]) -> dict:
    """Return segmentation, bbox and area of an object drawn as polygons."""
    points = [np.array(part, dtype=float).reshape(-1, 2) for part in parts]
    every = np.concatenate(points)
    (left, top), (right, bottom) = every.min(axis=0).tolist(), every.max(axis=0).tolist()
    offsets = np.cumsum([0, *(len(part) for part in points)])
    area = float(np.abs(rings.signed_areas(every, offsets)).sum())
    return {
        "segmentation": [list(map(float, part)) for part in parts],
        "bbox": [left, top, right - left, bottom - top],
        "area": area,
        "iscrowd": 0,
    }


def run_lengths(mask: np.ndarray, *, crowd: bool) -> dict:
    """Return segmentation, bbox and area of a mask: counts for a crowd, else a string."""
    counts = rle.encode(mask)
    left, top, right, bottom = rle.bounds(counts, mask.shape)
    text = counts.tolist() if crowd else rle.to_string(counts)
    return {
        "segmentation": {"size": list(mask.shape), "counts": text},
        "bbox": [float(left), float(top), float(right - left), float(bottom - top)],
        "area": float(rle.area(counts)),
        "iscrowd": int(crowd),
    }


def disc(shape: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= radius**2


def street() -> tuple[Image.Image, list[dict]]:
    image, draw = canvas(160, 120)
    draw.rectangle((0, 84, 160, 120), fill=ROAD)
    shape = (120, 160)
    tyre = disc(shape, 40, 80, 22) & ~disc(shape, 40, 80, 12) | disc(shape, 40, 80, 5)
    pixels = np.array(image)
    pixels[tyre] = (40, 40, 45)
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    left, right = [70, 60, 98, 60, 98, 96, 70, 96], [108, 60, 140, 60, 146, 96, 108, 96]
    for part in (left, right):
        draw.polygon(part, fill=(190, 60, 50))
    draw.rectangle((100, 40, 106, 100), fill=(90, 70, 50))
    return image, [
        {"category_id": 3, **run_lengths(tyre, crowd=False), "attributes": {"worn": True}},
        {"category_id": 7, **polygon(left, right), "attributes": {"occluded": True}},
    ]


def park() -> tuple[Image.Image, list[dict]]:
    image, draw = canvas(160, 120)
    points = [(80, 30), (80, 45), (66, 48), (94, 48), (74, 78), (86, 78)]
    edges = [(0, 1), (1, 2), (1, 3), (1, 4), (1, 5)]
    for a, b in edges:
        draw.line((*points[a], *points[b]), fill=(60, 50, 90), width=4)
    draw.ellipse((74, 24, 86, 36), fill=(220, 180, 150))
    keypoints = [value for x, y in points for value in (float(x), float(y), 2)]
    keypoints[9:12] = [94.0, 48.0, 1]
    keypoints[12:15] = [0.0, 0.0, 0]
    body = [66, 24, 94, 24, 94, 80, 66, 80]
    crowd = disc((120, 160), 20, 70, 12) | disc((120, 160), 34, 74, 12)
    pixels = np.array(image)
    pixels[crowd] = (150, 90, 120)
    return Image.fromarray(pixels), [
        {
            "category_id": 1,
            **polygon(body),
            "keypoints": keypoints,
            "num_keypoints": 5,
        },
        {"category_id": 1, **run_lengths(crowd, crowd=True)},
    ]


def sign(color: tuple[int, int, int], angle: float) -> tuple[Image.Image, list[dict]]:
    image, draw = canvas(96, 96)
    box = np.array([[48.0, 44.0, 48.0, 20.0, angle]])
    corners = rotated.corners(box)[0].round(3)
    draw.polygon(corners.ravel().tolist(), fill=color)
    attributes = {"rotation": angle, "text": "naïve & <plain>"}
    return image, [
        {
            "category_id": 9,
            **polygon(corners.ravel().tolist()),
            "attributes": attributes,
            "score": 0.875,
        }
    ]


def main(target: Path = TARGET) -> None:
    pictures = {
        "street/0001.png": street(),
        "park/0001.png": park(),
        "sign.png": sign((240, 200, 60), 30.0),
        "sign.jpg": sign((80, 120, 220), -45.0),
        "empty.png": (canvas(64, 48)[0], []),
    }
    body = ["head", "neck", "left_hand", "right_hand", "left_foot", "right_foot"]
    categories = [
        {
            "id": 1,
            "name": "person",
            "supercategory": "",
            "keypoints": body,
            "skeleton": [[1, 2], [2, 3], [2, 4], [2, 5], [2, 6]],
        },
        {"id": 3, "name": "tyre", "supercategory": "vehicle"},
        {"id": 7, "name": "car", "supercategory": "vehicle"},
        {"id": 9, "name": "sign", "supercategory": ""},
        {"id": 12, "name": "never used", "supercategory": ""},
    ]
    images, annotations = [], []
    for number, (name, (picture, records)) in enumerate(pictures.items(), start=1):
        path = target / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, quality=85)
        images.append(
            {"id": number, "file_name": name, "width": picture.width, "height": picture.height}
        )
        for record in records:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **record})
    info = {
        "description": "Sample of dlgeom, made by docs/make_sample.py",
        "version": "1",
        "year": 2026,
    }
    licenses = [{"id": 1, "name": "Apache-2.0", "url": ""}]
    sections = {
        "info": info,
        "licenses": licenses,
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    (target / "annotations").mkdir(parents=True, exist_ok=True)
    text = json.dumps(sections, indent=1, ensure_ascii=False)
    (target / "annotations" / "instances_train.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
