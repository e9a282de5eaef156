"""Labels lie inside of the picture, and not over each other where there is room."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.render.text import Places


def overlapping(boxes: np.ndarray) -> int:
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = (high > low).all(axis=2)
    return int((both.sum() - len(boxes)) // 2)


def test_many_labels_of_one_place_go_where_there_is_room() -> None:
    places = Places((500, 500))
    boxes = []
    for k in range(60):
        left, top = places.find((200 + k % 8 * 6, 200 + k // 8 * 8, 260, 250), (45, 15))
        boxes.append((left, top, left + 45, top + 15))
    assert overlapping(np.array(boxes)) == 0


@given(
    st.lists(
        st.tuples(
            st.floats(-50, 350), st.floats(-50, 250), st.integers(1, 90), st.sampled_from([9, 14])
        ),
        max_size=20,
    )
)
def test_labels_stay_in_the_picture(wishes: list[tuple[float, float, int, int]]) -> None:
    places = Places((200, 300))
    for left, top, wide, tall in wishes:
        x, y = places.find((left, top, left + 20, top + 20), (wide, tall))
        assert 0 <= x <= 300 - wide
        assert 0 <= y <= 200 - tall


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200)), max_size=15))
def test_few_labels_never_cover_each_other(points: list[tuple[float, float]]) -> None:
    places = Places((400, 400))
    boxes = []
    for x, y in points:
        left, top = places.find((x, y, x + 5, y + 5), (40, 12))
        boxes.append((left, top, left + 40, top + 12))
    assert not boxes or overlapping(np.array(boxes)) == 0
