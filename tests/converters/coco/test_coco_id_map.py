"""Ids to positions: by a table where they lie close, by a search where not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters.coco.read_columns import NO_ID
from dlgeom.converters.coco.read_ids import IdMap

CLOSE = st.integers(-5, 60)
FAR = st.integers(-(2**63) + 1, 2**63 - 1)


@given(
    st.lists(CLOSE | FAR, max_size=12) | st.lists(CLOSE, max_size=12),
    st.lists(CLOSE | FAR | st.just(NO_ID), max_size=12),
)
def test_each_id_has_the_first_position(ids: list[int], wanted: list[int]) -> None:
    found = IdMap(np.array(ids, dtype=np.int64)).find(np.array(wanted, dtype=np.int64))
    assert found.tolist() == [ids.index(one) if one in ids else -1 for one in wanted]


@given(st.lists(CLOSE, max_size=12), st.lists(CLOSE, max_size=12), st.integers(-(2**40), 2**40))
def test_narrow_columns_are_found_in_wide_ones(ids: list[int], wanted: list[int], by: int) -> None:
    wide = [one + by for one in ids]
    found = IdMap(np.array(wide, dtype=np.int64)).find(np.array(wanted, dtype=np.int32))
    assert found.tolist() == [wide.index(one) if one in wide else -1 for one in wanted]
