"""Formats look at the folders of a source once between them, and see what is there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlgeom.converters import registry
from dlgeom.converters.find import find_files, holds_files
from dlgeom.converters.glance import Listing, glance, remembered, walk
from dlgeom.converters.voc.layout import _files, _first_xml

few = settings(max_examples=min(settings().max_examples, 100))
names = st.sampled_from(
    ["a", "b.txt", "c.XML", ".d", ".e.vtt", "f.vtt", "g.v.Vtt", "._h.xml", "i.xml"]
)
trees = st.recursive(
    st.none(), lambda below: st.dictionaries(names, below, max_size=4), max_leaves=9
)


def make(place: Path, tree: dict | None) -> None:
    if tree is None:
        place.write_bytes(b"")
        return
    place.mkdir(exist_ok=True)
    for name, below in tree.items():
        make(place / name, below)


def plain_walk(path: Path, entries: int) -> Iterator[tuple[str, list[str], list[str]]]:
    left = entries
    for place, folders, found in os.walk(path):
        yield place, sorted(folders), sorted(found)
        left -= len(folders) + len(found)
        if left < 0:
            return
        folders[:] = sorted(name for name in folders if not name.startswith("."))


@few
@given(st.dictionaries(names, trees, max_size=4), st.integers(0, 6))
def test_a_look_sees_what_a_plain_walk_sees(tree: dict, entries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, tree)
        (root / "link").symlink_to(root)
        (root / "round").symlink_to(root / "round")
        with remembered():
            seen = [(p, f.folders, sorted(f.names)) for p, f in walk(root, entries=entries)]
            first = _first_xml(root, levels=3)
        assert seen == list(plain_walk(root, entries))
        assert first == next(_files(root, ".xml", "", 3), None)
        for suffix in (".vtt", ".xml"):
            there = any(
                name.lower().endswith(suffix) and not name.startswith(".")
                for _, _, found in plain_walk(root, 2_000)
                for name in found
            )
            assert holds_files(root, suffix) == there


def test_each_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("images/train", "labels/train", "other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "labels/train/a.txt").write_text("0 .5 .5 .1 .1\n")
    (tmp_path / "images/train/a.jpg").write_bytes(b"")
    (tmp_path / "data.yaml").write_text("train: images/train\nnames:\n  0: a\n")
    made: list[Listing] = []

    def counted(*fields: Any) -> Listing:
        made.append(Listing(*fields))
        return made[-1]

    monkeypatch.setattr("dlgeom.converters.glance.Listing", counted)
    assert registry.recognise(tmp_path).name == "yolo"
    assert len(made) == 6


def test_what_was_listed_is_forgotten(tmp_path: Path) -> None:
    with remembered():
        assert glance(tmp_path).names == []
        (tmp_path / "a.vtt").write_bytes(b"")
        assert glance(tmp_path).names == []
    assert glance(tmp_path).endings == {".vtt"}
    assert [file.shown for file in find_files(tmp_path, ".vtt")] == ["a.vtt"]
