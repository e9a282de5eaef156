"""`merge`: several data sets in one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from dlgeom.converters import pipeline, registry
from dlgeom.converters.choice import LabelMap
from dlgeom.converters.places import holding, shown_source
from dlgeom.converters.report import Report
from dlgeom.converters.resume import Run
from dlgeom.converters.source import OnError, PathLike, Source
from dlgeom.converters.targets import check_apart
from dlgeom.errors import UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.operations.merged import Collisions, MergedReader
from dlgeom.operations.opening import format_for, open_all

__all__ = ["merge"]


@holding("sources")
def merge(
    sources: Sequence[PathLike],
    target: PathLike,
    *,
    collisions: Collisions = "rename",
    from_format: str | Sequence[str | None] | None = None,
    to_format: str | None = None,
    task: str | None = None,
    images: PathLike | None = None,
    image_files: Literal["none", "copy", "link"] = "none",
    frames: str = "annotated",
    ground_truth: PathLike | None = None,
    names: PathLike | None = None,
    subsets: Sequence[str] = (),
    on_error: OnError = "raise",
    limits: Limits = DEFAULT_LIMITS,
    overwrite: bool = False,
    dry_run: bool = False,
    report: PathLike | None = None,
    resume: bool = False,
    progress: pipeline.Progress | None = None,
    label_map: LabelMap | PathLike | None = None,
    include_labels: Iterable[str] = (),
    exclude_labels: Iterable[str] = (),
    where: str | None = None,
    **options: Any,
) -> Report:
    """Write several data sets, of any formats, as one.

    Labels of one name become one. Ids of images and annotations that come twice are given anew.

    Parameters
    ----------
    sources : sequence of path
        Two or more; their items come in this order.
    target : path
        What to write, in the format of the first source if `to_format` is not given.
    collisions : {"rename", "error"}
        What happens to an image whose name an earlier source has: it gets a suffix, which is
        told as ``path.collision``, or nothing is written.
    from_format : str or sequence of str, optional
        Format of all sources, or one for each.
    to_format, task, images, image_files, frames, ground_truth, names, subsets, on_error, limits
        As for `dlgeom.convert`.
    overwrite, dry_run, report, resume, progress, label_map, include_labels, exclude_labels, where
        As for `dlgeom.convert`.
    **options
        Of the formats; each source gets those of its own.

    Returns
    -------
    Report
        As of a conversion, over all sources.

    Raises
    ------
    UsageError
        For fewer than two sources.
    FormatError
        For names that collide, if that is an error.
    DlgeomError
        As `dlgeom.convert`.
    """
    include_labels = pipeline.listed(include_labels)
    exclude_labels = pipeline.listed(exclude_labels)
    run = Run.of("merge", locals())
    if isinstance(sources, str | os.PathLike) or len(sources) < 2:
        raise UsageError("merge takes two sources or more, in a list")
    if collisions not in ("rename", "error"):
        raise UsageError(f"collisions is {collisions!r}; it is rename or error")
    given = from_format
    formats = [given] * len(sources) if given is None or isinstance(given, str) else list(given)
    if len(formats) != len(sources):
        raise UsageError(f"{len(formats)} formats for {len(sources)} sources; give one for each")
    first = registry.format_of(sources[0], formats[0], limits)
    selection = pipeline.selection_of(label_map, include_labels, exclude_labels, where, limits)
    with (
        pipeline.gc_paused(),
        pipeline.open_target(
            target,
            source=sources[0],
            format=format_for(first, target, to_format).name,
            image_files=image_files,
            overwrite=overwrite,
            dry_run=dry_run,
            report=report,
            run=run,
            resume=resume,
        ) as place,
    ):
        for other in sources[1:]:
            check_apart(other, target)
        place.report.source = ", ".join(shown_source(source) for source in sources)
        opened = open_all(
            sources,
            formats,
            [place.report] * len(sources),
            to=place.format,
            on_error=on_error,
            limits=limits,
            images=images,
            names=names,
            ground_truth=ground_truth,
            subsets=subsets,
            selection=selection,
            options=options,
        )
        try:
            reader = MergedReader(opened, collisions)
            if image_files != "none":
                reader.find_images(place)
            known = {option.name for option in place.format.options}
            same = len({source.format.name for source in opened if source.format}) == 1
            return pipeline.write_source(
                Source(
                    reader,
                    opened[0].problems,
                    format=opened[0].format if same else None,
                    path=opened[0].path,
                ),
                place,
                task=task,
                image_files=image_files,
                frames=frames,
                limits=limits,
                options={name: value for name, value in options.items() if name in known},
                progress=progress,
            )
        finally:
            for source in opened:
                source.close()
