"""Warnings of the library are one line of the command's, without a piece of its source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dlgeom as dl

WITHOUT_AV = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "av":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
from dlgeom.cli.run import run
sys.exit(run(sys.argv[1:]))
"""


def test_without_the_extra_for_videos_the_command_says_so(tmp_path: Path) -> None:
    pytest.importorskip("av")
    from dlgeom.video import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4", fps=10) as writer:
        for _ in range(4):
            writer.write(np.full((48, 64, 3), 90, dtype=np.uint8))
    item = dl.Item(name="clip.mp4", width=64, height=48, media="video", fps=10)
    one = dl.Annotation.new(item=item)
    one.add_frame(dl.Box(5, 5, 40, 40, "car"), 0)
    pairs = [(item, dl.AnnotationCollection(item, [one]))]
    dl.Dataset.from_pairs(pairs).write(tmp_path / "set", format="dataloop")
    words = ["render", "set", "out", "--images", ".", "--from", "dataloop"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_AV, *words],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines
    assert all(line.startswith("dlgeom: warning: PyAV is not installed") for line in lines)
    assert "dlgeom[video]" in done.stderr
