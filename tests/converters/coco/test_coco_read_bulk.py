"""Checks of many values at once say what a look at each of them says."""

from __future__ import annotations

import re

import msgspec
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.chunk import OUTLINE, PARTS
from dlgeom.converters.coco.read_bulk import check_polygons
from dlgeom.converters.coco.read_joined import Joined

_NUMBER = re.compile(rb"(?<![0-9.])[0-9]{8,}")
_RING = rb"\[,,,,,(?:,,)*\]"
_PLAIN = re.compile(rb"\[" + _RING + rb"(?:," + _RING + rb")*\]")

NUMBERS = st.one_of(
    st.sampled_from(
        [b"1", b"0.5", b"-3.25", b"9999999", b"12345678", b"-99999999.5", b"0.123456789"]
    ),
    st.sampled_from([b"1e3", b" 7 ", b"123456789012.25", b"1234.5678"]),
)
RINGS = st.lists(NUMBERS, max_size=9).map(lambda n: b"[" + b",".join(n) + b"]")
POLYGONS = st.one_of(
    st.lists(RINGS, max_size=4).map(lambda rings: b"[" + b",".join(rings) + b"]"),
    st.lists(NUMBERS, min_size=6, max_size=6).map(lambda n: b"[[" + b", ".join(n) + b"]]"),
    st.sampled_from([b"[[[1,2,3,4,5,6]]]", b"[1,2]", b"[null]", b'["a"]', b"[[1,2,3,4,5,6],null]"]),
).filter(lambda text: len(text) > 2)


def _is_plain(text: bytes) -> bool:
    return _PLAIN.fullmatch(text.translate(None, b"0123456789.- \t\r\n")) is not None


@given(st.lists(POLYGONS, min_size=1, max_size=8))
@example([b"[[1,2,3,4,5,6]]", b"[[1,2,3,4,5,6],[1,2,3,4,5,6,7,8]]"])
@example([b"[[1,2,3,4,5,6],[[1,2,3,4,5,6]]]"])
@example([b"[[1,2,3,4,5,12345678]]", b"[[1,2,3,4,5,6]]"])
def test_polygons_together_are_judged_as_each_alone(texts: list[bytes]) -> None:
    flags = np.zeros(2 * len(texts), dtype=np.uint16)
    rows = np.arange(0, 2 * len(texts), 2)
    slow: set[int] = set()
    check_polygons(rows, b"\0".join(texts) + b"\0", flags, slow)
    for row, text in zip(rows.tolist(), texts, strict=True):
        plain = _is_plain(text)
        if not plain or _NUMBER.search(text):
            assert row in slow
        else:
            assert row not in slow
            assert bool(flags[row] & PARTS) == (text.count(b"[") > 2)
        assert flags[row] & OUTLINE
    assert slow <= set(rows.tolist())


VALUES = st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3)
)


@given(st.lists(VALUES, min_size=1, max_size=9), st.data())
def test_joined_values_come_apart_again(values: list[object], data: st.DataObject) -> None:
    none = msgspec.Raw(b"")
    raws = [none if value is None else msgspec.Raw(msgspec.json.encode(value)) for value in values]
    there = [row for row, raw in enumerate(raws) if raw is not none]
    joined = Joined(raws)
    assert joined.separable
    assert joined.rows.tolist() == there
    assert joined.lengths.tolist() == [len(bytes(raws[row])) for row in there]
    assert bytes(joined.first.tolist()) == b"".join(bytes(raws[row])[:1] for row in there)
    assert joined.quotes() == sum(bytes(raw).count(b'"') for raw in raws)
    picked = data.draw(st.lists(st.booleans(), min_size=len(there), max_size=len(there)))
    chosen = np.flatnonzero(picked)
    texts = [bytes(raws[there[k]]) for k in chosen.tolist()]
    assert joined.texts(chosen) == texts
    assert joined.joined(chosen) == b"".join(text + b"\0" for text in texts)


def test_a_value_with_a_nul_is_not_told_apart() -> None:
    assert not Joined([msgspec.Raw(b'"a\0"'), msgspec.Raw(b"1")]).separable
