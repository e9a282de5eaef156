# ruff: noqa: E501 - files on one line
"""Hostile tracks: MOTChallenge, YOLO rows of videos, YouTube-VIS, CVAT."""

from __future__ import annotations

from typing import Any

from bits import ACCEPT, ERROR, HEIGHT, IMAGE, WARN, WIDTH, add, text

NAN = float("nan")

# -- MOTChallenge -------------------------------------------------------------------------
ROW = "1,1,4,5,10,8,1,1,1"


def mot(
    name: str,
    what: str,
    code: str | None,
    second: str | bytes,
    left: int | None = 1,
    notice: bool = False,
    **more: Any,
) -> None:
    """Add a sequence of a good row and a second one."""
    tail = second if isinstance(second, bytes) else second.encode()
    outcome = more.pop("expected", WARN if code and not notice else ACCEPT)
    like = "mot-good" if outcome == WARN and left == 1 and code else None
    add(
        f"mot-{name}",
        what,
        {"seq/gt/gt.txt": ROW.encode() + b"\n" + tail + b"\n"},
        outcome,
        code,
        left,
        like=like,
        **more,
    )


mot("good", "the good row that the others are measured by", None, "")
mot("nan", "a NaN", "type.number", "2,2,nan,5,10,8,1,1,1")
mot("1e400", "a number that is infinite as a float", "number.not_finite", "2,2,1e400,5,10,8,1,1,1")
mot("far", "an edge of 1e9", "number.range", "2,2,1e9,5,10,8,1,1,1")
mot("word", "a word", "type.number", "two,2,4,5,10,8,1,1,1")
mot("five", "five columns", "row.arity", "2,2,4,5,10")
mot("eleven", "eleven columns", "row.arity", "2,2,4,5,10,8,1,1,1,1,1")
mot("negative-size", "a negative width", "geometry.bbox_size", "2,2,4,5,-10,8,1,1,1")
mot("frame-half", "a frame of 1.5", "type.number", "1.5,2,4,5,10,8,1,1,1")
mot("frame-minus", "a frame of -1", "type.number", "-1,2,4,5,10,8,1,1,1")
mot("frame-1e12", "a frame of 10**12", "limit.frames", "1000000000000,2,4,5,10,8,1,1,1")
mot("id-1e30", "an id of 10**30", None, "2,1e30,4,5,10,8,1,1,1", 2)
mot("class", "a class without a name", "ref.category", "2,2,4,5,10,8,1,99,1", 2)
mot("twice", "a row twice", "record.duplicate", ROW, 1, notice=True)
mot(
    "frame-twice",
    "a thing twice in a frame",
    "ref.duplicate_id",
    "1,1,20,5,10,8,1,1,1",
    2,
    notice=True,
)
mot("arabic", "digits of another script", "type.number", "\u0662,2,4,5,10,8,1,1,1")
mot("latin1", "a byte that is no UTF-8", "encoding.invalid", b"\xe9", None, expected=ERROR)
mot("picture", "a picture behind a row", "encoding.invalid", IMAGE, None, expected=ERROR)
add(
    "mot-info-up",
    "a name in seqinfo.ini that climbs out",
    {
        "seq/gt/gt.txt": ROW.encode(),
        "seq/seqinfo.ini": b"[Sequence]\nname=../../../etc/x\nimWidth=40\nimHeight=30\n",
    },
    WARN,
    "path.escape",
    1,
)
add(
    "mot-info-size",
    "sizes in seqinfo.ini that are words",
    {
        "seq/gt/gt.txt": ROW.encode(),
        "seq/seqinfo.ini": b"[Sequence]\nname=seq\nimWidth=wide\nimHeight=nan\nseqLength=1e99\n",
    },
    WARN,
    "type.number",
    1,
)
add(
    "mot-info-code",
    "interpolation in seqinfo.ini",
    {
        "seq/gt/gt.txt": ROW.encode(),
        "seq/seqinfo.ini": b"[Sequence]\nname=%(x)s %(name)s\n[DEFAULT]\nx=%(x)s\n",
    },
    ACCEPT,
    None,
    1,
)
add(
    "mot-info-broken",
    "no sections in seqinfo.ini",
    {"seq/gt/gt.txt": ROW.encode(), "seq/seqinfo.ini": b"name=x\n\0\n"},
    WARN,
    "schema.field",
    1,
)
add(
    "mot-link",
    "rows that are a link out",
    {"seq/gt/gt.txt": ROW.encode(), "two/seqinfo.ini": b"[Sequence]\nname=two\n"},
    WARN,
    "path.symlink",
    1,
    setup=[{"symlink": "INPUT/two/gt/gt.txt", "target": "/etc/hostname"}],
)

# -- YOLO rows of videos ------------------------------------------------------------------
LINE = "0 0 0 0.5 0.5 0.25 0.3"


def rows(
    name: str,
    what: str,
    code: str | None,
    second: str,
    left: int | None = 1,
    notice: bool = False,
    expected: str = "",
) -> None:
    outcome = expected or (WARN if code and not notice else ACCEPT)
    like = "yolovideo-good" if outcome == WARN and left == 1 else None
    files = {
        "p.txt": f"{LINE}\n{second}\n".encode("utf-8", "surrogateescape"),
        "labels.txt": b"apple\npear\n",
    }
    add(
        f"yolovideo-{name}",
        what,
        files,
        outcome,
        code,
        left,
        like=like,
        options=["--yolo-video-size", "40x30"],
    )


rows("good", "the good row that the others are measured by", None, "")
rows("nan", "a NaN", "number.not_finite", "1 1 0 nan 0.5 0.1 0.1")
rows("far", "a number of 1e9", "value.range", "1 1 0 1e9 0.5 0.1 0.1")
rows("eight", "eight columns", "row.arity", "1 1 0 0.5 0.5 0.1 0.1 0.1")
rows("word", "a word for an object", "type.number", "1 one 0 0.5 0.5 0.1 0.1")
rows("frame-minus", "a frame of -1", "type.number", "-1 1 0 0.5 0.5 0.1 0.1")
rows("frame-huge", "a frame of 10**15", "limit.frames", "1000000000000000 1 0 0.5 0.5 0.1 0.1")
rows("class", "a class without a name", "ref.category", "1 1 7 0.5 0.5 0.1 0.1")
rows("class-digits", "a class of 40 digits", "type.number", f"1 1 {'7' * 40} 0.5 0.5 0.1 0.1")
rows("negative", "a negative width", "geometry.bbox_size", "1 1 0 0.5 0.5 -0.1 0.1")
rows("flat", "a polygon on a line", "polygon.zero_area", "1 1 0 0.1 0.1 0.2 0.2 0.3 0.3")
rows("points", "100,001 vertices", "limit.points", "1 1 0" + " 0.1 0.2" * 100_001)
rows("twice", "a row twice", "record.duplicate", LINE, 1, notice=True)
rows("latin1", "a byte that is no UTF-8", "encoding.invalid", "\udce9", None, expected=ERROR)

# -- YouTube-VIS --------------------------------------------------------------------------
TOTAL = WIDTH * HEIGHT
RUNS = {"size": [HEIGHT, WIDTH], "counts": [150, 8, TOTAL - 158]}
VIDEO = {
    "id": 1,
    "width": WIDTH,
    "height": HEIGHT,
    "length": 3,
    "file_names": ["p/0.png", "p/1.png", "p/2.png"],
}


def track(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {
        "id": number,
        "video_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "width": WIDTH,
        "height": HEIGHT,
        "length": 1,
        "segmentations": [RUNS, None, RUNS],
        "bboxes": [[5, 0, 1, 8], None, [5, 0, 1, 8]],
        "areas": [8, None, 8],
        **changes,
    }
    return {key: value for key, value in made.items() if value is not ...}


def vis(annotations: Any, **changes: Any) -> bytes:
    made = {
        "videos": [VIDEO],
        "categories": [{"id": 1, "name": "apple"}],
        "annotations": annotations,
        **changes,
    }
    return text({key: value for key, value in made.items() if value is not ...})


def one(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    data: bytes,
    left: int | None = None,
    **more: Any,
) -> None:
    add(f"ytvis-{name}", what, {"p.json": data}, expected, code, left, source="p.json", **more)


def second(name: str, what: str, code: str | None, left: int | None = 1, **changes: Any) -> None:
    like = "ytvis-good" if left == 1 and code else None
    one(
        name,
        what,
        WARN if code else ACCEPT,
        code,
        vis([track(), track(2, **changes)]),
        left,
        like=like,
    )


one("good", "the good track that the others are measured by", ACCEPT, None, vis([track()]), 1)
one("empty", "no byte", ERROR, "file.empty", b"")
one("cut", "cut in a track", ERROR, "json.syntax", vis([track()])[:-40])
one(
    "twice",
    "'annotations' twice",
    ERROR,
    "json.duplicate_key",
    b'{"annotations": [], ' + vis([track()])[1:],
)
one("videos-null", "'videos' is null", ERROR, "schema.type", vis([track()], videos=None))
one(
    "video-id-twice",
    "two videos of one id",
    ERROR,
    "ref.duplicate_id",
    vis([track()], videos=[VIDEO, {**VIDEO, "width": 9}]),
)
one(
    "video-size-text",
    "a width that is a text",
    WARN,
    "value.range",
    vis([track()], videos=[{**VIDEO, "width": "40"}]),
    0,
)
one(
    "video-length",
    "a length of 10**12",
    WARN,
    "value.range",
    vis([track()], videos=[{**VIDEO, "length": 10**12}]),
    1,
)
one(
    "video-name-up",
    "names that climb out",
    WARN,
    "path.escape",
    vis([track()], videos=[{**VIDEO, "file_names": ["../../a/0.png"] * 3}]),
    1,
)
second("video", "a track of no video", "ref.image", video_id=9)
second("category", "a track of no class", "ref.category", category_id=9)
second(
    "runs-short",
    "a mask that is too short",
    "rle.invalid",
    None,
    segmentations=[{"size": [HEIGHT, WIDTH], "counts": [5]}, None, None],
)
second(
    "runs-size",
    "a mask of another size",
    "image.size_disagrees",
    2,
    segmentations=[{"size": [9, 9], "counts": [81]}, None, None],
)
second(
    "runs-text",
    "a text that overflows",
    "rle.invalid",
    None,
    segmentations=[{"size": [HEIGHT, WIDTH], "counts": "o" * 50}, None, None],
)
second("box-nan", "a NaN in a box", "number.not_finite", None, bboxes=[[NAN, 0, 1, 8], None, None])
second(
    "box-three",
    "three numbers for a box",
    "geometry.bbox_arity",
    None,
    segmentations=...,
    bboxes=[[1, 2, 3], None, [5, 0, 1, 8]],
)
second(
    "length",
    "a list that is too long",
    "video.frames",
    1,
    segmentations=[RUNS] * 9,
    bboxes=[[5, 0, 1, 8]] * 9,
    areas=[8] * 9,
)
second(
    "all-null",
    "nothing but nulls",
    "video.frames",
    1,
    segmentations=[None] * 3,
    bboxes=[None] * 3,
    areas=[None] * 3,
)
second("list-map", "states as an object", "schema.type", 1, segmentations={"0": RUNS})
second("null", "null in place of lists", "schema.field", 1, segmentations=None, bboxes=None)

# -- CVAT ---------------------------------------------------------------------------------
META = "<meta><task><size>2</size><mode>annotation</mode><labels><label><name>apple</name></label></labels></task></meta>"
BOX = '<box label="apple" xtl="4" ytl="5" xbr="14" ybr="13"/>'


def page(*shapes: str, meta: str = META, tail: str = "", name: str = "p.png") -> str:
    inner = "".join(shapes)
    return f'<annotations><version>1.1</version>{meta}<image id="0" name="{name}" width="40" height="30">{inner}</image>{tail}</annotations>'


def cvat(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    data: str | bytes,
    left: int | None = None,
    **more: Any,
) -> None:
    value = data.encode() if isinstance(data, str) else data
    add(f"cvat-{name}", what, {"annotations.xml": value}, expected, code, left, **more)


def drawn(name: str, what: str, code: str | None, second: str, left: int = 1) -> None:
    like = "cvat-good" if code and left == 1 else None
    cvat(f"shape-{name}", what, WARN if code else ACCEPT, code, page(BOX, second), left, like=like)


GOOD = page(BOX)
cvat("good", "the good box that the others are measured by", ACCEPT, None, GOOD, 1)
cvat("empty", "no byte", ERROR, "schema.root", b"")
cvat("cut", "cut in a shape", ERROR, "xml.syntax", GOOD[:-60])
cvat(
    "entity",
    "an entity from a file",
    ERROR,
    "xml.entity",
    '<!DOCTYPE annotations [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    + GOOD.replace("1.1", "&x;"),
)
cvat(
    "laughs",
    "entities of entities",
    ERROR,
    "xml.entity",
    '<!DOCTYPE annotations [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    + GOOD.replace("1.1", "&b;"),
)
cvat("doctype", "a document type", ACCEPT, None, "<!DOCTYPE annotations>" + GOOD, 1)
cvat(
    "deep",
    "elements in elements, 5,000 deep",
    ERROR,
    "limit.depth",
    GOOD.replace("</annotations>", "<a>" * 5_000 + "</a>" * 5_000 + "</annotations>"),
)
cvat("root", "another root", ERROR, "schema.root", "<nothing/>")
cvat(
    "latin1",
    "a byte that is no UTF-8",
    ERROR,
    "xml.syntax",
    GOOD.encode().replace(b"apple", b"\xe9pice"),
)
cvat("name-up", "a name that climbs out", WARN, "path.escape", page(BOX, name="../../p.png"), 0)
cvat(
    "name-url",
    "an address for a name",
    WARN,
    "path.url",
    page(BOX, name="http://127.0.0.1:9/p.png"),
    0,
)
cvat(
    "size-word",
    "a width that is a word",
    WARN,
    "type.number",
    GOOD.replace('width="40"', 'width="wide"'),
    None,
)
cvat("lost-shape", "a shape in no image", WARN, "schema.type", page(BOX, tail=BOX), 1)
drawn(
    "nan", "a NaN", "number.not_finite", '<box label="apple" xtl="nan" ytl="5" xbr="14" ybr="13"/>'
)
drawn(
    "comma",
    "decimal commas",
    "type.number",
    '<box label="apple" xtl="4,5" ytl="5" xbr="14" ybr="13"/>',
)
drawn("missing", "no right edge", "schema.field", '<box label="apple" xtl="4" ytl="5" ybr="13"/>')
drawn(
    "far",
    "an edge of 1e9",
    "number.range",
    '<box label="apple" xtl="4" ytl="5" xbr="1e9" ybr="13"/>',
)
drawn(
    "two-points",
    "a polygon of two corners",
    "polygon.too_few",
    '<polygon label="apple" points="1,1;9,9"/>',
)
drawn(
    "point-one",
    "a corner of one number",
    "polygon.odd",
    '<polygon label="apple" points="1,1;9;9,9"/>',
)
drawn(
    "points-word",
    "words for corners",
    "type.number",
    '<polygon label="apple" points="a,b;c,d;e,f"/>',
)
drawn(
    "mask-short",
    "a mask that is too short",
    "rle.invalid",
    '<mask label="apple" rle="5" left="0" top="0" width="4" height="4"/>',
)
drawn(
    "mask-minus",
    "a negative count",
    "rle.invalid",
    '<mask label="apple" rle="20,-4" left="0" top="0" width="4" height="4"/>',
)
drawn(
    "mask-huge",
    "a mask of 10**9 squared",
    "number.range",
    '<mask label="apple" rle="1000000000000000000" left="0" top="0" width="1000000000" height="1000000000"/>',
)
drawn(
    "mask-out",
    "a mask that leaves the image",
    "image.size_disagrees",
    '<mask label="apple" rle="0,16" left="400" top="0" width="4" height="4"/>',
)
drawn(
    "ellipse-minus",
    "a negative radius",
    "geometry.arity",
    '<ellipse label="apple" cx="9" cy="9" rx="-4" ry="4"/>',
)
drawn("tag", "an element that nobody knows", "schema.type", '<hologram label="apple"/>')
drawn("label-missing", "no label", None, '<box xtl="4" ytl="5" xbr="14" ybr="13"/>', 2)
drawn(
    "rotation-nan",
    "an angle of NaN",
    "number.not_finite",
    '<box label="apple" xtl="4" ytl="5" xbr="14" ybr="13" rotation="nan"/>',
)


def film(name: str, what: str, code: str | None, states: str, left: int | None = 1) -> None:
    meta = META.replace("annotation<", "interpolation<").replace("<size>2<", "<size>9<")
    good = '<track id="0" label="apple"><box frame="0" outside="0" keyframe="1" xtl="4" ytl="5" xbr="14" ybr="13"/></track>'
    data = f"<annotations><version>1.1</version>{meta}{good}{states}</annotations>"
    cvat(f"track-{name}", what, WARN if code else ACCEPT, code, data, left, to="cvat")


STATE = '<box frame="{}" outside="0" keyframe="1" xtl="4" ytl="5" xbr="14" ybr="13"/>'
film("good", "two tracks", None, f'<track id="1" label="apple">{STATE.format(2)}</track>', 2)
film("empty", "a track without a shape", "schema.field", '<track id="1" label="apple"></track>')
film(
    "frame-minus",
    "a frame of -3",
    "type.number",
    f'<track id="1" label="apple">{STATE.format(-3)}</track>',
    1,
)
film(
    "frame-huge",
    "a frame of 10**15",
    "limit.frames",
    f'<track id="1" label="apple">{STATE.format(10**15)}</track>',
    1,
)
film(
    "frame-word",
    "a word for a frame",
    "type.number",
    f'<track id="1" label="apple">{STATE.format("two")}</track>',
    1,
)
film(
    "id-twice",
    "two tracks of one id",
    None,
    f'<track id="0" label="apple">{STATE.format(2)}</track>',
    2,
)
film(
    "kinds",
    "a track of boxes and polygons",
    None,
    f'<track id="1" label="apple">{STATE.format(1)}<polygon frame="2" outside="0" keyframe="1" points="1,1;9,1;9,9"/></track>',
    None,
)
