"""The page as a file: what is in it, and what never is."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import masks

import dlgeom as dl
from dlgeom.converters.problems import Entry
from dlgeom.view import view
from dlgeom.view.losses import Losses
from dlgeom.view.shapes import primitives
from dlgeom.view.writing import _json

SAMPLE = Path(dl.__file__).parent / "sample" / "coco"


class _Scripts(HTMLParser):
    """Collects the elements of a page and the text of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._id: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._id = dict(attrs).get("id") if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._id is not None:
            self.texts[self._id] = self.texts.get(self._id, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._id = None


def parsed(page: Path) -> _Scripts:
    parser = _Scripts()
    parser.feed(page.read_text("utf-8"))
    return parser


def content(page: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(parsed(page).texts["data"])
    return found


def test_a_small_data_set_is_one_file(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    report = view(SAMPLE, page)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert report.exit_code() == 0
    scripts = parsed(page)
    data = json.loads(scripts.texts["data"])
    shard = json.loads(scripts.texts["shard-0"])
    assert len(data["items"]) == len(shard) == 5
    assert all(item["i"].startswith("data:image/") for item in shard)
    assert sum(len(item["a"]) for item in shard) == 6
    # Nothing is loaded from anywhere.
    for tag, attributes in scripts.tags:
        assert "src" not in attributes or tag == "img", (tag, attributes)
        assert "href" not in attributes


def test_a_large_one_leaves_images_and_records_beside_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    view(SAMPLE, page, embed=False, thumbnails=False)
    assert "shard-0" not in parsed(page).texts
    text = (tmp_path / "page_files" / "items-0.js").read_text("utf-8")
    found = re.fullmatch(r"dlgeomShard\(0, (\[.*\])\);\n", text)
    assert found is not None
    for item in json.loads(found[1]):
        assert (tmp_path / unquote(item["i"])).resolve().is_file()
        assert "t" not in item


def test_an_existing_page_is_kept_unless_asked(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(dl.OutputError):
        view(SAMPLE, page)
    assert page.read_text() == "mine"
    view(SAMPLE, page, overwrite=True)
    assert "<!DOCTYPE html>" in page.read_text("utf-8")
    with pytest.raises(dl.UsageError, match=r"\.html"):
        view(SAMPLE, tmp_path / "page.txt")


def test_the_same_data_set_gives_the_same_page(tmp_path: Path) -> None:
    view(SAMPLE, tmp_path / "a.html", to_format="yolo")
    view(SAMPLE, tmp_path / "b.html", to_format="yolo")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


HOSTILE = "</script><script>alert(1)</script><!--\u2028 \x7f &amp; {{data}}"


def test_names_and_values_never_become_code(tmp_path: Path) -> None:
    item = dl.Item(name="a.jpg", width=10, height=10)
    collection = dl.AnnotationCollection(item)
    collection.add(dl.Box(1, 1, 5, 5, HOSTILE, {"key": HOSTILE}, description=HOSTILE))
    source = tmp_path / "</title>&<b>.json"[-9:]
    dl.Dataset.from_pairs([(item, collection)]).write(source, format="coco")
    view(source, tmp_path / "page.html")
    scripts = parsed(tmp_path / "page.html")
    assert sum(tag == "script" for tag, _ in scripts.tags) == 3
    assert not any(tag == "b" for tag, _ in scripts.tags)
    data = json.loads(scripts.texts["data"])
    assert data["labels"][0]["name"] == HOSTILE
    [row] = json.loads(scripts.texts["shard-0"])[0]["a"]
    assert row["x"]["key"] == HOSTILE


@given(st.recursive(st.text() | st.none() | st.integers(), st.lists, max_leaves=5))
def test_json_in_a_script_has_no_markup_and_reads_back(value: object) -> None:
    text = _json(value)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == value


def test_losses_of_a_conversion_lie_with_their_records(tmp_path: Path) -> None:
    view(SAMPLE, tmp_path / "page.html", to_format="yolo")
    data = content(tmp_path / "page.html")
    shard = json.loads(parsed(tmp_path / "page.html").texts["shard-0"])
    counted: dict[int, int] = {}
    for index, item in zip(data["items"], shard, strict=True):
        assert index["c"] == sorted({code for row in item["a"] for code in row.get("c", [])})
        for row in item["a"]:
            for code in row.get("c", []):
                counted[code] = counted.get(code, 0) + 1
    report = dl.convert(SAMPLE, tmp_path / "out", to_format="yolo", dry_run=True, on_error="skip")
    told = {
        (status, code): kind.count
        for (status, code), kind in report.codes.items()
        if status in ("dropped", "approximated")
    }
    assert told
    assert {
        (data["codes"][k]["status"], data["codes"][k]["code"]): n for k, n in counted.items()
    } == told


def test_a_report_is_shown_like_a_conversion(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    dl.convert(
        SAMPLE, tmp_path / "out", to_format="yolo", dry_run=True, report=report, on_error="skip"
    )
    view(SAMPLE, tmp_path / "a.html", report=report)
    view(SAMPLE, tmp_path / "b.html", to_format="yolo")
    first, second = content(tmp_path / "a.html"), content(tmp_path / "b.html")
    codes = {code["code"] for code in second["codes"]}
    assert codes <= {code["code"] for code in first["codes"]}
    report.write_text("[1]")
    with pytest.raises(dl.FormatError, match="no report"):
        view(SAMPLE, tmp_path / "c.html", report=report)
    assert not (tmp_path / "c.html").exists()


def test_an_entry_without_a_place_is_counted_alone() -> None:
    losses = Losses()
    losses.tell(Entry(status="warning", code="image.size", message="m"))
    losses.tell(Entry(status="warning", code="image.size", message="m", path="a", location="b"))
    assert losses.kinds[0]["count"] == 2
    assert losses.of("a", "b") == [0]
    assert losses.of("a", "c") == []


def test_bad_records_are_told_and_the_rest_is_shown(tmp_path: Path) -> None:
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}
    source = tmp_path / "a.json"
    source.write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}],
                "annotations": [box, {**box, "id": 2, "image_id": 99}],
                "categories": [{"id": 1, "name": "cat"}],
            }
        )
    )
    report = view(source, tmp_path / "page.html")
    assert report.exit_code() == 1
    data = content(tmp_path / "page.html")
    assert any(row["status"] == "skipped" and row["code"] == "ref.image" for row in data["report"])
    with pytest.raises(dl.FormatError):
        view(source, tmp_path / "strict.html", on_error="raise")


def test_a_broken_image_is_told_and_costs_only_itself(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    item = dl.Item(name="a.png", width=10, height=10)
    collection = dl.AnnotationCollection(item)
    collection.add(dl.Box(1, 1, 5, 5, "cat"))
    dl.Dataset.from_pairs([(item, collection)]).write(folder / "a.json", format="coco")
    view(folder / "a.json", tmp_path / "page.html", images=folder / "images")
    data = content(tmp_path / "page.html")
    assert any(row["code"] == "image.unreadable" for row in data["report"])
    assert len(data["items"]) == 1


def _filled(path: str, shape: tuple[int, int]) -> np.ndarray:
    """Fill a path of M, h, v and Z along pixel edges, even-odd."""
    flips = np.zeros((shape[0], shape[1] + 1), dtype=int)
    for ring in path.split("M")[1:]:
        x, y = map(int, re.match(r"(-?\d+) (-?\d+)", ring).groups())  # type: ignore[union-attr]
        start = y
        for kind, text in re.findall(r"([hv])(-?\d+)", ring):
            step = int(text)
            if kind == "v":
                flips[min(y, y + step) : max(y, y + step), x] += 1
                y += step
            else:
                x += step
        low, high = sorted((start, y))
        flips[low:high, x] += 1
    return np.cumsum(flips, axis=1)[:, :-1] % 2 == 1


@given(masks(10))
@settings(max_examples=200)
def test_a_mask_is_drawn_pixel_for_pixel(mask: np.ndarray) -> None:
    found = primitives(dl.Segmentation(mask, "x"))
    if not mask.any():
        assert found == []
        return
    [[kind, path]] = found
    assert kind == "p"
    assert np.array_equal(_filled(path, mask.shape), mask)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (dl.Box(1, 2, 4, 6, "x"), [["r", 1, 2, 3, 4]]),
        (dl.Ellipse(5, 6, 3, 2, 30, "x"), [["e", 5, 6, 3, 2, 30]]),
        (dl.Point(1.234567, 2, "nose", visibility=1), [["c", 1.23, 2, 1, "nose"]]),
        (dl.Polyline([[0, 0], [1, 2.5]], "x"), [["l", "M0 0L1 2.5"]]),
        (dl.Polygon([[0, 0], [4, 0], [4, 4]], "x"), [["p", "M0 0L4 0L4 4Z"]]),
        (dl.Note(1, 2, 3, 4, "x"), [["r", 1, 2, 2, 2]]),
        (dl.Classification("x"), []),
        (dl.Subtitle("text", "x"), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_shapes_become_primitives(shape: dl.Definition, expected: list[list[Any]]) -> None:
    assert primitives(shape) == expected


def test_a_rotated_box_shows_where_it_points() -> None:
    area, line = primitives(dl.Box(0, 0, 4, 2, "x", angle=90))
    assert area[0] == "p"
    assert line == ["l", "M2 1L2 3"]


def test_a_pose_shows_labelled_points_and_edges_between_them() -> None:
    points = [
        dl.Point(0, 0, "a"),
        dl.Point(1, 1, "b", visibility=1),
        dl.Point(9, 9, "c", visibility=0),
    ]
    found = primitives(dl.Pose("x", "t", points=points, skeleton=[(0, 1), (1, 2)]))
    assert found == [["l", "M0 0L1 1"], ["c", 0, 0, 2, "a"], ["c", 1, 1, 1, "b"]]


def test_every_readable_set_of_the_real_data_has_a_page(shared_data: Path, tmp_path: Path) -> None:
    for k, name in enumerate(("coco/coco_mini", "voc/voc100", "coco/keypoints_2213")):
        page = tmp_path / f"{k}.html"
        view(shared_data / name, page, thumbnails=False)
        counts = dl.statistics(shared_data / name)
        data = content(page)
        assert len(data["items"]) == counts.images
        assert sum(entry[2] for item in data["items"] for entry in item["f"]) == counts.annotations


def test_the_command_writes_the_page(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from dlgeom.cli.run import run

    page = tmp_path / "page.html"
    assert run(["view", str(SAMPLE), "-o", str(page), "--to", "voc"]) == 0
    assert str(page) in capfd.readouterr().out
    assert run(["view", str(SAMPLE), "-o", str(page)]) == 5
    assert run(["view", str(SAMPLE), "-o", str(page), "--overwrite", "--too", "voc"]) == 2
    assert "--to" in capfd.readouterr().err
