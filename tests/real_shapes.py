"""Every mask and every outline of the shared folder, whatever file it is in.

Read with as little code as will do and none of the package: these are oracles.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

__all__ = ["Mask", "Outline", "masks", "outlines"]

Mask = NDArray[np.bool_]
Outline = tuple[list[NDArray[np.float64]], tuple[int, int]]
"""Rings of shape (n, 2), three vertices or more each, and (height, width) of their image."""

# Folders whose pictures are photographs.
PHOTOS = {"images", "Images", "image_2", "leftImg8bit", "data"}


def _documents(folder: Path) -> Iterator[tuple[Path, Any]]:
    for path in sorted(folder.glob("**/*.json*")):
        if "hostile" not in path.parts:
            data = path.read_bytes()
            yield path, json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _dicts(entry)


# ---------------------------------------------------------------- masks


def _decoded(segmentation: dict[str, Any]) -> Mask:
    height, width = segmentation["size"]
    if isinstance(segmentation["counts"], list):
        counts = segmentation["counts"]
        return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T
    return np.asarray(coco.decode(segmentation) > 0)


def _opaque(picture: Image.Image) -> Mask:
    """Return where a picture is opaque or, without transparency, not black."""
    values = np.asarray(picture)
    return np.asarray((values[:, :, -1] if values.ndim == 3 else values) > 0)


def _ids(picture: Image.Image) -> NDArray[np.int64]:
    """Return one number for each colour of a picture, shape (H, W)."""
    values = np.asarray(picture)
    if values.ndim == 2:
        return values.astype(np.int64)
    return values.astype(np.int64) @ (256 ** np.arange(values.shape[2]))


def _of_ids(ids: NDArray[np.int64]) -> Iterator[Mask]:
    # The background is a mask as well, and has more holes than the others.
    for value in np.unique(ids).tolist():
        yield ids == value


def masks(folder: Path) -> Iterator[tuple[str, Mask]]:
    """Yield where each mask is from and the mask, bool of shape (H, W)."""
    for path, document in _documents(folder):
        for record in _dicts(document):
            if "counts" in record and "size" in record:
                yield str(path), _decoded(record)
            for key in ("coordinates", "mask"):
                text = record.get(key)
                if isinstance(text, str) and len(text) > 20:
                    data = base64.b64decode(text.split(",", 1)[-1], validate=True)
                    yield str(path), _opaque(Image.open(io.BytesIO(data)))
    for path in sorted(folder.glob("**/*.png")):
        if "hostile" not in path.parts and not PHOTOS & set(path.parts[len(folder.parts) :]):
            ids = _ids(Image.open(path))
            if len(np.unique(ids)) < 300:  # colours of a stray photograph
                for mask in _of_ids(ids):
                    yield str(path), mask
    for path in sorted(folder.glob("**/*.npz")):
        for mask in np.load(path)["masks"]:
            yield str(path), mask
    for path in sorted(folder.glob("video/mots/**/*.txt")):
        for line in path.read_text().splitlines():
            if line.count(" ") == 5:
                *_, height, width, counts = line.split(" ")
                yield str(path), _decoded({"size": [int(height), int(width)], "counts": counts})


# ---------------------------------------------------------------- outlines


def _pairs(values: Any) -> NDArray[np.float64] | None:
    """Return a ring from any of the forms that files have, None if it is something else."""
    if not isinstance(values, list) or not values:
        return None
    if all(isinstance(value, dict) and {"x", "y"} <= set(value) for value in values):
        values = [[value["x"], value["y"]] for value in values]
    try:
        ring = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if ring.ndim == 1 and len(ring) % 2 == 0:
        ring = ring.reshape(-1, 2)
    return ring if ring.ndim == 2 and ring.shape[1] == 2 and len(ring) > 2 else None


def _rings(record: dict[str, Any]) -> list[NDArray[np.float64]]:
    found = []
    for key in ("segmentation", "polygon", "points", "coordinates", "poly2d"):
        value = record.get(key)
        if key == "poly2d" and isinstance(value, list):
            value = [part.get("vertices") for part in value]
        one = None if key == "segmentation" else _pairs(value)
        if one is not None:
            found.append(one)
        elif isinstance(value, list):
            found += [ring for ring in map(_pairs, value) if ring is not None]
    return found


def _room(rings: list[NDArray[np.float64]]) -> tuple[int, int]:
    """Return an image that the rings fill most of and leave a little."""
    right, bottom = np.concatenate(rings).max(axis=0)
    return max(1, int(bottom) - 1), max(1, int(right) - 1)


def _of_json(folder: Path) -> Iterator[Outline]:
    for _, document in _documents(folder):
        sizes: dict[Any, tuple[int, int]] = {}
        for record in _dicts(document):
            if isinstance(record.get("height"), int) and "file_name" in record:
                sizes[record.get("id")] = (record["height"], record["width"])
        for record in _dicts(document):
            rings = _rings(record)
            if rings:
                yield rings, sizes.get(record.get("image_id")) or _room(rings)


def _of_labels(folder: Path) -> Iterator[Outline]:
    """YOLO rows of seven numbers or more, and DOTA rows of eight and a name."""
    for path in sorted([*folder.glob("yolo/**/*.txt"), *folder.glob("dota/**/*.txt")]):
        height, width = (480, 640) if "obb" not in str(path) else (1024, 1024)
        for line in path.read_text(errors="replace").splitlines():
            numbers = [float(n) for n in re.findall(r"(?<![\w.])-?\d+\.?\d*(?![\w.])", line)]
            if path.parts[len(folder.parts)] == "dota" and len(numbers) >= 8:
                rings = [np.array(numbers[:8]).reshape(-1, 2)]
                yield rings, _room(rings)
            elif len(numbers) >= 7 and len(numbers) % 2:
                yield [np.array(numbers[1:]).reshape(-1, 2) * [width, height]], (height, width)


def _of_xml(folder: Path) -> Iterator[Outline]:
    for path in sorted(folder.glob("**/*.xml")):
        text = path.read_bytes()
        if "hostile" in path.parts or (b"polygon" not in text and b"points" not in text):
            continue
        for element in ElementTree.fromstring(text).iter():
            pairs = [pair.split(",") for pair in element.get("points", "").split(";")]
            if element.tag == "polygon" and element.find("pt") is not None:
                pairs = [[pt.findtext("x", ""), pt.findtext("y", "")] for pt in element.iter("pt")]
            if len(pairs) > 2:
                ring = np.array(pairs, dtype=np.float64)
                yield [ring], _room([ring])


def outlines(folder: Path) -> Iterator[Outline]:
    """Yield the rings of each outline."""
    yield from _of_json(folder)
    yield from _of_labels(folder)
    yield from _of_xml(folder)
