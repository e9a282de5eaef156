"""Label maps and choices of labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters.choice import LabelChoice, Relabelling, read_label_map
from dlgeom.converters.problems import Problems
from dlgeom.errors import DlgeomError, FormatError, UsageError
from dlgeom.labels import Label, LabelTable

names = st.sampled_from(["a", "b", "c", "d"])
MAP = {"a": "x", "b c": "y z", "no": None, "1": "2", "d": None}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("map.json", json.dumps(MAP)),
        ("map.txt", json.dumps(MAP, indent=1)),
        ("map.yaml", "a: x\nb c: y z\nno: null\n1: 2\nd: ~\n"),
        ("map.yml", '"a": x\n"b c": "y z"\n"no":\n"1": "2"\nd:\n'),
        ("map.txt", "# comment\na: x\n b c :y z\n\nno: null\n1=2\nd=\n".replace(":y", ": y")),
        ("map", 'a=x\r\n"b c" = "y z"\r\nno=~\r\n1: "2"\r\nd:\r\n'),
    ],
)
def test_all_files_say_the_same(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_bytes(text.encode())
    assert read_label_map(tmp_path / file) == MAP


def test_names_with_marks_in_them(tmp_path: Path) -> None:
    (tmp_path / "map").write_text('a:b: c\n"x=y": "null"\nf(a): g=h\n"q\\"": "#"\n')
    assert read_label_map(tmp_path / "map") == {
        "a:b": "c",
        "x=y": "null",
        "f(a)": "g=h",
        'q"': "#",
    }


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.json", "[]", "no object"),
        ("a.json", "{", "no JSON"),
        ("a.json", '{"a": 5}', "names on both sides"),
        ("a.json", '{"a": " "}', "names on both sides"),
        ("a.json", '{"a": "b", "a": "c"}', "comes twice"),
        ("a.json", '{"a":' * 5_000, "no JSON"),
        ("a.yaml", "a: [b]", "names on both sides"),
        ("a.yaml", "a: b\na: c", "comes twice"),
        ("a.yaml", "a: !!python/object/apply:os.system [x]", "tag"),
        ("a.yaml", "- a", "no mapping"),
        ("a.txt", "a", "no 'old: new'"),
        ("a.txt", "a: b\na: c", "named twice"),
        ("a.txt", "\xff", "no 'old: new'"),
    ],
)
def test_what_is_no_label_map_is_refused(
    tmp_path: Path, file: str, text: str, message: str
) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(FormatError, match=message):
        read_label_map(tmp_path / file)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DlgeomError):
        LabelChoice.of(tmp_path / "none.yaml", (), ())


def relabelled(renamed: dict[str, str | None], labels: list[Label], **more: Any) -> Relabelling:
    choice = LabelChoice(renamed=renamed, **more)
    return Relabelling(choice, LabelTable(labels))


def label(name: str, number: int) -> Label:
    return Label(name=name, id=number, record=b'{"n":%d}' % number)


def test_labels_that_get_one_name_become_one() -> None:
    found = relabelled({"cat": "pet", "dog": "pet"}, [label("cat", 1), label("dog", 2)])
    assert [found(0), found(1)] == [0, 0]
    assert [(one.name, one.id) for one in found.labels] == [("pet", 1)]
    own = relabelled(
        {"cat": "pet", "dog": "pet"}, [label("cat", 1), label("dog", 2), label("pet", 3)]
    )
    assert [own(k) for k in range(3)] == [0, 0, 0]
    # What the source says of a label of that name is what the new one is.
    assert [(one.name, one.id) for one in own.labels] == [("pet", 3)]


def test_names_can_be_exchanged() -> None:
    found = relabelled({"a": "b", "b": "a"}, [label("a", 1), label("b", 2)])
    assert [(one.name, one.id) for one in found.labels] == [("b", 1), ("a", 2)]


def test_equal_names_stay_apart_where_nobody_asks_for_one() -> None:
    found = relabelled({"x": "y"}, [label("a", 1), label("a", 2), label("x", 3)])
    assert [found(k) for k in range(3)] == [0, 1, 2]


def test_a_table_that_grows_gets_the_same_indexes() -> None:
    source = LabelTable(["a", "b"])
    choice = LabelChoice(renamed={"b": "c"}, excluded=("a",))
    grown = Relabelling(choice, source)
    source.add("c")
    source.add("a")
    source.add("d")
    grown.extend()
    assert [grown(k) for k in range(5)] == [-1, 0, 0, -1, 1]
    assert grown.labels.names == ["c", "d"]


@given(st.lists(names, max_size=5), st.permutations(["a", "b", "c", "d"]))
def test_renaming_and_back_is_the_identity(given_names: list[str], order: list[str]) -> None:
    labels = [label(name, k) for k, name in enumerate(dict.fromkeys(given_names))]
    there = dict(zip("abcd", order, strict=True))
    first = relabelled(dict(there), labels)
    back = relabelled({new: old for old, new in there.items()}, list(first.labels))
    assert list(back.labels) == labels
    assert [back(first(k)) for k in range(len(labels))] == list(range(len(labels)))


@given(st.sets(names), st.lists(names, min_size=1, max_size=5))
def test_including_and_excluding_part_the_labels(chosen: set[str], given_names: list[str]) -> None:
    labels = [label(name, k) for k, name in enumerate(given_names)]
    some = relabelled({}, labels, included=tuple(chosen or {"none"}))
    rest = relabelled({}, labels, excluded=tuple(chosen or {"none"}))
    for k in range(len(labels)):
        assert (some(k) >= 0) is not (rest(k) >= 0)
    assert sorted([*some.labels.names, *rest.labels.names]) == sorted(given_names)


def test_names_that_do_not_occur_are_told() -> None:
    problems = Problems(strict=True)
    table = LabelTable(["cat", "dog"])
    with pytest.raises(UsageError, match=r"no label 'cta' to include\. Did you mean 'cat'"):
        LabelChoice(included=("cta",)).check(table, problems)
    with pytest.raises(UsageError, match=r"no label 'Dog' to exclude\. Did you mean 'dog'"):
        LabelChoice(excluded=("Dog",)).check(table, problems)
    LabelChoice(renamed={"dgo": "x", "cat": "y"}).check(table, problems)
    [entry] = problems.entries
    assert (entry.status, entry.code) == ("notice", "ref.category")
    assert "Did you mean 'dog'" in entry.message


def test_arguments_are_checked() -> None:
    assert LabelChoice.of(None, (), ()) is None
    assert LabelChoice.of({}, "cat", ()) == LabelChoice(included=("cat",))
    with pytest.raises(UsageError, match="list of label names"):
        LabelChoice.of(None, [5], ())  # type: ignore[list-item]
    with pytest.raises(FormatError, match="both sides"):
        LabelChoice.of({"a": 5}, (), ())  # type: ignore[dict-item]
