"""Names never leave the target, and two of them are never one file."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import Limits

DEVICES = {"con", "prn", "aux", "nul", *(f"{a}{k}" for a in ("com", "lpt") for k in range(10))}
PIECES = [
    "..",
    ".",
    "/",
    "\\",
    "a",
    "B.jpg",
    "C:",
    " ",
    "con",
    "é",
    "\u0301",
    "\0",
    "\n",
    "http://",
]
wild = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=20)
tame = st.lists(
    st.sampled_from(["a", "A", "a.png", "ß", "SS", "é", "e\u0301", "É.png", "ﬀ", "x_2", "x"]),
    min_size=1,
    max_size=3,
).map("/".join)


@given(wild)
@example("a/../../b")
@example("..\\..\\x")
@example("a/b/../../../c")
@example("\ud800")
@example("C:http://http://..")
def test_a_safe_name_never_leaves_the_folder(text: str) -> None:
    try:
        name, note = safe_name(text)
    except FormatError:
        return
    assert note in ("", "path.normalised", "path.reserved")
    steps = name.split("/")
    assert all(step not in ("", ".", "..") for step in steps)
    assert "\\" not in name
    assert not re.search(r"[\x00-\x1f\x7f]", name)
    assert not PurePosixPath(name).is_absolute()
    # "C:x" is a name on other systems; it is told, and output_name() gives it another colon.
    assert not PureWindowsPath(name).drive or note
    assert not PureWindowsPath(output_name(name)).drive
    assert safe_name(name)[0] == name


@given(wild)
@example("a ")
def test_an_output_name_fits_every_file_system(text: str) -> None:
    try:
        name = output_name(safe_name(text)[0])
    except FormatError:
        return
    assert output_name(name) == name
    for step in name.split("/"):
        assert not set(step) & set('<>:"|?*\\')
        assert step[-1] not in " ."
        assert step.partition(".")[0].lower() not in DEVICES


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("../a", "path.escape"),
        ("a/../../b", "path.escape"),
        ("/etc/passwd", "path.escape"),
        ("\\\\host\\share", "path.escape"),
        ("C:\\x.png", "path.escape"),
        ("c:/x.png", "path.escape"),
        ("", "path.invalid"),
        (" ", "path.invalid"),
        (".", "path.invalid"),
        ("a/", "path.invalid"),
        ("a\0b", "path.invalid"),
        ("a\nb", "path.invalid"),
        ("a\x7f", "path.invalid"),
        ("a\u2028", "path.invalid"),
        ("\ud800", "path.invalid"),
        ("http://x/y.png", "path.url"),
        ("s3://x/y.png", "path.url"),
        ("n" * 256, "limit.path"),
        ("é" * 128, "limit.path"),
        ("a/" * 2100 + "b", "limit.path"),
    ],
)
def test_a_bad_name_is_refused_by_its_code(text: str, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        safe_name(text, shown="labels.json")
    assert caught.value.code == code
    assert caught.value.path == "labels.json"
    assert isinstance(caught.value, LimitError) == (code == "limit.path")


def test_limits_of_names_can_be_raised() -> None:
    assert safe_name("n" * 300, limits=Limits(path_component=300))[0] == "n" * 300
    with pytest.raises(LimitError, match="path_component"):
        safe_name("abcd efgh é", limits=Limits(path_component=5))


@pytest.mark.parametrize(
    ("text", "name", "note"),
    [
        ("a/b.png", "a/b.png", ""),
        ("a\\b.png", "a/b.png", ""),
        ("a//b.png", "a/b.png", ""),
        ("./a.png", "a.png", "path.normalised"),
        ("x/../a.png", "a.png", "path.normalised"),
        ("aux.txt", "aux.txt", "path.reserved"),
        ("what?.png", "what?.png", "path.reserved"),
        ("dot.", "dot.", "path.reserved"),
        ("Łódź/日本 1.jpg", "Łódź/日本 1.jpg", ""),
    ],
)
def test_a_good_name_is_kept(text: str, name: str, note: str) -> None:
    assert safe_name(text) == (name, note)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@given(st.lists(tame | st.text(min_size=1, max_size=4), max_size=30))
@example(["a.txt", "A.txt", "a_2.txt", "A_2.TXT"])
@example(["a_2", "a", "A"])
def test_claimed_names_are_distinct_on_any_file_system(names: list[str]) -> None:
    claims, keys = Claims(), set()
    for name in names:
        given_name, collided = claims.claim(name)
        assert collided == (_key(name) in keys)
        assert collided or given_name == name
        assert _key(given_name) not in keys
        assert stem_of(given_name).startswith(stem_of(name))
        keys.add(_key(given_name))


@given(tame)
def test_stem_and_ending_are_the_name(name: str) -> None:
    stem = stem_of(name)
    assert name.startswith(stem)
    assert "/" not in name[len(stem) :]
    assert name[len(stem) :].count(".") <= 1
