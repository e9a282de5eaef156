"""Single annotations of a format, as a whole file of it and back.

A list of COCO records, of YOLO rows, of VOC objects, of cues: each is put into the smallest file
of its format, so that the format's own reader and writer do the work, with all their rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.converters.pipeline import open_dataset
from dlgeom.dataset import Dataset
from dlgeom.errors import DlgeomError, UsageError
from dlgeom.item import Item

__all__ = ["Failure", "Names", "from_snippets", "to_snippets"]

Names = Sequence[Any] | Mapping[Any, Any] | None
"""Labels in order; {id: name} or {name: id}; or COCO categories."""


class Failure(msgspec.Struct, frozen=True):
    """An annotation that could not be converted.

    Parameters
    ----------
    index : int
        Position in what was given; -1 if it concerns all.
    code, message : str
        Why.
    path : str, optional
        The file, where there is one.
    """

    index: int
    code: str
    message: str
    path: str | None = None


def numbered(names: Names, first: int) -> dict[int, str]:
    """Return id -> name of labels in any of their forms; a list is counted from `first`."""
    if names is None:
        return {}
    if isinstance(names, Mapping):
        found = {}
        for key, value in names.items():
            number, name = (value, key) if isinstance(key, str) else (key, value)
            if isinstance(number, str) and not isinstance(name, str):
                number, name = name, number
            found[int(number)] = str(name)
        return found
    if names and isinstance(names[0], Mapping):
        return {int(entry["id"]): str(entry["name"]) for entry in names}
    return {first + k: str(name) for k, name in enumerate(names)}


def _place(entry: Any) -> int:
    """Return the index in ``annotations[3]``, ``object[3]``, ``line 4``; -1 if it has none."""
    digits = "".join(c for c in (entry or "").split("]")[0] if c.isdigit())
    if not digits:
        return -1
    return int(digits) - (1 if "line" in entry else 0)


def from_snippets(
    kind: str,
    given: Sequence[Any],
    item: Item | None,
    names: Names,
    folder: Path,
    options: Mapping[str, Any],
) -> tuple[list[Annotation], list[Failure]]:
    """Read single annotations of a format.

    Parameters
    ----------
    kind : str
        Name of the format.
    given : sequence
        COCO: records; YOLO: rows; VOC: objects as mappings or XML; VTT, SRT: cues as text;
        dataloop: annotations, or their JSON.
    item : Item, optional
        What they belong to; YOLO needs its size.
    names : sequence or mapping, optional
        The labels that ids stand for.
    folder : Path
        An empty folder for the file.

    Returns
    -------
    annotations : list of Annotation
        Those that could be read, in order.
    failures : list of Failure
        The others.
    """
    if kind == "dataloop":
        return _from_dataloop(given, item)
    writer = _FILES.get(kind)
    if writer is None:
        raise UsageError(
            f"single annotations of {kind!r} have no form of their own; convert a file or folder "
            "of them with convert_directory()"
        )
    given, places, unfit = _fitting(kind, given)
    path, more = writer(given, item, names, folder)
    dataset = open_dataset(path, format=kind, on_error="skip", **{**more, **options})
    try:
        pairs = list(dataset)
    finally:
        dataset.close()
    found = [
        Failure(_place(entry.location), entry.code, entry.message)
        for entry in (dataset.problems.entries if dataset.problems else [])
        if entry.status in ("skipped", "file")
    ]
    failures = unfit + [
        Failure(places[f.index] if 0 <= f.index < len(places) else -1, f.code, f.message)
        for f in found
    ]
    made = [annotation for _, collection in pairs for annotation in collection]
    for annotation in made:
        annotation.item = item
    return made, failures


def _fitting(kind: str, given: Sequence[Any]) -> tuple[list[Any], list[int], list[Failure]]:
    """Part what can stand in a file of the format from what cannot: that costs itself only.

    Returns
    -------
    fitting : list
        What can.
    places : list of int
        Where each of them stood.
    failures : list of Failure
        The others.
    """
    fitting: list[Any] = []
    places: list[int] = []
    failures: list[Failure] = []
    check = _CHECKS.get(kind, _check_cue)
    for index, entry in enumerate(given):
        try:
            check(entry)
        except (DlgeomError, TypeError, ValueError, SyntaxError) as error:
            failures.append(
                Failure(index, "schema.type", f"{entry!r:.60} is no annotation ({error})")
            )
            continue
        fitting.append(entry)
        places.append(index)
    return fitting, places, failures


def _check_record(entry: Any) -> None:
    if not isinstance(entry, Mapping):
        raise TypeError("a COCO record is a dict")
    hash(entry.get("category_id"))
    json.dumps(entry, allow_nan=False)


def _check_row(entry: Any) -> None:
    if not isinstance(entry, str | list | tuple):
        raise TypeError("a YOLO row is text or a list of numbers")
    if isinstance(entry, str) and len(entry.splitlines()) > 1:
        raise ValueError("a YOLO row is one line")


def _check_object(entry: Any) -> None:
    from lxml import etree

    if isinstance(entry, str | bytes):
        safe = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        etree.fromstring(entry, safe)
    elif isinstance(entry, Mapping):
        _element(etree.Element("annotation"), "object", entry)
    else:
        raise TypeError("a VOC object is a dict or XML")


def _check_cue(entry: Any) -> None:
    if not isinstance(entry, str) or "-->" not in entry:
        raise TypeError("a cue is text with '-->' between its times")


_CHECKS = {"coco": _check_record, "yolo": _check_row, "voc": _check_object}


def _from_dataloop(
    given: Sequence[Any], item: Item | None
) -> tuple[list[Annotation], list[Failure]]:
    made: list[Annotation] = []
    failures: list[Failure] = []
    for index, entry in enumerate(given):
        if isinstance(entry, Annotation):
            made.append(entry.copy())
            continue
        try:
            made.append(Annotation.from_json(entry, item=item))
        except DlgeomError as error:
            failures.append(Failure(index, getattr(error, "code", "value.invalid"), str(error)))
    return made, failures


def _coco_file(
    given: Sequence[Any], item: Item | None, names: Names, folder: Path
) -> tuple[Path, dict[str, Any]]:
    known = numbered(names, 1)
    ids = {entry.get("category_id") for entry in given if isinstance(entry, Mapping)}
    for number in ids:
        if isinstance(number, int) and number not in known:
            known[number] = str(number)
    image: dict[str, Any] = {"id": 1, "file_name": (item.name if item else None) or "item.jpg"}
    size = (item.width, item.height) if item else (None, None)
    if not all(size):
        size = _size_of_masks(given)
    if all(size):
        image["width"], image["height"] = size
    data = {
        "images": [image],
        "annotations": [
            {**entry, "image_id": 1} if isinstance(entry, Mapping) else entry for entry in given
        ],
        "categories": [
            next(
                (dict(e) for e in names if isinstance(e, Mapping) and e.get("id") == number),
                {"id": number, "name": name},
            )
            if isinstance(names, list | tuple)
            else {"id": number, "name": name}
            for number, name in sorted(known.items())
        ],
    }
    path = folder / "snippet.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path, {}


def _size_of_masks(given: Sequence[Any]) -> tuple[int | None, int | None]:
    for entry in given:
        shape = entry.get("segmentation") if isinstance(entry, Mapping) else None
        if isinstance(shape, Mapping) and isinstance(shape.get("size"), list | tuple):
            height, width = shape["size"]
            return width, height
    return None, None


def _yolo_file(
    given: Sequence[Any], item: Item | None, names: Names, folder: Path
) -> tuple[Path, dict[str, Any]]:
    if item is None or not item.width or not item.height:
        raise UsageError(
            "YOLO numbers are fractions of the image, whose size is not known. Pass "
            "item=dl.Item(width=..., height=...)"
        )
    rows = [row if isinstance(row, str) else " ".join(map(str, row)) for row in given]
    known = numbered(names, 0)
    highest = max((_class(row) for row in rows), default=-1)
    listed = [known.get(k, str(k)) for k in range(max([highest, *known], default=-1) + 1)]
    (folder / "labels").mkdir()
    text = "".join(" ".join(row.split()) + "\n" for row in rows)
    (folder / "labels" / "item.txt").write_text(text, encoding="utf-8")
    (folder / "names.yaml").write_text(json.dumps({"names": listed or ["0"]}), encoding="utf-8")
    return folder / "labels", {
        "names": folder / "names.yaml",
        "yolo_image_size": f"{item.width}x{item.height}",
    }


def _class(row: str) -> int:
    head = row.split(None, 1)[:1]
    return int(head[0]) if head and head[0].isascii() and head[0].isdigit() else -1


def _voc_file(
    given: Sequence[Any], item: Item | None, names: Names, folder: Path
) -> tuple[Path, dict[str, Any]]:
    from lxml import etree

    root = etree.Element("annotation")
    etree.SubElement(root, "filename").text = (item.name if item else None) or "item.jpg"
    if item is not None and item.width and item.height:
        size = etree.SubElement(root, "size")
        for key, value in (("width", item.width), ("height", item.height), ("depth", 3)):
            etree.SubElement(size, key).text = str(value)
    for entry in given:
        if isinstance(entry, str | bytes):
            safe = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            root.append(etree.fromstring(entry, safe))
        else:
            _element(root, "object", entry)
    path = folder / "item.xml"
    path.write_bytes(etree.tostring(root, encoding="utf-8"))
    return path, {}


def _element(parent: Any, name: str, value: Any) -> None:
    """Add what a mapping says: a list is the element several times."""
    from lxml import etree

    if isinstance(value, list | tuple):
        for entry in value:
            _element(parent, name, entry)
        return
    try:
        made = etree.SubElement(parent, name)
        if isinstance(value, Mapping):
            for key, entry in value.items():
                _element(made, str(key), entry)
        elif value is not None:
            made.text = repr(value) if isinstance(value, float) else str(value)
    except ValueError as error:
        raise UsageError(f"{name!r} or its value cannot stand in XML ({error})") from error


def _cue_file(suffix: str, head: str) -> Any:
    def make(
        given: Sequence[Any], item: Item | None, names: Names, folder: Path
    ) -> tuple[Path, dict[str, Any]]:
        path = folder / f"item{suffix}"
        path.write_text(head + "\n\n".join(str(cue).strip("\n") for cue in given) + "\n", "utf-8")
        return path, {}

    return make


_FILES = {
    "coco": _coco_file,
    "yolo": _yolo_file,
    "voc": _voc_file,
    "vtt": _cue_file(".vtt", "WEBVTT\n\n"),
    "srt": _cue_file(".srt", ""),
}


def to_snippets(
    kind: str,
    annotations: Sequence[Annotation],
    item: Item | None,
    names: Names,
    folder: Path,
    options: Mapping[str, Any],
) -> tuple[list[Any], list[Failure]]:
    """Write single annotations of a format; see `from_snippets` for their forms.

    Returns
    -------
    snippets : list
        One for each annotation that the format can hold, in order; an annotation of some
        formats may become several.
    failures : list of Failure
        The annotations that it cannot hold.
    """
    if kind == "dataloop":
        return [annotation.copy() for annotation in annotations], []
    reader = _SNIPPETS.get(kind)
    if reader is None:
        raise UsageError(
            f"single annotations of {kind!r} have no form of their own; convert a file or folder "
            "of them with convert_directory()"
        )
    whole = item if item is not None else next((a.item for a in annotations if a.item), None)
    owner = Item(name="item.jpg") if whole is None else whole
    if owner.name is None:
        owner = msgspec.structs.replace(owner, name="item.jpg")
    if kind == "coco" and not (owner.width and owner.height):
        # A COCO image has a size; no number in a record depends on it.
        owner = msgspec.structs.replace(owner, width=1 << 20, height=1 << 20)
    labels = list(numbered(names, 0).values()) or sorted(
        {a.label for a in annotations if a.label is not None}
    )
    dataset = Dataset.from_pairs([(owner, AnnotationCollection(owner, annotations))], labels=labels)
    target = folder / _TARGETS[kind]
    report = folder / "report.json"
    dataset.write(target, format=kind, report=report, **options)
    entries = json.loads(report.read_text("utf-8"))["entries"]
    failures = [
        Failure(_place(entry.get("location")), entry["code"], entry["message"])
        for entry in entries
        if entry["status"] in ("dropped", "skipped")
    ]
    return reader(target), failures


def _coco_snippets(path: Path) -> list[Any]:
    found: list[Any] = json.loads(path.read_text("utf-8"))["annotations"]
    return found


def _yolo_snippets(path: Path) -> list[Any]:
    texts = [found.read_text("utf-8") for found in sorted((path / "labels").rglob("*.txt"))]
    return [row for text in texts for row in text.split("\n") if row.strip()]


def _voc_snippets(path: Path) -> list[Any]:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    found = []
    for name in sorted((path / "Annotations").rglob("*.xml")):
        root = etree.fromstring(name.read_bytes(), parser)
        found += [_mapping(element) for element in root.iterchildren("object")]
    return found


def _mapping(element: Any) -> Any:
    """Return what an element says: text, or a mapping of its children."""
    children = list(element)
    if not children:
        return element.text or ""
    found: dict[str, Any] = {}
    for child in children:
        value = _mapping(child)
        if element.tag == "bndbox":
            value = float(value)
            value = int(value) if value.is_integer() else value
        if child.tag in found:
            before = found[child.tag]
            found[child.tag] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[child.tag] = value
    return found


def _cue_snippets(path: Path) -> list[Any]:
    blocks = path.read_text("utf-8").replace("\r\n", "\n").split("\n\n")
    return [block.strip("\n") for block in blocks if "-->" in block]


_SNIPPETS = {
    "coco": _coco_snippets,
    "yolo": _yolo_snippets,
    "voc": _voc_snippets,
    "vtt": _cue_snippets,
    "srt": _cue_snippets,
}
_TARGETS = {"coco": "out.json", "yolo": "out", "voc": "out", "vtt": "out.vtt", "srt": "out.srt"}
