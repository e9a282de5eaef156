"""What `dlgeom.diff` missed, or told twice, between data sets of two formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dlgeom as dl

SQUARE = [[0, 0, 10, 0, 10, 10, 0, 10]]
# Of each shape all vertices lie on the outline of the square, and those of the square on its own.
SAME_OUTLINE = {
    "a strip cut out": [[0, 0, 3, 0, 3, 10, 0, 10], [5, 0, 10, 0, 10, 10, 5, 10]],
    "a bow tie": [[0, 0, 10, 10, 10, 0, 0, 10]],
}
SAME = {
    "another first vertex": [[10, 0, 10, 10, 0, 10, 0, 0]],
    "a vertex more": [[0, 0, 5, 0, 10, 0, 10, 10, 0, 10]],
}


def _write(path: Path, segmentations: list[Any], *, width: int = 50) -> Path:
    annotations = [
        {
            "id": k,
            "image_id": 1,
            "category_id": 1,
            "area": 1,
            "iscrowd": 0,
            "bbox": [0, 0, 10, 10],
            "segmentation": segmentation,
        }
        for k, segmentation in enumerate(segmentations, 1)
    ]
    image = {"id": 1, "file_name": "a.png", "width": width, "height": 50}
    content = {
        "images": [image],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "c"}],
    }
    path.write_text(json.dumps(content))
    return path


def _other(source: Path, to: str) -> Path:
    target = source.with_name(f"{source.stem}_{to}")
    dl.convert(source, target, to_format=to, on_error="skip")
    return target


@pytest.mark.parametrize("kind", [*SAME_OUTLINE, *SAME])
def test_vertices_on_one_outline_are_not_one_shape(tmp_path: Path, kind: str) -> None:
    whole = _write(tmp_path / "a.json", [SQUARE])
    shape = SAME_OUTLINE.get(kind) or SAME[kind]
    other = _other(_write(tmp_path / "b.json", [shape]), "dataloop")
    counts = dl.diff(whole, other).counts
    assert counts == ({"geometry": 1} if kind in SAME_OUTLINE else {})


def test_a_hole_that_became_a_part_is_another_shape(tmp_path: Path) -> None:
    outer = [(0, 0), (20, 0), (20, 20), (0, 20)]
    inner = [(5, 5), (5, 15), (15, 15), (15, 5)]
    sides = []
    for name, parts in (("a", [[outer, inner]]), ("b", [[outer], [inner]])):
        shape = dl.Polygon.from_parts(parts, label="c")
        item = dl.Item(name="a.png", width=50, height=50)
        found = dl.AnnotationCollection(item, [dl.Annotation(shape)])
        dl.Dataset.from_pairs([(item, found)]).write(tmp_path / name, format="dataloop")
        sides.append(tmp_path / name)
    assert dl.diff(*sides, atol=0.01).counts.keys() == {"geometry"}


def test_a_box_and_its_polygon_differ_in_kind_only_until_one_moves(tmp_path: Path) -> None:
    first = _write(tmp_path / "a.json", [[], SQUARE])
    yolo = _other(first, "yolo")  # 6 decimals of a size that needs more
    assert dl.diff(first, yolo).counts == {"type": 1}
    content = json.loads(first.read_text())
    content["annotations"][0]["bbox"][0] += 1
    moved = tmp_path / "moved.json"
    moved.write_text(json.dumps(content))
    assert dl.diff(moved, yolo).counts == {"type": 1, "geometry": 1}


def test_a_size_that_six_decimals_do_not_divide(tmp_path: Path) -> None:
    first = _write(tmp_path / "a.json", [[], SQUARE], width=147)
    assert dl.diff(first, _other(first, "yolo")).counts == {"type": 1}


def test_the_platform_says_counts_and_sizes_twice(tmp_path: Path) -> None:
    sides = [
        _other(_write(tmp_path / "a.json", [[], SQUARE]), "dataloop"),
        _other(_write(tmp_path / "b.json", [SQUARE]), "dataloop"),
        _other(_write(tmp_path / "c.json", [[], SQUARE], width=60), "dataloop"),
    ]
    fewer = dl.diff(sides[0], sides[1], ignore=["id"])
    assert fewer.counts == {"missing": 1}
    assert dl.diff(sides[0], sides[2]).counts == {"image.width": 1}
