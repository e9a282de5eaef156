"""Every hostile case, ours and the shared ones, ends as its manifest says: P1, P2, P3, P6-P9.

Each runs in a child of its own with 4 GiB, 10 seconds and an audit hook, in both modes.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trust.children import Zygote, check_child, place_case, zygote
from trust.corpora import (
    HERE,
    MODES,
    build_own,
    own_cases,
    run_case,
    shared_manifest,
    shared_root,
)

OWN = own_cases()
SHARED = shared_manifest()


@pytest.fixture(scope="module")
def process() -> Iterator[Zygote]:
    with zygote() as started:
        yield started


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_own(tmp_path_factory.mktemp("hostile") / "own")


@pytest.fixture(scope="module")
def outputs() -> dict[tuple[str, str], Any]:
    """What came of the good cases, which others are measured by."""
    return {}


@pytest.mark.parametrize("case", OWN, ids=lambda case: case["id"])
def test_own_case_ends_as_its_manifest_says(
    case: dict[str, Any], process: Zygote, corpus: Path, outputs: dict[str, Any]
) -> None:
    for mode in MODES:
        with tempfile.TemporaryDirectory() as place:
            outcome = run_case(process, case, mode, corpus, Path(place))
        if mode == "lenient" and case["id"].endswith("-good"):
            outputs[case["id"]] = outcome.output
        if mode == "lenient" and "like" in case:
            # P8: the good record comes out as it does without the bad one beside it.
            if case["like"] not in outputs:
                good = next(entry for entry in OWN if entry["id"] == case["like"])
                with tempfile.TemporaryDirectory() as place:
                    outputs[case["like"]] = run_case(
                        process, good, mode, corpus, Path(place)
                    ).output
            assert outcome.output == outputs[case["like"]]


@pytest.mark.skipif(not SHARED["cases"], reason="shared data absent")
@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["id"])
def test_shared_case_ends_as_its_manifest_says(case: dict[str, Any], process: Zygote) -> None:
    escape = Path(SHARED["escape_dir"])
    for mode in MODES:
        with tempfile.TemporaryDirectory() as place:
            run_case(process, case, mode, shared_root() / "hostile", Path(place))
        assert not escape.exists() or not any(escape.iterdir())


def test_the_manifest_is_that_of_the_script() -> None:
    import importlib.util
    import sys

    sys.path.insert(0, str(HERE))
    try:
        spec = importlib.util.spec_from_file_location("hostile_make", HERE / "make.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(HERE))
    import json

    assert module.manifest() == json.loads((HERE / "manifest.json").read_text())


def test_the_files_are_those_of_the_manifest(corpus: Path) -> None:
    for case in OWN:
        folder = corpus / case["id"]
        if case["sha256"] is None:
            continue
        digest = hashlib.sha256()
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for name, data in sorted(files.items()):
            digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + data + b"\0")
        assert digest.hexdigest() == case["sha256"], case["id"]


def test_there_are_as_many_of_our_own() -> None:
    assert len(OWN) >= 238
    assert len({case["id"] for case in OWN}) == len(OWN)
    for case in OWN:
        assert case["must_never"]
        assert case["expected"] in ("accept", "accept-with-warning", "error")


# Codes that need a system that refuses; `tests/faults` has them, and the command line's tests.
ELSEWHERE = {"io.permission", "output.exists", "output.full", "output.overlaps_input"}
# Codes of what a target cannot hold, and of `dlgeom validate`.
ELSEWHERE |= {"limit.memory"}
ELSEWHERE |= {"keypoints.names", "value.rounded", "video.attributes", "video.held"}
ELSEWHERE |= {
    "video.hidden",
    "video.parts",
    "geometry.bbox_missing",
    "text.control",
    "polygon.self_intersects",
}


def test_each_code_of_the_page_has_a_case() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text("utf-8")
    table = page[page.index("## Codes of the input") : page.index("## Limits")]
    groups = "file encoding json xml yaml zip schema type number value text ref record row path"
    groups += " image mask rle base64 geometry polygon keypoints vtt srt video limit output io"
    codes = set(re.findall(rf"`((?:{groups.replace(' ', '|')})\.[a-z0-9_]+)`", table))
    told = {case["code"] for case in OWN}
    assert len(codes) > 90
    missing = codes - told - ELSEWHERE
    assert not missing, sorted(missing)


def test_the_table_of_the_page_is_current() -> None:
    from trust import table

    assert table.PAGE.read_text("utf-8") == table.page()


LINKED = [case for case in OWN if any("/etc" in s.get("target", "") for s in case.get("setup", ()))]


@pytest.mark.parametrize("case", LINKED, ids=lambda case: case["id"])
def test_recognising_never_looks_through_links_out(
    case: dict[str, Any], process: Zygote, corpus: Path
) -> None:
    """Without --from, all formats look at the files: P2."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        place_case(case, corpus, folder)
        arguments = ["convert", str(folder / "INPUT"), str(folder / "OUT"), "--to", "dataloop"]
        ending = process.run(
            arguments, folder / "log.txt", readable=[folder / "INPUT"], writable=[folder]
        )
        check_child(ending, (folder / "log.txt").read_text("utf-8", "replace"))
