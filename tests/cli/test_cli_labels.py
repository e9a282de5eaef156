"""Label options and conditions on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dlgeom
from dlgeom.cli.run import run

SAMPLE = str(Path(dlgeom.__file__).parent / "sample" / "coco")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_all_options_work_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.yaml"
    names.write_text("car: vehicle\ntyre: vehicle\n")
    options = ["--label-map", str(names), "--include-label", "car", "--include-label", "tyre"]
    options += ["--exclude-label", "tyre", "--where", "area > 1"]
    report = told(capsys, "convert", SAMPLE, str(tmp_path / "out.json"), *options)
    assert (report["annotations"]["read"], report["filtered"]) == (1, 5)
    assert [c["name"] for c in json.loads((tmp_path / "out.json").read_text())["categories"]] == [
        "vehicle"
    ]
    facts = told(capsys, "info", SAMPLE, *options)
    assert (facts["labels"], facts["filtered"]) == ({"vehicle": 1}, 5)
    assert run(["info", SAMPLE, *options]) == 0
    assert "filtered     5 annotations" in capsys.readouterr().out
    where = ["--where", "image.name ~ 'street/*'", "--overwrite"]
    assert run(["convert", SAMPLE, str(tmp_path / "out.json"), *where]) == 0
    assert "left out as asked for" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (["--where", "labl == 'car'"], "column 1: there is no field 'labl'. Did you mean", 2),
        (["--where", "label = 'car'"], "column 7: '=' is no operator here. Did you mean '=='", 2),
        (["--include-label", "cr"], "Did you mean 'car'", 2),
        (["--exclude-label", "Car"], "Did you mean 'car'", 2),
        (["--include-lable", "car"], "Did you mean '--include-label'", 2),
        (["--label-map", "no such file"], "no such file", 5),
    ],
    ids=lambda value: str(value)[:30],
)
def test_mistakes_are_one_line_and_leave_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
    code: int,
) -> None:
    for command in (["convert", SAMPLE, str(tmp_path / "out"), "--to", "yolo"], ["info", SAMPLE]):
        assert run([*command, *options]) == code
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
