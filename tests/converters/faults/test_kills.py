"""SIGKILL at random moments: files are whole or absent, and `resume` gives the same bytes.

``DLGEOM_KILLS=500`` kills 500 conversions instead of a few.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dlgeom

TESTS = Path(__file__).parents[2]
COUNT = int(os.environ.get("DLGEOM_KILLS", "24"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_killed_conversions_leave_whole_files_and_go_on() -> None:
    paths = [str(TESTS), str(Path(dlgeom.__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, str(TESTS / "kill_runs.py"), str(COUNT), "1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=60 + 3 * COUNT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["resumed"] == COUNT
    # Most were killed before they were complete, and some while they wrote a file.
    assert counts["killed"] > COUNT // 2
    assert counts["files"] > COUNT
