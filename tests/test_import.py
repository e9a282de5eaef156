"""Imports run downwards, and ``import dlgeom`` costs next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dlgeom

PACKAGE = Path(dlgeom.__file__).parent
HEAVY = ("PIL", "av", "cv2", "lxml", "matplotlib", "pycocotools", "shapely", "torch", "yaml")

# Each layer may import those of lower rank, and its own.
RANKS = {
    "_version": 0,
    "enums": 0,
    "errors": 0,
    "limits": 1,
    "colors": 1,
    "nearest": 1,
    "geometry": 2,
    "definitions": 3,
    "conversions": 4,
    "labels": 5,
    "item": 5,
    "annotation": 6,
    "ontology": 6,
    "chunk": 7,
    "chunk_objects": 7,
    "chunk_poses": 7,
    "batches": 7,
    "overlap": 7,
    "transforms": 7,
    "filters": 8,
    "dataset": 8,
    "render": 9,
    "video": 9,
    "converters": 10,
    "operations": 11,
    "rendering": 11,
    "stats": 11,
    "view": 11,
    "training": 11,
    "testing": 11,
    "cli": 12,
    "__main__": 13,
    "": 13,
}
LIGHT = ("geometry", "definitions", "annotation", "item", "labels", "chunk", "dataset")

# Documented methods that reach up, each a delegation with an import inside of the function.
DELEGATIONS = {
    ("definitions", "conversions"),  # from_segmentation, from_polygon, to_box
    ("definitions", "converters"),  # coordinates
    ("definitions", "transforms"),  # translate, rotate, crop...
    ("definitions", "overlap"),  # iou
    ("definitions", "render"),  # show, plot
    ("annotation", "render"),  # show, from_panoptic
    ("annotation", "converters"),  # from_json, to_json, from_vtt_file, download
    ("annotation", "transforms"),  # the same
    ("annotation", "batches"),  # boxes_xyxy, masks, columns...
    ("annotation", "video"),  # frames made from times
    ("item", "annotation"),  # item.annotations.builder()
    ("item", "converters"),  # Item.from_file
    ("ontology", "converters"),  # label maps from files
    ("video", "converters"),  # snapshots written as other files are
    ("dataset", "converters"),  # Dataset.open, Dataset.filter, Dataset.write
}


def _layer(module: str) -> str:
    """Return the layer of ``dlgeom.geometry.rle``: ``geometry``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _statements(body: list[ast.stmt], inside: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield (import statement, whether it is in a function), but those for type checkers."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, inside
        if _is_type_checking(node):
            yield from _statements(node.orelse, inside)  # type: ignore[attr-defined]
            continue
        deeper = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, field, []), deeper)
        for handler in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            yield from _statements(handler.body, deeper)


def _imports() -> Iterator[tuple[str, str, bool]]:
    """Yield (importing module, imported module, whether in a function) of the whole package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        name = ".".join(parts)
        for node, inside in _statements(ast.parse(path.read_text("utf-8")).body, False):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield name, alias.name, inside
            else:
                assert node.level == 0, f"{name} has a relative import"
                assert node.module is not None
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}" if node.module == "dlgeom" else ""
                    yield name, whole or node.module, inside


def test_each_module_has_a_layer() -> None:
    assert {_layer(name) for name, _, _ in _imports()} <= set(RANKS)


def test_imports_run_downwards() -> None:
    upwards = [
        (name, target, inside)
        for name, target, inside in _imports()
        if target.split(".")[0] == "dlgeom"
        and RANKS[_layer(target)] > RANKS[_layer(name)]
        and not (inside and (_layer(name), _layer(target)) in DELEGATIONS)
    ]
    assert upwards == []


def test_each_delegation_is_in_use() -> None:
    used = {(_layer(name), _layer(target)) for name, target, inside in _imports() if inside}
    assert used >= DELEGATIONS


def test_heavy_packages_are_imported_inside_of_functions() -> None:
    found = [
        (name, target)
        for name, target, inside in _imports()
        if not inside and target.split(".")[0] in HEAVY
    ]
    assert found == []


def test_hypothesis_is_imported_by_its_strategies_alone() -> None:
    found = {name for name, target, _ in _imports() if target.split(".")[0] == "hypothesis"}
    assert found
    assert all(name.startswith("dlgeom.testing.strategies") for name in found)


def _child(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_the_model_loads_nothing_heavy() -> None:
    code = "import sys, dlgeom; dlgeom.Box, dlgeom.Dataset, dlgeom.Chunk, dlgeom.conversions; "
    loaded = _child(code + "print(*sys.modules)").split()
    assert {name.split(".")[0] for name in loaded}.isdisjoint(HEAVY)
    assert "dlgeom.converters" not in loaded


def test_import_costs_less_than_120_ms_of_cpu() -> None:
    code = "import time; a = time.process_time(); import dlgeom; print(time.process_time() - a)"
    assert min(float(_child(code)) for _ in range(5)) < 0.12


def test_public_names_are_there_and_listed() -> None:
    for name in dlgeom.__all__:
        assert getattr(dlgeom, name) is not None
        assert name in dir(dlgeom)
    assert dlgeom.Box is dlgeom.definitions.Box
    assert "coco" in dlgeom.formats()


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(dlgeom, "nothing_such")
