"""Hostile YOLO data sets: rows of each task, class files, layouts, names lists."""

from __future__ import annotations

from typing import Any

from bits import ACCEPT, ERROR, IMAGE, PICTURE, WARN, add, header_only, yolo_files

ROW = "0 0.5 0.5 0.25 0.3"


def rows(
    name: str, what: str, code: str | None, left: int | None, second: str | bytes, **more: Any
) -> None:
    """Add a label file of a good row and a second one."""
    tail = second if isinstance(second, bytes) else second.encode()
    like = "yolo-row-good" if left == 1 and code else None
    files = yolo_files(ROW.encode() + b"\n" + tail + b"\n")
    add(f"yolo-row-{name}", what, files, WARN if code else ACCEPT, code, left, like=like, **more)


def yaml(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    value: str | bytes,
    left: int | None = None,
    **more: Any,
) -> None:
    add(f"yolo-yaml-{name}", what, yolo_files(ROW + "\n", value), expected, code, left, **more)


add(
    "yolo-row-good",
    "the good row that the others are measured by",
    yolo_files(ROW + "\n"),
    ACCEPT,
    None,
    1,
)
rows("nan", "a NaN", "number.not_finite", 1, "0 nan 0.5 0.1 0.1")
rows("minus-inf", "-inf", "number.not_finite", 1, "0 0.5 -inf 0.1 0.1")
rows("infinity", "Infinity", "number.not_finite", 1, "0 0.5 0.5 Infinity 0.1")
rows("1e400", "a number that is infinite as a float", "number.not_finite", 1, "0 0.5 1e400 0.1 0.1")
rows("comma", "decimal commas", "type.number", 1, "0 0,5 0,5 0,1 0,1")
rows("word", "a word for a number", "type.number", 1, "0 0.5 half 0.1 0.1")
rows("code", "an expression for a number", "type.number", 1, "0 0.5 __import__('os') 0.1 0.1")
rows("arabic", "digits of another script", "type.number", 1, "0 0.5 \u0660.\u0665 0.1 0.1")
rows("fullwidth-class", "a class of a full-width digit", "type.id", 1, "\uff11 0.5 0.5 0.1 0.1")
rows("underscores", "underscores in a number", "type.number", 1, "0 0.5 0.1_0 0.1 0.1")
rows("d-exponent", "an exponent of Fortran", "type.number", 1, "0 0.5 1d-1 0.1 0.1")
rows("class-2", "a class without a name", "ref.category", 1, "2 0.5 0.5 0.1 0.1")
rows("class-minus-0", "a class of -0", None, 2, "-0 0.5 0.5 0.1 0.1")
rows("class-1e0", "a class of 1e0", "type.id", 1, "1e0 0.5 0.5 0.1 0.1")
rows("class-name", "a class by its name", "type.id", 1, "apple 0.5 0.5 0.1 0.1")
rows("class-2e64", "a class of 2**64", "ref.category", 1, f"{2**64} 0.5 0.5 0.1 0.1")
rows("class-plus", "a class of +1", None, 2, "+1 0.5 0.5 0.1 0.1")
rows("one", "a class alone", "row.arity", 1, "0")
rows("three", "three fields", "row.arity", 1, "0 0.5 0.5")
rows("eight", "eight fields", "row.arity", 1, "0 0.1 0.1 0.2 0.1 0.2 0.2 0.3")
rows("pixels", "a box in pixels", "value.range", 1, "0 20 15 10 9")
rows("far", "coordinates of 1e9", "value.range", 1, "0 1e9 0.5 0.1 0.1")
rows("negative-height", "a negative height", "geometry.bbox_size", 1, "0 0.5 0.5 0.1 -0.1")
rows("tabs", "tabs between the fields", None, 2, "0\t0.5\t0.5\t0.1\t0.1")
rows("blanks", "many blanks, and blank lines", None, 2, "\n   \n  0   0.5 0.5   0.1 0.1  \n\n")
rows("crlf", "lines ended as on Windows", None, 2, "0 0.5 0.5 0.1 0.1\r")
rows("long", "a line of 100,000 fields", "row.arity", 1, "0" + " 0.5" * 100_000 + " 1")
rows("digits", "a number of 5,000 digits", None, 2, "0 0." + "3" * 5_000 + " 0.5 0.1 0.1")
rows("twice", "a row twice", "record.duplicate", 2, ROW, strict=WARN)
rows(
    "ring-points",
    "a polygon of 100,001 vertices",
    "limit.points",
    1,
    "0" + " 0.1 0.1 0.9 0.1 0.9 0.9" + " 0.5 0.6" * 99_998,
)
rows("ring-flat", "a polygon on a line", "polygon.zero_area", 1, "0 0.1 0.1 0.2 0.2 0.3 0.3")
rows("ring-nan", "a polygon with a NaN", "number.not_finite", 1, "0 0.1 0.1 nan 0.2 0.3 0.3")
rows("bom-inside", "a mark at the head of the second row", "type.id", 1, "\ufeff0 0.5 0.5 0.1 0.1")
add(
    "yolo-label-bom",
    "a mark at the head of the file",
    yolo_files(b"\xef\xbb\xbf" + ROW.encode()),
    ACCEPT,
    None,
    1,
)
add(
    "yolo-label-latin1",
    "a byte that is no UTF-8, alone",
    yolo_files(b"0 0.5 0.5 0.1 0.1 \xe9\n"),
    ERROR,
    "encoding.invalid",
)
add(
    "yolo-label-of-many",
    "one of two label files is a PNG",
    yolo_files(ROW, **{"labels/q.txt": IMAGE, "images/q.png": IMAGE}),
    WARN,
    "encoding.invalid",
    1,
)
add(
    "yolo-label-17mb",
    "a label file of 17 MiB, alone",
    yolo_files(b"0 0.5 0.5 0.1 0.1\n" * (17 * 2**20 // 18 + 1)),
    ERROR,
    "limit.bytes",
)
add("yolo-label-blank", "a label file of blanks", yolo_files("  \n \t \n"), ACCEPT, None, 0)
add(
    "yolo-label-no-image",
    "a label file without a picture",
    {k: v for k, v in yolo_files(ROW, **{"labels/q.txt": ROW.encode()}).items() if k},
    WARN,
    "image.size",
    None,
)
add(
    "yolo-label-table",
    "a table of the network's results instead of labels",
    yolo_files("<html><body>404</body></html>"),
    WARN,
    "type.id",
    0,
)
add(
    "yolo-image-text",
    "a picture of text",
    yolo_files(ROW, **{f"images/{PICTURE}": b"text"}),
    ERROR,
    "image.unreadable",
)
add(
    "yolo-image-zero",
    "a picture of 0 x 0",
    yolo_files(ROW, **{f"images/{PICTURE}": header_only(0, 0)}),
    ERROR,
    "image.unreadable",
)
add(
    "yolo-image-bomb",
    "a picture of 100,000 x 100,000",
    yolo_files(ROW, **{f"images/{PICTURE}": header_only(100_000, 100_000)}),
    ERROR,
    "limit.pixels",
)
add(
    "yolo-image-link",
    "a picture that is a link out",
    yolo_files(ROW),
    WARN,
    "path.symlink",
    None,
    setup=[{"symlink": "INPUT/images/q.png", "target": "/etc/hostname"}],
)
add(
    "yolo-label-link",
    "a label file that is a link out",
    yolo_files(ROW),
    WARN,
    "path.symlink",
    None,
    setup=[{"symlink": "INPUT/labels/q.txt", "target": "/etc/hostname"}],
)
add(
    "yolo-label-fifo",
    "a label file that is a pipe",
    yolo_files(ROW, **{"images/q.png": IMAGE}),
    WARN,
    "file.not_regular",
    1,
    setup=[{"fifo": "INPUT/labels/q.txt"}],
)
add(
    "yolo-label-folder",
    "a label file that is a folder",
    yolo_files(ROW, **{"images/q.png": IMAGE}),
    ACCEPT,
    None,
    1,
    setup=[{"folder": "INPUT/labels/q.txt"}],
)

# -- class files --------------------------------------------------------------------------
NAMES = "names: [apple, pear]\n"
yaml("empty", "no byte", ERROR, "file.empty", b"")
yaml("list", "the root is a list", ERROR, "schema.root", "- apple\n")
yaml("text", "the root is a text", ERROR, "schema.root", "apple\n")
yaml(
    "object",
    "a tag that makes an object",
    ERROR,
    "yaml.tag",
    "train: images\nnames: !!python/object/apply:os.system ['true']\n",
)
yaml(
    "module",
    "a tag that loads a module",
    ERROR,
    "yaml.tag",
    "train: images\nx: !!python/module:os\n" + NAMES,
)
yaml("own-tag", "a tag of its own", ERROR, "yaml.tag", "train: images\nx: !thing 1\n" + NAMES)
yaml("alias", "an alias", ERROR, "limit.aliases", "a: &a images\ntrain: *a\n" + NAMES)
yaml(
    "laughs",
    "aliases of aliases",
    ERROR,
    "limit.aliases",
    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ntrain: images\n" + NAMES,
)
yaml(
    "merge", "a merge key", ERROR, "limit.aliases", "a: &a {nc: 2}\n<<: *a\ntrain: images\n" + NAMES
)
yaml(
    "deep",
    "lists in lists, 500 deep",
    ERROR,
    "limit.depth",
    "train: images\n" + NAMES + "x: " + "[" * 500 + "]" * 500 + "\n",
)
yaml(
    "deep-open", "50,000 brackets that are never closed", ERROR, "yaml.syntax", "x: " + "[" * 50_000
)
yaml(
    "two",
    "two documents",
    ERROR,
    "yaml.syntax",
    "train: images\n" + NAMES + "---\ntrain: images\n" + NAMES,
)
yaml(
    "twice-name",
    "a number twice among the names",
    ERROR,
    "yaml.duplicate_key",
    "train: images\nnames:\n  0: apple\n  0: pear\n",
)
yaml("names-text", "names as one text", ERROR, "schema.names", "train: images\nnames: apple\n")
yaml("names-none", "no names at all", ERROR, "schema.field", "train: images\nnames: []\n")
yaml(
    "names-gap",
    "numbers with a gap",
    ACCEPT,
    None,
    "train: images\nnames: {0: apple, 5: pear}\n",
    1,
)
yaml(
    "names-minus",
    "a number below 0",
    ERROR,
    "schema.names",
    "train: images\nnames: {-1: apple, 0: pear}\n",
)
yaml(
    "names-2e40",
    "a number of 2**40",
    ERROR,
    "schema.names",
    f"train: images\nnames: {{{2**40}: apple, 0: pear}}\n",
)
yaml(
    "names-list",
    "a list for a name",
    ERROR,
    "schema.names",
    "train: images\nnames: [[apple], pear]\n",
)
yaml(
    "names-date",
    "a date for a name",
    WARN,
    "type.text",
    "train: images\nnames: [2024-01-01, pear]\n",
    1,
)
yaml(
    "names-70k",
    "a name of 70,000 letters",
    ERROR,
    "limit.text",
    "train: images\nnames: [" + "a" * 70_000 + "]\n",
)
yaml(
    "nc", "nc is not the number of names", WARN, "schema.field", "train: images\nnc: 5\n" + NAMES, 1
)
yaml(
    "big",
    "300 KiB",
    ERROR,
    "limit.bytes",
    "train: images\n" + NAMES + "# " + "x" * (300 << 10) + "\n",
)
yaml(
    "latin1",
    "a byte that is no UTF-8",
    ERROR,
    "encoding.invalid",
    b"train: images\nnames: [\xe9pice, pear]\n",
)
yaml(
    "control",
    "a control character",
    ERROR,
    "yaml.syntax",
    b"train: images\nnames: [a\x07b, pear]\n",
)
yaml(
    "path-root",
    "a root that is /: it is the folder of the file",
    ACCEPT,
    None,
    "path: /\ntrain: images\n" + NAMES,
    1,
)
yaml("path-etc", "pictures in /etc", ERROR, "path.escape", "train: /etc\n" + NAMES)
yaml(
    "path-home",
    "pictures in ~: those of the data set",
    ACCEPT,
    None,
    "train: ~/images\n" + NAMES,
    1,
)
yaml(
    "path-url",
    "pictures at an address: those of the data set",
    ACCEPT,
    None,
    "train: http://127.0.0.1:9/images\n" + NAMES,
    1,
)
yaml("path-number", "a number for a folder", ACCEPT, "ref.image", "train: 5\n" + NAMES, 1)
yaml(
    "path-missing", "a folder that is not there", ACCEPT, "ref.image", "train: nowhere\n" + NAMES, 1
)
yaml(
    "download",
    "a script to run",
    WARN,
    "yaml.ignored_key",
    "train: images\ndownload: |\n  import os\n  os.system('true')\n" + NAMES,
    1,
    strict=WARN,
)
yaml(
    "markup",
    "names of markup and quotes",
    ACCEPT,
    None,
    "train: images\nnames: ['<a b=\"c\">&', 'x: [y], {z} # \\']\n",
    1,
)
yaml(
    "yes-no",
    "names that are words of YAML",
    WARN,
    "type.text",
    "train: images\nnames: [yes, null]\n",
    1,
)
for word, what, lines, outcome, code in (
    ("list-up", "a list that climbs out", "../../../../etc/hostname.png\n", WARN, "path.escape"),
    ("list-root", "a list of absolute names", "/etc/hostname.png\n", ERROR, None),
    ("list-url", "a list of addresses", "http://127.0.0.1:9/p.png\n", ERROR, None),
    ("list-nul", "a NUL in a list", "images/p.png\nimages/\0.png\n", WARN, "path.invalid"),
):
    more = {"list.txt": lines.encode()}
    add(f"yolo-{word}", what, yolo_files(ROW, "train: list.txt\n" + NAMES, **more), outcome, code)
add(
    "yolo-names-no-yaml",
    "rows and pictures without any names",
    {k: v for k, v in yolo_files(ROW).items() if k != "data.yaml"},
    ERROR,
    "schema.names",
)


# -- the other tasks ----------------------------------------------------------------------
def pose(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    row: str,
    left: int | None = None,
    shape: str = "[2, 3]",
) -> None:
    classes = f"train: images\nkpt_shape: {shape}\nnames: [apple, pear]\n"
    good = "0 0.5 0.5 0.25 0.3 0.5 0.5 2 0.4 0.4 1"
    add(f"yolo-pose-{name}", what, yolo_files(f"{good}\n{row}\n", classes), expected, code, left)


pose("good", "two poses", ACCEPT, None, "1 0.5 0.5 0.2 0.3 0.5 0.5 2 0.4 0.4 1", 2)
pose("short", "a point too few", WARN, "row.arity", "1 0.5 0.5 0.2 0.3 0.5 0.5 2", 1)
pose(
    "visibility",
    "a visibility of 7",
    WARN,
    "value.range",
    "1 0.5 0.5 0.2 0.3 0.5 0.5 7 0.4 0.4 1",
    1,
)
pose(
    "nan",
    "a NaN for a point",
    WARN,
    "number.not_finite",
    "1 0.5 0.5 0.2 0.3 nan 0.5 2 0.4 0.4 1",
    1,
)
pose("shape-text", "kpt_shape is a text", ERROR, "schema.field", "", shape="17x3")
pose("shape-huge", "kpt_shape of 10**9 points", ERROR, "schema.field", "", shape="[1000000000, 3]")
pose("shape-four", "kpt_shape of 4 numbers a point", ERROR, "schema.field", "", shape="[2, 4]")
pose("shape-minus", "kpt_shape of -2 points", ERROR, "schema.field", "", shape="[-2, 3]")


def obb(name: str, what: str, code: str | None, row: str, left: int) -> None:
    good = "0 0.2 0.2 0.4 0.2 0.4 0.5 0.2 0.5"
    files = yolo_files(f"{good}\n{row}\n")
    outcome = WARN if code else ACCEPT
    add(f"yolo-obb-{name}", what, files, outcome, code, left, options=["--task", "obb"], to="yolo")


obb("good", "two rotated boxes", None, "1 0.5 0.5 0.6 0.6 0.5 0.7 0.4 0.6", 2)
obb("three", "three corners", "row.arity", "1 0.5 0.5 0.6 0.6 0.5 0.7", 1)
obb("point", "four times one corner", None, "1 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5", 2)
obb("inf", "an infinite corner", "number.not_finite", "1 inf 0.5 0.6 0.6 0.5 0.7 0.4 0.6", 1)

add(
    "yolo-classify-good",
    "pictures in folders of classes",
    {"train/apple/p.png": IMAGE, "train/pear/q.png": IMAGE},
    ACCEPT,
    None,
    2,
)
add(
    "yolo-classify-text",
    "a text among the pictures",
    {"train/apple/p.png": IMAGE, "train/pear/q.png": IMAGE, "train/pear/notes.txt": b"x"},
    ACCEPT,
    None,
    2,
)
add(
    "yolo-classify-broken",
    "a broken picture",
    {"train/apple/p.png": IMAGE, "train/pear/q.png": b"x"},
    WARN,
    "image.unreadable",
    1,
)
add(
    "yolo-classify-link",
    "a class that is a link out",
    {"train/apple/p.png": IMAGE, "train/pear/q.png": IMAGE},
    WARN,
    "path.symlink",
    None,
    setup=[{"symlink": "INPUT/train/plum", "target": "/etc"}],
)

add(
    "yolo-darknet-good",
    "the layout of Darknet",
    {
        "obj.data": b"classes = 2\ntrain = train.txt\nnames = obj.names\n",
        "obj.names": b"apple\npear\n",
        "train.txt": b"obj_train_data/p.png\n",
        "obj_train_data/p.png": IMAGE,
        "obj_train_data/p.txt": ROW.encode(),
    },
    ACCEPT,
    None,
    1,
)
add(
    "yolo-darknet-names-up",
    "names that climb out",
    {
        "obj.data": b"classes = 2\ntrain = train.txt\nnames = ../../../../etc/hostname\n",
        "train.txt": b"obj_train_data/p.png\n",
        "obj_train_data/p.png": IMAGE,
        "obj_train_data/p.txt": ROW.encode(),
    },
    ERROR,
    "schema.field",
)
add(
    "yolo-darknet-train-up",
    "a list that climbs out",
    {
        "obj.data": b"classes = 2\ntrain = ../../../../etc/hostname\nnames = obj.names\n",
        "obj.names": b"apple\npear\n",
        "obj_train_data/p.png": IMAGE,
        "obj_train_data/p.txt": ROW.encode(),
    },
    ERROR,
    "schema.field",
)
add(
    "yolo-darknet-names-utf16",
    "names in UTF-16",
    {
        "obj.data": b"classes = 2\ntrain = train.txt\nnames = obj.names\n",
        "obj.names": "apple\npear\n".encode("utf-16"),
        "train.txt": b"obj_train_data/p.png\n",
        "obj_train_data/p.png": IMAGE,
        "obj_train_data/p.txt": ROW.encode(),
    },
    ACCEPT,
    "encoding.not_utf8",
    1,
)
add(
    "yolo-names-blank-line",
    "a blank line among the names",
    {
        "obj.data": b"classes = 3\ntrain = train.txt\nnames = obj.names\n",
        "obj.names": b"apple\n\npear\n",
        "train.txt": b"obj_train_data/p.png\n",
        "obj_train_data/p.png": IMAGE,
        "obj_train_data/p.txt": b"2 0.5 0.5 0.1 0.1\n",
    },
    ERROR,
    "schema.names",
)
TABLE = b"label_file,file_name,width,height,orientation\n"
add(
    "yolo-table-up",
    "a table of pictures that climbs out",
    yolo_files(ROW, **{"images.csv": TABLE + b"labels/../../../p.txt,p.png,40,30,1\n"}),
    ERROR,
    "path.escape",
)
add(
    "yolo-table-size",
    "a size in the table that is a word",
    yolo_files(ROW, **{"images.csv": TABLE + b"labels/p.txt,p.png,wide,30,1\n"}),
    ERROR,
    "type.number",
)
add(
    "yolo-table-quotes",
    "quotes that are never closed in the table",
    yolo_files(ROW, **{"images.csv": TABLE + b'labels/p.txt,"p.png,40,30,1\n'}),
    ERROR,
    "schema.type",
)
add(
    "yolo-table-huge",
    "a size of 10**9 in the table",
    yolo_files(ROW, **{"images.csv": TABLE + b"labels/p.txt,p.png,1000000000,1000000000,1\n"}),
    WARN,
    "geometry.outside_image",
    0,
)
add(
    "yolo-table-name-up",
    "a name in the table that climbs out",
    yolo_files(ROW, **{"images.csv": TABLE + b"labels/p.txt,../../../p.png,40,30,1\n"}),
    ERROR,
    "path.escape",
)
add(
    "yolo-table-arity",
    "a line of three fields in the table",
    yolo_files(ROW, **{"images.csv": TABLE + b"labels/p.txt,p.png,40\n"}),
    ERROR,
    "row.arity",
)
