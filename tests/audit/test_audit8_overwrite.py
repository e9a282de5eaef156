"""Files of an older data set in a target that is overwritten are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dlgeom as dl


def _write(path: Path, count: int) -> Path:
    content = {
        "images": [
            {"id": k, "file_name": f"d/{k}.png", "width": 20, "height": 20} for k in range(count)
        ],
        "annotations": [
            {
                "id": k,
                "image_id": k,
                "category_id": 1,
                "area": 16,
                "iscrowd": 0,
                "bbox": [1, 1, 4, 4],
                "segmentation": [],
            }
            for k in range(count)
        ],
        "categories": [{"id": 1, "name": "c"}],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("to", ["yolo", "voc", "dataloop"])
@pytest.mark.parametrize("resume", [False, True])
def test_what_stays_of_an_older_data_set_is_told(tmp_path: Path, to: str, resume: bool) -> None:
    target = tmp_path / "out"
    dl.convert(_write(tmp_path / "a.json", 5), target, to_format=to)
    (target / "notes.txt").write_text("beside what is written")
    fewer = _write(tmp_path / "b.json", 2)
    for source, count in ((tmp_path / "a.json", 0), (fewer, 3)):
        report = dl.convert(source, target, to_format=to, overwrite=True, resume=resume)
        told = [kind for kind in report.codes.values() if kind.code == "output.exists"]
        assert [kind.count for kind in told] == [1] * bool(count)
        assert all(kind.message.startswith(f"{count} files") for kind in told)
        assert report.exit_code() == 0


def test_nothing_is_told_of_a_new_target(tmp_path: Path) -> None:
    source = _write(tmp_path / "a.json", 3)
    report = dl.convert(source, tmp_path / "out", to_format="voc", overwrite=True)
    assert report.codes == {}
