"""What notebooks and plots show."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from lxml import etree
from scenes import scenes

import dlgeom as dl

SVG = "{http://www.w3.org/2000/svg}"


@given(scenes())
@settings(max_examples=60)
def test_pictures_of_any_scene(scene) -> None:
    from PIL import Image

    root = etree.fromstring(scene._repr_svg_())
    assert root.get("viewBox") == f"0 0 {scene.item.width} {scene.item.height}"
    with Image.open(io.BytesIO(scene._repr_png_())) as image:
        assert image.size == (scene.item.width, scene.item.height)
    for annotation in scene:
        for one in (annotation, annotation.annotation_definition):
            text = one._repr_svg_()
            assert text is None or etree.fromstring(text).tag == f"{SVG}svg"


def test_titles_are_escaped() -> None:
    builder = dl.Item(width=5, height=5).annotations.builder()
    builder.add(dl.Box(0, 0, 1, 1, "<b>&\x01"))
    (title,) = etree.fromstring(builder._repr_svg_()).iter(f"{SVG}title")
    assert title.text == "<b>&\N{REPLACEMENT CHARACTER}"


def test_nothing_to_show_is_none() -> None:
    for one in (dl.Classification("a"), dl.AnnotationCollection(), dl.Description("words")):
        assert one._repr_svg_() is None
        assert one._repr_png_() is None
    huge = dl.Item(width=60_000, height=50_000).annotations.builder()
    assert huge._repr_png_() is None
    assert dl.Box(1e200, 0, 1e300, 5, "far")._repr_png_() is None


def test_large_pictures_are_made_smaller() -> None:
    from PIL import Image

    builder = dl.Item(width=3_000, height=1_500).annotations.builder()
    builder.add(dl.Box(10, 10, 2_000, 1_000, "a"))
    with Image.open(io.BytesIO(builder._repr_png_())) as image:
        assert image.size == (1_000, 500)


def test_plot_without_matplotlib_names_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(dl.MissingDependencyError, match=r"dlgeom\[plot\]"):
        dl.Box(0, 0, 1, 1, "a").plot()


def test_plot_draws_into_axes() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    builder = dl.Item(width=20, height=10).annotations.builder()
    builder.add(dl.Box(2, 2, 8, 8, "a"))
    assert builder.plot(ax=axes) is axes
    assert builder.plot(ax=axes, image=np.zeros((10, 20), dtype=np.uint8)) is axes
    assert dl.Box(2, 2, 8, 8, "a").plot(ax=axes) is axes
    extent = axes.images[0].get_extent()
    assert tuple(extent) == (0, 20, 10, 0)
