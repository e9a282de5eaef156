"""Hostile surroundings: targets, links, pipes; archives; class maps given by name."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from typing import Any

from bits import ACCEPT, ERROR, IMAGE, WARN, add, coco, coco_files, yolo_files

GOOD = coco_files(coco())
ROW = "0 0.5 0.5 0.25 0.3\n"

# -- targets ------------------------------------------------------------------------------
add(
    "fs-out-link-folder",
    "a folder of the target is a link out",
    GOOD,
    ERROR,
    "path.symlink",
    setup=[{"folder": "ELSEWHERE"}, {"symlink": "OUT/labels", "target": "FOLDER/ELSEWHERE"}],
)
add(
    "fs-out-link-root",
    "the target is a link to a folder",
    GOOD,
    ERROR,
    "path.symlink",
    setup=[{"folder": "ELSEWHERE"}, {"symlink": "OUT", "target": "FOLDER/ELSEWHERE"}],
)
add(
    "fs-out-link-round",
    "a folder of the target is a link to itself",
    GOOD,
    ERROR,
    "path.symlink",
    setup=[{"symlink": "OUT/labels", "target": "labels"}],
)
add(
    "fs-out-fifo",
    "a file of the target is a pipe",
    GOOD,
    ERROR,
    "output.invalid",
    setup=[{"fifo": "OUT/data.yaml"}],
)
add(
    "fs-out-file-for-folder",
    "a folder of the target is a file",
    GOOD,
    ERROR,
    "output.invalid",
    setup=[{"write": "OUT/labels", "text": "mine"}],
)
add(
    "fs-in-link-loop",
    "an input that is a link to itself",
    {"x.txt": b"x"},
    ERROR,
    "io.read",
    source="loop.json",
    setup=[{"symlink": "INPUT/loop.json", "target": "loop.json"}],
)
add(
    "fs-in-missing",
    "an input that is not there",
    {"x.txt": b"x"},
    ERROR,
    "io.read",
    source="nothing.json",
)
add("fs-in-empty", "an input folder without a file", {"sub/.keep": b""}, ERROR, "schema.root")
add(
    "fs-in-link-inside",
    "an input that is a link to a file beside it",
    GOOD,
    ACCEPT,
    None,
    1,
    source="here.json",
    setup=[{"symlink": "INPUT/here.json", "target": "annotations/instances_train.json"}],
)
add(
    "fs-in-link-round",
    "a folder that links to its parent",
    GOOD,
    WARN,
    "path.symlink",
    1,
    setup=[{"symlink": "INPUT/images/again", "target": ".."}],
)
add(
    "fs-in-names",
    "names that no other system has",
    {**GOOD, "images/a\nb.png": IMAGE, "images/\udcff.png": IMAGE, "images/ .png": IMAGE},
    ACCEPT,
    None,
    1,
)

# -- archives -----------------------------------------------------------------------------


def zipped(files: dict[str, bytes], store: bool = True) -> bytes:
    """Return a zip archive; the same bytes each time."""
    kind = zipfile.ZIP_STORED if store else zipfile.ZIP_DEFLATED
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", kind) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = kind
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return made.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w", **odd: tarfile.TarInfo) -> bytes:
    """Return a tar archive."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode, format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in odd.values():
            archive.addfile(info)
    return made.getvalue()


def packed(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    data: bytes,
    left: int | None = None,
    ending: str = "zip",
    **more: Any,
) -> None:
    add(
        f"zip-{name}",
        what,
        {f"set.{ending}": data},
        expected,
        code,
        left,
        source=f"set.{ending}",
        **more,
    )


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


PLAIN = zipped(GOOD)
LENGTH = len(GOOD["annotations/instances_train.json"])
packed("good", "a COCO data set", ACCEPT, None, PLAIN, 1)
packed("empty", "no byte", ERROR, "file.empty", b"")
packed("no-entries", "no entry", ERROR, "file.empty", zipped({}))
packed("text", "no archive", ERROR, "zip.invalid", b"this is no archive")
packed("cut", "cut in the middle", ERROR, "zip.invalid", PLAIN[: len(PLAIN) // 2])
packed("crc", "a wrong checksum", ERROR, "zip.invalid", PLAIN.replace(b'"apple"', b'"appla"', 1))
packed("up", "a name that climbs out", ERROR, "path.escape", zipped({**GOOD, "../../up.txt": b"x"}))
packed("root", "an absolute name", ERROR, "path.escape", zipped({**GOOD, "/etc/up.txt": b"x"}))
packed(
    "backslash",
    "a name that climbs out by backslashes",
    ERROR,
    "path.escape",
    zipped({**GOOD, "..\\..\\up.txt": b"x"}),
)
packed(
    "control",
    "a control character in a name",
    ERROR,
    "path.invalid",
    zipped({**GOOD, "a\x01b.txt": b"x"}),
)
packed("long", "a name of 400 bytes", ERROR, "path.invalid", zipped({**GOOD, "n" * 400: b"x"}))
packed(
    "file-and-folder",
    "a name that is a file and a folder",
    ERROR,
    "path.collision",
    zipped({**GOOD, "images": b"x"}),
)
packed(
    "case",
    "two names that differ in case",
    WARN,
    "path.collision",
    zipped({**GOOD, "images/P.PNG": IMAGE}),
    1,
)
packed(
    "nested",
    "an archive in an archive",
    WARN,
    "zip.nested",
    zipped({**GOOD, "inner.zip": PLAIN}),
    1,
    strict=WARN,
)
packed(
    "ratio",
    "60 MB of blanks in 60 kB",
    ERROR,
    "limit.ratio",
    zipped(
        {
            "annotations/instances_train.json": GOOD["annotations/instances_train.json"]
            + b" " * (60 << 20)
        },
        store=False,
    ),
    stable=False,
)
packed(
    "size-lies",
    "a size that is not that of the data",
    ERROR,
    "zip.invalid",
    PLAIN.replace(struct.pack("<II", LENGTH, LENGTH), struct.pack("<II", LENGTH, 9)),
)
packed(
    "encrypted",
    "an entry that says it is encrypted",
    ERROR,
    "zip.encrypted",
    PLAIN.replace(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x01\x00").replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
    ),
)
LINK = zipfile.ZipInfo("annotations/link.json", (2020, 1, 1, 0, 0, 0))
LINK.external_attr = 0o120777 << 16
LINK.create_system = 3
_made = io.BytesIO()
with zipfile.ZipFile(_made, "w") as _archive:
    _archive.writestr(LINK, "/etc/hostname")
    for _name, _data in GOOD.items():
        _archive.writestr(zipfile.ZipInfo(_name, (2020, 1, 1, 0, 0, 0)), _data)
packed("symlink", "a link to a file of the system", ERROR, "zip.symlink", _made.getvalue())
packed("tar-good", "a tar archive", ACCEPT, None, tarred(GOOD), 1, ending="tar")
packed(
    "tar-up",
    "a name that climbs out, in a tar",
    ERROR,
    "path.escape",
    tarred({**GOOD, "../../up.txt": b"x"}),
    ending="tar",
)
packed(
    "tar-root",
    "an absolute name in a tar",
    ERROR,
    "path.escape",
    tarred({**GOOD, "/etc/up.txt": b"x"}),
    ending="tar",
)
packed(
    "tar-symlink",
    "a link in a tar",
    ERROR,
    "zip.symlink",
    tarred(GOOD, a=member("l.json", tarfile.SYMTYPE, "/etc/hostname")),
    ending="tar",
)
packed(
    "tar-hardlink",
    "a hard link in a tar",
    ERROR,
    "zip.symlink",
    tarred(GOOD, a=member("l.json", tarfile.LNKTYPE, "/etc/hostname")),
    ending="tar",
)
packed(
    "tar-device",
    "a device in a tar",
    ERROR,
    "file.not_regular",
    tarred(GOOD, a=member("zero.json", tarfile.CHRTYPE)),
    ending="tar",
)
packed(
    "tar-fifo",
    "a pipe in a tar",
    ERROR,
    "file.not_regular",
    tarred(GOOD, a=member("pipe.json", tarfile.FIFOTYPE)),
    ending="tar",
)
packed("tar-cut", "a tar that is cut", ERROR, "zip.invalid", tarred(GOOD)[:1800], ending="tar")
packed("tar-text", "no tar", ERROR, "zip.invalid", b"this is no archive" * 100, ending="tar")

# -- class maps and names -----------------------------------------------------------------


def labels(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    data: bytes,
    left: int | None = None,
    ending: str = "yaml",
) -> None:
    add(
        f"labels-{name}",
        what,
        {**yolo_files(ROW), f"map.{ending}": data},
        expected,
        code,
        left,
        options=["--label-map", f"INPUT/map.{ending}"],
    )


labels("good", "a new name", ACCEPT, None, b"apple: fruit\n", 1)
labels("tag", "a tag", ERROR, "yaml.tag", b"apple: !!python/name:os.system\n")
labels("alias", "an alias", ERROR, "limit.aliases", b"apple: &a fruit\npear: *a\n")
labels("twice", "a name twice", ERROR, "yaml.duplicate_key", b"apple: a\napple: b\n")
labels("list", "a list", ERROR, "schema.root", b"- apple\n")
labels("number", "a number for a name", ERROR, "schema.names", b"apple: [1]\n")
labels("empty", "no byte", ERROR, "file.empty", b"")
labels(
    "json-twice",
    "a name twice, in JSON",
    ERROR,
    "json.duplicate_key",
    b'{"apple": "a", "apple": "b"}',
    ending="json",
)
labels("json-cut", "cut JSON", ERROR, "json.syntax", b'{"apple": "a"', ending="json")
labels(
    "latin1", "a byte that is no UTF-8", ERROR, "encoding.invalid", b"apple: \xe9\n", ending="txt"
)
