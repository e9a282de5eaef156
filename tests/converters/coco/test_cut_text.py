"""Where values end is told from any part of a text, or more of it is asked for."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.converters.coco.read_text import NEED_MORE, elements, value_end

values = st.recursive(
    st.text(alphabet='ab{}[]",:\\ \n𐀀é') | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('{"\\x', max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@example({"id": "0}𐀀"}, True)
@example("\\", False)
@given(values, st.booleans())
def test_a_value_that_is_cut_off_asks_for_more(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    whole = text + b" "
    assert value_end(whole, 0, 64) == len(text)
    for size in range(1, len(text)):
        assert value_end(text[:size], 0, 64) == NEED_MORE


@given(st.lists(values, min_size=1, max_size=3))
def test_elements_of_a_list_that_is_cut_off_are_those_before_the_cut(listed: list[Any]) -> None:
    text = json.dumps(listed).encode()
    spans, _, closed = elements(text, 1, 64)
    assert closed
    assert [json.loads(text[a:b]) for a, b in spans] == listed
    for size in range(1, len(text)):
        found, place, done = elements(text[:size], 1, 64)
        assert not done
        assert found == spans[: len(found)]
        assert place <= size
