"""Statistics: what was counted and measured, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.report import Report
from dlgeom.stats.measures import MEASURES

__all__ = ["Distribution", "LabelStatistics", "Statistics"]

Floats = NDArray[np.floating[Any]]

BINS = 20
LOGARITHMIC = frozenset({"width", "height", "aspect", "area", "share", "vertices", "frames"})
"""Measures that span orders of magnitude: their bins grow by a constant factor."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How one measure is distributed.

    Parameters
    ----------
    count : int
        Values.
    minimum, lower, median, upper, maximum, mean : float
        Smallest value, quartiles (linear interpolation), largest value, arithmetic mean.
    edges : tuple of float
        Edges of the histogram's bins; the last bin includes its upper edge.
    counts : tuple of int
        Values in each bin, one fewer than edges.
    """

    count: int
    minimum: float
    lower: float
    median: float
    upper: float
    maximum: float
    mean: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(
        cls, values: Floats, *, bins: int = BINS, logarithmic: bool = False
    ) -> Distribution | None:
        """Summarise values; NaN are left out, and without any other value there is None.

        Parameters
        ----------
        values : ndarray of float, shape (N,)
            The values.
        bins : int
            How many bins the histogram has.
        logarithmic : bool
            Whether bins grow by a constant factor; values of 0 then lie in the first bin.
        """
        known = np.asarray(values, dtype=np.float64)
        known = known[~np.isnan(known)]
        if not len(known):
            return None
        low, high = float(known.min()), float(known.max())
        edges = _edges(known, low, high, bins, logarithmic)
        counts, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
        lower, median, upper = np.percentile(known, (25, 50, 75)).tolist()
        return cls(
            count=len(known),
            minimum=low,
            lower=lower,
            median=median,
            upper=upper,
            maximum=high,
            mean=float(known.mean()),
            edges=tuple(edges.tolist()),
            counts=tuple(counts.tolist()),
        )


def _edges(known: Floats, low: float, high: float, bins: int, logarithmic: bool) -> Floats:
    """Return increasing edges that hold all values; one bin where all values are equal."""
    if logarithmic and high > 0:
        least = float(known[known > 0].min())
        edges = np.geomspace(least, high, bins + 1)
        edges[0], edges[-1] = least, high
    else:
        edges = np.linspace(low, high, bins + 1)
    edges = np.unique(edges)
    return edges if len(edges) > 1 else np.array([edges[0] - 0.5, edges[0] + 0.5])


class LabelStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one label; a name of None stands for records without a label.

    Parameters
    ----------
    name : str or None
        The label.
    annotations, images, crowds, tracks : int
        Records; images with at least one of them; groups; records over several frames.
    kinds : dict of str to int
        Records by their first shape.
    """

    name: str | None
    annotations: int
    images: int
    crowds: int
    tracks: int
    kinds: dict[str, int]


class Statistics(msgspec.Struct, kw_only=True, eq=False):
    """Counts and distributions of a data set; made by `dlgeom.statistics`.

    Parameters
    ----------
    path, format : str
        What was looked at, and what it is.
    images, annotations, skipped : int
        Distinct images; records; bad records that were left out.
    labels : list of LabelStatistics
        In the file's order; unused ones too.
    label : ndarray of int32, shape (N,)
        Index into `labels` of each record.
    values : dict of str to ndarray of float32, shape (N,)
        Each measure of `dlgeom.stats.measures.MEASURES` of each record; NaN for none.
    per_image : ndarray of int64, shape (images,)
        Records of each image.
    sizes : ndarray of int64, shape (images, 2)
        Width and height of each image; 0 where it is not known.
    report : Report
        What was wrong with the input.
    """

    path: str
    format: str
    images: int
    annotations: int
    skipped: int
    labels: list[LabelStatistics]
    label: NDArray[np.int32]
    values: dict[str, NDArray[np.float32]]
    per_image: NDArray[np.int64]
    sizes: NDArray[np.int64]
    report: Report

    @property
    def exit_code(self) -> int:
        """0, or 1 where bad records were left out."""
        return self.report.exit_code()

    def distribution(
        self, measure: str, label: str | None = None, *, bins: int = BINS
    ) -> Distribution | None:
        """Return how a measure is distributed, over all records or those of a label.

        Parameters
        ----------
        measure : str
            One of `dlgeom.stats.measures.MEASURES`.
        label : str, optional
            Name of a label.
        bins : int
            How many bins the histogram has.

        Returns
        -------
        Distribution or None
            None where no record has this measure.

        Raises
        ------
        KeyError
            If there is no such measure or label.
        """
        values = self.values[measure]
        if label is not None:
            index = [k for k, entry in enumerate(self.labels) if entry.name == label]
            if not index:
                raise KeyError(label)
            values = values[np.isin(self.label, index)]
        return Distribution.of(values, bins=bins, logarithmic=measure in LOGARITHMIC)

    def to_dict(self) -> dict[str, Any]:
        """Return all counts and distributions as plain values for JSON."""
        return {
            "path": self.path,
            "format": self.format,
            "images": self.images,
            "annotations": self.annotations,
            "skipped": self.skipped,
            "annotations_per_image": _plain(Distribution.of(self.per_image.astype(np.float64))),
            "image_widths": _plain(Distribution.of(self.sides(0))),
            "image_heights": _plain(Distribution.of(self.sides(1))),
            "measures": self._measures(self.values),
            "labels": [
                {**msgspec.to_builtins(entry), "measures": self._measures_of(k)}
                for k, entry in enumerate(self.labels)
            ],
            "codes": self.report.summary()["codes"],
        }

    def sides(self, axis: int) -> Floats:
        """Return the known widths (axis 0) or heights (axis 1) of the images."""
        values = self.sizes[:, axis]
        return values[values > 0].astype(np.float64)

    def _measures_of(self, index: int) -> dict[str, Any]:
        rows = self.label == index
        return self._measures({name: values[rows] for name, values in self.values.items()})

    def _measures(self, values: Mapping[str, Floats]) -> dict[str, Any]:
        found = {
            name: Distribution.of(column, logarithmic=name in LOGARITHMIC)
            for name, column in values.items()
        }
        return {name: _plain(entry) for name, entry in found.items() if entry is not None}

    def table(self) -> str:
        """Return the counts as lines for a terminal, with a row for each label."""
        lines = [
            f"format       {self.format}",
            f"images       {self.images:,}" + _range(self.sides(0), self.sides(1)),
            f"annotations  {self.annotations:,}"
            + (f" ({self.skipped:,} bad ones left out)" if self.skipped else ""),
        ]
        if self.images:
            lines.append(
                f"an image     {_quartiles(self.per_image.astype(np.float64))} annotations"
            )
        for name, meaning in MEASURES.items():
            values = self.values[name]
            if name == "holes" and not np.nanmax(values, initial=0):
                continue
            if text := _quartiles(values):
                lines.append(f"{name:<12} {text}  ({meaning})")
        lines += ["", *self._label_rows()]
        lines += [self.report.line(kind) for kind in self.report.codes.values()]
        return "\n".join(lines)

    def _label_rows(self) -> list[str]:
        """Return the rows of the table of labels; columns that nothing fills are left out."""
        heads = ["label", "annotations", "images", "width", "height", "area", "share %"]
        optional = [("points", "vertices"), ("key points", "keypoints"), ("frames", "frames")]
        optional = [(head, name) for head, name in optional if _known(self.values[name])]
        crowds = any(entry.crowds for entry in self.labels)
        heads += [head for head, _ in optional] + (["crowds"] if crowds else []) + ["kinds"]
        rows = [heads]
        for index, entry in enumerate(self.labels):
            mine = self.label == index
            row = ["(none)" if entry.name is None else _on_one_line(entry.name)]
            row += [f"{entry.annotations:,}", f"{entry.images:,}"]
            row += [_median(self.values[name][mine]) for name in ("width", "height", "area")]
            row.append(_median(100 * self.values["share"][mine]))
            row += [_median(self.values[name][mine]) for _, name in optional]
            row += [f"{entry.crowds:,}"] if crowds else []
            row.append(", ".join(f"{kind} {count:,}" for kind, count in entry.kinds.items()))
            rows.append(row)
        widths = [max(len(row[k]) for row in rows) for k in range(len(heads))]
        return [_row(row, widths) for row in rows]


def _row(cells: list[str], widths: list[int]) -> str:
    first, *numbers, last = cells
    texts = [first.ljust(widths[0])]
    texts += [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join([*texts, last]).rstrip()


def _on_one_line(name: str) -> str:
    return " ".join(name.split()) if name.strip() else repr(name)


def _known(values: Floats) -> bool:
    return bool((~np.isnan(values)).any())


def _plain(found: Distribution | None) -> dict[str, Any] | None:
    return None if found is None else dict(msgspec.to_builtins(found))


def _number(value: float) -> str:
    """Return a number with about three digits that count."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _median(values: Floats) -> str:
    known = values[~np.isnan(values)]
    return _number(float(np.median(known))) if len(known) else "-"


def _quartiles(values: Floats) -> str:
    """Return smallest, quartiles and largest value, or nothing without values."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return ""
    marks = np.percentile(known, (0, 25, 50, 75, 100)).tolist()
    low, lower, median, upper, high = (_number(mark) for mark in marks)
    return f"{low} .. {lower} .. {median} .. {upper} .. {high}"


def _range(widths: Floats, heights: Floats) -> str:
    if not len(widths) or not len(heights):
        return ""
    return (
        f" ({widths.min():.0f}..{widths.max():.0f} x {heights.min():.0f}..{heights.max():.0f} px)"
    )
