"""Which images a COCO file has already: as a dict would tell it, in eight bytes an image."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters.coco.write_seen import SeenImages
from dlgeom.item import Item

EDGES = st.sampled_from([-(2**63), 1 - 2**63, 2 - 2**63, 2**63 - 1, 2**63, 0, -1])
IDS = st.one_of(st.integers(), EDGES, st.text(max_size=3))
NUMBERS = st.one_of(st.integers(0, 3000), st.just(-1), st.integers(0, 2**40))


@given(st.lists(st.tuples(NUMBERS, IDS, st.one_of(st.none(), IDS)), max_size=40))
def test_a_dict_tells_the_same(images: list) -> None:
    seen = SeenImages()
    items, known, owns = [], {}, {}
    for number, own, given_id in images:
        if number >= 0:  # items of one number are the same image, with the same id
            own = owns.setdefault(number, own)
        item = Item(number=number, id=own)
        identifier = item.id if given_id is None else given_id
        key = number if number >= 0 else id(item)
        items.append(item)
        found = seen.get(item)
        assert found == known.get(key)
        assert type(found) is type(known.get(key))
        if found is None:
            seen.put(item, identifier)
            known[key] = identifier
    by_number = {item.number: item for item in reversed(items) if item.number >= 0}
    for number, item in by_number.items():
        assert seen.get(item) == known[number]


def test_an_image_takes_eight_bytes() -> None:
    seen, count = SeenImages(), 1 << 14
    for number in range(count):
        item = Item(number=number, id=f"text {number}")
        seen.put(item, item.id if number % 2 else number)
    assert not seen._odd
    assert sum(map(sys.getsizeof, seen._pages.values())) < 9 * count
