"""The head of a file: ``<meta>`` of a video or of images, that of the source where it had one."""

from __future__ import annotations

from typing import Any

from dlgeom.converters.cvat.meta import Task, read_task
from dlgeom.converters.cvat.stream import safe_parser
from dlgeom.converters.cvat.text import decimal
from dlgeom.converters.cvat.write_tracks import Grid
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.xmlio import Element, escape, serialise
from dlgeom.errors import FormatError
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS

__all__ = ["HEAD", "TAIL", "film_head", "images_head", "kept_task", "size_of"]

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
TAIL = "</annotations>\n"


def kept_task(value: Any) -> Element | None:
    """Return the task that an item of the same format has, None if there is none to be trusted."""
    from lxml import etree

    if not isinstance(value, str) or "<!" in value or "<?" in value:
        return None
    try:
        root = etree.fromstring(value.encode(), safe_parser())
    except (etree.XMLSyntaxError, ValueError):
        return None
    return root if root.tag in ("task", "job") else None


def size_of(grid: Grid) -> int:
    """Return how many frames a task has."""
    return (grid.last - grid.start) // grid.step + 1


def film_head(item: Item, name: str, grid: Grid, task: Element | None, labels: str) -> str:
    """Return all that stands before the tracks of a video.

    Parameters
    ----------
    item : Item
        The video.
    name : str
        Its name.
    grid : Grid
        Frames of the task.
    task : lxml element, optional
        The source's own; what it says of frames, size and rate is put right.
    labels : str
        The element ``labels``.
    """
    root: Element = task if task is not None else _empty("task")
    if root.find("name") is None:
        _put(root, "name", name)
    facts = {
        "size": str(size_of(grid)),
        "mode": "interpolation",
        "start_frame": str(grid.start),
        "stop_frame": str(grid.last),
        "frame_filter": f"step={grid.step}" if grid.step > 1 else "",
    }
    if task is None or not _is_same(root, grid):
        for key, value in facts.items():
            _put(root, key, value)
    if item.width and item.height:
        size = root.find("original_size")
        if size is None:
            size = root.makeelement("original_size")
            root.append(size)
        _put(size, "width", str(item.width))
        _put(size, "height", str(item.height))
    if item.fps:
        _put(root, "fps", decimal(item.fps, None))
    if item.subset and (root.findtext("subset") or "").strip() != item.subset:
        _put(root, "subset", item.subset)
    text = _with_labels(root, labels)
    return f"{HEAD}<meta>\n{text}\n<source>{escape(name)}</source>\n</meta>\n"


def _is_same(task: Element, grid: Grid) -> bool:
    """Whether a task has these frames already, and says so without a fault."""
    found = _good(task)
    return found is not None and (found.start, found.step, found.last) == tuple(grid)


def _good(task: Element) -> Task | None:
    """Return what a task says; None where a reader would find fault with it."""
    try:
        return read_task(task, DEFAULT_LIMITS, Problems(strict=True), "")
    except FormatError:
        return None


def images_head(count: int, kept: str, labels: str) -> str:
    """Return all that stands before the images.

    Parameters
    ----------
    count : int
        How many there are.
    kept : str
        The source's own ``meta``, without labels; "" if there is none.
    labels : str
        The element ``labels``.
    """
    from lxml import etree

    meta: Element | None = None
    if kept:
        try:
            meta = etree.fromstring(kept.encode(), safe_parser())
        except (etree.XMLSyntaxError, ValueError):
            meta = None
    group = None if meta is None else next(meta.iterchildren("project", "task", "job"), None)
    bad = meta is not None and any(_good(task) is None for task in meta.iter("task", "job"))
    if meta is None or group is None or bad:
        task = _empty("task")
        for key, value in (("size", str(count)), ("mode", "annotation")):
            _put(task, key, value)
        return f"{HEAD}<meta>\n{_with_labels(task, labels)}\n</meta>\n"
    size = group.find("size")
    if size is not None and (size.text or "").strip() != str(count):
        _put(group, "size", str(count))
    mark = group.makeelement("labels")
    group.append(mark)
    return HEAD + _marked(meta, labels) + "\n"


def _with_labels(root: Element, labels: str) -> str:
    root.append(root.makeelement("labels"))
    return _marked(root, labels)


def _marked(root: Element, labels: str) -> str:
    """Return an element as text, with the labels in the place of the last, empty, ``labels``."""
    before, _, after = serialise(root).strip().rpartition("<labels/>")
    return f"{before}{labels}\n{after}"


def _empty(tag: str) -> Element:
    from lxml import etree

    root = etree.Element(tag)
    root.text = "\n"
    return root


def _put(element: Element, name: str, text: str) -> None:
    child = element.find(name)
    if child is None:
        child = element.makeelement(name)
        child.tail = "\n"
        element.append(child)
    child.text = text
