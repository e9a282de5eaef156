"""The program in odd shells: streams that are closed or full, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlgeom.cli.commands import program
from dlgeom.cli.run import run

CONTENT = {
    "images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 20}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "area": 16, "iscrowd": 0, "bbox": [1, 1, 4, 4]}
    ],
    "categories": [{"id": 1, "name": "cat"}],
}
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(CONTENT))
    return path


def _shell(text: str, folder: Path) -> tuple[int, str]:
    command = f'"{sys.executable}" -m dlgeom {text}'
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_disturb_nothing(source: Path, closed: str) -> None:
    assert _shell(f"convert x.json out --to yolo {closed}", source.parent)[0] == 0
    assert "train" in (source.parent / "out" / "data.yaml").read_text()
    assert _shell(f"info x.json {closed}", source.parent)[0] == 0
    assert _shell(f"info nothing.json {closed}", source.parent)[0] == 5


@full
@pytest.mark.parametrize("what", ["info x.json", "validate x.json --json", "formats", "--help"])
def test_a_full_disk_under_the_output_is_told_as_such(source: Path, what: str) -> None:
    code, told = _shell(f"{what} >/dev/full", source.parent)
    assert code == 5
    assert told.startswith("dlgeom: standard output: ")
    assert told.endswith("[output.full]\n")
    assert told.count("\n") == 1


@full
def test_errors_that_cannot_be_told_keep_their_code(source: Path) -> None:
    assert _shell("info nothing.json 2>/dev/full", source.parent)[0] == 5
    assert _shell("info --nothing 2>/dev/full", source.parent)[0] == 2


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("convert a b --to yo", {"yolo", "yolo-video"}),
        ("info a --from coc", {"coco"}),
        ("convert a b --limit zip_r", {"zip_ratio="}),
        ("convert a b --voc-ba", {"--voc-base"}),
        ("convert a b --task se", {"segment"}),
        ("relab", {"relabel"}),
    ],
)
def test_the_shell_completes_names(source: Path, words: str, wanted: set[str]) -> None:
    asked = {
        "_DLGEOM_COMPLETE": "bash_complete",
        "COMP_WORDS": f"dlgeom {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    script = "from dlgeom.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert {line.split(",", 1)[1] for line in done.stdout.splitlines()} == wanted


@pytest.mark.parametrize(
    "text", ["depth=3.7", "zip_entries=0.5", "pixels=1_000", "pixels=\u0663", "depth= 6", "depth=+"]
)
def test_a_limit_is_the_number_that_is_written(
    source: Path, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", str(source), "--limit", text]) == 2
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert "whole number" in told or ". See 'dlgeom info --help'" in told


def test_limits_of_many_digits_stay_exact() -> None:
    texts = ["file_bytes=9007199254740993", "pixels=1e6", "zip_ratio=2.5"]
    words = [word for text in texts for word in ("--limit", text)]
    context = program.commands["info"].make_context("info", ["x", *words])
    limits = context.params["limits"]
    assert (limits.file_bytes, limits.pixels, limits.zip_ratio) == (9007199254740993, 10**6, 2.5)
