"""Statistics as a picture: one page of charts, drawn by matplotlib."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlgeom.converters.places import shown_source
from dlgeom.converters.targets import output_at
from dlgeom.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from dlgeom.converters.source import PathLike
    from dlgeom.stats.values import Distribution, Statistics

__all__ = ["SUFFIXES", "check_plot", "plot", "save_plot"]

SUFFIXES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")
LABELS = 25
"""Labels that have a bar of their own; the rest are one bar."""

COLOR, EDGE = "#0072b2", "#333333"


def plot(statistics: Statistics) -> Any:
    """Return a `matplotlib.figure.Figure` with the charts.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    figure_class = _figure_class()
    # A figure of its own, without pyplot: nothing global is touched, no window can open.
    figure = figure_class(figsize=(15, 9), layout="constrained")
    axes = figure.subplots(2, 3)
    _labels(axes[0, 0], statistics)
    _histogram(axes[0, 1], statistics.distribution("area"), "area of the shape, px²", "log")
    _scatter(axes[0, 2], statistics)
    _histogram(axes[1, 0], statistics.distribution("aspect"), "width / height of the bounds", "log")
    _per_image(axes[1, 1], statistics)
    name, meaning = _richest(statistics)
    _histogram(axes[1, 2], statistics.distribution(name), meaning, "log")
    images, annotations = f"{statistics.images:,} images", f"{statistics.annotations:,} annotations"
    figure.suptitle(
        f"{_plain(Path(statistics.path).name)} ({statistics.format}): {images}, {annotations}"
    )
    return figure


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "charts need matplotlib, which is not installed. Install the extra: "
            "pip install 'dlgeom[plot]'"
        ) from error
    return Figure


def check_plot(path: PathLike, *, overwrite: bool = False) -> None:
    """Raise what `save_plot` would, before anything is counted."""
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"a plot is written as {', '.join(SUFFIXES)}; {target.name!r} is none of them. "
            "Give it such a suffix"
        )
    _figure_class()
    output_at(path, single=True, overwrite=overwrite).close()


def save_plot(statistics: Statistics, path: PathLike, *, overwrite: bool = False) -> str:
    """Write the charts to a file whose suffix says the kind of picture; return its path.

    Raises
    ------
    UsageError
        If the suffix is none of `SUFFIXES`.
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    MissingDependencyError
        If matplotlib is not installed.
    """
    target = Path(path)
    check_plot(target, overwrite=overwrite)
    figure = plot(statistics)
    picture = io.BytesIO()
    # No date in the file: the same data give the same bytes.
    kind = target.suffix.lower().lstrip(".")
    metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    from matplotlib import rc_context

    with (
        warnings.catch_warnings(),
        rc_context({"svg.hashsalt": "dlgeom", "svg.fonttype": "none"}),
    ):
        # A script that the font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(picture, format=kind, dpi=100, metadata=metadata or None)
    output = output_at(path, single=True, overwrite=overwrite)
    with output, output.file(target.name) as file:
        file.write(picture.getvalue())
    return shown_source(path)


def _plain(text: str) -> str:
    """Return text that matplotlib does not read as a formula, and that stays on one line."""
    return " ".join(text.split()).replace("$", r"\$")


def _labels(axes: Any, statistics: Statistics) -> None:
    known = sorted(statistics.labels, key=lambda entry: -entry.annotations)
    names = ["(none)" if entry.name is None else _shortened(entry.name) for entry in known]
    counts = [entry.annotations for entry in known]
    if len(known) > LABELS:
        rest = len(known) - LABELS + 1
        names = [*names[: LABELS - 1], f"{rest} others"]
        counts = [*counts[: LABELS - 1], sum(counts[LABELS - 1 :])]
    axes.barh(range(len(names)), counts, color=COLOR)
    axes.set_yticks(range(len(names)), [_plain(name) for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("annotations")
    axes.set_title("labels")
    for place, count in enumerate(counts):
        axes.annotate(f" {count:,}", (count, place), va="center", fontsize=7, color=EDGE)
    axes.margins(x=0.15)


def _shortened(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"


def _histogram(axes: Any, found: Distribution | None, meaning: str, scale: str) -> None:
    axes.set_title(meaning, fontsize=10)
    if found is None:
        _nothing(axes)
        return
    axes.stairs(found.counts, found.edges, fill=True, color=COLOR, alpha=0.8)
    axes.axvline(found.median, color=EDGE, linestyle="--", linewidth=1)
    if scale == "log" and found.edges[0] > 0:
        axes.set_xscale("log")
    axes.set_xlabel(f"median {found.median:,.4g}, {found.count:,} values")
    axes.set_ylabel("annotations")


def _scatter(axes: Any, statistics: Statistics) -> None:
    axes.set_title("width and height of the bounds, px", fontsize=10)
    width, height = statistics.values["width"], statistics.values["height"]
    both = (width > 0) & (height > 0)
    if not both.any():
        _nothing(axes)
        return
    cells = axes.hexbin(
        width[both], height[both], xscale="log", yscale="log", gridsize=40, mincnt=1, cmap="viridis"
    )
    axes.figure.colorbar(cells, ax=axes, label="annotations")
    axes.set_xlabel("width")
    axes.set_ylabel("height")


def _per_image(axes: Any, statistics: Statistics) -> None:
    axes.set_title("annotations of an image", fontsize=10)
    if not len(statistics.per_image):
        _nothing(axes)
        return
    most = int(statistics.per_image.max())
    step = max(1, -(-(most + 1) // 50))
    edges = np.arange(0, most + step + 1, step) - 0.5
    counts, _ = np.histogram(statistics.per_image, edges)
    axes.stairs(counts, edges, fill=True, color=COLOR, alpha=0.8)
    axes.set_xlabel(f"median {np.median(statistics.per_image):,.4g}")
    axes.set_ylabel("images")


def _richest(statistics: Statistics) -> tuple[str, str]:
    """Return the measure that the last chart shows: what most records have beside their bounds."""
    meanings = {
        "vertices": "vertices of the outline or line",
        "keypoints": "labelled key points",
        "frames": "frames from first to last",
        "share": "area of the shape / area of the image",
    }
    known = {name: int((~np.isnan(statistics.values[name])).sum()) for name in meanings}
    best = max(("vertices", "keypoints", "frames"), key=lambda name: known[name])
    name = best if known[best] else "share"
    return name, meanings[name]


def _nothing(axes: Any) -> None:
    axes.text(0.5, 0.5, "nothing to show", ha="center", va="center", transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
