"""Ids of classes when data sets are merged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import dlgeom as dl


def _write(path: Path, names: dict[int, str]) -> dict[str, Any]:
    content = {
        "images": [{"id": 1, "file_name": f"{path.stem}.png", "width": 20, "height": 20}],
        "annotations": [
            {
                "id": k,
                "image_id": 1,
                "category_id": k,
                "area": 16,
                "iscrowd": 0,
                "bbox": [1, 1, 4, 4],
                "segmentation": [],
            }
            for k in names
        ],
        "categories": [{"id": k, "name": name, "own": [k]} for k, name in names.items()],
    }
    path.write_text(json.dumps(content))
    return content


def test_the_first_sources_class_ids_stay(tmp_path: Path) -> None:
    first = _write(tmp_path / "a.json", {7: "car", 90: "dog", 3: "cat"})
    second = _write(tmp_path / "b.json", {1: "dog", 7: "truck", 91: "cat", 90: "bus"})
    dl.merge([tmp_path / "a.json", tmp_path / "b.json"], tmp_path / "all.json")
    merged = json.loads((tmp_path / "all.json").read_text())
    names = {one["id"]: one["name"] for one in merged["categories"]}
    assert names == {7: "car", 90: "dog", 3: "cat", 92: "truck", 93: "bus"}
    assert merged["categories"][:3] == first["categories"]
    assert merged["categories"][3]["own"] == [7]
    assert merged["annotations"][:3] == first["annotations"]
    wanted = [one["name"] for one in second["categories"]]
    assert [names[one["category_id"]] for one in merged["annotations"][3:]] == wanted


def test_classes_of_yolo_sets_get_numbers_of_their_own(tmp_path: Path) -> None:
    for name, classes in (("a", {0: "car", 1: "dog"}), ("b", {0: "cat", 1: "car"})):
        _write(tmp_path / f"{name}.json", classes)
        dl.convert(tmp_path / f"{name}.json", tmp_path / name, to_format="yolo", task="detect")
    dl.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    rows = {
        path.stem: [line.split()[0] for line in path.read_text().splitlines()]
        for path in (tmp_path / "all" / "labels").rglob("*.txt")
    }
    assert rows == {"a": ["0", "1"], "b": ["2", "0"]}


def test_operations_are_at_hand() -> None:
    script = "import dlgeom as dl; print(dl.operations.relabel.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "relabel\n"
