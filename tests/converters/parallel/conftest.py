"""A small data set with odd records, cut into many parts, and pools that live for all tests."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import dlgeom
from dlgeom.converters.coco import read_chunks, read_ranges
from dlgeom.converters.parallel import units
from dlgeom.converters.report import Report
from dlgeom.converters.voc import reader as voc_reader
from dlgeom.converters.yolo import reader as yolo_reader

Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small data sets too: a part for every few images, a range for every few records."""
    monkeypatch.setattr(units, "LEAST", 0.0)
    monkeypatch.setattr(units, "SECONDS", 0.0)
    monkeypatch.setattr(read_chunks, "ITEMS_AT_ONCE", 7)
    monkeypatch.setattr(yolo_reader, "WINDOW_FILES", 7)
    monkeypatch.setattr(voc_reader, "WINDOW_FILES", 7)
    monkeypatch.setattr(read_ranges, "STEP", 2_000)
    monkeypatch.setattr(read_ranges, "_LOOK", 1_000)


@pytest.fixture(scope="session")
def processes() -> Iterator[Executor]:
    """Two processes for all tests."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="session")
def threads() -> Iterator[Executor]:
    """Three threads for all tests."""
    with ThreadPoolExecutor(3) as pool:
        yield pool


def image(number: int, name: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an image of 64 x 48 pixels."""
    name = f"img_{number:04d}.jpg" if name is None else name
    return {"id": number, "file_name": name, "width": 64, "height": 48, **more}


def annotation(number: int, of: int, **more: Any) -> dict[str, Any]:
    """Return a triangle in an image."""
    x, y = float(number % 40), float(number % 31)
    record = {
        "id": number,
        "image_id": of,
        "category_id": 1 + number % 3,
        "bbox": [x, y, 10.0, 8.0],
        "area": 40.0,
        "iscrowd": 0,
        "segmentation": [[x, y, x + 10, y, x + 5, y + 8.5]],
    }
    return {**record, **more}


def odd_records(count: int) -> list[dict[str, Any]]:
    """Return good and bad records, bad ones in many of the parts."""
    found = []
    for k in range(1, count + 1):
        more: dict[str, Any] = {}
        if k % 17 == 3:
            more = {"bbox": [1, 2, -3, 4]}
        elif k % 19 == 4:
            more = {"category_id": 77}
        elif k % 23 == 5:
            counts = [k, 5, 64 * 48 - k - 5]
            more = {"segmentation": {"size": [48, 64], "counts": counts}, "iscrowd": 1}
        elif k % 29 == 6:
            more = {"segmentation": [[1, 1, 2, 2], [3, 3, 9, 3, 9, 9]]}
        elif k % 13 == 7:
            more = {"attributes": {"parts": [{"id": 1, "a": 2}, {"id": 2}]}, "note": "},{"}
        elif k % 31 == 8:
            more = {"segmentation": [[2, 2, 20, 2, 20, 20, 2, 20], [10, 10, 30, 10, 30, 30]]}
        elif k % 37 == 9:
            more = {"id": k - 1}
        elif k % 41 == 10:
            more = {"segmentation": [[-5, -5, 70, -5, 70, 60]]}
        found.append(annotation(k, 1 + (k * 7) % 60, **more))
    return found


def odd_names() -> list[dict[str, Any]]:
    """Return images in folders, of equal stems, and with names for no file system."""
    names = {
        9: "day 1/img.jpg",
        20: "day 1/img.png",
        31: "IMG_0009.JPG",
        33: "img_0003.png",
        40: "aux.jpg",
        44: "v1.0/a.jpg",
        50: "ü/ß.jpg",
        58: "IMG_0058.jpg",
    }
    return [image(k, names.get(k)) for k in range(1, 61)]


def data_set(records: list[dict[str, Any]], images: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a COCO file."""
    names = ("cat", "dog", "bird")
    categories = [{"id": k, "name": name} for k, name in enumerate(names, 1)]
    return {"images": images, "annotations": records, "categories": categories}


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Return the file of the odd data set."""
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(data_set(odd_records(260), odd_names())))
    return path


def files_below(root: Path) -> Files:
    """Return all files and folders below a folder, hidden ones too."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b"/"
        for path in sorted(root.rglob("*"))
    }


Convert = Callable[..., tuple[Report, Files, bytes]]


@pytest.fixture
def run(tmp_path: Path) -> Convert:
    """Return a function that converts and tells report, files and the report's file."""
    number = 0

    def convert(source: Path, **settings: Any) -> tuple[Report, Files, bytes]:
        nonlocal number
        number += 1
        target = tmp_path / f"out{number}" / "target"
        report = tmp_path / f"report{number}.json"
        settings.setdefault("on_error", "skip")
        found = dlgeom.convert(source, target, report=report, **settings)
        found.target = "target"
        # Behind the target come the counts, which the value tells, and the seconds.
        entries = report.read_bytes().partition(b'\n  "target"')[0]
        return found, files_below(target), entries

    return convert
