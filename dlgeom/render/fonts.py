"""Fonts for any script: which installed font has a character, found without other programs.

The tables of a font file say which characters it has (OpenType specification, ``cmap``, formats
4, 6 and 12). Nothing is looked for before text is drawn, and most text needs one font.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["characters", "font_files", "font_for", "load", "runs_of"]

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
PREFERRED = (
    "dejavusans.ttf",
    "notosans-regular.ttf",
    "liberationsans-regular.ttf",
    "arial.ttf",
    "helvetica.ttc",
    "segoeui.ttf",
    "freesans.ttf",
)
LARGEST = 64 << 20
"""Bytes of a font file above which it is not looked at."""

Ranges = tuple[tuple[int, int], ...]


def _folders() -> list[Path]:
    home = Path.home() if os.environ.get("HOME") or sys.platform == "win32" else None
    if sys.platform == "win32":
        found = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    elif sys.platform == "darwin":
        found = [Path("/System/Library/Fonts"), Path("/Library/Fonts")]
        found += [] if home is None else [home / "Library/Fonts"]
    else:
        shares = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        found = [Path(share) / "fonts" for share in shares.split(":") if share]
        found += [] if home is None else [home / ".local/share/fonts", home / ".fonts"]
    return found


@lru_cache(maxsize=1)
def font_files() -> tuple[str, ...]:
    """Return the installed font files: well-known upright sans-serif ones first, then by name."""
    found: set[str] = set()
    for folder in _folders():
        for root, _, names in os.walk(folder):
            found.update(
                os.path.join(root, name) for name in names if name.lower().endswith(SUFFIXES)
            )

    def key(path: str) -> tuple[int, int, str]:
        name = os.path.basename(path).lower()
        place = PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)
        plain = not any(word in name for word in ("bold", "italic", "oblique", "mono", "serif"))
        return place, not (plain or "regular" in name), path

    return tuple(sorted(found, key=key))


@lru_cache(maxsize=512)
def characters(path: str) -> Ranges:
    """Return the ranges of code points, ends included, that a font file has; none if broken."""
    try:
        if os.path.getsize(path) > LARGEST:
            return ()
        with open(path, "rb") as file:
            return tuple(_ranges(file))
    except (OSError, struct.error, ValueError):
        return ()


def _ranges(file: Any) -> Iterator[tuple[int, int]]:
    start = 0
    head = file.read(12)
    if head[:4] == b"ttcf":
        file.seek(12)
        start = struct.unpack(">I", file.read(4))[0]
        file.seek(start)
        head = file.read(12)
    tables = struct.unpack(">H", head[4:6])[0]
    for _ in range(tables):
        tag, _, offset, length = struct.unpack(">4sIII", file.read(16))
        if tag == b"cmap":
            file.seek(offset)
            yield from _of_cmap(file.read(min(length, 4 << 20)))
            return


def _of_cmap(data: bytes) -> Iterator[tuple[int, int]]:
    """Return the ranges of the subtable of a ``cmap`` that has the most."""
    best: list[tuple[int, int]] = []
    for k in range(struct.unpack_from(">H", data, 2)[0]):
        platform, kind, offset = struct.unpack_from(">HHI", data, 4 + 8 * k)
        if platform not in (0, 3) or (platform == 3 and kind == 0):
            continue
        form = struct.unpack_from(">H", data, offset)[0]
        found: list[tuple[int, int]] = []
        if form == 4:
            count = struct.unpack_from(">H", data, offset + 6)[0] // 2
            ends = struct.unpack_from(f">{count}H", data, offset + 14)
            starts = struct.unpack_from(f">{count}H", data, offset + 16 + 2 * count)
            found = [(a, b) for a, b in zip(starts, ends, strict=True) if a <= b < 0xFFFF]
        elif form == 6:
            first, count = struct.unpack_from(">HH", data, offset + 6)
            found = [(first, first + count - 1)]
        elif form == 12:
            count = struct.unpack_from(">I", data, offset + 12)[0]
            for j in range(min(count, len(data) // 12)):
                low, high, _ = struct.unpack_from(">III", data, offset + 16 + 12 * j)
                found.append((low, high))
        if sum(b - a + 1 for a, b in found) > sum(b - a + 1 for a, b in best):
            best = found
    yield from best


@lru_cache(maxsize=4096)
def font_for(character: str) -> str | None:
    """Return the first font file that has a character, None if there is none."""
    code = ord(character)
    for path in font_files():
        if any(low <= code <= high for low, high in characters(path)) and _usable(path):
            return path
    return None


@lru_cache(maxsize=512)
def _usable(path: str) -> bool:
    """Whether text of any size can be drawn with a font; fonts of bitmaps have one size."""
    try:
        load(path, 13)
    except (OSError, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def load(path: str | None, size: int) -> Any:
    """Return a font of Pillow of a height in pixels; its own if there is no file."""
    from PIL import ImageFont

    if path is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(path, size)


def runs_of(text: str) -> list[tuple[str, str | None]]:
    """Cut a text into runs that one font file has, as far as any installed one does.

    What no font has, spaces and marks on the character before stay with the run before them, so
    that scripts that join letters are drawn whole.
    """
    import unicodedata

    runs: list[tuple[str, str | None]] = []
    for character in text:
        path = font_for(character)
        if runs and (
            path is None
            or character.isspace()
            or unicodedata.category(character) in ("Mn", "Me", "Cf")
            or _has(runs[-1][1], character)
        ):
            path = runs[-1][1]
        if runs and runs[-1][1] == path:
            runs[-1] = (runs[-1][0] + character, path)
        else:
            runs.append((character, path))
    return runs


def _has(path: str | None, character: str) -> bool:
    code = ord(character)
    return path is not None and any(low <= code <= high for low, high in characters(path))
