"""The page on labels and filters says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from dlgeom.filters.fields import FIELDS, HIDDEN
from dlgeom.filters.parser import parse

PAGE = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")


def test_its_python_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "labels.md", "exec"), {})  # our own text


def test_its_conditions_are_read() -> None:
    found = re.findall(r'--where "([^"\n]+)"', PAGE)
    assert found
    for text in found:
        parse(text)


def test_it_names_all_fields() -> None:
    table = PAGE.partition("| field |")[2].partition("\n\n")[0]
    named = {re.sub(r"\.KEY$", "", name) for name in re.findall(r"`([a-z_.]+(?:KEY)?)`", table)}
    assert {name for name in FIELDS if name not in HIDDEN} <= named
