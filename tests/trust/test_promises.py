"""The nine promises of docs/reliability.md: which tests keep each, and P3 and P9 by themselves."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlgeom as dl
from dlgeom.converters import registry
from dlgeom.converters.png import VOC_PALETTE, palette_png

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reliability.md"
SAMPLE = Path(dl.__file__).parent / "sample" / "coco"
PICTURE = palette_png(np.zeros((30, 40), dtype=np.uint8), VOC_PALETTE)
TARGETS = ("coco", "cvat", "dataloop", "mot", "srt", "voc", "vtt", "yolo", "yolo-video", "ytvis")


def named() -> dict[int, set[str]]:
    """Return promise -> the tests that its row of the page names, as ``file::function``."""
    table = PAGE.read_text("utf-8").partition("How each is kept:")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| P([1-9]) \|(.*)\|$", table, re.MULTILINE)
    return {int(number): set(re.findall(r"`([\w/.]+::\w+)`", row)) for number, row in rows}


def test_each_promise_has_tests() -> None:
    rows = named()
    assert sorted(rows) == list(range(1, 10))
    assert all(rows.values()), rows


@pytest.mark.parametrize("name", sorted(set().union(*named().values())))
def test_the_tests_that_the_page_names_are_there(name: str) -> None:
    file, _, function = name.partition("::")
    path = TESTS / file
    assert path.is_file(), name
    functions = {
        node.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert function in functions, name


# -- P3 --------------------------------------------------------------------------------------------


def state(folder: Path) -> dict[str, Any]:
    """Return all that is in a folder: content, kind, permissions and time of the last change."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        told = path.lstat()
        data: Any = None
        if path.is_symlink():
            data = os.readlink(path)
        elif path.is_file():
            data = hashlib.sha256(path.read_bytes()).hexdigest()
        changed = None if path.is_dir() and not path.is_symlink() else told.st_mtime_ns
        found[path.relative_to(folder).as_posix()] = (told.st_mode, changed, data)
    return found


ESCAPES = {
    "up": "../../up/p.png",
    "up inside": "a/../../../up/p.png",
    "absolute": "{}/elsewhere/p.png",
    "drive": "C:\\elsewhere\\p.png",
    "backslashes": "..\\..\\elsewhere\\p.png",
    "NUL": "p\0.png",
    "control": "p\x1b[2J.png",
    "only dots": "..",
    "address": "file:///elsewhere/p.png",
}


@pytest.mark.parametrize("name", ESCAPES.values(), ids=ESCAPES)
@pytest.mark.parametrize("to", ["coco", "cvat", "dataloop", "voc", "yolo"])
def test_p3_names_never_lead_out_of_the_target(name: str, to: str, tmp_path: Path) -> None:
    root = {
        "images": [
            {"id": 1, "file_name": name.format(tmp_path), "width": 40, "height": 30},
            {"id": 2, "file_name": "good.png", "width": 40, "height": 30},
        ],
        "categories": [{"id": 1, "name": name.format(tmp_path)}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [3, 6, 9, 8]} for n in (1, 2)
        ],
    }
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").write_text("mine")
    source = tmp_path / "deep" / "er" / "in"
    (source / "images").mkdir(parents=True)
    (source / "images" / "good.png").write_bytes(PICTURE)
    (source / "in.json").write_text(json.dumps(root))
    target = tmp_path / "deep" / "er" / ("out.xml" if to == "cvat" else "out")
    before = state(tmp_path)
    copied: dict[str, Any] = {} if to == "cvat" else {"image_files": "copy"}
    error = None
    try:
        report = dl.convert(
            source / "in.json",
            target,
            to_format=to,
            on_error="skip",
            images=source / "images",
            **copied,
        )
        assert report.written + report.approximated >= 1
    except dl.errors.FormatError as caught:
        error = caught
    if error is not None:
        assert error.code is not None
        assert error.code.startswith("path.")
        assert not target.exists()
    after = state(tmp_path)
    ours = target.relative_to(tmp_path).as_posix()
    assert {key: value for key, value in after.items() if not key.startswith(ours)} == before
    for key in after.keys() - before.keys():
        assert "\0" not in key
        assert "\x1b" not in key


@pytest.mark.parametrize("name", ["labels", "data.yaml", "images.csv"])
def test_p3_no_link_in_the_target_is_followed(name: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("mine")
    target = tmp_path / "out"
    target.mkdir()
    (target / name).symlink_to(elsewhere if name == "labels" else elsewhere / "file")
    before = state(tmp_path)
    try:
        dl.convert(SAMPLE, target, to_format="yolo", on_error="skip", overwrite=True)
    except dl.DlgeomError:
        assert state(tmp_path) == before
    assert state(elsewhere) == {
        "file": before["elsewhere/file"],
    }


def test_p3_two_inputs_never_share_one_file_in_silence(tmp_path: Path) -> None:
    names = ["a.png", "a.jpg", "A.png", "caf\u00e9.png", "cafe\u0301.png"]
    root = {
        "images": [
            {"id": n, "file_name": name, "width": 40, "height": 30} for n, name in enumerate(names)
        ],
        "categories": [{"id": 1, "name": "x"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [n, 6, 9, 8]} for n in range(5)
        ],
    }
    (tmp_path / "in.json").write_text(json.dumps(root))
    report = dl.convert(tmp_path / "in.json", tmp_path / "out", to_format="yolo", on_error="skip")
    rows = [path.read_text() for path in (tmp_path / "out" / "labels").rglob("*.txt")]
    assert len(set(rows)) == 5
    told = sum(kind.count for (_, code), kind in report.codes.items() if code == "path.collision")
    assert told == 3


# -- P9 --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the sample in each format; read-only files would hide a bug of the root user."""
    folder = tmp_path_factory.mktemp("sources")
    shutil.copytree(SAMPLE, folder / "coco-in")
    made = {"sample": folder / "coco-in"}
    for name in TARGETS:
        single = registry.formats()[name].single_file
        place = folder / (name + single[0] if name in ("cvat", "ytvis") else name)
        dl.convert(SAMPLE, place, to_format=name, on_error="skip", sidecar=True)
        made[name] = place
    return made


@pytest.mark.parametrize("name", ["sample", *TARGETS])
def test_p9_inputs_are_never_changed(name: str, sources: dict[str, Path], tmp_path: Path) -> None:
    source = sources[name]
    before = state(source.parent)
    for to in ("coco", "cvat", "dataloop", "voc", "yolo"):
        target = tmp_path / (f"{to}.xml" if to == "cvat" else to)
        ways: tuple[dict[str, Any], ...] = ({"sidecar": True}, {"overwrite": True})
        for more in ways:
            dl.convert(source, target, to_format=to, on_error="skip", **more)
    with pytest.raises(dl.DlgeomError):
        dl.convert(source, source, to_format="dataloop", on_error="skip", overwrite=True)
    assert state(source.parent) == before


@pytest.mark.parametrize("way", ["copy", "link"])
def test_p9_pictures_are_never_changed(way: str, tmp_path: Path) -> None:
    source = tmp_path / "in"
    shutil.copytree(SAMPLE, source)
    with dl.open_dataset(source) as data:
        names = [item.name for item, _ in data]
    for name in names:
        (source / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (source / "images" / name).write_bytes(PICTURE)
    before = state(source)
    for to in ("yolo", "voc", "coco"):
        options: dict[str, Any] = {"to_format": to, "images": source / "images", "image_files": way}
        dl.convert(source, tmp_path / to, on_error="skip", **options)
        dl.convert(source, tmp_path / to, on_error="skip", overwrite=True, **options)
        assert len(list((tmp_path / to).rglob("*.[jp][pn]g"))) >= len(names)
    shutil.rmtree(tmp_path / "yolo")
    assert state(source) == before


@pytest.mark.parametrize("to", TARGETS)
def test_p9_nothing_is_overwritten_unasked(
    to: str, sources: dict[str, Path], tmp_path: Path
) -> None:
    source = sources["sample"]
    single = registry.formats()[to].single_file
    target = tmp_path / (to + single[0] if to in ("cvat", "ytvis") else to)
    dl.convert(source, target, to_format=to, on_error="skip")
    if target.is_dir():
        (target / "mine.txt").write_text("mine")
    before = state(tmp_path)
    with pytest.raises(dl.errors.OutputError) as caught:
        dl.convert(source, target, to_format=to, on_error="skip")
    assert caught.value.code == "output.exists"
    assert state(tmp_path) == before


# -- the audit hook itself ---------------------------------------------------------------------


HOOK = """
import os, sys
from pathlib import Path
from trust.zygote import Watch, relative_opens

inside, outside = Path(sys.argv[1]), Path(sys.argv[2])
watch = Watch((), [], [str(inside)])
relative_opens(watch)
os.chdir(inside)
near, far = os.open(inside, os.O_RDONLY), os.open(outside, os.O_RDONLY)
sys.addaudithook(watch)
os.close(os.open("a", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=near))
os.mkdir("b", dir_fd=near)
os.replace("a", "c", src_dir_fd=near, dst_dir_fd=near)
print(watch.found)
watch.found.clear()
os.close(os.open("a", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=far))
os.mkdir("b", dir_fd=far)
os.replace("a", "c", src_dir_fd=far, dst_dir_fd=far)
os.unlink("c", dir_fd=far)
os.rmdir("b", dir_fd=far)
watch.busy = True
print(*[line.split(" " + str(outside))[0] for line in watch.found], sep=", ")
"""


def test_the_hook_sees_names_below_the_descriptor_of_a_folder(tmp_path: Path) -> None:
    import subprocess

    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", HOOK, str(tmp_path / "in"), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "[]",
        "open for writing, os.mkdir, os.rename, os.rename, os.remove, os.rmdir",
    ], done.stderr
