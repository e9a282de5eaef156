"""Files that do not say whether they are of a video: their annotations do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dlgeom as dl


def corners(x: int) -> list[dict[str, int]]:
    return [{"x": x, "y": 0, "z": 0}, {"x": x + 10, "y": 10, "z": 0}]


def entry(end: int, frames: tuple[int, ...], thing: str | None = "5") -> dict[str, Any]:
    snapshots = [
        {"frame": k, "fixed": True, "objectVisible": True, "label": "p", "type": "box"}
        | {"data": corners(k), "attributes": [], "namedAttributes": {}}
        for k in frames
    ]
    system = {"frame": 0, "endFrame": end, "objectId": thing, "snapshots_": snapshots}
    return {"type": "box", "label": "p", "coordinates": corners(0), "metadata": {"system": system}}


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize(
    ("end", "frames", "thing", "last"),
    [(5, (3,), "5", 5), (5, (), "5", 5), (1, (1,), None, 1), (1, (), "5", 0), (5, (), None, 0)],
)
def test_the_annotations_tell_the_medium(
    tmp_path: Path, bare: bool, end: int, frames: tuple[int, ...], thing: str | None, last: int
) -> None:
    entries = [entry(end, frames, thing)]
    root = entries if bare else {"filename": "/clip", "annotations": entries}
    (tmp_path / "clip.json").write_text(json.dumps(root))
    [(item, annotations)] = dl.open_dataset(tmp_path / "clip.json")
    assert (item.media, annotations[0].end_frame) == ("video" if last else "image", last)
    if last:
        report = dl.open_dataset(tmp_path / "clip.json").write(tmp_path / "out", format="mot")
        assert report.written == 1
        [(_, back)] = dl.open_dataset(tmp_path / "out")
        assert (back[0].object_id, back[0].end_frame) == (thing or "1", last)


@pytest.mark.parametrize("name", ["clip.jpg", "a/clip.png"])
def test_a_name_of_an_image_counts(tmp_path: Path, name: str) -> None:
    root = {"filename": f"/{name}", "annotations": [entry(5, (3,))]}
    (tmp_path / "clip.json").write_text(json.dumps(root))
    [(item, _)] = dl.open_dataset(tmp_path / "clip.json")
    assert item.media == "image"


def test_a_bare_file_comes_out_as_it_was(tmp_path: Path) -> None:
    entries = [entry(5, (3,))]
    (tmp_path / "clip.json").write_text(json.dumps(entries))
    dl.open_dataset(tmp_path / "clip.json").write(tmp_path / "out", format="dataloop")
    [made] = (tmp_path / "out").rglob("*.json")
    assert json.loads(made.read_text()) == entries
