"""The conformity files: cues, cue text, settings and regions as the specification has them."""

from __future__ import annotations

import importlib.metadata
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from dlgeom import AnnotationCollection
from dlgeom.converters.subtitles.times import clock
from dlgeom.converters.vtt.api import read_vtt_file, write_vtt_file
from dlgeom.converters.vtt.cuetext import Node, Text, Timestamp, parse_cue_text, plain_text
from dlgeom.converters.vtt.file import VttFile, parse_vtt
from dlgeom.converters.vtt.settings import Region, parse_settings
from dlgeom.converters.vtt.voices import parts_of
from dlgeom.errors import FormatError


def facts_of(file: VttFile, valid: bool) -> dict[str, Any]:
    ids = [region.id for region in file.regions]
    cues = []
    for cue in file.cues:
        shown = parse_settings(cue.settings, ids)
        cues.append(
            {
                "id": cue.id,
                "start_ms": cue.start,
                "end_ms": cue.end,
                "text": cue.text,
                "plain_text": plain_text(cue.text),
                "settings": {
                    "vertical": shown.vertical,
                    "line": shown.line,
                    "lineAlign": shown.line_align,
                    "snapToLines": shown.snap_to_lines,
                    "position": shown.position,
                    "positionAlign": shown.position_align,
                    "size": shown.size,
                    "align": shown.align,
                    "region": shown.region,
                },
            }
        )
    return {
        "valid": valid,
        "cues": cues,
        "regions": [region_facts(region) for region in file.regions],
        "stylesheets": len(file.stylesheets),
    }


def region_facts(region: Region) -> dict[str, Any]:
    return {
        "id": region.id,
        "width": region.width,
        "lines": region.lines,
        "regionAnchorX": region.region_anchor[0],
        "regionAnchorY": region.region_anchor[1],
        "viewportAnchorX": region.viewport_anchor[0],
        "viewportAnchorY": region.viewport_anchor[1],
        "scroll": region.scroll,
    }


def tree_facts(children: list[Node | Text | Timestamp]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for child in children:
        if isinstance(child, Text):
            found.append({"type": "text", "value": child.value})
        elif isinstance(child, Timestamp):
            found.append({"type": "timestamp", "value": child.value})
        else:
            node = {
                "type": "node",
                "name": child.name,
                "classes": list(child.classes),
                "children": tree_facts(child.children),
            }
            if child.name in ("v", "lang"):
                node["voice" if child.name == "v" else "lang"] = child.value
            found.append(node)
    return found


def expected_files(shared_data: Path) -> list[Path]:
    root = shared_data / "vtt"
    found = [*root.glob("wpt-file-parsing/*.vtt"), *root.glob("mozilla-vttjs/**/*.vtt")]
    assert len(found) > 100
    return sorted(found)


def all_files(shared_data: Path) -> list[Path]:
    more = [*shared_data.glob("vtt/real/*.vtt"), *shared_data.glob("platform/audio/*.vtt")]
    assert len(more) > 10
    return [*expected_files(shared_data), *sorted(more)]


def collection_of(path: Path) -> AnnotationCollection | None:
    """Read a file as its user does; None if it is no WebVTT file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return read_vtt_file(path)
        except FormatError:
            return None


def test_conformity_files_give_the_expected_cues_settings_and_regions(shared_data: Path) -> None:
    for path in expected_files(shared_data):
        expected = json.loads(path.with_suffix(".json").read_text())
        file, valid = VttFile(), expected["valid"]
        if valid:
            file = parse_vtt(path.read_bytes(), strict=True)
        else:
            with pytest.raises(FormatError, match=r"vtt\.header"):
                parse_vtt(path.read_bytes(), strict=True)
        assert facts_of(file, valid) == expected, path.name


def test_conformity_files_give_the_expected_annotations(shared_data: Path) -> None:
    for path in expected_files(shared_data):
        expected = json.loads(path.with_suffix(".json").read_text())
        found = collection_of(path)
        if not expected["valid"]:
            assert found is None, path.name
            continue
        assert found is not None
        due = []
        for cue in expected["cues"]:
            parts = parts_of(cue["text"])
            if len(parts) == 1 and parts[0].voice is None:
                assert parts[0].text == cue["plain_text"]
            due += [
                (cue["start_ms"], cue["end_ms"], part.voice or "Text", part.text) for part in parts
            ]
        got = [
            (
                round(a.start_time * 1000),
                round(a.end_time * 1000),
                a.label,
                a.annotation_definition.text,
            )
            for a in found
        ]
        assert got == due, path.name


def test_cue_texts_give_the_expected_trees(shared_data: Path) -> None:
    cases = json.loads((shared_data / "vtt" / "wpt-cue-text" / "cases.json").read_text())
    assert cases
    for case in cases:
        assert tree_facts(parse_cue_text(case["text"])) == case["tree"], case["text"]
        assert plain_text(case["text"]) == case["plain_text"], case["text"]


def test_every_file_is_written_as_it_was_read(shared_data: Path, tmp_path: Path) -> None:
    place = tmp_path / "out.vtt"
    for path in all_files(shared_data):
        first = collection_of(path)
        if first is None:
            continue
        report = write_vtt_file(first, place)
        given, made = parse_vtt(path.read_bytes()), parse_vtt(place.read_bytes(), strict=True)
        assert not made.faults
        given.cues.sort(key=lambda cue: cue.start)
        for cue in given.cues:
            # The one thing that is not written as it was: an end that is not after the start.
            cue.end = max(cue.end, cue.start + 1)
        assert [(c.id, c.start, c.end, c.settings, c.text) for c in made.cues] == [
            (c.id, c.start, c.end, c.settings, c.text) for c in given.cues
        ], path.name
        assert made.header == given.header
        assert (made.regions, made.stylesheets) == (given.regions, given.stylesheets)
        again = read_vtt_file(place)
        if report.approximated == 0:
            assert again.annotations == sorted(first, key=lambda a: a.start_time), path.name
        assert again.item.metadata == first.item.metadata, path.name
        assert not report.fields
        before = place.read_bytes()
        write_vtt_file(again, place)
        assert place.read_bytes() == before


def test_webvtt_py_agrees(shared_data: Path) -> None:
    webvtt = pytest.importorskip("webvtt")
    version = importlib.metadata.version("webvtt-py")
    if tuple(map(int, version.split(".")[:2])) < (0, 6):
        pytest.skip("earlier versions get a third of the conformity files wrong")
    compared = 0
    for path in all_files(shared_data):
        # It takes vertical tab for white space.
        if path.name == "whitespace-chars.vtt":
            continue
        try:
            file = parse_vtt(path.read_bytes())
        except FormatError:
            with pytest.raises(webvtt.errors.MalformedFileError):
                webvtt.read(path)
            continue
        theirs = [(c.identifier or "", c.start, c.end, c.raw_text) for c in webvtt.read(path)]
        ours = [(c.id, clock(c.start), clock(c.end), c.text) for c in file.cues]
        assert ours == theirs, f"{path.name}, webvtt-py {version}"
        compared += 1
    assert compared > 100
