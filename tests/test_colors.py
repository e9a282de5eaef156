"""Colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.colors import color_of_name, hex_of, parse_color
from dlgeom.errors import UsageError

bytes_ = st.integers(0, 255)


@given(st.tuples(bytes_, bytes_, bytes_))
def test_all_spellings_say_the_same(color: tuple[int, int, int]) -> None:
    red, green, blue = color
    spellings = (
        hex_of(color),
        hex_of(color).upper(),
        f"rgb({red},{green},{blue})",
        f" RGB( {red}, {green} ,{blue} ) ",
        list(color),
        np.array(color, dtype=np.uint8),
    )
    assert {parse_color(spelling) for spelling in spellings} == {color}


def test_short_form() -> None:
    assert parse_color("#0af") == (0, 170, 255)


@pytest.mark.parametrize(
    "value",
    [
        *("", "red", "#12", "#12345g", "rgb(1,2)", "rgb(1,2,256)", "rgb(1,2,x)", "rgb(exit(1))"),
        *([1, 2], [1, 2, 3, 4], [1, 2, -1], [1.5, 2, 3], [True, 1, 1], None, 5, {"r": 1}),
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="colour"):
        parse_color(value)


@given(st.text())
def test_a_name_has_one_colour_that_shows(name: str) -> None:
    color = color_of_name(name)
    assert color == color_of_name(name)
    assert max(color) >= 150
    assert max(color) - min(color) >= 80


def test_names_of_a_data_set_mostly_differ() -> None:
    assert len({color_of_name(f"class {k}") for k in range(1_000)}) > 990
