"""COCO reader on broken input: the code that the manifest states, good neighbours survive."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters.base import ALL, ReadContext
from dlgeom.converters.coco import read_index
from dlgeom.converters.coco.reader import open_reader, recognise
from dlgeom.converters.coco.scan import Scanner
from dlgeom.converters.problems import Problems
from dlgeom.errors import DlgeomError, FormatError, LimitError
from dlgeom.limits import Limits

MANIFEST = Path(__file__).parents[3].parent / "shared" / "data" / "hostile" / "manifest.json"
OF_WRITERS = {"coco-names-same-stem", "coco-names-case"}
"""Names that are one file only for a target with a file for each image, or on some disks."""


def cases() -> list[Any]:
    """Return the manifest's cases of this format; none where the data are absent."""
    import os

    named = os.environ.get("DLGEOM_SHARED_DATA")
    path = Path(named) / "hostile" / "manifest.json" if named else MANIFEST
    if not path.is_file():
        return []
    found = json.loads(path.read_text())["cases"]
    return [pytest.param(c, id=c["id"]) for c in found if c["format"] == "coco"]


def outcome(
    path: Path, *, strict: bool, grouped: bool, needs: frozenset[str] = ALL, **more: Any
) -> tuple[int | str, list[str]]:
    """Return the number of rows that survive, or the error's code; and the codes told."""
    problems = Problems(strict=strict)
    try:
        reader = open_reader(path, ReadContext(problems=problems, **more))
        rows = 0
        for chunk in reader.chunks(grouped=grouped, needs=needs):
            rows += len(chunk)
            assert np.isfinite(chunk.outline.xy).all()
            assert not np.isinf(chunk.bounds).any()
    except LimitError as error:
        return error.code if error.code.startswith("limit.") else "", []
    except FormatError as error:
        return "" if error.code.startswith("limit.") else error.code, []
    return rows, [entry.code for entry in problems.entries]


@pytest.mark.shared
@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize(
    ("grouped", "needs"),
    [(True, ALL), (False, frozenset())],
    ids=["grouped", "in file order"],
)
def test_each_hostile_file_gives_what_its_manifest_states(
    shared_data: Path, tmp_path: Path, case: Any, grouped: bool, needs: frozenset[str]
) -> None:
    shutil.copytree(shared_data / "hostile" / case["id"], tmp_path / "case")
    relative = Path(case["file"]).relative_to(case["id"])
    for path in (tmp_path / "case", tmp_path / "case" / relative):
        assert recognise(path) > 0
        found, codes = outcome(path, strict=False, grouped=grouped, needs=needs)
        if case["expected"] == "error":
            assert found == case["code"]
        else:
            assert found == case["survivors"]
            if case["id"] in OF_WRITERS or case["code"] is None:
                assert codes == []
            else:
                assert case["code"] in codes
        found, _ = outcome(path, strict=True, grouped=grouped, needs=needs)
        if case["expected_strict"] == "error" and case["id"] not in OF_WRITERS:
            assert found == case["code"]
        else:
            assert found == case["survivors"]


# ------------------------------------------------------------------ our own

GOOD = (
    '{"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 5, 20, 10], "area": 200, '
    '"iscrowd": 0, "segmentation": [[4, 5, 24, 5, 24, 15, 4, 15]]}'
)
HEAD = (
    '{"images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}], '
    '"categories": [{"id": 1, "name": "cat"}], "annotations": ['
)
LONG = "9" * 5000


def text_of(*records: str) -> str:
    return HEAD + ", ".join(records) + "]}"


def bad(**fields: Any) -> str:
    """Return a good record with other fields."""
    value = {**json.loads(GOOD), "id": 2, **fields}
    return json.dumps(value)


RECORDS = {
    "key twice": (
        '{"id": 2, "image_id": 1, "image_id": 1, "category_id": 1}',
        "json.duplicate_key",
    ),
    "key twice, once escaped": (
        '{"id": 2, "image_id": 1, "im\\u0061ge_id": 1, "category_id": 1, "bbox": [1, 1, 1, 1]}',
        "json.duplicate_key",
    ),
    "unknown key twice": (
        '{"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 1, 1, 1], "x": 1, "x": 2}',
        "json.duplicate_key",
    ),
    "key twice in attributes": (
        '{"id": 2, "image_id": 1, "category_id": 1, "attributes": {"a": NaN, "a": 2}}',
        "json.duplicate_key",
    ),
    "NaN in an unknown field": (bad(other=[{"a": float("nan")}]), "number.not_finite"),
    "1e999 in an unknown field": (
        bad(other=0).replace('"other": 0', '"other": 1e999'),
        "number.not_finite",
    ),
    "NaN in attributes": (bad(attributes={"a": float("inf")}), "number.not_finite"),
    "half a surrogate pair": (bad(other="\ud800"), "encoding.invalid"),
    "area as text": (bad(area="200"), "type.number"),
    "area of true": (bad(area=True), "type.number"),
    "area of 1e999": (bad(area=0).replace('"area": 0', '"area": 1e999'), "number.not_finite"),
    "area of 400 digits": (bad(area=10**400), "number.range"),
    "score as text": (bad(score="0.5"), "type.number"),
    "iscrowd of 2": (bad(iscrowd=2), "value.range"),
    "bbox as object": (bad(bbox={"x": 1}), "schema.type"),
    "id of true": (bad(id=True), "type.id"),
    "id of 1.5": (bad(id=1.5), "type.id"),
    "image_id of null": (bad(image_id=None), "schema.field"),
    "category_id as text": (bad(category_id="1"), "ref.category"),
    "caption of 5": (bad(caption=5), "type.text"),
    "polygon of objects": (bad(segmentation=[{"x": 1}]), "schema.type"),
    "polygon of text": (bad(segmentation=[["1", 2, 3, 4, 5, 6]]), "type.number"),
    "polygon of true": (bad(segmentation=[[True, 2, 3, 4, 5, 6]]), "type.number"),
    "polygon of 400 digits": (bad(segmentation=[[10**400, 2, 3, 4, 5, 6]]), "number.range"),
    "polygon of eight digits": (
        bad(segmentation=[[12345678, 2, 3, 4, 5, 6]]),
        "geometry.outside_image",
    ),
    "polygon of 1e8": (
        bad(segmentation=0).replace('"segmentation": 0', '"segmentation": [[1e8, 2, 3, 4, 5, 6]]'),
        "geometry.outside_image",
    ),
    "polygon of one point twice": (bad(segmentation=[[1, 2, 1, 2, 1, 2]]), "polygon.zero_area"),
    "polygon of true itself": (bad(segmentation=True), "schema.type"),
    "RLE without counts": (bad(segmentation={"size": [48, 64]}), "rle.invalid"),
    "RLE with a key twice": (
        bad(segmentation=0).replace(
            '"segmentation": 0', '"segmentation": {"size": [48, 64], "size": [1, 1], "counts": [1]}'
        ),
        "json.duplicate_key",
    ),
}


@pytest.mark.parametrize(("record", "code"), RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("grouped", [True, False])
def test_a_bad_record_costs_that_record(
    tmp_path: Path, record: str, code: str, grouped: bool
) -> None:
    path = tmp_path / "x.json"
    for text in (text_of(GOOD, record), text_of(record, GOOD), text_of(record)):
        path.write_text(text)
        due = text.count(GOOD)
        assert outcome(path, strict=False, grouped=grouped) == (due, [code])
        assert outcome(path, strict=True, grouped=grouped) == (code, [])


ROOTS = {
    "nothing but blanks": (" \n ", "file.empty"),
    "a number": ("5", "schema.root"),
    "a list of numbers": ("[1, 2]", "schema.root"),
    "a list of other objects": ('[{"id": 1}]', "schema.root"),
    "nothing after a key": ('{"images"', "json.syntax"),
    "no colon": ('{"images" []}', "json.syntax"),
    "a key without quotes": ("{images: []}", "json.syntax"),
    "a comma at the end": ('{"info": {},}', "json.syntax"),
    "two commas in a list": (text_of(GOOD, "", GOOD), "json.syntax"),
    "no comma in a list": (text_of(GOOD + GOOD), "json.syntax"),
    "a list that does not end": (text_of(GOOD)[:-2], "json.syntax"),
    "a root that does not end": (text_of(GOOD)[:-1], "json.syntax"),
    "a record that is no JSON": (text_of(GOOD, '{"id": 1, nonsense}'), "json.syntax"),
    "a number that is no JSON": (
        text_of(bad(area=7).replace('"area": 7', '"area": 07')),
        "json.syntax",
    ),
    "images that are an object": ('{"images": {}, "annotations": []}', "schema.type"),
    "no images": ('{"annotations": [], "categories": []}', "schema.field"),
    "NaN in info": ('{"info": NaN, "images": [], "annotations": []}', "number.not_finite"),
    "a bad section": ('{"info": {"a" 1}, "images": [], "annotations": []}', "json.syntax"),
    "a section of 100 levels": (
        '{"info": ' + "[" * 100 + "]" * 100 + ', "images": [], "annotations": []}',
        "limit.depth",
    ),
    "a record of 100 levels": (
        text_of(GOOD, bad(x=0).replace('"x": 0', '"x": ' + "[" * 100 + "]" * 100)),
        "limit.depth",
    ),
    "a record of 100,000 levels": (
        text_of(GOOD, bad(x=0).replace('"x": 0', '"x": ' + "[" * 100_000 + "]" * 100_000)),
        "limit.depth",
    ),
    "a number of 5,000 digits": (
        text_of(GOOD, bad(other=0).replace('"other": 0', f'"area": {LONG}')),
        "number.range",
    ),
    "an id of 5,000 digits": (
        text_of(bad(id=0).replace('"id": 0', f'"id": {LONG}')),
        "number.range",
    ),
    "a key twice, once escaped": ('{"images": [], "im\\u0061ges": []}', "json.duplicate_key"),
    "a category without a name": (HEAD.replace(', "name": "cat"', "") + "]}", "schema.field"),
    "a category without an id": (
        HEAD.replace('{"id": 1, "name"', '{"name"') + "]}",
        "schema.field",
    ),
    "an image without an id": (HEAD.replace('{"id": 1, "file', '{"file') + "]}", "schema.field"),
    "an image id of true": (
        HEAD.replace('{"id": 1, "file', '{"id": true, "file') + "]}",
        "type.id",
    ),
    "an image with a key twice": (
        HEAD.replace('"width": 64', '"width": 64, "width": 65') + "]}",
        "json.duplicate_key",
    ),
    "an image without a name": (HEAD.replace('"file_name": "a.png", ', "") + "]}", "schema.field"),
    "an image that is a number": (
        HEAD.replace('"images": [', '"images": [5, ') + "]}",
        "schema.type",
    ),
    "NaN in an image": (HEAD.replace('"width"', '"x": NaN, "width"') + "]}", "number.not_finite"),
    "NaN in a category": (
        HEAD.replace('"name": "cat"', '"name": "c", "x": NaN') + "]}",
        "number.not_finite",
    ),
    "half a surrogate pair in an image": (
        HEAD.replace('"width"', '"x": "\\udc00", "width"') + "]}",
        "encoding.invalid",
    ),
    "half a surrogate pair in a category": (
        HEAD.replace('"cat"', '"\\ud800"') + "]}",
        "encoding.invalid",
    ),
    "a negative width": (HEAD.replace('"width": 64', '"width": -64') + "]}", "image.size"),
    "a width of 30 digits": (
        HEAD.replace('"width": 64', f'"width": {10**30}') + "]}",
        "image.size",
    ),
    "a width of true": (HEAD.replace('"width": 64', '"width": true') + "]}", "type.number"),
    "two images of one id": (
        HEAD.replace(
            '"images": [', '"images": [{"id": 1, "file_name": "b.png", "width": 1, "height": 1}, '
        )
        + "]}",
        "ref.duplicate_id",
    ),
}


@pytest.mark.parametrize(("text", "code"), ROOTS.values(), ids=ROOTS)
@pytest.mark.parametrize("strict", [True, False])
def test_a_file_that_cannot_be_trusted_is_an_error(
    tmp_path: Path, text: str, code: str, strict: bool
) -> None:
    path = tmp_path / "instances_x.json"
    path.write_text(text)
    assert outcome(path, strict=strict, grouped=True) == (code, [])


def test_invalid_utf8_anywhere_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    data = text_of(bad(other="@@")).replace("cat", "c@@t").encode()
    for place in range(data.count(b"@@")):
        pieces = data.split(b"@@")
        pieces[place] += b"\xff"
        path.write_bytes(b"".join(pieces))
        assert outcome(path, strict=False, grouped=False) == ("encoding.invalid", [])


def test_a_folder_or_pipe_is_no_file(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "x.json")
    assert outcome(tmp_path / "x.json", strict=False, grouped=True) == ("file.not_regular", [])
    assert recognise(tmp_path / "x.json") == 0
    assert outcome(tmp_path, strict=False, grouped=True) == ("file.not_regular", [])


def test_a_link_out_of_the_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/x.json").write_text(text_of(GOOD))
    (tmp_path / "set/annotations").mkdir(parents=True)
    (tmp_path / "set/annotations/instances_a.json").symlink_to(tmp_path / "other/x.json")
    assert outcome(tmp_path / "set", strict=False, grouped=True) == ("path.symlink", [])


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(file_bytes=100), "limit.bytes"),
        (Limits(depth=2), "limit.depth"),
        (Limits(text=2), "limit.text"),
        (Limits(path_component=3), "limit.path"),
    ],
)
def test_limits_are_errors_that_name_their_option(
    tmp_path: Path, limits: Limits, code: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(HEAD.replace("a.png", "a b (1).png") + '], "info": [[[1]]]}')
    problems = Problems(strict=False)
    with pytest.raises(LimitError, match="--limit") as caught:
        open_reader(path, ReadContext(problems=problems, limits=limits))
    assert caught.value.code == code


def test_limits_of_points_cost_the_record(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    ring = [float(number) for k in range(20) for number in (k, k * k % 13)]
    three = bad(id=3, segmentation=[ring[:20]] * 3)
    path.write_text(text_of(GOOD, bad(segmentation=[ring]), three))
    for limits in (Limits(ring_points=19), Limits(points=19)):
        found, codes = outcome(path, strict=False, grouped=True, limits=limits)
        assert found in (1, 2)
        assert set(codes) == {"limit.points"}


@given(
    data=st.data(),
    window=st.sampled_from([40, 200, 1 << 21]),
    grouped=st.booleans(),
)
def test_damaged_files_raise_our_errors_or_are_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, window: int, grouped: bool
) -> None:
    mask = bad(id=3, segmentation={"size": [48, 64], "counts": [1, 2, 3069]})
    text = bytearray(text_of(GOOD, mask, bad(other={"a": [1, "}, {"]}), bad(id="x")).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "put", "swap"]))
        if kind == "set":
            text[place] = data.draw(st.sampled_from(list(b'{}[]",:\\09e.-x \x00\xff\n')))
        elif kind == "cut":
            del text[place : place + data.draw(st.integers(1, 30))]
        elif kind == "put":
            text[place:place] = data.draw(
                st.sampled_from([b"NaN", b"1e999", b"},{", b"null", b"[["])
            )
        else:
            other = data.draw(st.integers(0, len(text) - 1))
            text[place], text[other] = text[other], text[place]
        if not text:
            break
    path = tmp_path_factory.mktemp("coco") / "x.json"
    path.write_bytes(bytes(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_index, "Scanner", partial(Scanner, window=window))
        problems = Problems(strict=False)
        try:
            reader = open_reader(path, ReadContext(problems=problems))
            for chunk in reader.chunks(grouped=grouped):
                for row in range(len(chunk)):
                    json.loads(chunk.origin.raw(row) or b"{}")
                    chunk.annotation(row)
        except DlgeomError:
            pass
