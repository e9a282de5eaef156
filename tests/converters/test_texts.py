"""Packed texts are a list of texts, in memory and on disk."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters.texts import Texts, taken

texts = st.text(st.characters(codec=None), max_size=6)


@given(
    st.lists(st.one_of(texts, st.lists(texts, max_size=4)), max_size=20),
    st.integers(0, 60),
    st.lists(st.integers(0, 99), max_size=12),
    st.slices(12),
)
def test_it_is_a_list(
    parts: list[str | list[str]], share: int, places: list[int], some: slice
) -> None:
    packed, due = Texts(share), list[str]()
    for part in parts:
        if isinstance(part, str):
            packed.append(part)
            due.append(part)
        else:
            packed += part
            due += part
    assert list(packed) == due
    assert len(packed) == len(due)
    assert packed[some] == due[some]
    assert packed[:] == due
    rows = np.array([place for place in places if place < len(due)], dtype=np.int64)
    for chosen in (rows, np.sort(rows), np.arange(len(due))):
        assert taken(packed, chosen) == [due[row] for row in chosen] == taken(due, chosen)
    assert [packed[-k] for k in range(1, len(due) + 1)] == due[::-1]
