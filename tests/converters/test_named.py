"""A set of very many names is a set of texts, however it is kept."""

from __future__ import annotations

import pickle
import string
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters import named
from dlgeom.converters.named import NameSet
from dlgeom.converters.names import Claims

texts = st.text(alphabet=string.ascii_lowercase[:4] + "é\udcff", max_size=3)
steps = st.lists(st.one_of(texts, st.frozensets(texts, max_size=6)), max_size=40)


def filled(values: list[str | frozenset[str]]) -> tuple[NameSet, set[str]]:
    names, due = NameSet(), set[str]()
    for value in values:
        if isinstance(value, str):
            assert (value in names) == (value in due)
            names.add(value)
            due.add(value)
        else:
            assert names.isdisjoint(value) == due.isdisjoint(value)
            names.update(value)
            due |= value
    return names, due


@given(steps, steps, st.integers(1, 9), st.integers(1, 40), st.integers(1, 5), texts)
def test_it_is_a_set(
    one: list[str | frozenset[str]],
    two: list[str | frozenset[str]],
    fresh: int,
    kept: int,
    every: int,
    name: str,
) -> None:
    with mock.patch.multiple(named, FRESH=fresh, SORTED=kept, _EVERY=every):
        names, due = filled(one)
        others, also = filled(two)
        assert (name in names) == (name in due)
        assert names.apart(others) == due.isdisjoint(also)
        names.merge(others)
        assert all(value in names for value in due | also)
        assert (name in names) == (name in due | also)


@given(st.lists(st.sampled_from(["a.txt", "A.txt", "b.txt", "a_2.txt", "c/d.txt"]), max_size=30))
def test_claims_are_the_same_however_names_are_kept(wishes: list[str]) -> None:
    due = Claims()
    plain = [due.claim(wish) for wish in wishes]
    assert len({name.lower() for name, _ in plain}) == len(wishes)
    with mock.patch.multiple(named, FRESH=2, SORTED=5, _EVERY=1):
        claims = Claims()
        assert [claims.claim(wish) for wish in wishes] == plain
        assert all(claims.holds(name) for name, _ in plain)


def test_names_travel_between_processes() -> None:
    with mock.patch.multiple(named, FRESH=2):
        names, _ = filled(["a", "b", "c"])
    again = pickle.loads(pickle.dumps(names))
    assert all(name in again for name in "abc")
    assert "d" not in again
