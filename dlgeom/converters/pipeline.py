"""From a reader to a writer: the one place that connects the two."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from dlgeom.converters import registry
from dlgeom.converters.base import Format, Reader, WriteContext
from dlgeom.converters.held import Held
from dlgeom.converters.inputs import unreadable
from dlgeom.converters.memory import gc_paused
from dlgeom.converters.output import Output
from dlgeom.converters.places import shown_source, url_of
from dlgeom.converters.report import Report, is_report
from dlgeom.converters.resume import Run
from dlgeom.converters.sidecar import check_place, remove_stale
from dlgeom.converters.source import OnError, PathLike, Source, open_dataset, open_source
from dlgeom.converters.stream import Progress, Stream
from dlgeom.converters.targets import check_apart, output_at
from dlgeom.errors import DlgeomError, UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from dlgeom.converters.choice import LabelMap
    from dlgeom.converters.parallel.engine import Engine
    from dlgeom.converters.selection import Selection
    from dlgeom.converters.sidecar.tracker import Tracker
    from dlgeom.filters.tree import Node

__all__ = [
    "Progress",
    "Source",
    "Target",
    "choose_task",
    "convert",
    "gc_paused",
    "listed",
    "open_dataset",
    "open_source",
    "open_target",
    "selection_of",
    "write_source",
]


class Target(msgspec.Struct, frozen=True, eq=False):
    """A target that is being written: its format, its files and the report of the run."""

    format: Format
    output: Output
    report: Report
    measure: bool


def listed(labels: Iterable[str]) -> Iterable[str]:
    """Return labels so that they can be looked at more than once."""
    return labels if isinstance(labels, str) else tuple(labels)


def selection_of(
    label_map: LabelMap | PathLike | None = None,
    include_labels: Iterable[str] = (),
    exclude_labels: Iterable[str] = (),
    where: str | Node | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Selection | None:
    """Return what is chosen, None if that is everything; see `convert` for the parameters."""
    if label_map is None and where is None and not include_labels and not exclude_labels:
        return None
    from dlgeom.converters.selection import Selection

    return Selection.of(label_map, include_labels, exclude_labels, where, limits)


def choose_task(
    reader: Reader, target: Format, task: str | None, options: Mapping[str, Any] | None = None
) -> str | None:
    """Return the task to write: the one given, else the richest that the source fills.

    Raises
    ------
    UsageError
        If the target has no such task, in general or with these options.
    """
    tasks = target.tasks if target.tasks_for is None else target.tasks_for(options or {})
    if task is not None:
        if tasks and task not in tasks:
            only = "" if tasks == target.tasks else " with these options"
            raise UsageError(f"{target.name} has no task {task!r}{only}; it has {', '.join(tasks)}")
        return task
    if not tasks:
        return None
    kinds = reader.kinds()
    wishes = (
        ("pose", {"keypoints"}),
        ("segment", {"outline", "runs"}),
        ("obb", {"rotated"}),
        ("detect", {"box"}),
        ("classify", {"other"}),
    )
    for name, due in wishes:
        if name in tasks and kinds & due:
            if name == "classify" and reader.meta.extra.get("task") != "classify":
                continue
            return name
    return "detect"


def _default_subset(source: Path) -> str:
    """Return the split that the name of a source tells, else ``train``."""
    words = source.name.lower().split(".")[0].replace("-", "_").split("_")
    known = ("train", "val", "valid", "validation", "test")
    found = [word for word in words if word in known or word.rstrip("0123456789") in known]
    return found[-1] if found else "train"


@contextlib.contextmanager
def open_target(
    target: PathLike,
    *,
    source: PathLike | None = None,
    format: str | None = None,  # noqa: A002 - the documented name
    image_files: str = "none",
    overwrite: bool = False,
    dry_run: bool = False,
    report: PathLike | None = None,
    run: Run | None = None,
    resume: bool = False,
    staged: bool = False,
) -> Iterator[Target]:
    """Start a target and the file of its report; see `convert` for the parameters.

    Files are complete at the end of the block. If it raises, the target is left as it was found.

    Parameters
    ----------
    source : path, optional
        What is going to be read; the target may not lie over it.
    run : Run, optional
        What is being run, which `resume` goes on with.
    staged : bool
        Whether a target at an address is made on disk first.
    """
    place = Path(target)
    entry = registry.find_format(format) if format else registry.target_format(place)
    single = registry.is_single_file(entry, place)
    if image_files not in ("none", "copy", "link"):
        raise UsageError(f"image_files is {image_files!r}; it is none, copy or link")
    if single and image_files != "none":
        raise UsageError(
            f"image_files is {image_files!r}, but {place.name!r} is one file and has no room for "
            "images. Name a folder as target, with --to, or leave it out"
        )
    if source is not None:
        check_apart(source, target)
    if report is not None:
        _check_report(report, target, source)
    result = Report()
    result.source = "" if source is None else shown_source(source)
    result.target, result.target_format = shown_source(target), entry.name
    result.dry_run = dry_run
    with contextlib.ExitStack() as stack:
        with Held():  # what is made from here on is taken back by the stack
            output = stack.enter_context(
                output_at(
                    target,
                    single=single,
                    overwrite=overwrite,
                    dry_run=dry_run,
                    run=run or Run("write", {}),
                    resume=resume,
                    staged=staged,
                )
            )
            if report is not None:
                # Before the source is opened: opening it may have something to tell.
                where = Path(report)
                replaces = overwrite or (resume and is_report(where))
                sink = stack.enter_context(
                    output_at(
                        report,
                        single=True,
                        overwrite=replaces,
                        resume=resume and _is_free(where, replaces),
                    )
                )
                result.attach(stack.enter_context(sink.file(where.name)))
        try:
            yield Target(entry, output, result, dry_run or report is not None)
        except OSError as error:
            if isinstance(error, DlgeomError):
                raise
            # What is written is told by the output: this was a look at something to be read.
            shown = str(error.filename or source or place)
            raise unreadable(error, shown) from error
        output.settle()


def _is_free(report: Path, replaces: bool) -> bool:
    """Whether a report that was not finished may lie there, on this machine."""
    return replaces or not (os.path.lexists(report) or "://" in str(report))


def _check_report(report: PathLike, target: PathLike, source: PathLike | None) -> None:
    if source is not None:
        check_apart(source, report)
    if os.path.realpath(report) == os.path.realpath(target):
        raise UsageError(f"{shown_source(report)}: is the target too. Give the report another name")


def write_source(
    source: Source,
    target: Target,
    *,
    task: str | None = None,
    subsets: Sequence[str] = (),
    image_files: str = "none",
    frames: str = "annotated",
    limits: Limits = DEFAULT_LIMITS,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    engine: Engine | None = None,
    sidecar: bool = False,
    tracker: Tracker | None = None,
) -> Report:
    """Write what a source has; see `convert` for the parameters.

    Parameters
    ----------
    tracker : Tracker, optional
        Is told what the writer is given.
    engine : Engine, optional
        Who does the work, where it can be shared.

    Returns
    -------
    Report
        That of the target, complete.
    """
    start = time.perf_counter()
    entry, report, meta = target.format, target.report, source.reader.meta
    if sidecar:
        from dlgeom.converters.sidecar.tracker import Tracker

        check_place(target.output)
        tracker = Tracker()
    _, writing = registry.check_options(source.format, entry, options or {})
    report.source_format = meta.format if source.format is None else source.format.name
    reader = _fitting(source, entry, frames)
    report.task = choose_task(reader, entry, task, writing)
    context = WriteContext(
        output=target.output,
        meta=meta,
        problems=source.problems,
        limits=limits,
        options=writing,
        task=report.task,
        subset=_subset(subsets, source),
        image_files=image_files,
        measure=target.measure,
    )
    writer = entry.create(context)
    stream = Stream(reader, source.problems, writer, report, entry.name, measure=target.measure)
    stream.tracker = tracker
    private = source.place is not None or url_of(report.target) is not None
    if engine is not None and private and not engine.is_here:
        engine = None  # another machine sees no private folder
    if engine is None or sidecar or not _in_parts(engine, stream, context, entry, progress):
        stream.all(progress)
    stream.finish()
    if sidecar and tracker is not None and not target.output.dry_run:
        from dlgeom.converters.sidecar.write import write_sidecar

        write_sidecar(
            source,
            target,
            tracker,
            task=report.task,
            subset=context.subset,
            options=options or {},
            limits=limits,
        )
    elif tracker is None:
        remove_stale(target.output)
    if older := target.output.older():
        source.problems.notice(
            "output.exists",
            f"{len(older)} files that were there before are left in the folders that were written "
            "to; who reads the target may read them too. Remove them",
        )
    report.files = target.output.files
    report.seconds += time.perf_counter() - start
    report.finish_stream()
    return report


def _in_parts(
    engine: Engine,
    stream: Stream,
    context: WriteContext,
    entry: Format,
    progress: Progress | None,
) -> bool:
    """Write a source in parts; False, and nothing done, where it cannot or need not be cut."""
    from dlgeom.converters.parallel.merge import write_parts

    return write_parts(engine, stream, context, entry, progress)


def _fitting(source: Source, target: Format, frames: str) -> Reader:
    """Return the source with frames as images, or images as frames, where the target needs it."""
    if target.films == "no":
        if registry.may_hold_films(source.reader.meta.format):
            from dlgeom.converters.frames import FrameItems

            return FrameItems(source.reader, source.problems, frames)
    elif target.films == "only":
        from dlgeom.converters.films import FilmItems

        return FilmItems(source.reader, source.problems)
    return source.reader


def convert(
    source: PathLike,
    target: PathLike,
    *,
    from_format: str | None = None,
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
    progress: Progress | None = None,
    label_map: LabelMap | PathLike | None = None,
    include_labels: Iterable[str] = (),
    exclude_labels: Iterable[str] = (),
    where: str | None = None,
    sidecar: bool = False,
    use_sidecar: bool = True,
    workers: int | None = None,
    executor: Executor | None = None,
    scheduler: str | None = None,
    **options: Any,
) -> Report:
    """Convert a data set from one format to another.

    Parameters
    ----------
    source, target : path
        What to read, and the file or folder to write; see the formats' pages.
    from_format, to_format : str, optional
        Names of formats; recognised from the source and from the target's suffix otherwise.
    task : {"detect", "segment", "pose", "obb", "classify"}, optional
        For targets that hold one kind. If not given: pose where there are keypoints, else segment
        where there is any mask or polygon, else obb, else detect.
    images : path, optional
        Folder of the images, for sizes that the annotations do not give.
    image_files : {"none", "copy", "link"}
        Whether the target also gets the images.
    frames : str, default "annotated"
        Of videos, for a target that holds images: which frames become images named
        ``<video>.frame.<number>.png``. ``annotated``: in which something is seen; ``key``: with a
        key frame; ``all``; ``none``: videos are dropped; or a number n, every n-th.
    ground_truth : path, optional
        Images and categories for a COCO results file.
    names : path, optional
        Class names for YOLO labels without a ``data.yaml``.
    subsets : sequence of str
        Splits to read; the name of the split in the target where the source has none.
    on_error : {"raise", "skip"}
        Whether the first bad record raises, or is left out and reported.
    limits : Limits
        What protects the run.
    overwrite : bool
        Whether an existing target may be replaced.
    dry_run : bool
        Report only, write nothing.
    report : path, optional
        JSON file for the report, with an entry for each record that was dropped or approximated.
    resume : bool
        Whether to go on with the same conversion, which was interrupted: the result has the bytes
        that it would have had, and what is there already is not written again. Whatever ends this
        run but a bad input leaves what is complete, for the next.
    progress : callable, optional
        Called as ``progress(images_done, images_in_all_or_None)``; with 0 and None while the
        records of a large file are looked through.
    label_map : mapping or path, optional
        Old name -> new name of labels, None to leave one out; or a YAML, JSON or text file with
        that. Labels that get the same name become one. See the page on labels.
    include_labels, exclude_labels : iterable of str
        Labels to keep (all if not given) and to leave out, by the source's names.
    where : str, optional
        A condition that annotations have to meet, such as ``label == 'car' and area > 100``; see
        the page on labels. What is left out is counted as `Report.filtered`, not as a loss.
    sidecar : bool
        Whether to leave a sidecar too: one small file with what the target cannot hold, with
        which reading the target gives back the source's values. See the page on sidecars. The
        source is read twice for it, by one process.
    use_sidecar : bool
        Whether the sidecar of the source is used, if it has one.
    workers : int, optional
        Processes that share the work; they end with the call. Files and report are those of
        one process, whatever the number. Small data sets, and some formats (see the page on
        scale), are written by one process all the same.
    executor : concurrent.futures.Executor, optional
        Who does the work instead: threads, processes, ``client.get_executor()`` of Dask. It has
        to see the same files under the same paths; it is not shut down.
    scheduler : str, optional
        Address of a Dask scheduler whose workers do the work (``dlgeom[dask]``).
    **options
        Options of the formats, such as ``voc_base=1``.

    Returns
    -------
    Report
        What was read, written, approximated and dropped.

    Raises
    ------
    FormatError, LimitError
        For input that cannot be trusted, or a bad record with ``on_error="raise"``.
    OutputError
        For a target that exists or cannot be written.
    UsageError
        For arguments that do not fit.
    """
    include_labels, exclude_labels = listed(include_labels), listed(exclude_labels)
    run = Run.of("convert", locals())
    start = time.perf_counter()
    selection = selection_of(label_map, include_labels, exclude_labels, where, limits)
    with (
        gc_paused(),
        _engine(workers, executor, scheduler, limits) as engine,
        open_target(
            target,
            source=source,
            format=to_format,
            image_files=image_files,
            overwrite=overwrite,
            dry_run=dry_run,
            report=report,
            run=run,
            resume=resume,
            staged=sidecar or engine is not None,
        ) as place,
        open_source(
            source,
            format=from_format,
            to=place.format,
            on_error=on_error,
            limits=limits,
            images=images,
            names=names,
            ground_truth=ground_truth,
            subsets=subsets,
            task=task,
            options=options,
            listener=place.report.tell,
            selection=selection,
            engine=engine,
            sidecar=use_sidecar,
            alive=None if progress is None else partial(progress, 0, None),
        ) as opened,
    ):
        place.report.seconds = time.perf_counter() - start
        return write_source(
            opened,
            place,
            task=task,
            subsets=subsets,
            image_files=image_files,
            frames=frames,
            limits=limits,
            options=options,
            progress=progress,
            engine=engine,
            sidecar=sidecar,
        )


def _engine(
    workers: int | None, executor: Executor | None, scheduler: str | None, limits: Limits
) -> contextlib.AbstractContextManager[Engine | None]:
    """Return who does the work; nothing is loaded for one process."""
    if workers is None and executor is None and scheduler is None:
        return contextlib.nullcontext()
    from dlgeom.converters.parallel.engine import open_engine

    return open_engine(workers, executor, scheduler, limits)


def _subset(subsets: Sequence[str], source: Source) -> str | None:
    """Return the split's name in the target, where the source has none."""
    if source.reader.meta.subsets:
        return None
    if len(subsets) > 1:
        raise UsageError(
            f"the source has no splits, but {len(subsets)} are asked for. Give one name at most"
        )
    if subsets:
        return subsets[0]
    # What a sidecar brings back has the name that it had in between.
    known: str | None = getattr(source.reader, "default_subset", None)
    return known or ("train" if source.path is None else _default_subset(source.path))


def describe(error: BaseException) -> str:
    """Return the one line that the terminal shows for an error."""
    text = " ".join(str(error).split())
    return text if isinstance(error, DlgeomError) else f"{type(error).__name__}: {text}"
