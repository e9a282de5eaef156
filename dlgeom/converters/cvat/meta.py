"""What CVAT's ``<meta>`` says: labels, their attributes and skeletons, and tasks."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dlgeom.converters.cvat.stream import safe_parser
from dlgeom.converters.cvat.text import AttributeSpec
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.xmlio import Element, serialise, text_of
from dlgeom.labels import Label
from dlgeom.limits import Limits

__all__ = ["FileMeta", "LabelSpec", "Task", "read_label", "read_meta", "read_task"]

_COLOR = re.compile(r"#([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")
_STEP = re.compile(r"step\s*=\s*([0-9]{1,9})")


class LabelSpec(msgspec.Struct):
    """One label of a file.

    Parameters
    ----------
    label : Label
        Name, colour, key points and edges.
    attributes : dict of str to AttributeSpec
        By name.
    xml : str
        The element itself.
    nodes : list of (str, str)
        Labels of its nodes, each with its element; of a skeleton only.
    """

    label: Label
    attributes: dict[str, AttributeSpec] = msgspec.field(default_factory=dict)
    xml: str = ""
    nodes: list[tuple[str, str]] = msgspec.field(default_factory=list)


class Task(msgspec.Struct):
    """One task: a video, or a set of images.

    Parameters
    ----------
    id : str, optional
        Its id, to which tracks of a project refer.
    name : str
        Its name, "" where it has none.
    mode : str
        ``annotation`` or ``interpolation``.
    source : str
        Name of the video.
    start, step : int
        Number of its first frame in the source, and how many lie between two of its frames.
    last : int, optional
        Number of its last frame; None where nothing tells.
    width, height : int, optional
        Size of a frame.
    subset : str, optional
        Name of its split.
    fps : float, optional
        Frames in a second, which files written by dlgeom have.
    xml : str
        The element, labels left out.
    """

    id: str | None = None
    name: str = ""
    mode: str = ""
    source: str = ""
    start: int = 0
    step: int = 1
    last: int | None = None
    width: int | None = None
    height: int | None = None
    subset: str | None = None
    fps: float | None = None
    xml: str = ""


class FileMeta(msgspec.Struct):
    """The whole of it: labels by name, tasks in order, and the element itself without labels."""

    labels: dict[str, LabelSpec] = msgspec.field(default_factory=dict)
    tasks: list[Task] = msgspec.field(default_factory=list)
    xml: str = ""


def read_meta(meta: Element, limits: Limits, problems: Problems, shown: str) -> FileMeta:
    """Read the element; its labels are taken out of it."""
    found = FileMeta()
    for group in list(meta.iter("labels")):
        _read_labels(group, found.labels, problems, shown)
        group.getparent().remove(group)
    source = _text(meta, "source")
    tasks = list(meta.iter("task", "job"))
    found.tasks = [read_task(element, limits, problems, shown) for element in tasks]
    if source and len(found.tasks) == 1:
        found.tasks[0].source = source
    found.xml = serialise(meta).strip()
    return found


def _read_labels(
    group: Element, labels: dict[str, LabelSpec], problems: Problems, shown: str
) -> None:
    """Add the labels of a file; the nodes of skeletons go to their skeleton."""
    nodes: list[tuple[str, str, str]] = []
    for element in group.iterchildren("label"):
        name = _text(element, "name")
        parent = _text(element, "parent")
        if not name:
            problems.notice(
                "schema.field", "has a label without a name; it says nothing", path=shown
            )
        elif parent:
            nodes.append((parent, name, serialise(element)))
        else:
            labels.setdefault(name, read_label(element))
    for parent, name, xml in nodes:
        if parent in labels:
            labels[parent].nodes.append((name, xml))
    for spec in labels.values():
        if spec.nodes or "<svg" in spec.xml:
            spec.label = _with_skeleton(spec, problems, shown)


def read_label(element: Element) -> LabelSpec:
    """Read one label."""
    color = _COLOR.fullmatch(_text(element, "color"))
    label = Label(
        name=_text(element, "name"),
        color=None if color is None else (int(color[1], 16), int(color[2], 16), int(color[3], 16)),
    )
    spec = LabelSpec(label, xml=serialise(element))
    for entry in element.iterfind("attributes/attribute"):
        name = _raw(entry, "name")
        if name:
            spec.attributes[name] = AttributeSpec(
                name,
                _text(entry, "input_type").lower() or "text",
                _text(entry, "mutable").lower() == "true",
                _raw(entry, "default_value"),
                [value for value in _raw(entry, "values").split("\n") if value],
            )
    return spec


def _with_skeleton(spec: LabelSpec, problems: Problems, shown: str) -> Label:
    """Return the label with the key points and edges that its drawing has."""
    from lxml import etree

    names = [name for name, _ in spec.nodes]
    edges: list[tuple[int, int]] = []
    try:
        label = etree.fromstring(spec.xml, safe_parser())
        text = label.findtext("svg") or ""
        svg = etree.fromstring(f"<svg>{text}</svg>".encode(), safe_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        problems.notice(
            "xml.ignored",
            f"label {spec.label.name!r} has a drawing that cannot be read ({error}); its edges "
            "are not known",
            path=shown,
        )
        return msgspec.structs.replace(spec.label, keypoints=tuple(names))
    by_id = {
        circle.get("data-node-id"): circle.get("data-label-name") for circle in svg.iter("circle")
    }
    if not names:
        names = [name for name in by_id.values() if name]
    places = {name: k for k, name in enumerate(names)}
    for line in svg.iter("line"):
        ends = [by_id.get(line.get(key)) for key in ("data-node-from", "data-node-to")]
        at = [places.get(end) for end in ends if end is not None]
        if len(at) == 2 and at[0] is not None and at[1] is not None:
            edges.append((at[0], at[1]))
    return msgspec.structs.replace(spec.label, keypoints=tuple(names), skeleton=tuple(edges))


def read_task(element: Element, limits: Limits, problems: Problems, shown: str) -> Task:
    """Read what a task says of its video."""

    def count(name: str) -> int | None:
        text = _text(element, name)
        if not text:
            return None
        if text.isascii() and text.isdigit() and int(text[:18]) <= limits.frames:
            return int(text)
        problems.warning(
            "type.number",
            f"<{name}> is {text[:40]!r}; it is a whole number of at most {limits.frames}. "
            "It is passed over",
            path=shown,
        )
        return None

    step = _STEP.fullmatch(_text(element, "frame_filter"))
    task = Task(
        id=_text(element, "id") or None,
        name=_text(element, "name"),
        mode=_text(element, "mode"),
        source=_text(element, "source"),
        start=count("start_frame") or 0,
        step=max(1 if step is None else int(step[1]), 1),
        subset=_text(element, "subset") or None,
        xml=serialise(element).strip(),
    )
    size, stop = count("size"), count("stop_frame")
    if size:
        task.last = task.start + (size - 1) * task.step
    elif stop is not None and stop >= task.start:
        task.last = stop - (stop - task.start) % task.step
    if task.last is not None and task.last > limits.frames:
        task.last = None
    found: Any = element.find("original_size")
    if found is not None:
        width, height = _side(found, "width"), _side(found, "height")
        if width and height:
            task.width, task.height = width, height
    task.fps = _rate(_text(element, "fps"))
    return task


def _side(element: Element, name: str) -> int | None:
    text = _text(element, name)
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:12]) < 10**9 else None


def _rate(text: str) -> float | None:
    from dlgeom.errors import UsageError
    from dlgeom.video.timebase import as_rate

    try:
        return float(as_rate(text)) if text else None
    except UsageError:
        return None


def _text(element: Element, name: str) -> str:
    found = element.find(name)
    return "" if found is None else text_of(found)


def _raw(element: Element, name: str) -> str:
    found = element.find(name)
    return "" if found is None else found.text or ""
