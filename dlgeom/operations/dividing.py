"""Which items go into which part: at random, by labels, by groups; the same for one seed."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from dlgeom.converters.names import safe_name
from dlgeom.errors import DlgeomError, UsageError

__all__ = ["Unit", "checked_parts", "divide"]


class Unit(msgspec.Struct):
    """Items that stay together, mostly one.

    Parameters
    ----------
    key : str
        What tells it from others, whatever the order of files: its place follows from it.
    items : list of int
        Numbers of its items.
    labels : Counter of str
        In how many of its items each label occurs.
    """

    key: str
    items: list[int]
    labels: Counter[str] = msgspec.field(default_factory=Counter)


def checked_parts(parts: Mapping[str, float]) -> dict[str, float]:
    """Return names of parts and their shares, which add up to 1.

    Raises
    ------
    UsageError
        For less than one part, names that are no folder names, shares that add up to neither 1
        nor 100.
    """
    if not parts:
        raise UsageError("parts is empty; it is like {'train': 0.8, 'val': 0.2}")
    seen: set[str] = set()
    for name, share in parts.items():
        try:
            plain = safe_name(name)[0] == name and "/" not in name and name == name.strip()
        except DlgeomError:
            plain = False
        if not plain or name.casefold() in seen:
            raise UsageError(
                f"part {name!r} is no name of a split, or comes twice; names become folders"
            )
        seen.add(name.casefold())
        if not (isinstance(share, int | float) and math.isfinite(share) and share > 0):
            raise UsageError(f"the share of part {name!r} is {share}; shares are greater than 0")
    total = math.fsum(parts.values())
    for whole in (1.0, 100.0):
        if abs(total - whole) <= 1e-6 * whole:
            return {name: share / total for name, share in parts.items()}
    raise UsageError(f"the shares of {', '.join(parts)} add up to {total:g}; they have to make 1")


def divide(
    units: Sequence[Unit], parts: Mapping[str, float], seed: int, *, stratify: bool
) -> dict[int, str]:
    """Return the part of each item.

    Units are taken in an order that is their own: by a hash of seed and key. Without strata each
    goes, the largest first, to the part that lacks most; parts of single items then have the size
    that is asked for, by largest remainders. With strata: iterative stratification, the label
    with the fewest units left first, each unit to the part that lacks that label most.

    References
    ----------
    Sechidis, Tsoumakas, Vlahavas: On the stratification of multi-label data, ECML PKDD 2011.
    """
    order = sorted(units, key=lambda unit: (_rank(seed, unit.key), unit.key))
    names = list(parts)
    total = sum(len(unit.items) for unit in units)
    lack = dict(zip(names, _quotas([parts[name] * total for name in names], total), strict=True))
    chosen: dict[int, str] = {}

    def put(unit: Unit, name: str) -> None:
        lack[name] -= len(unit.items)
        chosen.update(dict.fromkeys(unit.items, name))

    if not stratify:
        for unit in sorted(order, key=lambda unit: -len(unit.items)):
            put(unit, max(names, key=lambda name: lack[name]))
        return chosen
    counts: Counter[str] = Counter()
    for unit in order:
        counts.update(unit.labels)
    wanted = {
        label: {name: parts[name] * count for name in names} for label, count in counts.items()
    }
    having: dict[str, list[int]] = defaultdict(list)
    for place, unit in enumerate(order):
        for label in unit.labels:
            having[label].append(place)
    left = {label: len(places) for label, places in having.items()}
    open_units = set(range(len(order)))
    while left:
        label = min(left, key=lambda name: (left[name], name))
        for place in having[label]:
            if place not in open_units:
                continue
            open_units.discard(place)
            unit = order[place]
            need = wanted[label]
            # A part that is full takes no more while others have room.
            name = max(names, key=lambda name: (lack[name] > 0, need[name], lack[name]))
            put(unit, name)
            for other, count in unit.labels.items():
                wanted[other][name] -= count
                if other in left:
                    left[other] -= 1
        del left[label]
    for place in sorted(open_units, key=lambda place: (-len(order[place].items), place)):
        put(order[place], max(names, key=lambda name: lack[name]))
    return chosen


def _rank(seed: int, key: str) -> bytes:
    text = f"{seed}\0{key}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def _quotas(shares: Sequence[float], total: int) -> list[int]:
    """Return integers near the shares that add up to the total: largest remainders first."""
    quotas = [math.floor(share + 1e-9) for share in shares]
    order = sorted(range(len(shares)), key=lambda k: quotas[k] - shares[k])
    for k in order[: total - sum(quotas)]:
        quotas[k] += 1
    return quotas
