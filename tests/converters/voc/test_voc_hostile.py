"""Every hostile VOC and mask file ends as the manifest says, in both modes."""

from __future__ import annotations

import json
import os

import pytest

from dlgeom.converters.voc.reader import recognise
from dlgeom.errors import DlgeomError, FormatError

CASES = [
    *(
        f"voc-{name}"
        for name in (
            "laughs",
            "xxe-file",
            "xxe-http",
            "dtd-plain",
            "dtd-default-attr",
            "stylesheet",
            "truncated",
            "root-other",
            "latin1-lie",
            "utf16",
            "space-first",
            "text-1mb",
            "control-char",
            "no-name",
            "name-blank",
            "no-xmax",
            "nan",
            "1e308",
            "comma",
            "float",
            "outside",
            "two-boxes",
            "pi-in-number",
            "nested-object",
            "upper-case",
            "eval-attributes",
            "size-zero",
            "size-1e9",
            "size-negative",
            "filename-abs",
            "filename-none",
        )
    ),
    *(
        f"png-{name}"
        for name in (
            "good",
            "empty",
            "crc",
            "bomb-2e31",
            "ztxt-bomb",
            "zero-size",
            "index-unknown",
            "all-zero",
            "rgba",
            "1bit",
            "eps-as-png",
            "apng",
            "noise",
            "idat-extra",
        )
    ),
]


@pytest.mark.shared
@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
@pytest.mark.parametrize("case", CASES)
def test_hostile_file_ends_as_the_manifest_says(voc, shared_data, case, strict):
    manifest = json.loads((shared_data / "hostile" / "manifest.json").read_text())
    entry = next(entry for entry in manifest["cases"] if entry["id"] == case)
    expected = entry["expected_strict" if strict else "expected"]
    path = shared_data / "hostile" / case
    assert recognise(path) > 0
    if expected == "error":
        with pytest.raises(FormatError) as caught:
            voc.read(path, strict=strict)
        assert caught.value.code == entry["code"]
        return
    _, chunks, problems = voc.read(path, strict=strict)
    codes = {told.code for told in problems.entries}
    assert codes == ({entry["code"]} if entry["code"] else set())
    if entry["survivors"] is not None:
        assert sum(map(len, chunks)) == entry["survivors"]


@pytest.mark.shared
def test_manifest_has_no_voc_case_that_is_not_tried(shared_data):
    manifest = json.loads((shared_data / "hostile" / "manifest.json").read_text())
    ids = {entry["id"] for entry in manifest["cases"] if entry["format"] in ("voc", "segpng")}
    assert ids == set(CASES)


def _objects(count: int) -> str:
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    return f"<object><name>cat</name>{box}</object>" * count


HEAD = "<size><width>9</width><height>9</height></size>"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "file.empty"),
        ("<annotation><depth></annotation>", "xml.syntax"),
        ("<annotation>" + "<x>" * 100 + "</x>" * 100 + "</annotation>", "limit.depth"),
        ("<annotation>" + "<x>" * 400 + "</x>" * 400 + "</annotation>", "limit.depth"),
        ("<annotation><filename>" + "n" * 70_000 + "</filename></annotation>", "limit.text"),
        ('<annotation xmlns="urn:x"/>', "xml.namespace"),
        (f"<annotation>{HEAD}{_objects(1)}</annotation><more/>", "xml.syntax"),
        (f"<annotation>{HEAD}{_objects(1)}", "xml.syntax"),
        (f"<annotation>{HEAD}{_objects(1)}<object></annotation>", "xml.syntax"),
        (f"<annotation>{HEAD}{_objects(1)}&amp;&</annotation>", "xml.syntax"),
        ("<annotation><filename>../../a.png</filename></annotation>", "path.escape"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "encoding.invalid"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(voc, make_voc, tmp_path, text, code):
    make_voc(tmp_path, {"a": text})
    with pytest.raises(FormatError) as caught:
        voc.read(tmp_path, strict=False)
    assert caught.value.code in {code, "xml.syntax"} if code == "encoding.invalid" else [code]


def test_a_bad_file_among_good_ones_is_told_and_left_out(voc, make_voc, tmp_path):
    good = f"<annotation>{HEAD}{_objects(2)}</annotation>"
    make_voc(tmp_path, {"a": good, "b": good[:-30], "c": good})
    _, chunks, problems = voc.read(tmp_path, strict=False)
    assert sum(map(len, chunks)) == 4
    assert [(told.status, told.code, told.path) for told in problems.entries] == [
        ("file", "xml.syntax", "Annotations/b.xml")
    ]
    with pytest.raises(FormatError, match=r"b\.xml"):
        voc.read(tmp_path, strict=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(voc, tmp_path):
    folder = tmp_path / "Annotations"
    folder.mkdir()
    os.mkfifo(folder / "a.xml")
    with pytest.raises(FormatError) as caught:
        voc.read(tmp_path)
    assert caught.value.code == "file.not_regular"


def test_a_link_out_of_the_data_set_is_not_followed(voc, make_voc, tmp_path):
    (tmp_path / "secret.xml").write_text(f"<annotation>{HEAD}{_objects(1)}</annotation>")
    root = make_voc(tmp_path / "set", {"a": f"<annotation>{HEAD}</annotation>"})
    (root / "Annotations" / "b.xml").symlink_to(tmp_path / "secret.xml")
    with pytest.raises(DlgeomError) as caught:
        voc.read(root)
    assert caught.value.code == "path.symlink"
    _, chunks, _ = voc.read(root, strict=False)
    assert [item.name for item in chunks[0].items] == ["a.jpg"]


def test_a_name_in_an_image_set_that_climbs_out_is_told(voc, make_voc, tmp_path):
    root = make_voc(
        tmp_path, {"a": f"<annotation>{HEAD}</annotation>"}, train=["a", "../../etc/passwd"]
    )
    _, chunks, problems = voc.read(root, strict=False)
    assert [item.name for item in chunks[0].items] == ["a.jpg"]
    assert [told.code for told in problems.entries] == ["path.escape"]
