"""``dlgeom stats``: table, JSON and charts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dlgeom
from dlgeom.cli.run import run

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"


def test_the_table_has_a_row_for_each_label(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["stats", str(SAMPLE)]) == 0
    out, err = capfd.readouterr()
    labels = [entry.name for entry in dlgeom.statistics(SAMPLE).labels]
    assert all(any(line.startswith(str(name)) for line in out.splitlines()) for name in labels)
    assert err == ""


def test_json_has_the_same_counts(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["stats", str(SAMPLE), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["annotations"] == sum(entry["annotations"] for entry in found["labels"])
    area = found["measures"]["area"]
    assert sum(area["counts"]) == area["count"]


def test_a_plot_is_written_and_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "charts.png"
    assert run(["stats", str(SAMPLE), "--plot", str(target)]) == 0
    assert str(target) in capfd.readouterr().out
    assert target.read_bytes().startswith(b"\x89PNG")
    assert run(["stats", str(SAMPLE), "--plot", str(target)]) == 5
    assert "--overwrite" in capfd.readouterr().err
    assert run(["stats", str(SAMPLE), "--plot", str(target), "--overwrite", "-q"]) == 0
    assert capfd.readouterr().out == ""


def test_a_plot_of_another_kind_is_a_usage_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["stats", str(SAMPLE), "--plot", str(tmp_path / "charts.doc")]) == 2
    assert ".png" in capfd.readouterr().err


def test_labels_and_conditions_choose(capfd: pytest.CaptureFixture[str]) -> None:
    name = dlgeom.statistics(SAMPLE).labels[0].name
    assert run(["stats", str(SAMPLE), "--include-label", str(name), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    counts = {entry["name"]: entry["annotations"] for entry in found["labels"]}
    assert found["annotations"] == counts[name]
