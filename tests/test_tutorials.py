"""The tutorials run as they stand, each in a process of its own, and show what they assert."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "docs" / "tutorials").glob("*.py"))


def test_each_tutorial_is_in_the_index() -> None:
    index = (ROOT / "docs" / "tutorials" / "README.md").read_text("utf-8")
    assert SCRIPTS
    assert all(f"]({path.name})" in index for path in SCRIPTS)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_tutorial_runs(path: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("all as expected\n")
    # Nothing is left in the user's home or where the script was started.
    assert not any(home.iterdir())
    assert list(tmp_path.iterdir()) == [home]
