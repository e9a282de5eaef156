"""A picture for each item of a data set, in parallel, with flat memory."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from dlgeom.annotation import AnnotationCollection
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.converters.output import Output
from dlgeom.converters.pipeline import gc_paused, selection_of
from dlgeom.converters.places import shown_source
from dlgeom.converters.problems import Problems
from dlgeom.converters.report import Report
from dlgeom.converters.source import OnError, PathLike, open_source
from dlgeom.converters.targets import output_at
from dlgeom.errors import DlgeomError, FormatError, UsageError
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.rendering.choices import categories_of, check_style
from dlgeom.rendering.one import Picture, Style, Task, render
from dlgeom.rendering.sheet import ContactSheet
from dlgeom.training.images import ImageFiles

if TYPE_CHECKING:
    from dlgeom.converters.choice import LabelMap

__all__ = ["KINDS", "render_dataset"]

KINDS = ("overlay", "mask", "instance", "object-id", "panoptic")
SUFFIXES = (".png", ".jpg", ".webp", ".bmp", ".tiff")
LOSSLESS = (".png", ".bmp", ".tiff")

Progress = Callable[[int, int | None], None]


def render_dataset(
    path: PathLike,
    target: PathLike,
    *,
    kind: str = "overlay",
    ext: str = "png",
    sheet: bool = False,
    alpha: float | None = None,
    thickness: int | None = None,
    with_text: bool = True,
    legend: bool = False,
    color_by: str = "label",
    safe_colors: bool | None = None,
    trail: int = 0,
    order: str | None = None,
    rule: str = "exact",
    boundary: int = 0,
    workers: int = 1,
    executor: Executor | None = None,
    from_format: str | None = None,
    on_error: OnError = "skip",
    limits: Limits = DEFAULT_LIMITS,
    images: PathLike | None = None,
    names: PathLike | None = None,
    ground_truth: PathLike | None = None,
    subsets: Sequence[str] = (),
    label_map: LabelMap | PathLike | None = None,
    include_labels: Iterable[str] = (),
    exclude_labels: Iterable[str] = (),
    where: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Draw every item of a data set.

    Parameters
    ----------
    path, target : path
        The data set, and the folder for the pictures, which have the names of the items. A video
        gets a video.
    kind : {"overlay", "mask", "instance", "object-id", "panoptic"}
        ``overlay``: the image with its annotations. ``mask``: the colours of the labels, RGBA.
        ``instance``: ids of the labels, the same in all pictures, told by ``labels.json``;
        ``object-id``: ids of the objects; gray of 8 or 16 bits. ``panoptic``: COCO's colours,
        with ``panoptic.json``.
    ext : str
        Ending of the pictures: png, jpg, webp, bmp or tiff; ids need png, bmp or tiff.
    sheet : bool
        Whether ``contact-sheet.png`` shows all pictures, small (further pages:
        ``contact-sheet-2.png``...).
    alpha, thickness, with_text, legend, color_by, safe_colors, trail, order, rule, boundary
        How pictures look; see `dlgeom.render`. `alpha` is 0.4 for overlays, else 1; `order` is
        ``given`` for panoptic pictures, else ``documented``.
    workers : int
        Processes that draw. The pictures are the same however many there are.
    executor : Executor, optional
        Draws instead of processes of our own.
    overwrite : bool
        Whether existing files are replaced.
    progress : callable, optional
        Called as ``progress(items_done, items_in_all_or_None)``.
    from_format, on_error, limits, images, names, ground_truth, subsets, label_map, \
include_labels, exclude_labels, where, **options
        As for `dlgeom.convert`.

    Returns
    -------
    Report
        What was wrong: items without a picture are `dropped` with all their records.

    Raises
    ------
    UsageError
        For arguments that do not fit.
    OutputError, FormatError, LimitError
        As `dlgeom.convert`; with ``on_error="raise"`` also for the first item that cannot be
        drawn.
    """
    suffix = _checked_suffix(kind, ext)
    if workers < 1:
        raise UsageError(f"workers is {workers}; at least one process draws")
    style = Style(
        alpha=(0.4 if kind == "overlay" else 1.0) if alpha is None else alpha,
        thickness=thickness,
        with_text=with_text,
        legend=legend,
        color_by=color_by,
        safe_colors=safe_colors,
        trail=trail,
        order=order or ("given" if kind == "panoptic" else "documented"),
        rule=rule,
        boundary=boundary,
    )
    check_style(kind, style)
    told = Report()
    selection = selection_of(label_map, include_labels, exclude_labels, where, limits)
    with ExitStack() as stack:
        stack.enter_context(gc_paused())
        opened = stack.enter_context(
            open_source(
                path,
                format=from_format,
                on_error=on_error,
                limits=limits,
                images=images,
                names=names,
                ground_truth=ground_truth,
                subsets=subsets,
                options=options,
                listener=told.tell,
                sizes=False,
                selection=selection,
            )
        )
        reader = opened.reader
        told.source, told.target = shown_source(path), shown_source(target)
        told.source_format = reader.meta.format
        root = opened.images or reader.meta.images_root
        run = _Run(
            kind=kind,
            suffix=suffix,
            style=style,
            files=ImageFiles(root, limits),
            problems=Problems(strict=on_error == "raise", listener=told.tell),
            report=told,
            categories=categories_of(reader, kind) if kind in ("instance", "panoptic") else [],
            sheet=ContactSheet() if sheet else None,
            limits=limits,
            overwrite=overwrite,
        )
        output = stack.enter_context(output_at(target, overwrite=overwrite, staged=True))
        if executor is None and workers > 1:
            executor = stack.enter_context(
                ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
            )
        run.draw(_items(reader), output, executor, workers, progress, reader.count())
    return told


def _checked_suffix(kind: str, ext: str) -> str:
    if kind not in KINDS:
        raise UsageError(f"kind is {kind!r}; it is one of {', '.join(KINDS)}")
    suffix = "." + ext.lower().lstrip(".")
    suffix = {".jpeg": ".jpg", ".tif": ".tiff"}.get(suffix, suffix)
    wanted = SUFFIXES if kind == "overlay" else LOSSLESS
    if suffix not in wanted:
        raise UsageError(
            f"{kind} pictures end in {', '.join(wanted)}, not {suffix!r}"
            + ("" if suffix not in SUFFIXES else "; other formats change values")
        )
    if kind == "mask" and suffix == ".bmp":
        raise UsageError("mask pictures are transparent, which .bmp is not; choose .png")
    return suffix


def _items(reader: Any) -> Iterator[tuple[Item, AnnotationCollection]]:
    for chunk in reader.chunks(grouped=True):
        yield from chunk.pairs()


class _Run:
    """One run over a data set."""

    def __init__(
        self,
        *,
        kind: str,
        suffix: str,
        style: Style,
        files: ImageFiles,
        problems: Problems,
        report: Report,
        categories: list[dict[str, Any]],
        sheet: ContactSheet | None,
        limits: Limits,
        overwrite: bool,
    ) -> None:
        self.kind, self.suffix, self.style = kind, suffix, style
        self._files, self._problems, self._report = files, problems, report
        self._categories, self._sheet, self._limits = categories, sheet, limits
        self._ids = {one["name"]: one["id"] for one in categories} if categories else None
        self._overwrite = overwrite
        self._claims = Claims()
        for name in ("labels.json", "panoptic.json", "contact-sheet.png"):
            self._claims.claim(name)
        self._panoptic: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def draw(
        self,
        pairs: Iterator[tuple[Item, AnnotationCollection]],
        output: Output,
        executor: Executor | None,
        workers: int,
        progress: Progress | None,
        total: int | None,
    ) -> None:
        """Draw all items and write what belongs to them together."""
        waiting: deque[tuple[Item, int, str, Future[Picture] | Picture]] = deque()
        # Enough that no worker waits, few enough that pictures do not pile up.
        ahead = 4 * max(workers, os.cpu_count() or 1) if executor is not None else 0
        done = 0

        def finish() -> None:
            nonlocal done
            item, rows, name, future = waiting.popleft()
            picture = future.result() if isinstance(future, Future) else future
            self._put(item, rows, name, picture, output)
            done += 1
            if progress is not None:
                progress(done, total)

        for item, collection in pairs:
            self._report.images += 1
            if item.media == "video":
                while waiting:  # pictures before it are told first, however many draw
                    finish()
                self._video(item, collection, output)
                done += 1
                if progress is not None:
                    progress(done, total)
                continue
            task = self._task(item, collection)
            name = self._name(item, self.suffix)
            future = render(task) if executor is None else executor.submit(render, task)
            waiting.append((item, len(collection), name, future))
            while len(waiting) > ahead:
                finish()
        while waiting:
            finish()
        self._write_rest(output)

    def _name(self, item: Item, suffix: str) -> str:
        wanted = item.name or f"item-{item.number}"
        stem = stem_of(output_name(safe_name(wanted, limits=self._limits)[0]))
        name, taken = self._claims.claim(stem + suffix)
        if taken:
            self._problems.notice(
                "path.collision",
                f"{wanted!r} would share its picture's name with another item; it is {name!r}",
                path=wanted,
            )
        return name

    def _task(self, item: Item, annotations: AnnotationCollection) -> Task:
        image = None
        try:
            image = self._files.find(item)
        except FormatError as error:
            self._problems.warning(error.code, error.message, path=item.name)
        return Task(
            item=item,
            annotations=annotations,
            kind=self.kind,
            style=self.style,
            ids=self._ids,
            image=image,
            suffix=self.suffix,
            thumbnail=self._sheet is not None,
            limits=self._limits,
        )

    def _put(self, item: Item, rows: int, name: str, picture: Picture, output: Output) -> None:
        self._report.given += rows
        for code, message in picture.faults:
            tell = self._problems.warning if picture.data else self._problems.repaired
            tell(code, message, path=item.name)
        if not picture.data:
            self._report.converted_dropped += rows
            return
        self._report.written += rows - picture.left_out
        self._report.converted_dropped += picture.left_out
        output.write(name, picture.data)
        self._report.files += 1
        if self._sheet is not None and picture.thumbnail is not None:
            self._page(self._sheet.add(picture.thumbnail, item.name or name), output)
        if self.kind == "panoptic" and picture.size is not None:
            number = item.id if isinstance(item.id, int) else item.number + 1
            width, height = picture.size
            image = {"id": number, "file_name": item.name, "width": width, "height": height}
            segments = {"image_id": number, "file_name": name, "segments_info": picture.segments}
            self._panoptic.append((image, segments))

    def _page(self, page: bytes | None, output: Output) -> None:
        if page is not None and self._sheet is not None:
            number = "" if self._sheet.pages == 1 else f"-{self._sheet.pages}"
            output.write(f"contact-sheet{number}.png", page)

    def _write_rest(self, output: Output) -> None:
        if self._sheet is not None:
            self._page(self._sheet.page(), output)
        if self.kind == "instance":
            output.write("labels.json", _json({"$default": 0, **(self._ids or {})}))
        if self.kind == "panoptic":
            whole = {
                "images": [image for image, _ in self._panoptic],
                "annotations": [segments for _, segments in self._panoptic],
                "categories": self._categories,
            }
            output.write("panoptic.json", _json(whole))

    def _video(self, item: Item, annotations: AnnotationCollection, output: Output) -> None:
        from dlgeom.render.videos import render_video

        self._report.given += len(annotations)
        lossless = self.kind not in ("overlay", "mask")
        name = self._name(item, ".mkv" if lossless else ".mp4")
        try:
            source = self._files.find(item)
            if source is None:
                raise FormatError(
                    "the video is not there. Name its folder with --images",
                    code="image.unreadable",
                )
            place = output.root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            render_video(
                source,
                annotations,
                place,
                kind=self.kind,
                style=self.style,
                ids=self._ids,
                overwrite=self._overwrite,
            )
        except DlgeomError as error:
            if isinstance(error, UsageError):
                raise
            code = getattr(error, "code", "video.frames")
            message = getattr(error, "message", str(error))
            self._problems.repaired(code, message, path=item.name)
            self._report.converted_dropped += len(annotations)
        else:
            self._report.written += len(annotations)
            self._report.files += 1


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode(
        "utf-8", "surrogatepass"
    )
