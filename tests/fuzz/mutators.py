"""Mutations of inputs: of bytes, and of JSON, XML, rows, PNG and zip files that stay well-formed.

A mutation of bytes mostly ends in a syntax error, which one line of a reader answers. What lies
behind the parser is reached by inputs that parse: a value of another kind, a key that is gone, a
record twice. All take a `random.Random`, so that a seed gives the same input again.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
import json
import re
import struct
import zipfile
import zlib
from random import Random
from typing import Any

WORDS = (
    b"NaN Infinity -Infinity 1e999 -1 0 1e-400 18446744073709551616 4294967296 2147483648 null "
    b'true [] {} "" ../ \\u0000 \\ud800 <!ENTITY !!python/name:os &a *a --> WEBVTT 00:00:00,000 '
    b"9999999999999999999999 1_0 0x10 \xd9\xa0 \xef\xbb\xbf \xff \x00 data:image/png;base64, inf"
).split(b" ")
NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3, 29, 30, 31, 39, 40, 41, 255, 256, 65_536, 10**6, 10**7, 10**7 + 1),
    *(2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, 10**30, 0.5, -0.0, 1e-9, 5e-324),
    *(1e15, 1e300, -1e300, float("nan"), float("inf"), 39.999999999, 0.1 + 0.2),
)
TEXTS = (
    *("", " ", "apple", "pear", "p.png", "../up", "/etc/hostname", "a/b", "a\\b", "C:x", "con"),
    *("\0", "\x1b[2J", "\ud800", "é", "e\u0301", "x" * 300, "x" * 70_000, "0", "1e3", "nan"),
    *("http://127.0.0.1/x", "<b>&amp;", "]]>", "a,b;c", "-", "~", "no", "id", "__class__"),
    *("00:00:01.000", "data:image/png;base64,AAAA", "PPYh0", "\u202e", "\n", "\t"),
)


def mutate(name: str, data: bytes, other: bytes, random: Random) -> bytes:
    """Return a mutated copy of a file.

    Parameters
    ----------
    name : str
        Of the file; what lies in it is told by its content.
    other : bytes
        A file that gives pieces to splice.
    """
    if random.random() < 0.25:
        return mutate_bytes(data, other, random)
    start = data.lstrip()[:1]
    made: bytes | None = None
    if data.startswith(b"\x89PNG"):
        made = _png(data, other, random)
    elif data.startswith(b"PK"):
        made = _zip(data, other, random)
    elif start in (b"{", b"[") and name.endswith("json"):
        made = _json(data, other, random)
    elif start == b"<":
        made = _xml(data, other, random)
    elif b"\0" not in data[:64]:
        made = _rows(data, other, random)
    return mutate_bytes(data, other, random) if made is None else made


# -- bytes -----------------------------------------------------------------------------------------


def mutate_bytes(data: bytes, other: bytes, random: Random) -> bytes:
    """Return a copy with bits, cuts, splices, words, numbers or nesting changed."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at = random.randrange(len(made) + 1)
        end = min(len(made), at + random.choice((1, 2, 4, 16, 64)))
        kind = random.randrange(10)
        if kind == 0 and made:
            made[at % len(made)] ^= 1 << random.randrange(8)
        elif kind == 1:
            made[at:end] = random.randbytes(end - at)
        elif kind == 2:
            del made[at:end]
        elif kind == 3:
            made[at:at] = made[at:end] * random.choice((1, 2, 50))
        elif kind in (4, 5):
            made[at:at] = random.choice(WORDS)
        elif kind == 6 and other:
            start = random.randrange(len(other))
            made[at:end] = other[start : start + random.choice((4, 32, 256))]
        elif kind == 7:
            del made[at:]
        elif kind == 8:
            _number_near(made, at, random)
        elif kind == 9:
            depth = random.choice((2, 70, 2000))
            made[at:at] = random.choice((b"[", b'{"a":', b"<a>", b"[[1],")) * depth
    return bytes(made)


def _number_near(made: bytearray, at: int, random: Random) -> None:
    """Put a word in place of a number that stands near."""
    digits = b"0123456789.-"
    while at < len(made) and made[at] not in digits:
        at += 1
    end = at
    while end < len(made) and made[end] in digits:
        end += 1
    made[at:end] = random.choice(WORDS)


def scalar(random: Random) -> Any:
    """Return a number, a text, or null, true or false."""
    kind = random.randrange(8)
    if kind < 4:
        return random.choice(NUMBERS)
    if kind == 4:
        return random.randrange(-5, 60)
    if kind < 7:
        return random.choice(TEXTS)
    return random.choice((None, True, False))


# -- JSON ------------------------------------------------------------------------------------------


def _json(data: bytes, other: bytes, random: Random) -> bytes | None:
    try:
        root = [json.loads(data)]
        nodes = _nodes(root)
        for _ in range(random.choice((1, 1, 1, 2, 2, 4, 8))):
            if not nodes:
                break
            _change_node(*random.choice(nodes), nodes, other, random)
            nodes = _nodes(root)
        return json.dumps(root[0] if root else None).encode()
    except (ValueError, RecursionError):
        return None


def _nodes(root: Any) -> list[tuple[Any, Any]]:
    """Return the places of all values: a container and a key."""
    found: list[tuple[Any, Any]] = []
    waiting = [root]
    while waiting and len(found) < 3_000:
        here = waiting.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here))
        for key in keys:
            found.append((here, key))
            if isinstance(here[key], dict | list):
                waiting.append(here[key])
    return found


def _change_node(
    here: Any, key: Any, nodes: list[tuple[Any, Any]], other: bytes, random: Random
) -> None:
    value = here[key]
    kind = random.randrange(12)
    if kind < 3:
        here[key] = scalar(random)
    elif kind == 3 and isinstance(value, int | float) and not isinstance(value, bool):
        here[key] = random.choice(
            (-value, value + 1, value + 0.5, value * 1000, str(value), [value])
        )
    elif kind == 4:
        del here[key]
    elif kind == 5 and isinstance(here, list):
        here.insert(key, json.loads(json.dumps(value)))
    elif kind == 6:
        there, its = random.choice(nodes)
        here[key] = json.loads(json.dumps(there[its]))
    elif kind == 7:
        here[key] = random.choice(([value], {"a": value}, [], {}, [[]], [value, value]))
    elif kind == 8 and isinstance(here, dict):
        here[random.choice(TEXTS)] = here.pop(key)
    elif kind == 9 and isinstance(value, list):
        value.append(scalar(random))
    elif kind == 10 and other[:1] in (b"{", b"["):
        places = _nodes([json.loads(other)])
        there, its = random.choice(places)
        here[key] = there[its]
    elif isinstance(value, str):
        here[key] = _text(value, other, random)
    else:
        here[key] = scalar(random)


def _text(value: str, other: bytes, random: Random) -> str:
    """Change a text; the picture inside one that is a data URL, or a bare picture."""
    head, comma, body = value.rpartition(",")
    if len(body) > 60 and random.random() < 0.9:
        try:
            inner = base64.b64decode(body, validate=True)
        except binascii.Error:
            inner = b""
        if inner:
            return head + comma + base64.b64encode(mutate("", inner, other, random)).decode()
    return mutate_bytes(value.encode("utf-8", "replace"), other, random).decode("utf-8", "replace")


# -- XML -------------------------------------------------------------------------------------------

_ELEMENT = re.compile(rb"<([A-Za-z_]\w*)[^<>]*(?:/>|>[^<]*</\1>)")
_VALUE = re.compile(rb'(?<=>)[^<>]+(?=<)|(?<==")[^"<>]*(?=")')
_GROUP = re.compile(rb"<(object|track|image|box|polygon|mask|bndbox|size)\b.*?</\1>", re.DOTALL)


def _xml(data: bytes, other: bytes, random: Random) -> bytes | None:
    for _ in range(random.choice((1, 1, 2, 3))):
        kind = random.randrange(8)
        pattern = _VALUE if kind < 4 else _GROUP if kind == 4 else _ELEMENT
        spans = [match.span() for match in pattern.finditer(data)]
        if not spans:
            return None
        start, end = random.choice(spans)
        piece = data[start:end]
        if kind < 3:
            if random.random() < 0.7:
                text = str(scalar(random))
            else:
                text = _text(piece.decode("utf-8", "replace"), other, random)
            clean = text.encode("utf-8", "replace").replace(b"&", b"&amp;").replace(b"<", b"&lt;")
            piece = clean.replace(b'"', b"&quot;")
        elif kind == 3:
            piece = random.choice((b"", b"<!-- -->" + piece, b"<a>" + piece + b"</a>", b"&#0;"))
        elif kind == 4:
            piece = random.choice((b"", piece * 2, piece * 40))
        elif kind == 5:
            piece = random.choice((b"", piece * 2, b"<a>" + piece + b"</a>"))
        elif kind == 6:
            first, last = random.choice(spans)
            piece = data[first:last]
        else:
            found = [match.group() for match in _ELEMENT.finditer(other)]
            piece = random.choice(found) if found else piece.upper()
        data = data[:start] + piece + data[end:]
    return data


# -- rows of text ----------------------------------------------------------------------------------


def _rows(data: bytes, other: bytes, random: Random) -> bytes | None:
    rows = data.split(b"\n")
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(rows))
        kind = random.randrange(10)
        fields = re.split(rb"([ ,:;\t]+|-->)", rows[at])
        where = random.randrange(len(fields))
        if kind < 4:
            fields[where] = str(scalar(random)).encode("utf-8", "replace").replace(b"\n", b" ")
            rows[at] = b"".join(fields)
        elif kind == 4:
            rows[at] = b"".join(fields[:where] + fields[where + 2 :])
        elif kind == 5:
            rows[at] = b"".join(fields[:where] + fields[where : where + 2] * 2 + fields[where:])
        elif kind == 6:
            rows[at:at] = [rows[at]] * random.choice((1, 2, 30))
        elif kind == 7:
            del rows[at]
        elif kind == 8:
            rows.insert(at, random.choice(other.split(b"\n")[:200]))
        else:
            return random.choice((b"\r\n", b"\r", b"\n\n")).join(rows)
        rows = rows or [b""]
    return b"\n".join(rows)


# -- pictures and archives ------------------------------------------------------------------------


def _png(data: bytes, other: bytes, random: Random) -> bytes | None:
    """Change chunks of a PNG; checksums are made anew nearly always."""
    chunks = []
    place = 8
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        chunks.append([data[place + 4 : place + 8], data[place + 8 : place + 8 + size]])
        place += 12 + size
    if not chunks:
        return None
    for _ in range(random.choice((1, 1, 2))):
        at = random.randrange(len(chunks))
        name, body = chunks[at]
        kind = random.randrange(8)
        if name == b"IDAT" and kind < 4:
            with contextlib.suppress(zlib.error):
                body = zlib.compress(mutate_bytes(zlib.decompress(body), b"\1\2\3", random), 1)
            chunks[at][1] = body
        elif name == b"IHDR" and len(body) == 13:
            width, height, *rest = struct.unpack(">IIBBBBB", body)
            if kind < 3:
                width = random.choice((0, 1, 39, 41, 65_536, 2**31 - 1, 2**32 - 1))
            elif kind < 5:
                height = random.choice((0, 1, 29, 31, 10**6, 2**31))
            else:
                rest[random.randrange(5)] = random.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
            chunks[at][1] = struct.pack(">IIBBBBB", width, height, *rest)
        elif kind == 4:
            chunks[at:at] = [list(chunks[at])]
        elif kind == 5 and len(chunks) > 1:
            del chunks[at]
        elif kind == 6:
            extra = random.choice((b"zTXt", b"iCCP", b"tRNS", b"PLTE", b"acTL", b"fdAT", b"gAMA"))
            chunks.insert(at, [extra, random.randbytes(random.choice((0, 1, 3, 9, 30)))])
        else:
            chunks[at][1] = mutate_bytes(body, other[:64], random)
    made = data[:8]
    for name, body in chunks:
        crc = zlib.crc32(name + body) if random.random() < 0.97 else 7
        made += struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)
    return made


def _zip(data: bytes, other: bytes, random: Random) -> bytes | None:
    """Change a member of a zip, or a field of its directory."""
    made = bytearray(data)
    if random.random() < 0.5:
        marks = [match.start() for match in re.finditer(rb"PK(?:\x01\x02|\x03\x04|\x05\x06)", data)]
        at = random.choice(marks) + random.randrange(4, 46) if marks else 0
        if not at < len(made):
            return None
        made[at] = random.choice((0, 1, 8, 9, 0x7F, 0x80, 0xFF, made[at] ^ 1))
        return bytes(made)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    except Exception:
        return None
    if not files:
        return None
    at = random.randrange(len(files))
    name, body = files[at]
    if random.random() < 0.3:
        name = random.choice((*TEXTS[:16], name + "/", "./" + name, name.upper(), name + "\0x"))
    else:
        body = mutate(name, body, other, random)
    files[at] = (name, body)
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(out, "w", random.choice((0, 8))) as archive:
            for name, body in files:
                archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), body)
    except (ValueError, UserWarning, UnicodeError):
        return None
    return out.getvalue()
