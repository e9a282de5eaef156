"""The page: one file, or for a large data set a file with others beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dlgeom.converters.output import Output
from dlgeom.converters.pipeline import gc_paused, selection_of
from dlgeom.converters.report import Report
from dlgeom.converters.source import OnError, PathLike, Source, open_source
from dlgeom.errors import UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.stats import Statistics, statistics
from dlgeom.stats.measures import MEASURES
from dlgeom.view.collecting import Labels, Row, annotations_of, index_row
from dlgeom.view.films import film_facts
from dlgeom.view.losses import Losses, conversion_losses, read_report
from dlgeom.view.pictures import Pictures

if TYPE_CHECKING:
    from dlgeom.converters.choice import LabelMap

__all__ = ["view"]

SHARD = 50
"""Items whose annotations are loaded together."""

EMBEDDED_BYTES = 24 << 20
EMBEDDED_RECORDS = 20_000
"""Up to this size of all images, and so many records, everything goes into the page."""

Progress = Callable[[int, int | None], None]


def view(
    path: PathLike,
    target: PathLike,
    *,
    embed: bool | None = None,
    thumbnails: bool = True,
    to_format: str | None = None,
    task: str | None = None,
    report: PathLike | None = None,
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
    """Write an HTML page to look through a data set.

    Parameters
    ----------
    path : path
        The data set, of any readable format.
    target : path
        The page, ``x.html``. Of a large data set a folder ``x_files`` lies beside it.
    embed : bool, optional
        Whether images and annotations go into the page, so that it can be sent around alone.
        If not given: where they are not large (24 MiB of images, 20,000 records). Otherwise
        annotations lie in files beside the page, images stay where they are, and both are loaded
        when they are looked at.
    thumbnails : bool, default True
        Whether small pictures are made.
    to_format, task : str, optional
        A format: what a conversion to it could not keep is shown, and can be filtered by.
    report : path, optional
        A report of ``dlgeom convert``, whose entries are shown likewise.
    overwrite : bool
        Whether an existing page may be replaced.
    progress : callable, optional
        Called as ``progress(images_done, images_in_all_or_None)``.
    from_format, on_error, limits, images, names, ground_truth, subsets, label_map, \
include_labels, exclude_labels, where, **options
        As for `dlgeom.convert`.

    Returns
    -------
    Report
        What was wrong with the data set.

    Raises
    ------
    UsageError
        If the target is no ``.html`` file.
    OutputError
        If it exists and may not be replaced, or cannot be written.
    FormatError, LimitError
        As `dlgeom.convert`.
    """
    page = Path(target)
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the page is {page.name!r}; it ends in .html. Give it that suffix")
    losses, told = Losses(), Report()
    shared: dict[str, Any] = {
        "from_format": from_format,
        "on_error": on_error,
        "limits": limits,
        "images": images,
        "names": names,
        "ground_truth": ground_truth,
        "subsets": subsets,
        "label_map": label_map,
        "include_labels": tuple(include_labels),
        "exclude_labels": tuple(exclude_labels),
        "where": where,
    }
    output = Output(page, single=True, overwrite=overwrite)
    selection = selection_of(
        label_map, shared["include_labels"], shared["exclude_labels"], where, limits
    )
    # Counts, and all that is wrong with the source, before the records it is wrong with.
    counts = statistics(path, **shared, **options)
    if to_format is not None:
        # A bad record of the input has raised by now, if it should.
        lenient = {**shared, "on_error": "skip"}
        conversion_losses(Path(path), to_format, losses, task=task, **lenient, **options)
    if report is not None:
        read_report(Path(report), losses)

    def tell(entry: Any) -> None:
        told.tell(entry)
        losses.tell(entry)

    with (
        gc_paused(),
        output,
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
            listener=tell,
            selection=selection,
        ) as opened,
    ):
        root = opened.images or opened.reader.meta.images_root
        find = Pictures(root, page, embed=False, thumbnails=False, limits=limits)
        inside = _fits(opened, find, counts) if embed is None else embed
        pictures = Pictures(root, page, embed=inside, thumbnails=thumbnails, limits=limits)
        content = _Content(opened, pictures, losses, progress)
        _write(output, page, content, counts, told, inside=inside, overwrite=overwrite)
    told.given = told.written = counts.annotations
    return told


def _fits(opened: Source, pictures: Pictures, counts: Statistics) -> bool:
    """Whether images and records are few enough for one file."""
    if counts.annotations > EMBEDDED_RECORDS or counts.images > EMBEDDED_RECORDS:
        return False
    size, seen = 0, set()
    for chunk in opened.reader.chunks(grouped=False, needs=frozenset()):
        for item in chunk.items:
            if item.number not in seen:
                seen.add(item.number)
                size += pictures.bytes_of(item)
        if size > EMBEDDED_BYTES:
            return False
    return True


class _Content:
    """What goes into the page; the shards come one after the other, the rest is known then."""

    def __init__(
        self, opened: Source, pictures: Pictures, losses: Losses, progress: Progress | None
    ) -> None:
        self._reader = opened.reader
        self._pictures = pictures
        self._progress = progress
        self.losses = losses
        self.labels = Labels()
        self.index: list[Row] = []

    def shards(self) -> Iterator[list[Row]]:
        """Yield the items of each shard: pictures and annotations."""
        total = self._reader.count()
        shard: list[Row] = []
        for chunk in self._reader.chunks(grouped=True):
            for item, rows in annotations_of(chunk, self.labels, self.losses):
                picture = self._pictures.picture(item)
                entry = index_row(item, rows)
                if entry["w"] is None or entry["h"] is None:
                    entry["w"], entry["h"] = picture.width, picture.height
                self.index.append(entry)
                whole: Row = {"a": rows}
                if picture.image is not None:
                    whole["i"] = picture.image
                if item.media == "video":
                    whole["f"] = picture.film or film_facts(item, None)
                if picture.thumbnail is not None:
                    whole["t"] = picture.thumbnail
                if picture.fault is not None:
                    entry["e"] = picture.fault
                shard.append(whole)
                if len(shard) == SHARD:
                    yield shard
                    shard = []
                if self._progress is not None:
                    self._progress(len(self.index), total)
        if shard:
            yield shard


def _write(
    output: Output,
    page: Path,
    content: _Content,
    counts: Statistics,
    told: Report,
    *,
    inside: bool,
    overwrite: bool,
) -> None:
    folder = f"{page.stem}_files"
    scripts: list[str] = []
    if inside:
        for number, shard in enumerate(content.shards()):
            scripts.append(
                f'<script type="application/json" id="shard-{number}">{_json(shard)}</script>'
            )
    else:
        with Output(page.parent / folder, overwrite=overwrite) as beside:
            for number, shard in enumerate(content.shards()):
                text = f"dlgeomShard({number}, {_json(shard)});\n"
                beside.write(f"items-{number}.js", text.encode())
    data = _data(content, counts, told, "" if inside else folder)
    with output.file(output.name) as file:
        for part in _page(data, scripts):
            file.write(part.encode())


def _page(data: Row, scripts: list[str]) -> Iterator[str]:
    """Yield the page with its parts put into the template, none of them looked at again."""
    assets = files("dlgeom.view") / "assets"
    values = {
        "title": _escaped(str(data["title"])),
        "css": (assets / "page.css").read_text("utf-8"),
        "js": (assets / "page.js").read_text("utf-8"),
        "data": _json(data),
        "shards": "\n".join(scripts),
    }
    first, *rest = (assets / "page.html").read_text("utf-8").split("{{")
    yield first
    for part in rest:
        name, _, text = part.partition("}}")
        yield values[name]
        yield text


def _data(content: _Content, counts: Statistics, told: Report, folder: str) -> Row:
    name = Path(counts.path).resolve().name
    facts = f"{counts.format}, {counts.images:,} images, {counts.annotations:,} annotations"
    scores = counts.distribution("score")
    stats = counts.to_dict()
    keep = ("measures", "annotations_per_image")
    faults = [row for row in content.index if "e" in row]
    report = [dict(kind) for kind in content.losses.kinds]
    if faults:
        first = faults[0]
        report.append(
            {
                "status": "warning",
                "code": "image.unreadable",
                "message": "images that cannot be shown",
                "count": len(faults),
                "example": f"{first['n']}: {first['e']}",
            }
        )
    return {
        "title": name,
        "facts": facts + (f", {told.skipped:,} bad records left out" if told.skipped else ""),
        "folder": quote(folder),
        "shard": SHARD,
        "items": content.index,
        "labels": content.labels.rows,
        "codes": content.losses.kinds,
        "report": report,
        "scores": None if scores is None else scores.maximum,
        "stats": {
            **{key: stats[key] for key in keep},
            "labels": [
                {key: entry[key] for key in ("name", "annotations", "measures")}
                for entry in stats["labels"]
            ],
            "meanings": MEASURES,
        },
    }


def _json(value: Any) -> str:
    """Return JSON that may stand in a script element: no ``<`` can end or open one."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _escaped(text: str) -> str:
    from html import escape

    return escape(text.encode("utf-8", "replace").decode())
