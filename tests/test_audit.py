"""No input runs code, starts a program or opens a connection; nothing is read or written elsewhere.

An audit hook (PEP 578) watches conversions in a child process. A first run without it loads what
the library itself compiles when it is imported.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

CHILD = """
import sys, os, tempfile, zipfile
from pathlib import Path
import dlgeom as dl
from dlgeom.converters.survey import survey

place, library = Path(sys.argv[1]), sys.argv[2].split(os.pathsep)
TARGETS = {"coco": "o.json", "yolo": "o", "voc": "o", "dataloop": "o", "srt": "o", "vtt": "o"}

def run(name):
    out = place / name
    out.mkdir()
    sample = place / "sample"
    where = {"label": "person"}
    dl.convert(sample, out / "json", to_format="dataloop", where="area > 10 and label != 'x'")
    for to, target in TARGETS.items():
        dl.convert(out / "json", out / to / target, to_format=to, on_error="skip")
        survey(out / "json")
    for to in ("coco", "yolo", "voc"):
        dl.convert(out / to / TARGETS[to], out / to / "again", to_format="dataloop")
    with zipfile.ZipFile(out / "sample.zip", "w") as packed:
        for path in sample.rglob("*"):
            if path.is_file():
                packed.write(path, path.relative_to(sample))
    more = {"to_format": "yolo", "on_error": "skip", "image_files": "copy"}
    dl.convert(out / "sample.zip", out / "unpacked", **more)
    item = dl.Item(name="a.jpg", width=9, height=9)
    dl.Converter().convert(["0 .5 .5 .1 .1", "__import__('os') 1 1 1 1"], "yolo", "voc", item=item)
    dl.AnnotationCollection.from_json([{"type": "class", "label": "__import__('os')"}])

temporary = tempfile.gettempdir()
run("first")
refused = []

def hook(event, args):
    if event.split(".")[0] in ("socket", "subprocess", "pty", "ftplib", "urllib", "webbrowser"):
        refused.append((event, str(args)[:200]))
    if event in ("os.system", "os.exec", "os.posix_spawn", "os.fork", "exec", "compile"):
        refused.append((event, str(args)[:200]))
    if event == "open" and isinstance(args[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(args[0]))
        fine = [str(place), temporary, *library, "/proc", "/sys", "/dev", "/usr", "/etc"]
        if os.path.isabs(os.fsdecode(args[0])) and not path.startswith(tuple(fine)):
            refused.append((event, path))

sys.addaudithook(hook)
run("second")
found, refused = refused, []
print(*found, sep="\\n")
sys.exit(1 if found else 0)
"""


def test_conversions_stay_at_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    place = tmp_path / "place"
    shutil.copytree(ROOT / "dlgeom" / "sample" / "coco", place / "sample")
    library = os.pathsep.join([str(ROOT), sys.prefix, sys.base_prefix])
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(place), library],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(home.iterdir()) == []


def test_the_hook_would_tell(tmp_path: Path) -> None:
    code = CHILD.replace('run("second")', 'eval("1 + 1"); open("/root-of-all/x") if 0 else None')
    (tmp_path / "place").mkdir()
    code = code.replace('run("first")', "pass")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "place"), sys.prefix],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "compile" in done.stdout or "exec" in done.stdout


def test_the_package_never_evaluates() -> None:
    for path in (ROOT / "dlgeom").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), path
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
                assert names.isdisjoint({"pickle", "marshal", "shelve", "socket", "urllib"}), path
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("pickle", "marshal", "ast", "urllib.request"), path
