"""Hostile sidecars: beside a YOLO data set that is good, told and left aside."""

from __future__ import annotations

import json
from typing import Any

from bits import ACCEPT, add, coco, text, yolo_files

ROW = "0 0.1875 0.3333333333333333 0.225 0.26666666666666666\n"
NAME = "dlgeom.sidecar.zst"
ROOT = text(coco())
HEAD: dict[str, Any] = {
    "magic": "dlgeom sidecar",
    "version": 1,
    "dlgeom": "0.1.0",
    "source": "coco",
    "target": "yolo",
    "carrier": "coco",
    "root": "annotations.json",
    "labels": [["apple", 0], ["pear", 1]],
}
ITEM: dict[str, Any] = {"name": "p.png", "width": 40, "height": 30, "rows": [0], "item": 0}
ITEM |= {"subset": "train", "digests": "00000000"}


def frame(data: bytes, repeat: int = 0) -> bytes:
    """Return a zstd frame of raw blocks, and one of a byte many times: the same bytes always.

    Parameters
    ----------
    repeat : int
        How many blocks of 128 KiB blanks come at the end (RFC 8878, section 3.1.1.2: run-length
        blocks hold one byte).
    """
    # Magic, descriptor (no checksum, no content size, no dictionary), window of 8 MiB.
    made = b"\x28\xb5\x2f\xfd\x00\x68"
    pieces = [data[at : at + 65_536] for at in range(0, len(data), 65_536)] or [b""]
    for at, piece in enumerate(pieces):
        last = at == len(pieces) - 1 and not repeat
        made += (len(piece) << 3 | last).to_bytes(3, "little") + piece
    for at in range(repeat):
        made += (131_072 << 3 | 1 << 1 | (at == repeat - 1)).to_bytes(3, "little") + b" "
    return made


def lines(head: Any = None, item: Any = None, name: str = "annotations.json", **more: Any) -> bytes:
    """Return what is packed; `more`: ``root`` of bytes, ``bytes`` and ``end`` for the counts."""
    root = more.get("root", ROOT)
    rows = [
        json.dumps(HEAD if head is None else head).encode(),
        json.dumps(
            {"file": name, "bytes": more.get("bytes", len(root))}, separators=(",", ":")
        ).encode(),
        root,
        json.dumps(ITEM if item is None else item).encode(),
        json.dumps(more.get("end", {"files": 1, "items": 1}), separators=(",", ":")).encode(),
    ]
    return b"\n".join(rows) + b"\n"


def sidecar(
    name: str, what: str, code: str | None, data: bytes, left: int = 1, **more: Any
) -> None:
    """Add a case: the labels alone count, in both modes."""
    files = yolo_files(ROW, **{NAME: data})
    add(f"sidecar-{name}", what, files, ACCEPT, code, left, reads="yolo", **more)


def headed(**changes: Any) -> bytes:
    return frame(lines({**HEAD, **changes}))


def itemed(**changes: Any) -> bytes:
    return frame(lines(item={**ITEM, **changes}))


GOOD = frame(lines())
BAD = "sidecar.invalid"
sidecar("good", "one that fits: the box was moved since", None, GOOD)
sidecar("empty", "no byte", BAD, b"")
sidecar("text", "no zstd", BAD, b"this is no zstd at all")
sidecar("cut", "cut in the middle", BAD, GOOD[: len(GOOD) // 2])
sidecar("cut-lines", "lines that end early", BAD, frame(lines()[:-30]))
sidecar("window", "a window of 2 GiB", BAD, GOOD[:5] + b"\xa8" + GOOD[6:])
sidecar("dictionary", "a dictionary that nobody has", BAD, GOOD[:4] + b"\x01\x68\x07" + GOOD[6:])
sidecar("skippable", "a frame to skip", BAD, b"\x50\x2a\x4d\x18\xff\xff\xff\x7f" + GOOD)
sidecar("bomb", "24 MB of blanks in few bytes", "limit.ratio", frame(lines()[:-30], repeat=180))
sidecar("magic", "another magic", BAD, headed(magic="zip"))
sidecar("version", "version 99", "sidecar.version", headed(version=99))
sidecar("version-huge", "a huge version", "sidecar.version", headed(version=10**400))
sidecar("version-true", "true for a version", None, headed(version=True))
sidecar("target", "that of another target", "sidecar.mismatch", headed(target="voc"))
sidecar("carrier", "a format that nobody knows", "sidecar.mismatch", headed(carrier="x" * 9999))
sidecar("carrier-other", "COCO that is said to be VOC", BAD, headed(carrier="voc"))
sidecar("root-up", "a root that climbs out", BAD, headed(root="../../etc/hostname"))
sidecar("root-absolute", "an absolute root", BAD, headed(root="/etc/hostname"))
sidecar("option", "an option that is none", BAD, headed(options={"__class__": 1}))
sidecar("option-type", "an option of a wrong kind", BAD, headed(options={"yolo_task": [1]}))
sidecar("labels-map", "a map for the labels", BAD, headed(labels={"apple": 0}))
sidecar("labels-none", "rows of labels that are not there", BAD, headed(labels=[]))
sidecar("deep", "20,000 levels", BAD, frame(b"[" * 20_000 + lines()))
sidecar("header-list", "a list for the header", BAD, frame(lines([1, 2])))
sidecar("not-finite", "NaN in the header", BAD, headed(options={"yolo_task": float("nan")}))
sidecar("up", "a file that climbs out", "path.escape", frame(lines(name="../up.json")))
sidecar("absolute", "an absolute file", "path.escape", frame(lines(name="/tmp/up.json")))
sidecar("backslash", "backslashes", "path.escape", frame(lines(name="..\\up.json")))
sidecar("control", "a NUL in a file's name", "path.escape", frame(lines(name="a\0b")))
sidecar("name-long", "a name of 400 bytes", "path.escape", frame(lines(name="n" * 400)))
sidecar("bytes-huge", "a file of 2^62 bytes", BAD, frame(lines(bytes=2**62)))
sidecar("bytes-huger", "a file of 10^30 bytes", BAD, frame(lines(bytes=10**30)))
sidecar("bytes-negative", "a file of -1 byte", None, frame(lines(bytes=-1)))
sidecar("bytes-text", "text for a size", BAD, frame(lines(bytes="9")))
sidecar(
    "counts", "a million items told, one there", BAD, frame(lines(end={"files": 1, "items": 10**6}))
)
sidecar("rows-text", "text for rows", BAD, itemed(rows="0"))
sidecar("rows-huge", "a label of 10^30", BAD, itemed(rows=[10**30]))
sidecar("rows-below", "a label of -2", BAD, itemed(rows=[-2]))
sidecar("digests-short", "digests of half a row", BAD, itemed(digests="0000"))
sidecar("digests-letters", "digests that are none", BAD, itemed(digests="zzzzzzzz"))
sidecar("places-huge", "a place of 2^63", BAD, itemed(places=[2**63]))
sidecar("places-far", "a place that no record has: a new one", None, itemed(places=[10**6]), 2)
sidecar("item-far", "an item that is not there", None, itemed(item=2**31 - 1))
sidecar("width-huge", "a width of 2^40", BAD, itemed(width=2**40))
sidecar("width-zero", "a width of 0", BAD, itemed(width=0))
sidecar("fields-key", "a row that is no number", BAD, itemed(fields={"\u0663": {}}))
sidecar("fields-far", "fields of a row that is not there", None, itemed(fields={"9" * 30: {}}))
sidecar("fields-list", "a list for fields", None, itemed(fields={"0": [1, [2]]}))
sidecar("other-image", "that of other images", "sidecar.mismatch", itemed(name="other.png"))
sidecar("json-cut", "cut COCO inside", BAD, frame(lines(root=ROOT[:-9])))
sidecar("json-twice", "a key twice inside", BAD, frame(lines(root=b'{"images": [], "images": []}')))
sidecar(
    "json-nan",
    "NaN inside",
    None,
    frame(lines(root=ROOT.replace(b"[3, 6, 9, 8]", b"[NaN, 6, 9, 8]"))),
)
sidecar("two-frames", "another frame behind it", None, GOOD + GOOD)

add(
    "sidecar-beside-file",
    "damaged, beside a target that is one file",
    {
        "set.json": ROOT,
        "set.json.sidecar.zst": frame(lines({**HEAD, "target": "coco"})[:-9]),
    },
    ACCEPT,
    BAD,
    1,
    reads="coco",
    source="set.json",
)
for _kind, _step in (
    ("link", {"symlink": f"INPUT/{NAME}", "target": "/etc/hostname"}),
    ("pipe", {"fifo": f"INPUT/{NAME}"}),
    ("folder", {"folder": f"INPUT/{NAME}"}),
):
    add(
        f"sidecar-{_kind}",
        f"a {_kind}",
        yolo_files(ROW),
        ACCEPT,
        "io.read" if _kind == "link" else "file.not_regular",
        1,
        reads="yolo",
        setup=[_step],
    )
add(
    "sidecar-limit-bytes",
    "--limit file_bytes=500",
    yolo_files(ROW, **{NAME: GOOD}),
    ACCEPT,
    "limit.bytes",
    1,
    reads="yolo",
    options=["--limit", "file_bytes=500"],
)
