"""`filter_dataset` and `relabel`: a conversion that keeps the format."""

from __future__ import annotations

from typing import Any

from dlgeom.converters import pipeline, registry
from dlgeom.converters.choice import LabelMap
from dlgeom.converters.places import holding
from dlgeom.converters.report import Report
from dlgeom.converters.source import PathLike
from dlgeom.errors import UsageError
from dlgeom.limits import DEFAULT_LIMITS
from dlgeom.operations.opening import format_for

__all__ = ["filter_dataset", "relabel"]


def _same_format(
    source: PathLike,
    target: PathLike,
    from_format: str | None,
    to_format: str | None,
    settings: dict[str, Any],
) -> Report:
    entry = registry.format_of(source, from_format, settings.get("limits", DEFAULT_LIMITS))
    wanted = format_for(entry, target, to_format)
    return pipeline.convert(
        source, target, from_format=entry.name, to_format=wanted.name, **settings
    )


@holding("source")
def filter_dataset(
    source: PathLike,
    target: PathLike,
    *,
    from_format: str | None = None,
    to_format: str | None = None,
    **settings: Any,
) -> Report:
    """Write what some conditions leave of a data set, in the source's own format.

    Parameters
    ----------
    source, target : path
        What to read, and what to write.
    from_format, to_format : str, optional
        Names of formats; that of the target is the source's own if not given.
    **settings
        ``where``, ``include_labels``, ``exclude_labels``, ``subsets``, and all others of
        `dlgeom.convert`.

    Returns
    -------
    Report
        What was left out is counted as ``filtered`` and ``filtered_images``.

    Raises
    ------
    UsageError
        If nothing says what to keep.
    DlgeomError
        As `dlgeom.convert`.
    """
    if not any(settings.get(name) for name in _CHOICES):
        raise UsageError(
            "nothing says what to keep; give where (--where), include_labels "
            "(--include-label), exclude_labels (--exclude-label) or subsets (--subset)"
        )
    return _same_format(source, target, from_format, to_format, settings)


_CHOICES = ("where", "include_labels", "exclude_labels", "subsets", "label_map")


@holding("source")
def relabel(
    source: PathLike,
    target: PathLike,
    label_map: LabelMap | PathLike,
    *,
    from_format: str | None = None,
    to_format: str | None = None,
    **settings: Any,
) -> Report:
    """Write a data set under new names of labels, in the source's own format.

    Parameters
    ----------
    source, target : path
        What to read, and what to write.
    label_map : mapping or path
        Old name -> new name, None to leave a label out; labels of one new name become one.
    from_format, to_format : str, optional
        Names of formats; that of the target is the source's own if not given.
    **settings
        As for `dlgeom.convert`.

    Returns
    -------
    Report
        As of a conversion.

    Raises
    ------
    UsageError
        If the map is empty.
    DlgeomError
        As `dlgeom.convert`.
    """
    if isinstance(label_map, dict) and not label_map:
        raise UsageError("the label map is empty; give new names (--label-map, --rename OLD=NEW)")
    settings["label_map"] = label_map
    return _same_format(source, target, from_format, to_format, settings)
