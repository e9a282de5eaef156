"""Glob patterns."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.filters.globs import clean_path, matcher


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/dir/**", "dir/a.jpg", True),
        ("/dir/**", "dir/b/a.jpg", True),
        ("/dir/**", "dir", False),
        ("/dir/**", "dirt/a.jpg", False),
        ("/dir/*", "dir/a.jpg", True),
        ("/dir/*", "dir/b/a.jpg", False),
        ("**/cam1/*", "cam1/a.jpg", True),
        ("**/cam1/*", "x/y/cam1/a.jpg", True),
        ("*/cam1/*", "x/cam1/a.jpg", True),
        ("*/cam1/*", "x/y/cam1/a.jpg", False),
        ("a/**/b.jpg", "a/b.jpg", True),
        ("a/**/b.jpg", "a/x/y/b.jpg", True),
        ("a/**/b.jpg", "a/xb.jpg", False),
        ("/**.jpg", "a/b.jpg", True),
        ("/**", "", True),
        ("a?.jpg", "a/.jpg", False),
        ("[ab].jpg", "b.jpg", True),
        ("[!ab].jpg", "b.jpg", False),
        ("[!ab]x", "/x", False),
        ("[[]x", "[x", True),
        ("[x", "[x", True),
        ("a.jpg", "aXjpg", False),
        ("[z-a]", "-", True),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, fits: bool) -> None:
    found = matcher(pattern, path=True).fullmatch(clean_path(path) if path != "/x" else path)
    assert bool(found) is fits


@given(st.text("ab*?.", max_size=8), st.text("ab.\n", max_size=8))
def test_patterns_of_names_are_those_of_fnmatch(pattern: str, name: str) -> None:
    assert bool(matcher(pattern).fullmatch(name)) is fnmatch.fnmatchcase(name, pattern)


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_pattern(pattern: str, name: str) -> None:
    for path in (False, True):
        matcher(pattern, path=path).fullmatch(name)
    escaped = "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
    assert matcher(escaped).fullmatch(name)
