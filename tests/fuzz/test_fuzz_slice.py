"""A short deterministic slice of each fuzzer; what they found before, and inputs of rare codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fuzz.fuzz_harness import NAMES, Harness, Input, changed, decode, inputs_of
from fuzz.mutators import mutate
from trust.zygote import Watch

RUN = Path(__file__).with_name("run.py")
KEPT = sorted((Path(__file__).parents[1] / "data" / "fuzz").glob("*.jsonl"))
LINES = [json.loads(line) for path in KEPT for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def slices() -> str:
    """Return what a few runs of each fuzzer print: one process, as loading takes longer."""
    done = subprocess.run(
        [sys.executable, str(RUN), "--format", "all", "--runs", "60", "--seed", "77"],
        capture_output=True,
        text=True,
        timeout=500,
    )
    return done.stdout[-6000:] + done.stderr[-6000:]


@pytest.mark.parametrize("name", NAMES)
def test_a_slice_of_runs_finds_nothing(name: str, slices: str) -> None:
    assert re.search(rf"^{name}: 60 runs, 0 findings", slices, re.MULTILINE), slices


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["id"])
def test_what_was_found_or_is_rare_ends_well(line: dict[str, Any], tmp_path: Path) -> None:
    if "data" in line:
        assert decode(bytes.fromhex(line["data"]), *line["size"]) is None
        return
    harness = Harness(tmp_path, Watch((), [], []))
    assert harness.convert(Input.unpacked(line["input"])) is None
    assert sorted(harness.told) == sorted(line["told"])


def test_there_are_inputs_of_each_fuzzer() -> None:
    names = {line["input"]["name"] for line in LINES if "input" in line}
    assert names == set(NAMES) - {"rle"}
    assert len({line["id"] for line in LINES}) == len(LINES)
    assert sum(path.stat().st_size for path in KEPT) < 200_000


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"rle"}))
def test_a_seed_gives_the_same_input_again(name: str) -> None:
    cases = inputs_of(name)
    for seed in range(20):
        one, other = (changed(cases[seed % len(cases)], cases, Random(seed)) for _ in range(2))
        assert one == other


@pytest.mark.parametrize(
    ("name", "data", "check"),
    [
        ("a.json", b'{"a": [1, {"b": "c"}], "d": 2}', json.loads),
        ("a.xml", b"<a><b x='1'>2</b><c>3</c><c>4</c></a>", None),
    ],
)
def test_most_mutations_stay_well_formed(name: str, data: bytes, check: Any) -> None:
    from lxml import etree

    good = 0
    for seed in range(200):
        try:
            (check or etree.fromstring)(mutate(name, data, data, Random(seed)))
        except (ValueError, etree.XMLSyntaxError, RecursionError):
            continue
        good += 1
    assert 100 < good < 200
