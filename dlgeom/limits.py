"""Limits that protect a run from its input (reliability page, section 5)."""

from __future__ import annotations

import msgspec

from dlgeom.errors import LimitError, UsageError

__all__ = ["DEFAULT_LIMITS", "Limits"]

MIB = 1 << 20
FRACTIONS = frozenset({"coordinate", "outline", "zip_ratio"})
"""Limits that need not be whole numbers."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of each thing one input may hold; each has ``--limit NAME=VALUE``.

    Sizes are bytes, `pixels` are pixels of an image or mask that must be decoded, `rle_pixels`
    of a mask that stays run lengths, `coordinate` is pixels from the origin, `frames` is the
    span of one annotation and `outline` the
    total length of one ring, sum of max(abs(dx), abs(dy)), in pixels. `zip_ratio` is what one
    byte of a packed file may become, once past 10 MiB; `index_bytes` is how much of an
    annotation file's index is in memory, what is more is on disk. `zip_entries` and `zip_bytes`
    bound what an archive or an address holds, and what is unpacked or fetched of it.
    `workers_memory` is the address space of each process of ``--workers``.
    """

    file_bytes: int = 8 << 30
    label_bytes: int = 16 * MIB
    yaml_bytes: int = 256 << 10
    yaml_aliases: int = 0
    depth: int = 64
    text: int = 64 << 10
    cue_text: int = MIB
    path_component: int = 255
    path: int = 4096
    pixels: int = 178_956_970
    rle_pixels: int = 1 << 40
    coordinate: float = 1e7
    outline: float = 1e6
    ring_points: int = 100_000
    points: int = 1_000_000
    frames: int = 10_000_000
    png_text: int = MIB
    zip_ratio: float = 200
    index_bytes: int = 256 * MIB
    zip_entries: int = 1_000_000
    zip_bytes: int = 64 << 30
    workers_memory: int = 1 << 30

    def replace(self, **changes: float) -> Limits:
        """Return a copy with some limits changed.

        Raises
        ------
        UsageError
            If a name is unknown, or a value is not positive, or no whole number where it counts.
        """
        for name, value in changes.items():
            if name not in self.__struct_fields__:
                known = ", ".join(self.__struct_fields__)
                raise UsageError(f"unknown limit {name!r}; known: {known}")
            if not value > 0 and value != getattr(DEFAULT_LIMITS, name):
                raise UsageError(f"limit {name} is {value}; limits are greater than 0")
            if name not in FRACTIONS:
                if value != int(value):
                    raise UsageError(f"limit {name} is {value}; it is a whole number")
                changes[name] = int(value)
        return msgspec.structs.replace(self, **changes)

    def check(
        self,
        name: str,
        value: float,
        *,
        code: str,
        what: str,
        path: str | None = None,
        location: str | None = None,
    ) -> None:
        """Raise `LimitError` if `value` is over the limit `name`."""
        allowed = getattr(self, name)
        if value > allowed:
            raise LimitError(
                f"{what} is {value}; the limit {name} is {allowed}. "
                f"Raise it with --limit {name}={value} if the file is what you expect",
                code=code,
                path=path,
                location=location,
            )


DEFAULT_LIMITS = Limits()
