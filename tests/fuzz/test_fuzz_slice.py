"""A short deterministic slice of the fuzzers, and what they found before."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
KEPT = sorted((Path(__file__).parents[1] / "data" / "fuzz").glob("*.json"))
FORMATS = ("coco", "cvat", "dataloop", "mot", "srt", "voc", "vtt", "yolo", "yolo-video", "ytvis")


@pytest.mark.parametrize("name", [*FORMATS, "zip", "rle"])
def test_a_slice_of_runs_finds_nothing(name: str) -> None:
    runs = "2000" if name == "rle" else "60"
    done = subprocess.run(
        [sys.executable, str(RUN), "--format", name, "--runs", runs, "--seed", "77"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"{name}: {runs} runs, 0 findings" in done.stdout


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_was_found_is_mended(path: Path) -> None:
    sys.path.insert(0, str(RUN.parent))
    try:
        import run
    finally:
        sys.path.remove(str(RUN.parent))
    import make
    from trust.zygote import Watch

    found = json.loads(path.read_text())
    case = next(entry for entry in make.bits.CASES if entry.id == found["case"])
    files = {**case.files, found["file"]: bytes.fromhex(found["data"])}
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch((), [], [])
        assert run.convert(case, files, Path(folder), watch) is None
