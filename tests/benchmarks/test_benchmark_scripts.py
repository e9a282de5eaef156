"""The benchmark scripts start and print sane tables; no figure of speed is tested here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def _load(name: str):
    """Load a script under a name of its own; it finds its neighbours by itself or by the path."""
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


everything = _load("all")


def _table(script: str, *options: str) -> list[dict[str, str]]:
    command = [sys.executable, str(FOLDER / script), "--markdown", "--repeat", "1", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith(f"`python benchmarks/{script} ")
    assert "cores" in first
    assert "numpy" in first
    return everything.rows_of(done.stdout)


def _number(cell: str) -> float:
    return float(cell.replace(",", ""))


def test_conversions_have_a_line_each_with_ratio_and_memory(tmp_path):
    work = ("--work", str(tmp_path / "work"))
    rows = _table("run.py", "--images", "6", "--only", "voc-coco", "--only", "coco-coco", *work)
    assert [row["conversion"] for row in rows] == ["voc-coco", "coco-coco"]
    row = rows[0]
    assert _number(row["ratio"]) == pytest.approx(
        _number(row["dlgeom s"]) / _number(row["floor s"]), rel=0.2
    )
    assert 10 < _number(row["floor MB"]) < 1_000
    assert 10 < _number(row["MB"]) < 1_000
    assert rows[1]["floor s"] == "-"
    # What was made stays, targets do not.
    assert {path.name for path in (tmp_path / "work").iterdir()} == {
        "boxes6.json",
        "voc6",
        "n6.json",
    }


def test_growth_tells_three_sizes_and_what_more_images_cost(tmp_path):
    rows = _table("growth.py", "--images", "3", "--only", "coco-voc", "--work", str(tmp_path))
    assert [row.get("images") for row in rows] == ["3", "6", "12", None]
    assert rows[3]["1,000 images more"] == "coco-voc"
    assert rows[3]["goal MB"] == "1.50"


def test_start_up_counts_from_an_empty_interpreter(tmp_path):
    rows = _table("startup.py", "--only", "import numpy", "--work", str(tmp_path))
    assert rows[0]["above python"] == "0.000"
    assert all(_number(row["CPU s"]) > 0 for row in rows)


def test_every_parallel_run_is_compared_with_the_serial_one(tmp_path):
    rows = _table(
        "scaling.py",
        *("--images", "5", "--workers", "1", "2", "--no-dask", "--only", "coco-voc"),
        *("--work", str(tmp_path)),
    )
    names = [row["conversion"].partition(", ")[2] for row in rows]
    assert names == ["floor", "serial", "1 workers", "2 workers"]
    assert [row["same"] for row in rows] == ["", "true", "true", "true"]


def test_absent_peers_are_left_out_and_told(tmp_path):
    # Without site packages there is no peer, whatever is installed.
    fake = tmp_path / "python"
    fake.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I "$@"\n')
    fake.chmod(0o755)
    command = [sys.executable, str(FOLDER / "peers.py"), "--python", str(fake), "--images", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Peers: none" in done.stdout
    for name in ("labelformat", "globox", "datumaro"):
        assert f"{name} absent: ModuleNotFoundError" in done.stdout


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("geometry.py", ("--objects", "8", "--only", "RLE area")),
        ("overlap.py", ("--only", "nms")),
        ("render.py", ("--objects", "2", "--only", "label ids, quick")),
    ],
)
def test_geometry_is_compared_before_it_is_timed(script, options):
    rows = _table(script, *options)
    assert len(rows) >= 2
    assert all(_number(row["dlgeom"]) > 0 for row in rows if "dlgeom" in row)


def test_all_runs_scripts_and_gathers_goals():
    command = [sys.executable, str(FOLDER / "all.py"), "--only", "startup", "--repeat", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "### startup" in done.stdout
    goals = [row for row in everything.rows_of(done.stdout) if "met" in row]
    assert goals[0]["what"] == "import dlgeom: CPU s"
    assert {row["met"] for row in goals} <= {"yes", "no"}


@pytest.mark.parametrize(
    ("name", "table", "found"),
    [
        (
            "run-val",
            "| conversion | images | ratio | goal | MB | goal MB |\n| --- | --- | --- | --- | --- "
            "| --- |\n| a | 5,000 | 1.50 | 1.40 | 79 | 80 |\n| b | 5,000 | - | - | 9 | - |",
            [
                ("a, 5,000 images: to the floor", "<= 1.40", "1.50", "no"),
                ("a, 5,000 images: peak MB", "<= 80", "79", "yes"),
            ],
        ),
        (
            "peers-val",
            "| conversion, by | to dlgeom | goal |\n| --- | --- | --- |\n| a, x | 6.5 | 6 |",
            [("a, x: times faster than the best peer", ">= 6", "6.5", "yes")],
        ),
    ],
)
def test_goals_are_read_from_the_tables(name, table, found):
    assert everything.reached(name, everything.rows_of(table)) == found


def test_tables_go_between_the_comments_that_name_them(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- run -->\nold\n\n| x |\n<!-- /run -->\nb\n")
    monkeypatch.setattr(everything, "PAGES", (page,))
    assert everything.put("run", "\nnew \\1\n")
    assert page.read_text() == "a\n<!-- run -->\nnew \\1\n<!-- /run -->\nb\n"
    assert not everything.put("growth", "new")


def test_every_table_has_its_place_in_the_documentation():
    pages = "".join(page.read_text() for page in everything.PAGES)
    for size in ("val", "train"):
        for name in (*everything.steps(size, ""), f"goals-{size}"):
            assert pages.count(f"<!-- {name} -->") == 1, name
            assert pages.count(f"<!-- /{name} -->") == 1, name
