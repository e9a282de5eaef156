"""Hostile COCO files: the root, images, categories and the annotations of the instances task."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from bits import (
    ACCEPT,
    ERROR,
    HEIGHT,
    IMAGE,
    PICTURE,
    WARN,
    WIDTH,
    add,
    coco,
    coco_files,
    header_only,
    png,
    record,
    ring,
    stored,
    text,
)

GOOD = text(coco())
# Stored, so that each machine makes the same bytes.
GZIP = (
    b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    + stored(GOOD)[2:-4]
    + struct.pack("<II", zlib.crc32(GOOD), len(GOOD))
)


def root(name: str, what: str, value: Any, expected: str, code: str | None, **more: Any) -> None:
    add(f"coco-{name}", what, coco_files(value), expected, code, **more)


def bad(name: str, what: str, code: str, left: int = 1, **changes: Any) -> None:
    """Add a file with a good record and one that `changes` make bad."""
    value = coco([record(1), record(2, **changes)])
    like = "coco-good" if left == 1 else None
    add(f"coco-{name}", what, coco_files(value), WARN, code, left, like=like)


def fine(name: str, what: str, **changes: Any) -> None:
    value = coco([record(1), record(2, **changes)])
    add(f"coco-{name}", what, coco_files(value), ACCEPT, None, 2)


def image(
    name: str, what: str, expected: str, code: str | None, left: int | None = None, **changes: Any
) -> None:
    made = {"id": 1, "file_name": PICTURE, "width": WIDTH, "height": HEIGHT, **changes}
    made = {key: value for key, value in made.items() if value is not ...}
    add(f"coco-image-{name}", what, coco_files(coco(images=[made])), expected, code, left)


# -- the file -----------------------------------------------------------------------------
root("good", "the good record that the others are measured by", coco(), ACCEPT, None, survivors=1)
root("file-empty", "no byte", b"", ERROR, "file.empty")
root("file-blank", "blanks only", b" \n\t\n", ERROR, "file.empty")
root(
    "file-cut-string",
    "ends inside of a string",
    GOOD[: GOOD.index(b"apple") + 3],
    ERROR,
    "json.syntax",
)
root(
    "file-cut-number",
    "ends inside of a number",
    GOOD[: GOOD.index(b"72") + 1],
    ERROR,
    "json.syntax",
)
root("file-cut-last", "the last brace is missing", GOOD[:-1], ERROR, "json.syntax")
root("file-second", "a second document behind the first", GOOD + b"\n" + GOOD, ERROR, "json.syntax")
root("file-nul", "a NUL behind the document", GOOD + b"\0", ERROR, "json.syntax")
root(
    "file-utf16",
    "UTF-16 with its mark",
    GOOD.decode().encode("utf-16"),
    ACCEPT,
    "encoding.not_utf8",
    survivors=1,
)
root(
    "file-bad-utf8",
    "half of a character of two bytes",
    GOOD.replace(b"apple", b"appl\xc3"),
    ERROR,
    "encoding.invalid",
)
root(
    "file-overlong",
    "an overlong form of a slash",
    GOOD.replace(b"apple", b"a\xc0\xafb"),
    ERROR,
    "encoding.invalid",
)
root(
    "file-surrogate",
    "a name with half of a surrogate pair",
    GOOD.replace(b"apple", b"a\\ud800"),
    ERROR,
    "encoding.invalid",
)
root("file-bom", "a mark before the document", b"\xef\xbb\xbf" + GOOD, ACCEPT, None, survivors=1)
root("file-single-quotes", "quotes as in Python", GOOD.replace(b'"', b"'"), ERROR, "json.syntax")
root(
    "file-comma",
    "a comma too many in a list",
    GOOD.replace(b'}], "cat', b'},], "cat'),
    ERROR,
    "json.syntax",
)
root(
    "file-control",
    "a raw line feed in a string",
    GOOD.replace(b"apple", b"ap\nple"),
    ERROR,
    "json.syntax",
)
root(
    "file-escape",
    "an escape that JSON does not have",
    GOOD.replace(b"apple", b"a\\x41"),
    ERROR,
    "json.syntax",
)
root(
    "file-leading-zero",
    "an id written as 01",
    GOOD.replace(b'"id": 1, "image', b'"id": 01, "image'),
    ERROR,
    "json.syntax",
)
root("file-plus", "an area written as +72", GOOD.replace(b"72", b"+72"), ERROR, "json.syntax")
add(
    "coco-file-gzip-lie",
    "ends in .gz and is plain",
    {"annotations/instances_train.json.gz": GOOD},
    ACCEPT,
    None,
    1,
)
add(
    "coco-file-gzip-cut",
    "a gzip that is cut",
    {"annotations/instances_train.json.gz": GZIP[:-9]},
    ERROR,
    "zip.invalid",
)
add(
    "coco-file-gzip-crc",
    "a gzip with a wrong checksum",
    {"annotations/instances_train.json.gz": GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:]},
    ERROR,
    "zip.invalid",
)
root("root-number", "the root is a number", b"7", ERROR, "schema.root")
root("root-null", "the root is null", b"null", ERROR, "schema.root")
root("root-empty", "the root is {}", b"{}", ERROR, "schema.field")
root(
    "root-deep-list",
    "lists in lists, 5,000 deep, in an unknown key",
    b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"," + GOOD[1:],
    ERROR,
    "limit.depth",
)
root(
    "root-deep-object",
    "objects in objects, 5,000 deep",
    b'{"x":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"," + GOOD[1:],
    ERROR,
    "limit.depth",
)
root(
    "root-deep-unclosed",
    "200,000 brackets that are never closed",
    b"[" * 200_000,
    ERROR,
    "limit.depth",
)
root(
    "root-twice-images",
    "'images' twice at the root",
    b'{"images": [], ' + GOOD[1:],
    ERROR,
    "json.duplicate_key",
)
root(
    "root-twice-escaped",
    "'annotations' twice, once with an escape",
    b'{"\\u0061nnotations": [], ' + GOOD[1:],
    ERROR,
    "json.duplicate_key",
)
root("root-annotations-map", "'annotations' is an object", coco({}), ERROR, "schema.type")
root(
    "root-annotations-null",
    "'annotations' is null",
    coco(annotations=[]) | {"annotations": None},
    ERROR,
    "schema.type",
)
root("root-images-null", "'images' is null", coco(images=None), ERROR, "schema.type")
root("root-images-missing", "no 'images'", coco(images=...), ERROR, "schema.field")
root(
    "root-categories-map",
    "'categories' is an object",
    coco(categories={"1": "apple"}),
    ERROR,
    "schema.type",
)
root(
    "root-extra",
    "root keys that nobody knows",
    coco(**{"__proto__": {"x": 1}, "": [], "info": {}}),
    ACCEPT,
    None,
    survivors=1,
)

# -- images -------------------------------------------------------------------------------
image("id-missing", "no id", ERROR, "schema.field", id=...)
image("id-text", "the id is a text that an annotation does not have", WARN, "ref.image", 0, id="1")
image("id-float", "the id is 1.0", ACCEPT, None, 1, id=1.0)
image("id-half", "the id is 1.5", ERROR, "type.id", id=1.5)
image("id-null", "the id is null", ERROR, "schema.field", id=None)
image("id-true", "the id is true", ERROR, "type.id", id=True)
image("width-negative", "the width is -40", ERROR, "image.size", width=-40)
image("width-fraction", "the width is 40.5", WARN, "type.number", 1, width=40.5)
image("width-whole-float", "the width is 40.0", ACCEPT, None, 1, width=40.0)
image("width-1e9", "the width is 10**9", WARN, "image.size_disagrees", 1, width=10**9)
image("width-1e400", "the height is 1e400", ERROR, "number.not_finite", height=float("inf"))
image("width-missing", "no width: it is in the picture", ACCEPT, None, 1, width=...)
image("name-missing", "no file_name", ERROR, "schema.field", file_name=...)
image("name-up", "a name that climbs out", ERROR, "path.escape", file_name="../../../../tmp/p.png")
image(
    "name-up-mixed",
    "a name that climbs out behind a folder",
    ERROR,
    "path.escape",
    file_name="a/../../p.png",
)
image(
    "name-up-backslash",
    "a name that climbs out by backslashes",
    ERROR,
    "path.escape",
    file_name="a\\..\\..\\p.png",
)
image("name-root", "an absolute name", ERROR, "path.escape", file_name="/etc/p.png")
image("name-drive", "a name on a drive", ERROR, "path.escape", file_name="C:\\p.png")
image("name-share", "a name on a share", ERROR, "path.escape", file_name="\\\\host\\share\\p.png")
image("name-nul", "a NUL in a name", ERROR, "path.invalid", file_name="p\0.png")
image("name-newline", "a line feed in a name", ERROR, "path.invalid", file_name="p\n.png")
image(
    "name-escape-code",
    "a terminal's escape code in a name",
    ERROR,
    "path.invalid",
    file_name="\x1b[2Jp.png",
)
image("name-dot", "the name is a dot", ERROR, "path.invalid", file_name=".")
image("name-folder", "the name ends in a slash", ERROR, "path.invalid", file_name="p/")
image("name-blank", "a name of blanks", ERROR, "path.invalid", file_name="   ")
image(
    "name-long-component", "a step of 300 bytes", ERROR, "limit.path", file_name="q" * 300 + ".png"
)
image(
    "name-long-umlauts",
    "a step of 200 letters, 400 bytes",
    ERROR,
    "limit.path",
    file_name="ü" * 200 + ".png",
)
image(
    "name-long-path",
    "a path of 6,000 bytes",
    ERROR,
    "limit.path",
    file_name="/".join(["r" * 100] * 60) + ".png",
)
image(
    "name-device",
    "a name that Windows keeps for a device",
    WARN,
    "path.reserved",
    1,
    file_name="NUL.png",
    width=WIDTH,
)
image(
    "name-trailing-dot",
    "a folder that ends in a dot",
    WARN,
    "path.reserved",
    1,
    file_name="day./p.png",
)
image(
    "name-url-s3", "an address of an object store", ERROR, "path.url", file_name="s3://bucket/p.png"
)
image(
    "name-url-file", "an address of a local file", ERROR, "path.url", file_name="file:///etc/passwd"
)
image("name-number", "the name is a number", ERROR, "type.text", file_name=5)
image(
    "name-inside",
    "a step up inside of the name",
    WARN,
    "path.normalised",
    1,
    file_name="b/../p.png",
)
add(
    "coco-image-huge",
    "a size of 10**9 squared, and no picture",
    {
        "annotations/instances_train.json": text(
            coco(images=[{"id": 1, "file_name": PICTURE, "width": 10**9, "height": 10**9}])
        )
    },
    ACCEPT,
    None,
    1,
)
add(
    "coco-image-twice",
    "one image record twice",
    coco_files(coco(images=coco()["images"] * 2)),
    ACCEPT,
    None,
    1,
)
add(
    "coco-image-id-differs",
    "two images of one id",
    coco_files(
        coco(images=[*coco()["images"], {"id": 1, "file_name": "q.png", "width": 9, "height": 9}])
    ),
    ERROR,
    "ref.duplicate_id",
)
add(
    "coco-image-name-twice",
    "two ids of one name",
    coco_files(coco(images=[*coco()["images"], {**coco()["images"][0], "id": 2}])),
    WARN,
    "path.collision",
    1,
)
add(
    "coco-image-unicode",
    "two names that are one letter in two forms",
    coco_files(
        coco(
            [record(1), record(2, image_id=2)],
            images=[
                {"id": 1, "file_name": "\u00e9.png", "width": 40, "height": 30},
                {"id": 2, "file_name": "e\u0301.png", "width": 40, "height": 30},
            ],
        )
    ),
    WARN,
    "path.collision",
    2,
)
add(
    "coco-image-case-folder",
    "two folders that differ in case",
    coco_files(
        coco(
            [record(1), record(2, image_id=2)],
            images=[
                {"id": 1, "file_name": "Day/p.png", "width": 40, "height": 30},
                {"id": 2, "file_name": "day/p.jpg", "width": 40, "height": 30},
            ],
        )
    ),
    WARN,
    "path.collision",
    2,
)
add(
    "coco-image-null",
    "null among the images",
    coco_files(coco(images=[None, *coco()["images"]])),
    ERROR,
    "schema.type",
)
add(
    "coco-image-header-bomb",
    "no size, and a picture of 60,000 x 60,000",
    {
        **coco_files(coco(images=[{"id": 1, "file_name": PICTURE}])),
        f"images/{PICTURE}": header_only(60_000, 60_000),
    },
    ERROR,
    "limit.pixels",
)
add(
    "coco-image-no-picture",
    "no size, and a picture of text",
    {
        **coco_files(coco(images=[{"id": 1, "file_name": PICTURE}])),
        f"images/{PICTURE}": b"no picture",
    },
    ERROR,
    "image.unreadable",
)
add(
    "coco-image-cut",
    "no size, and a picture cut in its header",
    {**coco_files(coco(images=[{"id": 1, "file_name": PICTURE}])), f"images/{PICTURE}": IMAGE[:20]},
    ERROR,
    "image.unreadable",
)
add(
    "coco-image-other-size",
    "a picture of another size",
    {**coco_files(coco()), f"images/{PICTURE}": png(size=(20, 20), kind=2)},
    WARN,
    "image.size_disagrees",
    1,
)

# -- categories ---------------------------------------------------------------------------


def category(
    word: str, what: str, expected: str, code: str | None, left: int | None = None, **changes: Any
) -> None:
    first = {"id": 1, "name": "apple", **changes}
    first = {key: value for key, value in first.items() if value is not ...}
    value = coco(categories=[first, {"id": 2, "name": "pear"}])
    add(f"coco-category-{word}", what, coco_files(value), expected, code, left)


category("name-missing", "no name", ERROR, "schema.field", name=...)
category("name-list", "the name is a list", WARN, "type.text", 1, name=["apple"])
category("name-blank", "the name is blanks", WARN, "type.text", 1, name="  ")
category("name-same", "two categories of one name", ACCEPT, "ref.duplicate_name", 1, name="pear")
category("name-200k", "a name of 200,000 letters", ERROR, "limit.text", name="z" * 200_000)
category("id-text", "an id that is a text", WARN, "ref.category", 0, id="1")
category("id-missing", "no id", ERROR, "schema.field", id=...)
category("id-list", "the id is a list", ERROR, "type.id", id=[1])
category("id-2e70", "an id of 2**70 that no record has", WARN, "ref.category", 0, id=2**70)
add(
    "coco-category-null",
    "null among the categories",
    coco_files(coco(categories=[None, *coco()["categories"]])),
    ERROR,
    "schema.type",
)
add(
    "coco-category-twice",
    "one category record twice",
    coco_files(coco(categories=[*coco()["categories"], *coco()["categories"]])),
    ACCEPT,
    None,
    1,
)

# -- boxes and ids ------------------------------------------------------------------------
NAN, INF = float("nan"), float("inf")
bad("box-nan", "a NaN in the box", "number.not_finite", bbox=[15, 6, NAN, 8])
bad("box-minus-infinity", "-Infinity in the box", "number.not_finite", bbox=[-INF, 6, 9, 8])
bad("box-1e300", "a coordinate of 1e300", "geometry.outside_image", bbox=[1e300, 6, 9, 8])
bad("box-1e8", "a coordinate of 1e8", "geometry.outside_image", bbox=[1e8, 6, 9, 8])
bad("box-text", "numbers as texts", "type.number", bbox=["15", "6", "9", "8"])
bad("box-null", "null in the box", "type.number", bbox=[15, None, 9, 8])
bad("box-true", "true in the box", "type.number", bbox=[15, 6, True, 8])
bad("box-6", "six numbers", "geometry.bbox_arity", bbox=[15, 6, 9, 8, 0, 0])
fine("box-0", "no number: the outline is all there is", bbox=[])
bad("box-map", "an object of edges", "schema.type", bbox={"x": 15, "y": 6, "w": 9, "h": 8})
bad("box-string", "a text of numbers", "schema.type", bbox="15 6 9 8")
bad("box-negative-width", "a negative width", "geometry.bbox_size", bbox=[15, 6, -9, 8])
bad("box-digits-2000", "a number of 2,000 digits", "number.range", bbox=[10**2000, 6, 9, 8])
bad(
    "box-wide",
    "a box around everything, 1e300 wide",
    "number.range",
    bbox=[0, 0, 1e300, 1e300],
    segmentation=...,
)
bad(
    "box-left-of",
    "a box left of the image",
    "geometry.outside_image",
    bbox=[-60, 6, 9, 8],
    segmentation=...,
)
fine("box-partly-out", "a box that reaches out", bbox=[35, 6, 9, 8], segmentation=...)
fine(
    "box-fractions",
    "a box of long fractions",
    bbox=[15.123456789012345, 6.1, 9.7, 8.3],
    segmentation=...,
)
fine("box-minus-zero", "a coordinate of -0.0", bbox=[-0.0, 6, 9, 8], segmentation=...)
bad("of-image-null", "image_id is null", "schema.field", image_id=None)
bad("of-image-missing", "no image_id", "schema.field", image_id=...)
bad("of-image-text", "image_id is a text", "ref.image", image_id="1")
bad("of-image-map", "image_id is an object", "type.id", image_id={"$oid": "1"})
bad("of-image-2e64", "image_id of 2**64", "ref.image", image_id=2**64)
bad("of-image-nan", "image_id is NaN", "number.not_finite", image_id=NAN)
bad("of-category-null", "category_id is null", "schema.field", category_id=None)
bad("of-category-unknown", "category_id is not there", "ref.category", category_id=3)
bad("of-category-minus", "category_id is -1", "ref.category", category_id=-1)
bad("of-category-text", "category_id is a text", "ref.category", category_id="1")
bad("of-category-half", "category_id is 1.5", "type.id", category_id=1.5)
bad("of-category-list", "category_id is a list", "type.id", category_id=[1])
fine("of-category-float", "category_id is 1.0", category_id=1.0)
fine("id-text", "the id is a text", id="k")
fine("id-missing", "no id", id=...)
fine("id-minus", "the id is negative", id=-2)
add(
    "coco-record-twice",
    "the same record twice",
    coco_files(coco([record(1), record(1)])),
    ACCEPT,
    "ref.duplicate_id",
    2,
)
add(
    "coco-record-id-twice",
    "two records of one id",
    coco_files(coco([record(1), record(2, id=1)])),
    ACCEPT,
    "ref.duplicate_id",
    2,
)
add(
    "coco-record-key-twice",
    "'bbox' twice in a record",
    coco_files(GOOD.replace(b'"area": 72', b'"bbox": [0, 0, 1, 1], "area": 72')),
    WARN,
    "json.duplicate_key",
    0,
)
add(
    "coco-record-deep",
    "100 lists in a field that nobody knows",
    coco_files(GOOD.replace(b'"area": 72', b'"x": ' + b"[" * 100 + b"]" * 100)),
    ERROR,
    "limit.depth",
)
add(
    "coco-record-kinds",
    "numbers, texts and lists among the records",
    coco_files(coco([record(1), 5, "x", [], None, True])),
    WARN,
    "schema.type",
    1,
    like="coco-good",
)
add(
    "coco-record-empty",
    "a record without a key",
    coco_files(coco([record(1), {}])),
    WARN,
    "schema.field",
    1,
    like="coco-good",
)
bad("crowd-two", "iscrowd is 2", "value.range", iscrowd=2)
fine("crowd-null", "iscrowd is null", iscrowd=None)
bad("area-nan", "the area is NaN", "number.not_finite", area=NAN)
bad("area-text", "the area is a text", "type.number", area="72")
fine("area-minus", "the area is negative, and no part of the shape", area=-1)

# -- outlines -----------------------------------------------------------------------------
bad("ring-two", "a ring of two points", "polygon.too_few", segmentation=[[15, 6, 24, 6]])
bad("ring-five", "five numbers", "polygon.odd", segmentation=[[15, 6, 24, 6, 24]])
bad("ring-nan", "a NaN in a ring", "number.not_finite", segmentation=[[15, 6, NAN, 6, 24, 14]])
bad(
    "ring-text", "texts in a ring", "type.number", segmentation=[["15", "6", "24", "6", "24", "14"]]
)
bad("ring-true", "booleans in a ring", "type.number", segmentation=[[True, False, 24, 6, 24, 14]])
bad(
    "ring-flat",
    "numbers without a ring around them",
    "polygon.nesting",
    left=2,
    segmentation=ring(15, 6, 9, 8),
)
bad("ring-deep", "rings in a list too many", "polygon.nesting", segmentation=[[ring(15, 6, 9, 8)]])
bad("ring-null", "null for a ring", "type.number", segmentation=[None])
bad("ring-map", "an object for a ring", "schema.type", segmentation=[{"x": 1}])
bad("ring-one-place", "a ring of one place", "polygon.zero_area", segmentation=[[15, 6] * 4])
bad(
    "ring-1e7",
    "a ring 1e7 px long",
    "geometry.outside_image",
    segmentation=[[0, 0, 9e6, 0, 9e6, 9]],
)
bad(
    "ring-2e6",
    "a ring of 2e6 px in small steps",
    "geometry.outside_image",
    segmentation=[[0, 0, 1e6, 0, 0, 1]],
)
bad(
    "ring-1e30",
    "coordinates of 1e30",
    "geometry.outside_image",
    segmentation=[[1e30, 0, 2e30, 0, 2e30, 9]],
)
bad(
    "ring-100001",
    "100,001 vertices",
    "limit.points",
    segmentation=[[15, 6, 24, 6, 24, 14] + [15, 14] * 99_998],
)
bad("ring-number", "segmentation is a number", "schema.type", segmentation=5)
fine(
    "ring-bow",
    "a ring that crosses itself inside of its box",
    segmentation=[[15, 6, 24, 14, 24, 6, 15, 14]],
)
fine(
    "ring-closed",
    "a ring whose last vertex is its first",
    segmentation=[[*ring(15, 6, 9, 8), 15, 6]],
)
fine(
    "ring-hole",
    "two rings, one inside of the other",
    segmentation=[ring(15, 6, 9, 8), ring(17, 8, 3, 3)],
)
fine("ring-none", "an empty list: the box is all there is", segmentation=[])
add(
    "coco-ring-crowd",
    "a crowd that is a polygon",
    coco_files(coco([record(1, iscrowd=1)])),
    ACCEPT,
    "geometry.crowd_polygon",
    1,
)
bad(
    "ring-far-from-box",
    "an outline far from its box",
    "geometry.disagree",
    left=2,
    segmentation=[ring(30, 20, 5, 5)],
)

# -- run lengths --------------------------------------------------------------------------
TOTAL = WIDTH * HEIGHT
SIZE = [HEIGHT, WIDTH]


def runs(
    name: str, what: str, counts: Any, size: Any = SIZE, code: str = "rle.invalid", **more: Any
) -> None:
    bad(
        f"runs-{name}",
        what,
        code,
        segmentation={"size": size, "counts": counts},
        bbox=...,
        area=...,
        **more,
    )


runs("short", "counts one short of the pixels", [450, 8, TOTAL - 459])
runs("long", "counts one over the pixels", [450, 8, TOTAL - 457])
runs("minus", "a negative count that makes the sum fit", [500, -50, TOTAL - 450])
runs("2e32", "a count of 2**32 more than it should be", [450, 8, TOTAL - 458 + 2**32])
runs("2e64", "counts that wrap to the right sum in 64 bits", [2**63, 2**63, TOTAL])
runs("text", "counts as texts", ["450", "8", str(TOTAL - 458)])
runs("true", "booleans among the counts", [450, True, TOTAL - 451])
runs("nan", "a NaN among the counts", [450, NAN, TOTAL - 450], code="number.not_finite")
runs("none", "no counts", [])
runs("map", "counts are an object", {"a": 1})
runs("number", "counts are a number", 7)
runs("size-one", "a size of one number", [TOTAL], [HEIGHT])
runs("size-three", "a size of three numbers", [TOTAL], [HEIGHT, WIDTH, 1])
runs("size-minus", "a negative size", [TOTAL], [-HEIGHT, -WIDTH])
runs("size-turned", "width and height exchanged", [450, 8, TOTAL - 458], [WIDTH, HEIGHT])
runs("size-float", "a size of fractions", [450, 8, TOTAL - 458], [HEIGHT + 0.5, WIDTH])
runs("size-missing", "no size", [450, 8, TOTAL - 458], None)
runs("size-2e31", "a size of 2**31 squared", [2**62], [2**31, 2**31], code="limit.pixels")
runs("text-high", "a letter beyond the alphabet of the text", "~~~~")
runs("text-low", "a blank in the text", " 0")
runs("text-open", "a text that ends inside of a number", "oo")
runs("text-wide", "a number of 60 digits", "o" * 60 + "0")
runs("text-letters", "letters outside of ASCII", "äöü")
runs("text-short", "a text for a part of the pixels", "52")
fine(
    "runs-all",
    "one run of ones over everything",
    segmentation={"size": SIZE, "counts": [0, TOTAL]},
    bbox=[0, 0, WIDTH, HEIGHT],
    area=TOTAL,
)
fine(
    "runs-zero",
    "a mask without a pixel",
    segmentation={"size": SIZE, "counts": [TOTAL]},
    bbox=...,
    area=...,
)
