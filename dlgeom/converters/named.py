"""Very many names in little memory: as texts at first, then as digests, then on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NameSet"]

FRESH = 1 << 18
"""Names that are kept as they are; a set of texts is the fastest, and 110 bytes a name."""

SORTED = 1 << 22
"""Digests that are kept in memory, 16 bytes each."""

_KEY = np.dtype([("high", np.uint64), ("low", np.uint64)])
_EVERY = 256
Keys = NDArray[np.uint64]


def _digests(names: Iterable[str]) -> Keys:
    """Return 128 bits of each name, in order: no two names are known to have them in common."""
    import hashlib  # loads OpenSSL, which small sets need not

    texts = [
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for name in names
    ]
    return _sorted(np.frombuffer(b"".join(texts), dtype=np.uint64).reshape(-1, 2).T)


def _sorted(keys: Keys) -> Keys:
    # Two rows, so that each half of the keys lies together.
    return np.ascontiguousarray(keys[:, np.lexsort((keys[1], keys[0]))])


def _merged(runs: list[Keys]) -> Keys:
    return _sorted(np.concatenate(runs, axis=1))


def _any_held(run: Keys, keys: Keys) -> bool:
    """Whether any of the keys is in a sorted run."""
    begin = np.searchsorted(run[0], keys[0], side="left")
    end = np.searchsorted(run[0], keys[0], side="right")
    # Two digests with one half in common are rare enough to be looked at one by one.
    return any(
        bool((run[1, begin[k] : end[k]] == keys[1, k]).any())
        for k in np.flatnonzero(end > begin).tolist()
    )


class _DiskRun:
    """A sorted run on disk, with every 256th key in memory."""

    def __init__(self, keys: Keys) -> None:
        from dlgeom.converters.tables import Table

        self._table = Table(_KEY)
        rows = np.empty(keys.shape[1], dtype=_KEY)
        rows["high"], rows["low"] = keys
        self._table.append(rows)
        self._marks = keys[0, ::_EVERY].copy()

    def any_held(self, keys: Keys) -> bool:
        begin = np.maximum(np.searchsorted(self._marks, keys[0], side="left") - 1, 0)
        end = np.searchsorted(self._marks, keys[0], side="right")
        for k in range(keys.shape[1]):
            rows = self._table.read(int(begin[k]) * _EVERY, int(end[k]) * _EVERY)
            if _any_held(_columns(rows), keys[:, k : k + 1]):
                return True
        return False

    def blocks(self) -> Iterator[Keys]:
        for _, rows in self._table.slices():
            yield _columns(rows)


def _columns(rows: NDArray[Any]) -> Keys:
    return np.stack([rows["high"], rows["low"]])


class NameSet:
    """A set of texts that are added, and asked for, but never taken out.

    Examples
    --------
    >>> names = NameSet()
    >>> names.add("a")
    >>> "a" in names, "b" in names, names.isdisjoint({"b", "c"})
    (True, False, True)
    """

    __slots__ = ("_disk", "_fresh", "_runs")

    def __init__(self) -> None:
        self._fresh: set[str] = set()
        self._runs: list[Keys] = []
        self._disk: list[_DiskRun] = []

    def __bool__(self) -> bool:
        return bool(self._fresh or self._runs or self._disk)

    def __contains__(self, name: str) -> bool:
        if name in self._fresh:
            return True
        return bool(self._runs or self._disk) and self._any_old(_digests([name]))

    def add(self, name: str) -> None:
        """Add a text."""
        self._fresh.add(name)
        if len(self._fresh) >= FRESH:
            self._settle()

    def update(self, names: Set[str]) -> None:
        """Add many texts."""
        self._fresh |= names
        if len(self._fresh) >= FRESH:
            self._settle()

    def isdisjoint(self, names: Set[str]) -> bool:
        """Whether none of the texts is here."""
        if not self._fresh.isdisjoint(names):
            return False
        return not (self._runs or self._disk) or not self._any_old(_digests(names))

    def apart(self, other: NameSet) -> bool:
        """Whether both have no text in common."""
        if not self.isdisjoint(other._fresh):
            return False
        if not (other._runs or other._disk):
            return True
        self._settle()
        return not any(self._any_old(keys) for keys in other._old())

    def merge(self, other: NameSet) -> None:
        """Add all texts of another set."""
        self.update(other._fresh)
        for keys in other._old():
            self._runs.append(keys)
        self._tidy()

    def _old(self) -> Iterator[Keys]:
        yield from self._runs
        for run in self._disk:
            yield from run.blocks()

    def _any_old(self, keys: Keys) -> bool:
        return any(_any_held(run, keys) for run in self._runs) or any(
            run.any_held(keys) for run in self._disk
        )

    def _settle(self) -> None:
        if self._fresh:
            self._runs.append(_digests(self._fresh))
            self._fresh = set()
        self._tidy()

    def _tidy(self) -> None:
        # Runs of about one length are joined, so that there are few of them.
        while len(self._runs) > 1 and self._runs[-2].shape[1] < 2 * self._runs[-1].shape[1]:
            last = self._runs.pop()
            self._runs.append(_merged([self._runs.pop(), last]))
        if sum(run.shape[1] for run in self._runs) >= SORTED:
            self._disk.append(_DiskRun(_merged(self._runs)))
            self._runs.clear()
