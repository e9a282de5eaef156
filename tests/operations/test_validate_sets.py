"""``dlgeom validate`` tells every fault; a repaired copy has none that can be repaired."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlgeom
from dlgeom.cli.run import run
from dlgeom.definitions import Polygon
from dlgeom.errors import DlgeomError
from dlgeom.operations import diff, validate

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
BOW = [2.0, 2.0, 22.0, 22.0, 22.0, 2.0, 2.0, 22.0]


def write(folder: Path, *segmentations: Any, **fields: Any) -> Path:
    root = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "annotations": [
            {
                "id": k,
                "image_id": 1,
                "category_id": 1,
                "bbox": [2, 2, 20, 20],
                "area": 400.0,
                "iscrowd": 0,
                "segmentation": rings,
                "note": k,
                **fields,
            }
            for k, rings in enumerate(segmentations, start=1)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    path = folder / "a.json"
    path.write_text(json.dumps(root), encoding="utf-8")
    return path


SQUARE = [2, 2, 22, 2, 22, 22, 2, 22]


def test_a_clean_data_set_has_no_faults(capfd: pytest.CaptureFixture[str]) -> None:
    found = validate(SAMPLE)
    assert (found.faults, found.exit_code, found.images, found.annotations) == (0, 0, 5, 6)
    assert run(["validate", str(SAMPLE)]) == 0
    assert "no faults" in capfd.readouterr().out


def test_each_fault_has_file_location_id_and_code(tmp_path: Path) -> None:
    path = write(tmp_path, [SQUARE], [SQUARE[:5]], [BOW], "nothing")
    found = validate(path)
    told = {
        (entry.status, entry.code, entry.path, entry.location, entry.annotation_id)
        for entry in found.entries
    }
    assert ("warning", "polygon.self_intersects", "a.json", "annotations[2]", 3) in told
    skipped = {entry[4]: entry[1] for entry in told if entry[0] == "skipped"}
    assert set(skipped) == {2, 4}
    assert skipped[2] == "polygon.odd"
    assert (found.faults, found.exit_code, found.annotations) == (3, 1, 2)


def test_a_repaired_copy_has_no_faults_and_the_same_masks(tmp_path: Path) -> None:
    path = write(tmp_path, [SQUARE], [SQUARE[:5]], [BOW])
    before = path.read_bytes()
    found = validate(path, fix=tmp_path / "b.json")
    assert path.read_bytes() == before
    assert found.report.read == 3
    assert (found.report.written, found.report.dropped, found.report.repaired) == (2, 1, 1)
    assert {(entry.status, entry.annotation_id) for entry in found.entries} == {
        ("skipped", 2),
        ("repaired", 3),
    }
    assert validate(tmp_path / "b.json").faults == 0
    with dlgeom.open_dataset(tmp_path / "b.json") as dataset:
        [(_, [first, second])] = list(dataset)
    assert first.annotation_definition == Polygon(np.reshape(SQUARE, (-1, 2)), "cat")
    assert second.annotation_definition.area == pytest.approx(200)
    assert (second.id, second.extra, second.stored_area) == (3, {"note": 3}, 400.0)
    counts = diff(path, tmp_path / "b.json", on_error="skip").counts
    assert counts == {"geometry": 1}
    with pytest.raises(DlgeomError, match=r"output\.exists"):
        validate(path, fix=tmp_path / "b.json")


@pytest.mark.parametrize("to", ["yolo", "dataloop", "voc", "cvat"])
def test_a_copy_of_each_format_is_what_was_read(tmp_path: Path, to: str) -> None:
    source = tmp_path / "source"
    dlgeom.convert(SAMPLE, source, to_format=to, on_error="skip")
    found = validate(source, fix=tmp_path / "copy", from_format=to)
    assert found.report.dropped == 0
    assert diff(source, tmp_path / "copy", from_format=to, b_format=to, atol=1e-9).equal


def test_a_file_that_cannot_be_trusted_is_one_fault(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, [SQUARE])
    path.write_bytes(path.read_bytes()[:-9])
    assert run(["validate", str(path), "--json"]) == 1
    found = json.loads(capfd.readouterr().out)
    assert found["faults"] == 1
    assert [entry["code"] for entry in found["entries"]] == ["json.syntax"]
    assert run(["validate", str(path), "--fix", str(tmp_path / "b.json")]) == 3
    assert not (tmp_path / "b.json").exists()


def test_the_command_lists_and_counts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = str(write(tmp_path, *[[BOW]] * 25))
    assert run(["validate", path]) == 1
    out = capfd.readouterr().out
    assert "warning polygon.self_intersects 25" in out
    assert "a.json:annotations[0] annotation 1: part 0 of the outline" in out
    assert "and 5 more" in out
    assert run(["validate", path, "--fix", str(tmp_path / "b.json"), "-q"]) == 1
    assert run(["validate", str(tmp_path / "b.json")]) == 0
    assert run(["validate", path, "--where", "area > 1"]) == 2
    assert run(["validate", str(tmp_path / "none.json")]) == 5


def test_hostile_files_give_faults_and_copies_without(shared_data: Path, tmp_path: Path) -> None:
    seen = fixed = 0
    for case in sorted((shared_data / "hostile").iterdir()):
        if not case.name.startswith(("coco-bbox", "coco-poly", "voc-", "yolo-row", "plat-box")):
            continue
        inside = list(case.iterdir())
        path = inside[0] if len(inside) == 1 else case
        seen += 1
        try:
            found = validate(path)
            target = tmp_path / (f"{case.name}.json" if path.suffix == ".json" else case.name)
            done = validate(path, fix=target)
        except DlgeomError:
            continue
        kept = done.report.written + done.report.approximated
        assert done.report.read == kept + done.report.dropped
        again = validate(target, from_format=done.format)
        left = {status for status, _ in again.report.codes} - {"notice", "warning"}
        assert not left, (case.name, again.table())
        assert again.annotations == found.annotations, case.name
        fixed += 1
    assert fixed > 20 < seen
