"""Options of the platform's JSON."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["OPTIONS"]

OPTIONS: tuple[Option, ...] = (
    Option(
        name="dataloop_export_version",
        help=(
            "Names of JSON files: v1 replaces the item's ending (a.jpg -> a.json), v2 appends "
            "(a.jpg -> a.jpg.json)."
        ),
        choices=("v1", "v2"),
        default="v1",
    ),
)
