"""Pieces that the cases are made of: pictures, records, small files; and the list of cases."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

WIDTH, HEIGHT = 40, 30
PICTURE = "p.png"
NEVER = ["signal", "time-out", "memory", "escape", "left-over", "not-finite"]
ACCEPT, WARN, ERROR = "accept", "accept-with-warning", "error"


@dataclass
class Case:
    """One hostile input and what must come of it; see ``make.py`` for the manifest."""

    id: str
    format: str
    what: str
    files: dict[str, bytes]
    expected: str
    code: str | None
    survivors: int | None = None
    strict: str = ""
    to: str = ""
    reads: str = ""
    source: str = "."
    like: str | None = None
    options: list[str] = field(default_factory=list)
    stable: bool = True
    setup: list[dict[str, str]] = field(default_factory=list)
    must_never: list[str] = field(default_factory=lambda: list(NEVER))

    def __post_init__(self) -> None:
        if not self.strict:
            self.strict = ACCEPT if self.expected == ACCEPT else ERROR


CASES: list[Case] = []


def add(
    name: str,
    what: str,
    files: dict[str, bytes],
    expected: str,
    code: str | None = None,
    survivors: int | None = None,
    **more: Any,
) -> None:
    """Add a case; its format is the first word of its id."""
    word = name.split("-")[0]
    CASES.append(Case(name, word, what, files, expected, code, survivors, **more))


def text(value: Any) -> bytes:
    """Return JSON, with the non-finite numbers that Python's module lets through."""
    return json.dumps(value).encode()


# -- pictures, stored without compression so that each machine makes the same bytes ---------------


def stored(data: bytes) -> bytes:
    """Return a zlib stream of stored blocks."""
    parts = [b"\x78\x01"]
    for start in range(0, len(data), 65_535):
        piece = data[start : start + 65_535]
        last = start + 65_535 >= len(data)
        parts.append(struct.pack("<BHH", last, len(piece), len(piece) ^ 0xFFFF) + piece)
    return b"".join([*parts, struct.pack(">I", zlib.adler32(data))])


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    """Return a chunk of a PNG, with a wrong checksum if one is given."""
    true = zlib.crc32(kind + data)
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", true if crc is None else crc)
    )


def png(
    rows: list[bytes] | None = None,
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    depth: int = 8,
    kind: int = 0,
    palette: bytes = b"",
    extra: bytes = b"",
    crc: int | None = None,
    tail: bytes = b"",
    data: bytes | None = None,
) -> bytes:
    """Return a PNG of rows of samples; all zero if there are none.

    Parameters
    ----------
    kind : int
        Colour type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
    extra : bytes
        Chunks to put before the data.
    crc : int, optional
        Of the data's chunk, instead of the true one.
    data : bytes, optional
        What stands in the data's chunk, instead of the rows.
    """
    width, height = size
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    if rows is None and data is None:
        rows = [bytes((width * samples * depth + 7) // 8)] * height
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = stored(b"".join(b"\0" + row for row in rows or [])) if data is None else data
    colours = chunk(b"PLTE", palette) if palette else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + colours
        + extra
        + chunk(b"IDAT", body, crc)
        + chunk(b"IEND", b"")
        + tail
    )


def header_only(width: int, height: int, kind: int = 0, depth: int = 8) -> bytes:
    """Return a PNG whose header promises pixels that are not there."""
    return png([b"\0"], size=(width, height), kind=kind, depth=depth)


def block(
    value: int, left: int = 5, top: int = 4, right: int = 15, bottom: int = 12
) -> list[bytes]:
    """Return rows of a grey or palette picture with one rectangle of a value."""
    inside = bytes(left) + bytes([value]) * (right - left) + bytes(WIDTH - right)
    return [inside if top <= y < bottom else bytes(WIDTH) for y in range(HEIGHT)]


PALETTE = bytes([0, 0, 0, 200, 30, 30, 30, 200, 30, 30, 30, 200]) + bytes(252 * 3)
IMAGE = png(kind=2)


# -- COCO ------------------------------------------------------------------------------------------


def ring(x: float, y: float, w: float, h: float) -> list[float]:
    """Return a rectangle as a ring of COCO."""
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def record(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a good annotation; None as a value leaves the key out."""
    x = 3 + 12 * (number - 1)
    made = {
        "id": number,
        "image_id": 1,
        "category_id": 1,
        "bbox": [x, 6, 9, 8],
        "area": 72,
        "iscrowd": 0,
        "segmentation": [ring(x, 6, 9, 8)],
        **changes,
    }
    return {key: value for key, value in made.items() if value is not ...}


def coco(annotations: Any = None, **changes: Any) -> dict[str, Any]:
    """Return a COCO file with one image, two categories, and one annotation if not told."""
    made = {
        "images": [{"id": 1, "file_name": PICTURE, "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": "apple"}, {"id": 2, "name": "pear"}],
        "annotations": [record()] if annotations is None else annotations,
        **changes,
    }
    return {key: value for key, value in made.items() if value is not ...}


def coco_files(value: Any, **more: bytes) -> dict[str, bytes]:
    """Return the files of a COCO data set: an annotation file and its picture."""
    data = value if isinstance(value, bytes) else text(value)
    return {"annotations/instances_train.json": data, f"images/{PICTURE}": IMAGE, **more}


# -- others ----------------------------------------------------------------------------------------


def yolo_files(
    rows: str | bytes, yaml: str | bytes | None = None, **more: bytes
) -> dict[str, bytes]:
    """Return the files of a YOLO data set: rows of one picture, and the class file."""
    classes = "train: images\nnames:\n  0: apple\n  1: pear\n" if yaml is None else yaml
    return {
        "data.yaml": classes.encode() if isinstance(classes, str) else classes,
        "labels/p.txt": rows.encode() if isinstance(rows, str) else rows,
        f"images/{PICTURE}": IMAGE,
        **more,
    }


def voc_object(name: str = "apple", box: tuple[Any, ...] = (4, 5, 14, 13), more: str = "") -> str:
    """Return an <object> with a box."""
    edges = "".join(
        f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object><name>{name}</name><bndbox>{edges}</bndbox>{more}</object>"


def voc_xml(*objects: str, size: str | None = None, name: str = PICTURE, head: str = "") -> bytes:
    """Return an annotation of VOC."""
    sizes = f"<width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth>"
    return (
        f"{head}<annotation><filename>{name}</filename>"
        f"<size>{sizes if size is None else size}</size>{''.join(objects)}</annotation>"
    ).encode()


def voc_files(xml: bytes, **more: bytes) -> dict[str, bytes]:
    """Return the files of a VOC data set."""
    return {
        "Annotations/p.xml": xml,
        f"JPEGImages/{PICTURE}": IMAGE,
        "ImageSets/Main/train.txt": b"p\n",
        **more,
    }


def mask_files(picture: bytes, **more: bytes) -> dict[str, bytes]:
    """Return the files of a VOC data set of class masks."""
    return {
        "SegmentationClass/p.png": picture,
        f"JPEGImages/{PICTURE}": IMAGE,
        "ImageSets/Segmentation/train.txt": b"p\n",
        "labelmap.txt": (
            b"# label:color_rgb:parts:actions\nbackground:0,0,0::\n"
            b"apple:200,30,30::\npear:30,200,30::\n"
        ),
        **more,
    }


def data_url(picture: bytes) -> str:
    """Return a picture as the platform keeps masks."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def rgba(left: int = 5, top: int = 4, right: int = 15, bottom: int = 12) -> bytes:
    """Return a mask as the platform keeps it: opaque where the object is."""
    rows = [
        b"".join(
            b"\xff\xff\xff\xff" if left <= x < right and top <= y < bottom else bytes(4)
            for x in range(WIDTH)
        )
        for y in range(HEIGHT)
    ]
    return png(rows, kind=6)


def item(*annotations: Any, **changes: Any) -> dict[str, Any]:
    """Return an item of the platform."""
    made = {
        "filename": f"/{PICTURE}",
        "name": PICTURE,
        "metadata": {"system": {"width": WIDTH, "height": HEIGHT, "mimetype": "image/png"}},
        "annotations": list(annotations),
        **changes,
    }
    return {key: value for key, value in made.items() if value is not ...}


def shape(kind: str = "box", coordinates: Any = None, **changes: Any) -> dict[str, Any]:
    """Return an annotation of the platform; a good box if not told."""
    made = {
        "id": "a1",
        "type": kind,
        "label": "apple",
        "attributes": [],
        "coordinates": [{"x": 4, "y": 5}, {"x": 14, "y": 13}]
        if coordinates is None
        else coordinates,
        "metadata": {"system": {}},
        **changes,
    }
    return {key: value for key, value in made.items() if value is not ...}


def item_files(value: Any) -> dict[str, bytes]:
    """Return the files of a platform export: the JSON of one item."""
    return {"json/p.json": value if isinstance(value, bytes) else text(value)}
