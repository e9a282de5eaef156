"""Hostile VOC data sets: XML, boxes, sizes, names; and masks of classes and objects as PNG."""

from __future__ import annotations

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
    header_only,
    mask_files,
    png,
    stored,
    voc_files,
    voc_object,
    voc_xml,
)

GOOD = voc_object()
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def xml(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    data: str | bytes,
    left: int | None = None,
    **more: Any,
) -> None:
    value = data.encode() if isinstance(data, str) else data
    add(f"voc-xml-{name}", what, voc_files(value), expected, code, left, **more)


def thing(
    name: str, what: str, code: str | None, second: str, left: int = 1, notice: bool = False
) -> None:
    """Add a good object and a second one."""
    outcome = WARN if code and not notice else ACCEPT
    like = "voc-object-good" if outcome == WARN and left == 1 else None
    files = voc_files(voc_xml(GOOD, second))
    add(f"voc-object-{name}", what, files, outcome, code, left, like=like)


BASE = voc_xml(GOOD).decode()
add(
    "voc-object-good",
    "the good object that the others are measured by",
    voc_files(voc_xml(GOOD)),
    ACCEPT,
    None,
    1,
)
xml("empty", "no byte", ERROR, "file.empty", b"")
xml("blank", "blanks only", ERROR, "xml.syntax", " \n ")
xml("text", "no XML", ERROR, "xml.syntax", "apple 4 5 14 13")
xml("json", "JSON", ERROR, "xml.syntax", '{"annotation": {}}')
xml("two-roots", "two roots", ERROR, "xml.syntax", BASE + BASE)
xml("tag-open", "a tag that is never closed", ERROR, "xml.syntax", BASE.replace("</name>", ""))
xml(
    "attribute-twice",
    "an attribute twice",
    ERROR,
    "xml.syntax",
    BASE.replace("<annotation>", '<annotation a="1" a="2">'),
)
xml("bare-ampersand", "a bare ampersand", ERROR, "xml.syntax", BASE.replace("apple", "a & b"))
xml("reference-nul", "a reference to NUL", ERROR, "xml.syntax", BASE.replace("apple", "a&#0;b"))
xml(
    "reference-surrogate",
    "a reference to half of a pair",
    ERROR,
    "xml.syntax",
    BASE.replace("apple", "a&#xD800;b"),
)
xml(
    "reference-unknown", "an entity of HTML", ERROR, "xml.syntax", BASE.replace("apple", "a&nbsp;b")
)
xml(
    "quadratic",
    "one entity of 100 kB, used often",
    ERROR,
    "xml.entity",
    '<!DOCTYPE annotation [<!ENTITY a "'
    + "x" * 100_000
    + '">]>'
    + BASE.replace("apple", "&a;" * 200),
)
xml(
    "parameter",
    "a parameter entity from a file",
    ERROR,
    "xml.entity",
    '<!DOCTYPE annotation [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>' + BASE,
)
xml(
    "doctype-file",
    "a document type in a file",
    WARN,
    "xml.doctype",
    '<!DOCTYPE annotation SYSTEM "file:///etc/hostname">' + BASE,
    1,
    strict=WARN,
)
xml(
    "doctype-web",
    "a document type at an address",
    WARN,
    "xml.doctype",
    '<!DOCTYPE annotation PUBLIC "-//x" "http://127.0.0.1:9/x.dtd">' + BASE,
    1,
    strict=WARN,
)
xml(
    "include",
    "XInclude of a file: never followed",
    ACCEPT,
    None,
    BASE.replace("<annotation>", '<annotation xmlns:xi="http://www.w3.org/2001/XInclude">').replace(
        "<object>", '<xi:include href="file:///etc/hostname" parse="text"/><object>'
    ),
    1,
)
xml(
    "namespace",
    "a root in a namespace",
    ERROR,
    "xml.namespace",
    BASE.replace("<annotation>", '<annotation xmlns="http://example.org/voc">'),
)
xml("cdata", "a name in CDATA", ACCEPT, None, BASE.replace("apple", "<![CDATA[apple]]>"), 1)
xml(
    "cdata-open",
    "CDATA that is never closed",
    ERROR,
    "xml.syntax",
    BASE.replace("apple", "<![CDATA[apple"),
)
xml(
    "comment-in-number",
    "a comment inside of a number",
    ACCEPT,
    None,
    BASE.replace("<xmax>14", "<xmax>1<!-- 9 -->4"),
    1,
)
xml(
    "deep",
    "elements in elements, 5,000 deep",
    ERROR,
    "limit.depth",
    BASE.replace("</annotation>", "<a>" * 5_000 + "</a>" * 5_000 + "</annotation>"),
)
xml("deep-open", "200,000 elements that are never closed", ERROR, "limit.depth", "<a>" * 200_000)
xml(
    "many-attributes",
    "20,000 attributes",
    ACCEPT,
    None,
    BASE.replace(
        "<annotation>", "<annotation " + " ".join(f'a{k}="1"' for k in range(20_000)) + ">"
    ),
    1,
)
xml(
    "latin1",
    "Latin-1 that says so",
    ACCEPT,
    None,
    ('<?xml version="1.0" encoding="iso-8859-1"?>' + BASE.replace("apple", "\u00e4pfel")).encode(
        "latin-1"
    ),
    1,
)
xml(
    "encoding-unknown",
    "an encoding that is not known",
    ERROR,
    "xml.syntax",
    '<?xml version="1.0" encoding="klingon"?>' + BASE,
)
xml(
    "utf7",
    "UTF-7, which hides markup",
    ACCEPT,
    None,
    '<?xml version="1.0" encoding="utf-7"?>' + BASE,
    1,
)
xml(
    "utf16-lie",
    "says UTF-16, is UTF-8",
    ERROR,
    "xml.syntax",
    '<?xml version="1.0" encoding="utf-16"?>' + BASE,
)
xml("bom", "a mark before the document", ACCEPT, None, b"\xef\xbb\xbf" + BASE.encode(), 1)
xml(
    "version-9",
    "a version of XML that is not there",
    ERROR,
    "xml.syntax",
    '<?xml version="9.0"?>' + BASE,
)
xml(
    "17mb",
    "17 MiB of comment",
    ERROR,
    "limit.bytes",
    BASE.replace("<object>", "<!--" + "x" * (17 << 20) + "--><object>"),
)
xml("root-html", "a page of the web", ERROR, "schema.root", "<html><body>404</body></html>")
add(
    "voc-xml-of-many",
    "one of two files is broken",
    voc_files(voc_xml(GOOD), **{"Annotations/q.xml": b"<annotation>"}),
    WARN,
    "xml.syntax",
    1,
    like=None,
)

thing("nan", "NaN for a corner", "number.not_finite", voc_object(box=("NaN", 5, 14, 13)))
thing(
    "infinity", "Infinity for a corner", "number.not_finite", voc_object(box=(4, 5, "Infinity", 13))
)
thing("1e400", "1e400 for a corner", "number.range", voc_object(box=(4, 5, "1e400", 13)))
thing("word", "a word for a corner", "type.number", voc_object(box=("left", 5, 14, 13)))
thing("hex", "a hexadecimal corner", "type.number", voc_object(box=("0x4", 5, 14, 13)))
thing("arabic", "digits of another script", "type.number", voc_object(box=("\u0664", 5, 14, 13)))
thing("underscore", "an underscore in a number", "type.number", voc_object(box=("1_0", 5, 14, 13)))
thing("blank", "a blank corner", "type.number", voc_object(box=(" ", 5, 14, 13)))
thing("empty", "an empty corner", "type.number", voc_object(box=("", 5, 14, 13)))
thing("two-numbers", "two numbers in a corner", "type.number", voc_object(box=("4 5", 5, 14, 13)))
thing("far", "a corner at 1e8", "number.range", voc_object(box=(10**8, 5, 10**8 + 5, 13)))
thing(
    "outside",
    "a box outside of the image",
    "geometry.outside_image",
    voc_object(box=(400, 5, 420, 13)),
)
thing("no-box", "no box", "schema.field", "<object><name>apple</name></object>")
thing("no-name", "no name", "schema.field", voc_object().replace("<name>apple</name>", ""))
thing("blank-name", "a blank name", "type.text", voc_object(" \t "))
thing("trimmed", "blanks around a name", "text.trimmed", voc_object(" apple "), left=2, notice=True)
thing(
    "two-names",
    "two names",
    "schema.repeated",
    voc_object().replace("</name>", "</name><name>pear</name>"),
)
thing(
    "two-boxes", "two boxes", "schema.repeated", voc_object(more="<bndbox><xmin>1</xmin></bndbox>")
)
thing(
    "nested", "an object in an object", "schema.nested", voc_object(more=voc_object("pear")), left=2
)
thing(
    "difficult-word",
    "difficult is a word, kept as it is",
    None,
    voc_object(more="<difficult>very</difficult>"),
    left=2,
)
thing(
    "truncated-nan", "truncated is NaN", None, voc_object(more="<truncated>nan</truncated>"), left=2
)
thing("markup", "a name of markup", None, voc_object("&lt;b&gt;&amp;&quot;]]&gt;"), left=2)
thing("path", "a name that is a path out, kept as text", None, voc_object("../../x"), left=2)
thing(
    "polygon-two",
    "a polygon of two corners",
    "polygon.too_few",
    voc_object(more="<polygon><x1>4</x1><y1>5</y1><x2>9</x2><y2>9</y2></polygon>"),
)
thing(
    "polygon-nan",
    "a polygon with a NaN",
    "number.not_finite",
    voc_object(
        more="<polygon><x1>nan</x1><y1>5</y1><x2>9</x2><y2>9</y2><x3>4</x3><y3>9</y3></polygon>"
    ),
)
thing(
    "polygon-gap",
    "a polygon without its second corner",
    "polygon.odd",
    voc_object(
        more="<polygon><x1>4</x1><y1>5</y1><x3>9</x3><y3>9</y3><x4>4</x4><y4>9</y4></polygon>"
    ),
)
thing(
    "rotated-nan",
    "a rotated box with an angle of NaN",
    "number.not_finite",
    "<object><name>apple</name><robndbox><cx>10</cx><cy>10</cy><w>4</w><h>4</h><angle>nan</angle></robndbox></object>",
)
thing(
    "part-no-name",
    "a part without a name",
    "schema.field",
    voc_object(
        more="<part><bndbox><xmin>5</xmin><ymin>6</ymin><xmax>8</xmax><ymax>9</ymax></bndbox></part>"
    ),
    left=2,
)
add(
    "voc-name-66k",
    "a name of 66,000 letters",
    voc_files(voc_xml(GOOD, voc_object("a" * 66_000))),
    ERROR,
    "limit.text",
)


def size(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    text: str,
    left: int | None = None,
    **more: Any,
) -> None:
    add(f"voc-size-{name}", what, voc_files(voc_xml(GOOD, size=text)), expected, code, left, **more)


size("missing", "an empty size: it is in the picture", WARN, "image.size", "", 1, strict=WARN)
size(
    "word",
    "a width that is a word",
    ACCEPT,
    "image.size",
    "<width>wide</width><height>30</height>",
    1,
)
size("nan", "a width of NaN", ACCEPT, "image.size", "<width>nan</width><height>30</height>", 1)
size(
    "fraction", "a width of 40.5", ACCEPT, "image.size", "<width>40.5</width><height>30</height>", 1
)
size(
    "digits",
    "a width of 5,000 digits",
    ACCEPT,
    "image.size",
    f"<width>{'9' * 5_000}</width><height>30</height>",
    1,
)
size(
    "other",
    "a size that is not the picture's, which nobody opens",
    ACCEPT,
    None,
    "<width>80</width><height>60</height>",
    1,
)
for word, what, name, code in (
    ("up", "a filename that climbs out", "../../../p.png", "path.escape"),
    ("root", "an absolute filename", "/etc/p.png", "path.escape"),
    ("url", "a filename that is an address", "http://127.0.0.1:9/p.png", "path.url"),
):
    add(f"voc-filename-{word}", what, voc_files(voc_xml(GOOD, name=name)), ERROR, code)
add(
    "voc-filename-other",
    "a filename of another file",
    voc_files(voc_xml(GOOD, name="q.png")),
    ACCEPT,
    None,
    1,
)
add(
    "voc-set-missing",
    "a list that names a file that is not there",
    voc_files(voc_xml(GOOD), **{"ImageSets/Main/train.txt": b"p\nq\n"}),
    WARN,
    "image.size",
    1,
)
add(
    "voc-set-up",
    "a list that climbs out",
    voc_files(voc_xml(GOOD), **{"ImageSets/Main/train.txt": b"p\n../../../etc/hostname\n"}),
    WARN,
    "path.escape",
    1,
)
add(
    "voc-set-twice",
    "a name twice in a list",
    voc_files(voc_xml(GOOD), **{"ImageSets/Main/train.txt": b"p\np\n"}),
    ACCEPT,
    None,
    1,
)
add(
    "voc-set-binary",
    "a list that is a picture",
    voc_files(voc_xml(GOOD), **{"ImageSets/Main/train.txt": IMAGE}),
    WARN,
    "encoding.invalid",
    1,
)
add(
    "voc-xml-link",
    "an annotation that is a link out",
    voc_files(voc_xml(GOOD)),
    WARN,
    "path.symlink",
    1,
    setup=[{"symlink": "INPUT/Annotations/q.xml", "target": "/etc/hostname"}],
)
add(
    "voc-xml-fifo",
    "an annotation that is a pipe",
    voc_files(voc_xml(GOOD)),
    WARN,
    "file.not_regular",
    1,
    setup=[{"fifo": "INPUT/Annotations/q.xml"}],
)


# -- masks --------------------------------------------------------------------------------
def mask(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    picture: bytes,
    left: int | None = None,
    **more: Any,
) -> None:
    add(f"masks-{name}", what, mask_files(picture), expected, code, left, **more)


FLAT = {"kind": 3, "palette": PALETTE}
mask("good", "a palette mask", ACCEPT, None, png(block(1), **FLAT), 1)
mask(
    "void",
    "a border of 255",
    ACCEPT,
    None,
    png([bytes(4) + b"\xff" * 4 + bytes(WIDTH - 8)] * HEIGHT, **FLAT),
    0,
)
mask("unknown", "an index without a name", WARN, "ref.category", png(block(9), **FLAT), 0)
mask("empty", "no byte", ERROR, "file.empty", b"")
mask("text", "a text", ERROR, "image.format", b"not a picture at all")
mask("jpeg", "a JPEG by its first bytes", ERROR, "image.format", b"\xff\xd8\xff\xe0" + bytes(64))
mask("gif", "a GIF", ERROR, "image.format", b"GIF89a" + bytes(64))
mask(
    "svg",
    "an SVG with a script",
    ERROR,
    "image.format",
    b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
)
mask("signature", "the signature alone", ERROR, "image.unreadable", b"\x89PNG\r\n\x1a\n")
mask(
    "header-cut", "cut inside of the header", ERROR, "image.unreadable", png(block(1), **FLAT)[:20]
)
mask("data-cut", "cut inside of the data", ERROR, "image.unreadable", png(block(1), **FLAT)[:-200])
mask("no-data", "no data", ERROR, "image.unreadable", png(data=b"", **FLAT))
mask(
    "bad-zlib",
    "data that is no zlib",
    ERROR,
    "image.unreadable",
    png(data=b"\x00\x01\x02\x03" * 9, **FLAT),
)
mask(
    "bad-filter",
    "a filter that PNG does not have",
    ERROR,
    "image.unreadable",
    png(data=stored(b"".join(b"\x09" + row for row in block(1))), **FLAT),
)
mask(
    "few-rows", "half of the rows", ERROR, "image.unreadable", png(block(1)[: HEIGHT // 2], **FLAT)
)
mask(
    "bomb",
    "a header of 2**31 - 1 squared",
    ERROR,
    "limit.pixels",
    header_only(2**31 - 1, 2**31 - 1),
)
mask("bomb-thin", "a header of 2**31 - 1 x 1", ERROR, "limit.pixels", header_only(2**31 - 1, 1))
mask(
    "just-over",
    "a header of one row over the limit",
    ERROR,
    "limit.pixels",
    header_only(13_378, 13_378),
)
mask("zero", "a header of 0 x 0", ERROR, "image.size", header_only(0, 0))
mask("depth-3", "a depth that PNG does not have", ERROR, "image.unreadable", png(block(1), depth=3))
mask(
    "kind-5",
    "a colour type that PNG does not have",
    ERROR,
    "image.unreadable",
    png(block(1)).replace(b"\x08\x00\x00\x00\x00", b"\x08\x05\x00\x00\x00", 1),
)
mask(
    "16-bit",
    "16 bits a pixel, exact all the same",
    ACCEPT,
    None,
    png([b"\0\1" * WIDTH] * HEIGHT, depth=16),
    1,
)
mask(
    "rgb",
    "colours that are not in the map",
    WARN,
    "ref.category",
    png([b"\x07\x08\x09" * WIDTH] * HEIGHT, kind=2),
    None,
)
mask("crc", "a wrong checksum", WARN, "image.crc", png(block(1), crc=7, **FLAT), 1)
mask("palette-missing", "a palette mask without a palette", ACCEPT, None, png(block(1), kind=3), 1)
mask(
    "text-bomb",
    "a compressed text of 40 MB",
    ERROR,
    "limit.png_text",
    png(block(1), extra=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(40_000_000), 9)), **FLAT),
    stable=False,
)
mask(
    "profile-bomb",
    "a colour profile of 40 MB",
    ERROR,
    "limit.png_text",
    png(block(1), extra=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(40_000_000), 9)), **FLAT),
    stable=False,
)
mask(
    "chunk-huge",
    "a chunk that says 2**31 bytes",
    ERROR,
    "image.unreadable",
    png(block(1), **FLAT)[:33] + b"\x7f\xff\xff\xff" + b"tEXt" + bytes(50),
)
mask(
    "frames",
    "an animation",
    WARN,
    "image.frames",
    png(block(1), extra=chunk(b"acTL", b"\0\0\0\3\0\0\0\0"), **FLAT),
    1,
)
mask(
    "tail",
    "bytes behind the end",
    WARN,
    "file.trailing_data",
    png(block(1), tail=b"MZ" + bytes(99), **FLAT),
    1,
    strict=WARN,
)
mask(
    "size",
    "a mask of another size than its picture",
    WARN,
    "image.size_disagrees",
    png(size=(10, 10), **FLAT),
    None,
)
add(
    "masks-labelmap-short",
    "a line of the map without colours",
    mask_files(png(block(1), **FLAT), **{"labelmap.txt": b"background:0,0,0::\napple\n"}),
    ACCEPT,
    None,
    1,
)
add(
    "masks-labelmap-colour",
    "a colour of 300 in the map",
    mask_files(png(block(1), **FLAT), **{"labelmap.txt": b"background:0,0,0::\napple:300,0,0::\n"}),
    ERROR,
    "value.invalid",
)
add(
    "masks-labelmap-twice",
    "a colour twice in the map",
    mask_files(
        png(block(1), **FLAT),
        **{"labelmap.txt": b"background:0,0,0::\napple:1,1,1::\npear:1,1,1::\n"},
    ),
    ACCEPT,
    None,
    1,
)
add(
    "masks-labelmap-nul",
    "a NUL in the map",
    mask_files(
        png(block(1), **FLAT), **{"labelmap.txt": b"background:0,0,0::\nap\0ple:200,30,30::\n"}
    ),
    ACCEPT,
    None,
    1,
)
add(
    "masks-link",
    "a mask that is a link out",
    mask_files(png(block(1), **FLAT)),
    WARN,
    "path.symlink",
    1,
    setup=[{"symlink": "INPUT/SegmentationClass/q.png", "target": "/etc/hostname"}],
)
add(
    "voc-filename-long",
    "a filename of 400 bytes",
    voc_files(voc_xml(GOOD, name="p" * 400 + ".png")),
    ERROR,
    "limit.path",
)
add(
    "voc-filename-through",
    "a filename that begins as the XML's does, and climbs out",
    voc_files(voc_xml(GOOD, name="p/../../../../../tmp/x.png")),
    ERROR,
    "path.escape",
)

# -- sizes that VOC from VOC must not hand on ------------------------------------------------------
SIDES = "<width>40</width><height>30</height><depth>3</depth>"
add(
    "voc-size-second-nan",
    "a second size with NaN, to VOC again",
    voc_files(voc_xml(voc_object(), size=f"{SIDES}</size><size><width>NaN</width>")),
    WARN,
    "schema.repeated",
    1,
    to="voc",
)
add(
    "voc-size-no-height",
    "a height without a number, to VOC again",
    voc_files(voc_xml(voc_object(), size="<width>40</width><height/><depth>3</depth>")),
    ACCEPT,
    "image.size",
    1,
    to="voc",
)
add(
    "voc-size-closed",
    "a size without sides, to VOC again",
    voc_files(voc_xml(voc_object(), size="").replace(b"<size></size>", b"<size/>")),
    ACCEPT,
    "image.size",
    1,
    to="voc",
)
add(
    "voc-size-nothing-known",
    "a size of words and no picture, to VOC again",
    {"Annotations/p.xml": voc_xml(voc_object(), size="<width>NaN</width><height>x</height>")},
    ACCEPT,
    None,
    None,
    to="voc",
)
