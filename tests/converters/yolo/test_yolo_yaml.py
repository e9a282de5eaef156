"""Class files: every scalar stays text, and nothing but plain values is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters.yolo.class_yaml import (
    DataYaml,
    load_class_yaml,
    parse_class_yaml,
    read_data_yaml,
)
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import DEFAULT_LIMITS

PLAIN = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff\u2028\u2029"),
    min_size=1,
    max_size=12,
).filter(lambda text: text.strip() == text)


def read(tmp_path: Path, text: str) -> DataYaml:
    path = tmp_path / "data.yaml"
    path.write_text(text, encoding="utf-8")
    return read_data_yaml(path, shown="data.yaml")


def notes(data: DataYaml) -> list[tuple[str, str]]:
    return [(note.status, note.code) for note in data.notes]


@given(st.lists(PLAIN, max_size=6, unique=True))
def test_names_are_what_a_yaml_writer_meant(names: list[str]) -> None:
    for value in (names, dict(enumerate(names))):
        text = yaml.safe_dump({"names": value, "train": "x"}, allow_unicode=True)
        found = parse_class_yaml(text)["names"]
        assert (list(found.values()) if isinstance(found, dict) else found) == names
        if names:
            assert all(entry.kind == "str" for entry in parse_class_yaml(text)["names"]) or (
                isinstance(value, dict)
            )


@given(st.text(max_size=60))
def test_any_text_is_a_mapping_or_a_format_error(text: str) -> None:
    code = ""
    try:
        root = parse_class_yaml(text)
    except FormatError as error:
        code = error.code
    if code:
        assert code.startswith(("yaml.", "schema.", "limit."))
    else:
        # What is taken is a mapping to the usual reader, too; its form in Python refuses some tabs.
        assert isinstance(root, dict)
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        assert isinstance(yaml.load(text, loader), dict)  # noqa: S506 - text only


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("names: [!!python/name:os.system , dog]", "yaml.tag"),
        ("names: !!str cat", "yaml.tag"),
        ("names: &n [cat, *n]", "yaml.recursive"),
        ("a: &a [x]\nnames: *a", "limit.aliases"),
        ("names: [a]\nnames: [b]", "yaml.duplicate_key"),
        ("names: {0: a, 0: b}", "yaml.duplicate_key"),
        ("names:\n\t0: cat", "yaml.syntax"),
        ("names: [a", "yaml.syntax"),
        ("names: [a]\n---\nnames: [b]", "yaml.syntax"),
        ("? [a, b]\n: c", "yaml.syntax"),
        ("- a\n- b", "schema.root"),
        ("# nothing\n", "schema.root"),
        ("a: " + "[" * 100, "limit.depth"),
        (f"a: {'x' * 70_000}", "limit.text"),
    ],
)
def test_what_is_no_plain_mapping_is_refused(text: str, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_class_yaml(text)
    assert caught.value.code == code
    assert isinstance(caught.value, LimitError) == code.startswith("limit.")


def test_a_class_file_has_a_limited_size(tmp_path: Path) -> None:
    path = tmp_path / "data.yaml"
    path.write_text("names: [a]\n" + "# " + "x" * 100)
    with pytest.raises(LimitError, match="yaml_bytes"):
        load_class_yaml(path, DEFAULT_LIMITS.replace(yaml_bytes=50))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("[cat, dog]", {0: "cat", 1: "dog"}),
        ("{0: cat, 5: dog}", {0: "cat", 5: "dog"}),
        ("{90: b, 1: a}", {90: "b", 1: "a"}),
        ("['1.0', \"no\"]", {0: "1.0", 1: "no"}),
    ],
)
def test_names_are_a_list_or_a_mapping_with_gaps(
    tmp_path: Path, names: str, found: dict[int, str]
) -> None:
    data = read(tmp_path, f"names: {names}\n")
    assert data.names == found
    assert data.notes == []


def test_names_that_yaml_types_stay_text_and_are_told(tmp_path: Path) -> None:
    data = read(tmp_path, "names: [no, ~, 1.0, 0x10, 12:30, 2020-01-01]\n")
    assert list(data.names.values()) == ["no", "~", "1.0", "0x10", "12:30", "2020-01-01"]
    assert set(notes(data)) == {("warning", "type.text")}
    assert len(data.notes) == 6


def test_textual_class_indexes_are_read_as_numbers_and_told(tmp_path: Path) -> None:
    data = read(tmp_path, "names: {'0': cat, '10': x, '2': dog}\n")
    assert data.names == {0: "cat", 10: "x", 2: "dog"}
    assert set(notes(data)) == {("warning", "type.id")}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("names: cat", "schema.names"),
        ("names: {cat: 0}", "schema.names"),
        ("names: {-1: cat}", "schema.names"),
        ("names: {1000000000000: cat}", "schema.names"),
        ("names: [[a]]", "schema.names"),
        ("names: [a, '']", "schema.names"),
        ("names: {0: a, 00: b}", "yaml.duplicate_key"),
        ("names: [a]\nnc: many", "schema.field"),
        ("names: [a]\npath: [a]", "schema.field"),
        ("names: [a]\ntrain: {a: b}", "schema.field"),
        ("names: [a]\nkpt_shape: [3, 4]", "schema.field"),
        ("names: [a]\nkpt_shape: 3", "schema.field"),
        ("names: [a]\nkpt_shape: [2, 3]\nflip_idx: [0, 0]", "schema.field"),
        ("names: [a]\nkpt_shape: [2, 3]\nkpt_names: {0: [x]}", "schema.field"),
        ("names: [a]\ncategory_ids: [1, 2]", "schema.field"),
    ],
)
def test_values_of_a_wrong_kind_are_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, text)
    assert caught.value.code == code
    assert caught.value.path == "data.yaml"


@pytest.mark.parametrize(
    ("count", "told"), [("2", False), ("2.0", False), ("3", True), ("10", False), ("null", True)]
)
def test_nc_has_to_agree_with_the_names(tmp_path: Path, count: str, told: bool) -> None:
    text = f"names: {{0: a, 9: b}}\nnc: {count}\n"
    if count == "null":
        with pytest.raises(FormatError, match="nc"):
            read(tmp_path, text)
        return
    assert notes(read(tmp_path, text)) == ([("warning", "schema.field")] if told else [])


def test_two_classes_of_one_name_are_both_kept_and_told(tmp_path: Path) -> None:
    data = read(tmp_path, "names: [cat, cat]\n")
    assert data.names == {0: "cat", 1: "cat"}
    assert notes(data) == [("warning", "ref.duplicate_name")]


def test_download_is_never_looked_at(tmp_path: Path) -> None:
    data = read(tmp_path, "names: [a]\ndownload: |\n  import os\n")
    assert notes(data) == [("notice", "yaml.ignored_key")]
    assert "download" not in data.extra


def test_splits_take_folders_lists_and_several_of_them(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        "path: ../x\ntrain: [a, b.txt]\nvalidation: images/val\ntest:\nnames: [a]\nversion: 1.0\n",
    )
    assert data.root == "../x"
    assert data.splits == {"train": ["a", "b.txt"], "val": ["images/val"]}
    assert data.extra == {"version": 1.0}


def test_keypoints_have_shape_names_and_mirror_images(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        "names: [a, b]\nkpt_shape: [3, 2]\nflip_idx: [0, 2, 1]\nkpt_names: {1: [nose, l, r]}\n",
    )
    assert data.kpt_shape == (3, 2)
    assert data.flip == (0, 2, 1)
    assert data.keypoints == {1: ("nose", "l", "r")}


def test_category_ids_may_be_of_any_size_or_text(tmp_path: Path) -> None:
    data = read(tmp_path, f"names: [a, b, c]\ncategory_ids: [{2**70}, -1, 'x1']\ntask: obb\n")
    assert data.category_ids == [2**70, -1, "x1"]
    assert data.task == "obb"
