# ruff: noqa: E501 - files on one line
"""Each limit, lowered until a small and otherwise good input passes it; and codes that remain."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from bits import (
    ACCEPT,
    ERROR,
    HEIGHT,
    IMAGE,
    PALETTE,
    WARN,
    WIDTH,
    add,
    block,
    chunk,
    coco,
    coco_files,
    data_url,
    item,
    item_files,
    mask_files,
    png,
    record,
    rgba,
    shape,
    stored,
    voc_files,
    voc_object,
    voc_xml,
    yolo_files,
)
from cases_files import GOOD, PLAIN, packed, zipped

ROW = "0 0.5 0.5 0.25 0.3\n"


def limit(
    name: str,
    value: str,
    reads: str,
    files: dict[str, bytes],
    expected: str,
    code: str,
    left: int | None = None,
    **more: Any,
) -> None:
    """Add an input that is good with the default limits and passes a lower one."""
    add(
        f"limits-{name}",
        f"--limit {value}",
        files,
        expected,
        code,
        left,
        reads=reads,
        options=["--limit", value],
        **more,
    )


FAR = coco([record(1), record(2, bbox=[15, 6, 9, 8])])
limit("file-bytes", "file_bytes=100", "coco", GOOD, ERROR, "limit.bytes")
limit("label-bytes", "label_bytes=5", "yolo", yolo_files(ROW), ERROR, "limit.bytes")
limit(
    "label-bytes-xml",
    "label_bytes=50",
    "voc",
    voc_files(voc_xml(voc_object())),
    ERROR,
    "limit.bytes",
)
limit("yaml-bytes", "yaml_bytes=5", "yolo", yolo_files(ROW), ERROR, "limit.bytes")
limit(
    "depth",
    "depth=3",
    "coco",
    coco_files(coco(info={"a": {"b": {"c": {"d": 1}}}})),
    ERROR,
    "limit.depth",
)
limit(
    "depth-xml",
    "depth=3",
    "voc",
    voc_files(voc_xml(voc_object(more="<x><y><z>1</z></y></x>"))),
    ERROR,
    "limit.depth",
)
limit("text", "text=4", "coco", GOOD, ERROR, "limit.text")
limit(
    "cue-text",
    "cue_text=4",
    "vtt",
    {"p.vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\nab\n\n00:03.000 --> 00:04.000\nabcdef\n"},
    WARN,
    "limit.text",
    1,
)
limit("path-component", "path_component=4", "coco", GOOD, ERROR, "limit.path")
limit("path", "path=4", "coco", GOOD, ERROR, "limit.path")
limit(
    "pixels",
    "pixels=100",
    "voc",
    mask_files(png(block(1), kind=3, palette=PALETTE)),
    ERROR,
    "limit.pixels",
)
limit(
    "pixels-mask",
    "pixels=1199",
    "dataloop",
    item_files(item(shape("binary", data_url(rgba())))),
    ERROR,
    "limit.pixels",
)
limit(
    "rle-pixels",
    "rle_pixels=100",
    "coco",
    coco_files(
        coco(
            [
                record(
                    1, bbox=..., area=..., segmentation={"size": [HEIGHT, WIDTH], "counts": [1200]}
                )
            ]
        )
    ),
    WARN,
    "limit.pixels",
    0,
)
limit("coordinate", "coordinate=20", "coco", coco_files(FAR), WARN, "number.range", 1)
limit(
    "coordinate-voc",
    "coordinate=20",
    "voc",
    voc_files(voc_xml(voc_object(), voc_object(box=(20, 5, 30, 13)))),
    WARN,
    "number.range",
    1,
)
limit(
    "outline",
    "outline=20",
    "coco",
    coco_files(coco([record(1)])),
    WARN,
    "geometry.outside_image",
    None,
)
limit(
    "ring-points",
    "ring_points=3",
    "coco",
    coco_files(coco([record(1)])),
    WARN,
    "limit.points",
    None,
)
limit("points", "points=3", "coco", coco_files(coco([record(1)])), WARN, "limit.points", None)
limit(
    "frames",
    "frames=5",
    "mot",
    {"seq/gt/gt.txt": b"1,1,4,5,10,8,1,1,1\n9,1,4,5,10,8,1,1,1\n"},
    WARN,
    "limit.frames",
    1,
)
limit(
    "png-text",
    "png_text=9",
    "voc",
    mask_files(
        png(block(1), kind=3, palette=PALETTE, extra=chunk(b"zTXt", b"k\0\0" + stored(bytes(99))))
    ),
    ERROR,
    "limit.png_text",
)
limit(
    "zip-entries",
    "zip_entries=1",
    "coco",
    {"set.zip": PLAIN},
    ERROR,
    "limit.entries",
    source="set.zip",
)
limit(
    "zip-bytes", "zip_bytes=9", "coco", {"set.zip": PLAIN}, ERROR, "limit.bytes", source="set.zip"
)
add(
    "limits-raised",
    "a limit that is raised: 200,000 letters",
    coco_files(coco(categories=[{"id": 1, "name": "z" * 200_000}])),
    ACCEPT,
    None,
    1,
    reads="coco",
    to="coco",
    options=["--limit", "text=300000"],
)

# -- codes that no other case has ---------------------------------------------------------
add(
    "dataloop-mask-bare",
    "base64 without its prefix",
    item_files(item(shape("binary", data_url(rgba()).partition(",")[2]))),
    WARN,
    "base64.prefix",
    1,
)
add(
    "dataloop-type-none",
    "a type that nobody knows",
    item_files(item(shape(), shape("octagon", id="a2"))),
    WARN,
    "schema.unknown",
    None,
)
add(
    "dataloop-box-four",
    "a box of four corners",
    item_files(
        item(
            shape(
                coordinates=[
                    {"x": 10, "y": 4},
                    {"x": 16, "y": 10},
                    {"x": 12, "y": 14},
                    {"x": 6, "y": 8},
                ]
            )
        )
    ),
    WARN,
    "geometry.rotated",
    1,
)
add(
    "yolo-yaml-itself",
    "a map that holds itself",
    yolo_files(ROW, "train: images\nnames: [apple, pear]\nx: &a {b: *a}\n"),
    ERROR,
    "yaml.recursive",
)
add(
    "voc-object-turned",
    "corners in the other order",
    voc_files(voc_xml(voc_object(), voc_object(box=(30, 13, 20, 5)))),
    WARN,
    "geometry.normalised",
    2,
)
add(
    "voc-filename-folder",
    "a filename without a picture",
    {"Annotations/p.xml": voc_xml(voc_object(), name="other.png"), "JPEGImages/q.png": IMAGE},
    ACCEPT,
    "path.disagrees",
    1,
)
add(
    "cvat-beside",
    "XML of something else beside",
    {
        "annotations.xml": b'<annotations><image id="0" name="p.png" width="40" height="30"><box label="apple" xtl="4" ytl="5" xbr="14" ybr="13"/></image></annotations>',
        "other.xml": b"<project/>",
    },
    ACCEPT,
    "xml.ignored",
    1,
)
add(
    "vtt-label-control",
    "a voice of control characters, for XML",
    {"p.vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v a\x02b>x\n"},
    ACCEPT,
    None,
    1,
)

DIRECTORY = PLAIN.index(b"PK\1\2")


def directory_twice(data: bytes, offset: int | None = None) -> bytes:
    """Return a zip with one more entry in its directory, a copy of the first."""
    end = data.index(b"PK\5\6")
    entries = data[DIRECTORY:end]
    length = 46 + sum(struct.unpack_from("<HHH", entries, 28))
    copy = bytearray(entries[:length])
    if offset is not None:
        name = copy[46 : 46 + struct.unpack_from("<H", copy, 28)[0]]
        copy[46 : 46 + len(name)] = b"b" + name[1:]
    count = struct.unpack_from("<H", data, end + 10)[0] + 1
    tail = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entries) + length, DIRECTORY, 0
    )
    return data[:DIRECTORY] + entries + bytes(copy) + tail


packed(
    "entry-twice", "an entry twice in the directory", ERROR, "zip.duplicate", directory_twice(PLAIN)
)
packed("overlap", "two names on one file's data", ERROR, "zip.overlap", directory_twice(PLAIN, 0))
packed(
    "same-name",
    "two files of one name",
    ERROR,
    "zip.duplicate",
    zipped({**GOOD, "images/x.png": IMAGE, "images/y.png": IMAGE}).replace(
        b"images/y.png", b"images/x.png"
    ),
)

# -- compressed texts of a PNG, in a mask inside JSON too -----------------------------------------
SWOLLEN = zlib.compress(bytes(40_000_000), 9)
INTERNATIONAL = chunk(b"iTXt", b"k\0\1\0\0\0" + SWOLLEN)
add(
    "masks-itxt-bomb",
    "40 MB of text in an iTXt chunk",
    mask_files(png(block(1), kind=3, palette=PALETTE, extra=INTERNATIONAL)),
    ERROR,
    "limit.png_text",
    stable=False,
)
add(
    "masks-text-plain",
    "2 MB of text that is not compressed",
    mask_files(png(block(1), kind=3, palette=PALETTE, extra=chunk(b"tEXt", b"k\0" + b"x" * 2**21))),
    ACCEPT,
    None,
    1,
)
add(
    "dataloop-mask-ztxt-bomb",
    "40 MB of text in the picture of a mask",
    item_files(
        item(
            shape(),
            shape(
                "binary", data_url(png(kind=6, extra=chunk(b"zTXt", b"k\0\0" + SWOLLEN))), id="a2"
            ),
        )
    ),
    WARN,
    "limit.png_text",
    1,
    stable=False,
)
