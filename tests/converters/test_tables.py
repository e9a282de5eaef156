"""Tables on disk: sorting equals numpy's stable sort, whatever the share of memory."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters import tables
from dlgeom.converters.tables import Heap, Table, sorted_table
from dlgeom.errors import OutputError

ROW = np.dtype([("a", np.int64), ("b", np.int32), ("number", np.int64)])
few = st.integers(-2, 2)
keys = st.lists(st.tuples(st.one_of(few, st.integers(-(2**63), 2**63 - 1)), few), max_size=200)


def made(values: list[tuple[int, int]]) -> np.ndarray:
    rows = np.zeros(len(values), dtype=ROW)
    rows["a"] = [a for a, _ in values]
    rows["b"] = [b for _, b in values]
    rows["number"] = np.arange(len(values))
    return rows


@given(keys, st.integers(1, 9000), st.integers(1, 60), st.sampled_from([["a"], ["b", "a"], ["b"]]))
def test_sorting_is_stable_whatever_the_share(
    values: list[tuple[int, int]], share: int, step: int, fields: list[str]
) -> None:
    rows = made(values)
    slices = [rows[k : k + step] for k in range(0, len(rows), step)]
    table = sorted_table(slices, ROW, fields, share)
    due = rows[np.lexsort([rows[name] for name in reversed(fields)])]
    assert len(table) == len(rows)
    assert (table.read(0, len(rows)) == due).all()


@given(keys, st.lists(st.integers(0, 199), max_size=60), st.integers(1, 50))
def test_rows_are_found_at_any_place(
    values: list[tuple[int, int]], places: list[int], step: int
) -> None:
    rows = made(values)
    table = Table(ROW)
    table.append(rows[:7])
    table.append(rows[7:])
    table.step = step
    wanted = np.array([place for place in places if place < len(rows)], dtype=np.int64)
    assert (table.gather(wanted) == rows[wanted]).all()
    assert sum(len(part) for _, part in table.slices()) == len(rows)
    for first, part in table.slices():
        assert (part == rows[first : first + step]).all()
        part["b"] = 9
        table.write(first, part)
    assert (table.read(0, len(rows))["b"] == 9).all()


@given(st.lists(st.binary(max_size=30), max_size=40), st.lists(st.integers(0, 39), max_size=30))
def test_texts_are_found_again(texts: list[bytes], places: list[int]) -> None:
    heap = Heap()
    ends = np.concatenate([heap.put(texts[:5])[:-1], heap.put(texts[5:])])
    chosen = np.array([place for place in places if place < len(texts)], dtype=np.int64)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    assert heap.get(ends[:-1][chosen], lengths[chosen]) == [texts[k] for k in chosen.tolist()]


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(ROW)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables.os, "pwrite", full)
    with pytest.raises(OutputError, match="TMPDIR") as caught:
        table.append(made([(1, 1)]))
    assert caught.value.code == "output.full"


def test_nothing_is_left_and_descriptors_are_closed(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables.tempfile, "tempdir", str(tmp_path))
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        table = Table(ROW)
        table.append(made([(1, 1)]))
        assert os.listdir(str(tmp_path)) == []
    del table
    assert len(os.listdir("/dev/fd")) == before
