"""The class file written by hand is the one that PyYAML writes."""

from __future__ import annotations

from unittest import mock

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.converters.yolo import write_files
from dlgeom.labels import Label, LabelTable

NAMES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12),
    st.text(min_size=1, max_size=8),
    st.sampled_from(["no", "null", "1e3", "0x10", "~", "a: b", "- x", "'", "#", "\\", '"', " a"]),
    st.integers(0, 200).map(lambda size: "a b" * size + "x"),
)
IDS = st.one_of(st.none(), st.integers(-(10**20), 10**20), st.sampled_from(["a", "1", "no", "é"]))
FOLDERS = st.lists(
    st.sampled_from(["train", "val", "test", "train2017", "Val_1", "extra", "1", "a b", "no"]),
    max_size=4,
    unique=True,
)


@given(st.lists(st.tuples(NAMES, IDS), max_size=6), FOLDERS, st.sampled_from(["detect", "obb"]))
@example([("a", 1)], ["val"], "detect")
def test_plain_class_file_is_that_of_pyyaml(
    classes: list[tuple[str, int | str | None]], folders: list[str], task: str
) -> None:
    labels = LabelTable([Label(name=name, id=number) for name, number in classes])
    quick = write_files.data_yaml(labels, task, folders, None)
    with mock.patch.object(write_files, "_plain_yaml", return_value=None):
        slow = write_files.data_yaml(labels, task, folders, None)
    assert quick == slow


@pytest.mark.parametrize("names", [["person", "traffic light", "a: b #c"], ["x" * 100]])
def test_common_class_files_are_written_without_pyyaml(names: list[str]) -> None:
    labels = LabelTable([Label(name=name, id=k) for k, name in enumerate(names, 1)])
    with mock.patch.object(yaml, "dump", side_effect=AssertionError):
        text = write_files.data_yaml(labels, "segment", ["train", "val"], None)
    assert yaml.safe_load(text)["names"] == dict(enumerate(names))
