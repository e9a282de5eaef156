"""What a comparison found: a value, a table for the terminal, JSON for scripts."""

from __future__ import annotations

from typing import Any

import msgspec

from dlgeom.converters.report import Report

__all__ = ["DataSetDiff", "Difference"]


class Difference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference.

    Parameters
    ----------
    field : str
        What differs: ``missing`` (an annotation of A only), ``added`` (of B only), ``label``,
        ``type``, ``geometry``, ``attributes``, ``score``... of annotations; ``image.missing``,
        ``image.width``... of items; ``category.missing``, ``category.keypoints``... of classes;
        ``section.<name>`` of a file's root.
    item : str, optional
        Name of the item in A, in B where A has none.
    label : str, optional
        Label in A, in B where A has none.
    a_id, b_id : int or str, optional
        Ids of the annotation.
    a_place, b_place : str, optional
        File and location of the annotation.
    text : str
        What differs.
    iou : float, optional
        Overlap of the two shapes.
    distance : float, optional
        Largest distance of the two shapes in pixels.
    """

    field: str
    text: str
    item: str | None = None
    label: str | None = None
    a_id: Any = None
    b_id: Any = None
    a_place: str | None = None
    b_place: str | None = None
    iou: float | None = None
    distance: float | None = None

    def line(self) -> str:
        """Return one line for a terminal."""
        told = [self.item] if self.item is not None else []
        if self.a_place is not None or self.b_place is not None:
            ids = list(dict.fromkeys(str(k) for k in (self.a_id, self.b_id) if k is not None))
            told.append("annotation" + (f" {' / '.join(ids)}" if ids else ""))
        if self.label is not None:
            told.append(f"({self.label})")
        places = [place for place in (self.a_place, self.b_place) if place]
        where = f" [{' | '.join(places)}]" if places else ""
        text = f"{' '.join(told)}: {self.text}{where}" if told else f"{self.text}{where}"
        return " ".join(text.split())


class DataSetDiff(msgspec.Struct, kw_only=True):
    """What differs between two data sets.

    Parameters
    ----------
    paths, formats : tuple of str
        Of A and B.
    images, annotations : tuple of int
        How many A has, B has, and how many belong together.
    atol : float
        Distance in pixels that did not count.
    counts : dict of str to int
        Differences by field, the most frequent first.
    differences : list of Difference
        Those of each field that were kept.
    least_iou, most_pixels : dict of str to float
        By field: the smallest overlap, the largest distance.
    not_compared : dict of str to str
        Fields that the data set of one format (``a`` or ``b``) has nowhere.
    reports : tuple of Report
        What was wrong with A and with B.
    """

    paths: tuple[str, str]
    formats: tuple[str, str]
    images: tuple[int, int, int]
    annotations: tuple[int, int, int]
    atol: float
    counts: dict[str, int]
    differences: list[Difference]
    least_iou: dict[str, float]
    most_pixels: dict[str, float]
    not_compared: dict[str, str]
    reports: tuple[Report, Report]

    @property
    def equal(self) -> bool:
        """Whether nothing differs in what could be read."""
        return not self.counts

    @property
    def exit_code(self) -> int:
        """0 if equal, else 1; also 1 where records could not be read: they may differ."""
        return max(not self.equal, *(report.exit_code() for report in self.reports))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "equal": self.equal,
            "atol": self.atol,
            **{
                side: {
                    "path": self.paths[k],
                    "format": self.formats[k],
                    "images": self.images[k],
                    "annotations": self.annotations[k],
                    "skipped": self.reports[k].skipped,
                    "repaired": self.reports[k].repaired,
                    "files_skipped": self.reports[k].files_skipped,
                }
                for k, side in enumerate("ab")
            },
            "matched": {"images": self.images[2], "annotations": self.annotations[2]},
            "counts": self.counts,
            "least_iou": self.least_iou,
            "most_pixels": self.most_pixels,
            "not_compared": self.not_compared,
            "differences": [msgspec.to_builtins(entry) for entry in self.differences],
        }

    def table(self, examples: int = 20) -> str:
        """Return the counts and the first differences of each field, for a terminal."""
        rows = [("", "images", "annotations", "format", "path")]
        for k, side in enumerate("AB"):
            numbers = f"{self.images[k]:,}", f"{self.annotations[k]:,}"
            rows.append((side, *numbers, self.formats[k], self.paths[k]))
        rows.append(("both", f"{self.images[2]:,}", f"{self.annotations[2]:,}", "", ""))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  "
            f"{row[3]:<{widths[3]}}  {row[4]}".rstrip()
            for row in rows
        ]
        for side, report in zip("AB", self.reports, strict=True):
            lines += [f"{side}: {report.line(kind)}" for kind in report.codes.values()]
        if self.not_compared:
            told = [f"{name} ({side.upper()} has none)" for name, side in self.not_compared.items()]
            lines.append(f"not compared: {', '.join(told)}")
        within = f" within {self.atol:g} px" if self.atol else ""
        if self.equal:
            lines.append(f"no difference{within}")
            return "\n".join(lines)
        for field, count in self.counts.items():
            lines.append(f"{field} {count:,}{self._extent(field)}")
            listed = [entry for entry in self.differences if entry.field == field][:examples]
            lines += [f"  {entry.line()}" for entry in listed]
            if count > len(listed):
                lines.append(f"  and {count - len(listed):,} more")
        total = sum(self.counts.values())
        lines.append(f"{total:,} difference{'' if total == 1 else 's'}{within}")
        return "\n".join(lines)

    def _extent(self, field: str) -> str:
        told = []
        if field in self.least_iou:
            told.append(f"least IoU {self.least_iou[field]:.4g}")
        if field in self.most_pixels:
            told.append(f"up to {self.most_pixels[field]:.6g} px")
        return f" ({', '.join(told)})" if told else ""
