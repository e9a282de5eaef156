"""The gallery is what its script makes now."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from dlgeom.render import fonts

GALLERY = Path(__file__).parents[1] / "docs" / "gallery"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_gallery", GALLERY / "make_gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("gallery")
    script.make(folder)
    return folder


def test_the_gallery_is_up_to_date(made: Path) -> None:
    names = {path.name for path in made.iterdir()}
    assert names | {"make_gallery.py"} == {p.name for p in GALLERY.iterdir() if p.is_file()}
    assert (made / "README.md").read_text() == (GALLERY / "README.md").read_text()
    assert sum(path.stat().st_size for path in GALLERY.iterdir() if path.is_file()) < 1_500_000
    for name in sorted(names - {"README.md"}):
        now, kept = Image.open(made / name), Image.open(GALLERY / name)
        assert (now.size, now.mode) == (kept.size, kept.mode), name
        a, b = np.asarray(now), np.asarray(kept)
        if name.endswith(("-instance.png", "-object.png", "-panoptic.png")):
            assert np.array_equal(a, b), name
        else:
            # Letters are those of the fonts that a machine has; lines are those of its OpenCV.
            off = np.abs(a.astype(int) - b).reshape(*a.shape[:2], -1).max(axis=2) > 24
            assert off.mean() < 0.25, name


def test_pictures_show_what_they_are_named_after(made: Path, script: ModuleType) -> None:
    for kind, shapes in script.scenes().items():
        seen = np.unique(np.asarray(Image.open(made / f"{kind}-object.png"))).tolist()
        drawn = [] if kind in ("classification", "subtitle", "text") else range(len(shapes))
        assert seen == [0, *(40 * (k + 1) for k in drawn)], kind
        mask = np.asarray(Image.open(made / f"{kind}-mask.png"))
        assert mask[..., 3].any() == bool(drawn), kind
        overlay = np.asarray(Image.open(made / f"{kind}-overlay.png"))
        if drawn or fonts.font_files():
            assert (overlay != script.street(script.WIDTH)).any(), kind


def test_large_pictures_are_made_too(script: ModuleType) -> None:
    picture = dict(script.pictures(400))
    assert {one.size for one in picture.values()} == {(400, 300)}
    assert set(picture) >= {f"box-{mode}" for mode in script.MODES}
