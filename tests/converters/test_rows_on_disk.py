"""Rows that outgrow their share are the same rows; so are those sent to another process."""

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlgeom.converters.rows import Rows

TYPE = np.dtype([("a", np.int64), ("b", np.bool_)])
PARTS = st.lists(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.booleans()), max_size=20).map(
        lambda rows: np.array(rows, dtype=TYPE)
    ),
    max_size=12,
)


@given(PARTS, st.integers(0, 400), st.data())
def test_rows_are_what_was_appended(parts: list, share: int, data: st.DataObject) -> None:
    rows = Rows(TYPE, share)
    for part in parts:
        rows.append(part)
        if data.draw(st.booleans()):
            rows.read(0, len(rows))
    whole = np.concatenate([np.zeros(0, dtype=TYPE), *parts])
    assert len(rows) == len(whole)
    assert rows.on_disk == (whole.nbytes > share)
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(whole) + 2)] * 2)))
    assert (rows.read(first, last) == whole[first:last]).all()
    step = data.draw(st.integers(1, 50))
    assert (np.concatenate([whole[:0], *rows.slices(step)]) == whole).all()
    again = pickle.loads(pickle.dumps(rows))
    assert (again.read(0, len(again)) == whole).all()


@given(arrays(np.uint8, st.integers(0, 99)), st.integers(0, 50))
def test_a_slice_is_a_copy(values: np.ndarray, share: int) -> None:
    rows = Rows(np.uint8, share)
    rows.append(values)
    rows.read(0, 99)[:] = 7
    rows.append(values)
    assert rows.read(0, 999).tolist() == [*values, *values]
