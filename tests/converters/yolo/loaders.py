"""How Ultralytics and darknet load a data set, written anew from the formats page.

Nothing of dlgeom is used: sizes come from the pictures, names from PyYAML, numbers from
`float`. A file that Ultralytics would leave out as corrupt raises.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

IMAGES = frozenset(
    {"bmp", "dng", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp", "pfm", "heic"}
)

Loaded = dict[str, tuple[list[list[float]], tuple[int, int]]]
"""Path of an image -> rows of its label file, and its width and height."""


def check_data_yaml(path: Path) -> dict[str, Any]:
    """Return the class file, with each split as a list of absolute paths."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "val" not in data and "validation" in data:
        data["val"] = data.pop("validation")
    assert data.get("train")
    assert data.get("val")
    names = data["names"]
    assert len(names) == data.get("nc", len(names))
    data["names"] = dict(enumerate(names)) if isinstance(names, list) else names
    assert sorted(data["names"]) == list(range(len(names)))
    assert all(isinstance(name, str) for name in data["names"].values())
    root = Path(data["path"]) if data.get("path") else path.parent
    for split in ("train", "val", "test"):
        if data.get(split):
            values = data[split] if isinstance(data[split], list) else [data[split]]
            data[split] = [os.path.abspath(root / value) for value in values]
    return data


def images_of(places: list[str]) -> list[str]:
    """Return the images of a split: of folders, and of lists of images."""
    found = []
    for place in places:
        if os.path.isdir(place):
            below = [os.path.join(at, name) for at, _, names in os.walk(place) for name in names]
        else:
            lines = Path(place).read_text(encoding="utf-8").strip().splitlines()
            parent = os.path.dirname(place) + os.sep
            below = [line.replace("./", parent) if line[:2] == "./" else line for line in lines]
        found += [path for path in below if path.rpartition(".")[2].lower() in IMAGES]
    return sorted(found)


def label_of(image: str) -> str:
    """Return the label file of an image: the last ``/images/`` becomes ``/labels/``."""
    return "/labels/".join(image.rsplit("/images/", 1)).rpartition(".")[0] + ".txt"


def displayed_size(path: str) -> tuple[int, int]:
    """Return width and height; orientations 6 and 8 of a JPEG swap them."""
    with Image.open(path) as image:
        width, height = image.size
        turned = image.format == "JPEG" and image.getexif().get(274) in (6, 8)
    assert min(width, height) > 9, "image is smaller than 10 pixels"
    return (height, width) if turned else (width, height)


def verified_rows(path: str, task: str, data: dict[str, Any]) -> list[list[float]]:
    """Return the rows of a label file that Ultralytics takes."""
    if not os.path.isfile(path):
        return []
    text = Path(path).read_text(encoding="utf-8")
    assert not text.startswith("\ufeff")
    rows = [line.split() for line in text.strip().splitlines() if line.strip()]
    if not rows:
        return []
    pose = task == "pose"
    if any(len(row) > 6 for row in rows) and not pose:
        assert all(len(row) >= 7 and len(row) % 2 == 1 for row in rows), "mixed rows"
    else:
        due = 5 + (data["kpt_shape"][0] * data["kpt_shape"][1] if pose else 0)
        assert all(len(row) == due for row in rows), f"rows have not {due} columns"
    numbers = [[float(word) for word in row] for row in rows]
    for row in numbers:
        assert row[0] == int(row[0]) < len(data["names"])
        coordinates = np.array(row[1:])
        if pose:
            width = data["kpt_shape"][1]
            coordinates = np.array([*row[1:5], *np.reshape(row[5:], (-1, width))[:, :2].ravel()])
        assert coordinates.max() <= 1.01
        assert coordinates.min() >= -0.01
    return numbers


def load_ultralytics(path: Path, task: str) -> tuple[dict[str, Any], dict[str, Loaded]]:
    """Load a data set as `YOLODataset` does; returns the class file and the splits."""
    data = check_data_yaml(path)
    splits: dict[str, Loaded] = {}
    for split in ("train", "val", "test"):
        if data.get(split):
            splits[split] = {
                image: (verified_rows(label_of(image), task, data), displayed_size(image))
                for image in images_of(data[split])
            }
            assert splits[split], f"no images in {data[split]}"
    return data, splits


def darknet_label(image: str) -> str:
    """Return the label file that darknet's ``replace_image_to_label`` finds for an image."""
    for old in ("/images/train2017/", "/images/val2017/", "/JPEGImages/"):
        image = image.replace(old, old.replace("images", "labels").replace("JPEGImages", "labels"))
    for ending in (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".bmp", ".ppm", ".tiff"):
        image = re.sub(re.escape(ending) + "$", ".txt", image.strip())
    assert image.endswith(".txt"), "darknet knows no such image"
    return image


def load_darknet(path: Path) -> tuple[list[str], dict[str, Loaded]]:
    """Load an ``obj.data`` where darknet runs: in the folder in which ``data`` is."""
    keys = dict(
        [part.strip() for part in line.split("=", 1)]
        for line in path.read_text(encoding="utf-8").splitlines()
        if "=" in line
    )
    where = path.parent.parent
    names = (where / keys["names"]).read_text(encoding="utf-8").splitlines()
    assert len(names) == int(keys["classes"])
    splits: dict[str, Loaded] = {}
    for split in ("train", "valid", "test"):
        if split not in keys:
            continue
        found: Loaded = {}
        for line in (where / keys[split]).read_text(encoding="utf-8").splitlines():
            image = str(where / line)
            text = Path(darknet_label(image)).read_text(encoding="ascii")
            rows = [[float(word) for word in row.split()] for row in text.splitlines()]
            assert all(len(row) == 5 and row[0] < len(names) for row in rows)
            with Image.open(image) as picture:
                found[image] = rows, picture.size
        splits[split] = found
    return names, splits
