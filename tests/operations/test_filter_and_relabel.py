"""``dlgeom filter`` and ``dlgeom relabel``: what is asked for, in the same format."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import dlgeom
from dlgeom.cli.run import run
from dlgeom.converters import registry
from dlgeom.errors import UsageError
from dlgeom.operations import diff, filter_dataset, relabel

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"


def counts(path: Path) -> Counter[str | None]:
    with dlgeom.open_dataset(path, on_error="skip") as dataset:
        return Counter(one.label for _, rows in dataset for one in rows)


@pytest.fixture(params=["coco", "voc", "dataloop", "cvat"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    target = tmp_path / "source"
    dlgeom.convert(SAMPLE, target, to_format=request.param, on_error="skip")
    return target


def test_filter_keeps_the_format_and_what_is_asked_for(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    report = filter_dataset(source, target, where="label == 'person'", on_error="skip")
    entry = registry.recognise(source)
    assert report.target_format == entry.name
    before = counts(source)
    assert counts(target) == {"person": before["person"]}
    assert report.filtered == before.total() - before["person"]
    found = diff(source, target, from_format=entry.name, b_format=entry.name)
    assert found.counts["missing"] == report.filtered


def test_relabel_changes_names_and_nothing_else(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    report = relabel(source, target, {"person": "human"}, on_error="skip")
    assert report.dropped == 0
    before = counts(source)
    before["human"] = before.pop("person")
    assert counts(target) == before
    # Edges of rotated boxes are computed from centre and size.
    found = diff(source, target, atol=1e-9)
    told = {name for name in found.counts if not name.startswith("category.")}
    assert told <= {"label", "children"}, found.table()
    assert found.counts["label"] == before["human"]


def test_a_filter_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing says what to keep"):
        filter_dataset(SAMPLE, tmp_path / "out")
    with pytest.raises(UsageError, match="label map is empty"):
        relabel(SAMPLE, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_the_name_of_the_target_says_a_format_too(tmp_path: Path) -> None:
    assert filter_dataset(SAMPLE, tmp_path / "x.json", where="area > 1").target_format == "coco"
    voc = tmp_path / "voc"
    dlgeom.convert(SAMPLE, voc, to_format="voc", on_error="skip")
    report = filter_dataset(voc, tmp_path / "out", where="area > 1", to_format="coco")
    assert report.target_format == "coco"


def test_the_commands(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["filter", str(SAMPLE), str(out), "--include-label", "person", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["annotations"]["written"] == 2
    assert run(["filter", str(SAMPLE), str(tmp_path / "no")]) == 2
    assert "--where" in capfd.readouterr().err
    names = tmp_path / "names.txt"
    names.write_text("car: vehicle\n", encoding="utf-8")
    arguments = [str(SAMPLE), str(tmp_path / "new"), "--label-map", str(names)]
    assert run(["relabel", *arguments, "--rename", "person=human", "--rename", "sign="]) == 0
    assert set(counts(tmp_path / "new")) == {"tyre", "vehicle", "human"}
    assert run(["relabel", str(SAMPLE), str(tmp_path / "no"), "--rename", "person"]) == 2
    assert run(["relabel", str(SAMPLE), str(tmp_path / "no")]) == 2
