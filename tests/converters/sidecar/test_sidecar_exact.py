"""A conversion with a sidecar and back gives the same values, whatever they are."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from sidecar_sets import FEW, coco_sets, platform_sets, read_platform, write_platform

import dlgeom as dl


def there_and_back(source: Path, folder: Path, to: str, back: str, **options: Any) -> Path:
    """Convert with a sidecar and back; return what came back."""
    dl.convert(source, folder / "there", to_format=to, on_error="skip", sidecar=True, **options)
    dl.convert(folder / "there", folder / back, on_error="skip", to_format="coco")
    return folder / back


@pytest.mark.parametrize("to", ["yolo", "voc", "dataloop"])
@FEW
@given(root=coco_sets())
def test_coco_comes_back(root: dict[str, Any], to: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.json").write_text(json.dumps(root))
        back = there_and_back(folder / "in.json", folder, to, "back.json")
        found = json.loads(back.read_text())
        assert found == root
        assert list(found) == list(root)


@pytest.mark.parametrize(
    ("to", "there"), [("yolo", "there"), ("coco", "there.json"), ("voc", "there")]
)
@FEW
@given(files=platform_sets())
def test_the_platform_comes_back(files: dict[str, Any], to: str, there: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_platform(folder / "in", files)
        dl.convert(folder / "in", folder / there, to_format=to, on_error="skip", sidecar=True)
        dl.convert(folder / there, folder / "back", to_format="dataloop", on_error="skip")
        assert read_platform(folder / "back") == files
