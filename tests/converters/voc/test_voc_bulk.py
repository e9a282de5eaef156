"""Whole chunks of VOC files at once: the same names, lists and bytes as image by image."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Meta
from dlgeom.converters.images import IMAGE_SUFFIXES, plain_image_stems
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.converters.output import Output
from dlgeom.converters.voc import writer as voc_writer
from dlgeom.converters.voc.write_head import bare_head, head_text, heads_are_bare
from dlgeom.converters.voc.write_sets import SetWriter
from dlgeom.item import Item
from dlgeom.labels import LabelTable

_STEMS = st.text(st.sampled_from("aAbB0_- .é\n/"), min_size=1, max_size=4) | st.sampled_from(
    ["con", "aux", "COM1", "a" * 89, "a" * 90, "a" * 91, "a" * 120]
)
_NAMES = st.builds(
    "{}{}".format, _STEMS, st.sampled_from([*sorted(IMAGE_SUFFIXES), ".JPG", ".txt", ""])
)


@given(st.lists(_NAMES, max_size=6))
@example(["a.jpg\nb.jpg", "c d.jpg"])
@example(["a.jpg\n"])
@example([])
def test_plain_names_are_those_that_stay_as_they_are(names):
    stems = plain_image_stems(names)
    if stems is not None:
        assert stems == [stem_of(safe_name(name)[0]) for name in names]
        assert stems == [output_name(stem) for stem in stems]
        assert all("\n" not in name and "/" not in name for name in names)


@given(st.lists(st.sampled_from(["a", "A", "b", "B", "c"]), max_size=4), st.booleans())
def test_claiming_all_is_claiming_one_after_the_other(names, before):
    one, many = Claims(), Claims()
    if before:
        one.claim("b")
        many.claim("b")
    as_one = [one.claim(name) for name in names]
    if many.claim_all(names):
        assert as_one == [(name, False) for name in names]
        assert [many.claim(name) for name in "abc"] == [one.claim(name) for name in "abc"]
    else:
        assert any(taken for _, taken in as_one)
        # Nothing was taken on the way.
        assert many.claim("c") == ("c", False)


@given(st.lists(st.sampled_from([None, "train", "val", ""]), max_size=8), st.integers(0, 8))
def test_many_images_are_noted_as_one_after_the_other(subsets, cut):
    labels = LabelTable(["cat"])
    written = []
    for many in (False, True):
        sets = SetWriter(Meta(format="coco", labels=labels), "train")
        stems = [f"s{k}" for k in range(len(subsets))]
        if many:
            sets.add_many(subsets[:cut], stems[:cut])
            sets.add_many(subsets[cut:], stems[cut:])
        else:
            for subset, stem in zip(subsets, stems, strict=True):
                sets.add(subset, stem, stem, segmented=False)
        with TemporaryDirectory() as place:
            with Output(Path(place, "out")) as output:
                sets.write(output, labels, every=False)
            written.append(_tree(Path(place)))
    assert written[0] == written[1]


@pytest.mark.parametrize("record", [b"", b'{"id":1,"url":"x"}', b'{"depth":1}', b'{"owner":{}}'])
@pytest.mark.parametrize("fields", [None, {}, {"folder": "a"}])
@pytest.mark.parametrize("size", [(4, 3), (None, None)])
def test_bare_heads_are_the_heads_of_images_without_fields(record, fields, size):
    item = Item(name="a.jpg", width=size[0], height=size[1], record=record, fields=fields)
    if heads_are_bare([item]):
        head, _, lost = head_text(item, "a.jpg", segmented=False, renamed=False, own=False)
        assert not lost
        assert bare_head(item, "a.jpg") == head
    else:
        assert fields is not None or b"url" not in record


def _tree(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "names",
    [
        ["a.jpg", "b.png", "c.tif"],
        ["a.jpg", "A.png", "a.png"],
        ["a&b.jpg", "x/y.jpg", "x/y.png"],
        ["no", "aux.jpg", None],
        ["a b.jpg", "c.jpg", "C.jpg"],
    ],
)
@pytest.mark.parametrize("options", [{}, {"voc_numbers": "int"}, {"voc_base": 1}])
def test_a_chunk_at_once_is_written_as_image_by_image(voc, tmp_path, monkeypatch, names, options):
    items = [Item(name=n, width=9, height=9, number=k, subset="val") for k, n in enumerate(names)]
    columns = {
        "bounds": np.array([[0, 0, 1.5, 2], [1, 1, 2, 9], [0.1, 0.2, 0.3, 0.7]]),
        "item": np.array([0, 2, 2], dtype=np.int32),
        "label": np.array([0, 1, 0], dtype=np.int32),
        "labels": LabelTable(["<cat>", "dog"]),
    }
    source = voc.Chunks([Chunk.build(items=items, **columns)])
    voc.write(source, tmp_path / "bulk", options=options, strict=False)
    monkeypatch.setattr(voc_writer, "heads_are_bare", lambda items: False)
    voc.write(source, tmp_path / "single", options=options, strict=False)
    bulk = _tree(tmp_path / "bulk")
    assert sum(name.endswith(".xml") for name in bulk) == 3
    assert bulk == _tree(tmp_path / "single")
