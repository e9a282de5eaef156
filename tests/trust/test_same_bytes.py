"""P5: the same input gives the same bytes in many environments, in processes of their own."""

from __future__ import annotations

import locale
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("coco", "cvat", "dataloop", "mot", "voc", "yolo", "yolo-video", "ytvis", "vtt", "srt")
CHILD = """
import hashlib, os, sys, tempfile
from pathlib import Path
import dlgeom as dl

sample = Path(dl.__file__).parent / "sample" / "coco"
root = Path(sys.argv[1])
mask = int(os.environ.get("UMASK", "022"), 8)
os.umask(mask)
if "CWD" in os.environ:
    os.chdir(os.environ["CWD"])
    root = Path(os.path.relpath(root))
    sample = Path(os.path.relpath(sample))
for name in sys.argv[2:]:
    folder = root / name
    more = {"workers": int(os.environ["WORKERS"])} if "WORKERS" in os.environ else {}
    dl.convert(sample, folder, to_format=name, on_error="skip", **more)
    for path in sorted(folder.rglob("*")):
        assert not path.stat().st_mode & mask, path
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            print(name, path.relative_to(folder).as_posix(), digest)
"""


def _locale(*names: str) -> str:
    """Return the first of some locales that this system has, else ``C.UTF-8``."""
    before = locale.setlocale(locale.LC_ALL)
    for name in names:
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        finally:
            locale.setlocale(locale.LC_ALL, before)
        return name
    return "C.UTF-8"


ENVIRONMENTS = {
    "C": {"LC_ALL": "C", "PYTHONHASHSEED": "0", "TZ": "UTC"},
    "no UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "German": {"LC_ALL": _locale("de_DE.UTF-8", "de_DE"), "TZ": "Europe/Berlin"},
    "Turkish": {"LC_ALL": _locale("tr_TR.UTF-8", "tr_TR"), "TZ": "Asia/Kathmandu"},
    "another hash seed": {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati"},
    "optimised": {"PYTHONOPTIMIZE": "2", "TZ": "America/St_Johns"},
    "two workers": {"WORKERS": "2"},
    "three workers": {"WORKERS": "3", "PYTHONHASHSEED": "7"},
    "umask 077": {"UMASK": "077"},
    "umask 000": {"UMASK": "000", "WORKERS": "2"},
    "relative, from the root": {"CWD": "/"},
    "relative, from elsewhere": {"CWD": "/tmp" if os.path.isdir("/tmp") else "."},
}


def _digests(environment: dict[str, str], folder: Path) -> str:
    folder.mkdir(parents=True)
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "TZ"))}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder / "out"), *TARGETS],
        cwd=folder,
        env={**plain, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _digests({}, tmp_path_factory.mktemp("bytes") / "plain")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_same_bytes_in_each_environment(name: str, plain: str, tmp_path: Path) -> None:
    assert plain.count("\n") > len(TARGETS) - 4
    assert _digests(ENVIRONMENTS[name], tmp_path / "deep" / "er") == plain
