"""The documents say what the code does: tables, codes, links, samples."""

from __future__ import annotations

import ast
import doctest
import importlib.util
import re
import shutil
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import dlgeom
from dlgeom.converters import registry
from dlgeom.converters.coco.write_codes import CODES as COCO
from dlgeom.converters.cvat.write_codes import CODES as CVAT
from dlgeom.converters.mot.write_codes import CODES as MOT
from dlgeom.converters.srt.write_codes import CODES as SRT
from dlgeom.converters.voc.write_codes import CODES as VOC
from dlgeom.converters.vtt.write_codes import CODES as VTT
from dlgeom.converters.yolo.write_losses import CODES as YOLO
from dlgeom.converters.yolo_video.write_codes import CODES as YOLO_VIDEO
from dlgeom.converters.ytvis.write_codes import CODES as YTVIS
from dlgeom.filters import fields as filter_fields
from dlgeom.limits import Limits

ROOT = Path(__file__).parents[1]
PACKAGE = Path(dlgeom.__file__).parent
PAGES = sorted(
    path
    for pattern in ("README.md", "docs/**/*.md", "benchmarks/*.md", "dlgeom/sample/*.md")
    for path in ROOT.glob(pattern)
)
FORMATS = {
    "coco": COCO,
    "yolo": YOLO,
    "voc": VOC,
    "vtt": VTT,
    "srt": SRT,
    "mot": MOT,
    "cvat": CVAT,
    "yolo-video": YOLO_VIDEO,
    "ytvis": YTVIS,
}
CODE = re.compile(
    r"(?:file|encoding|json|xml|yaml|zip|schema|type|number|value|text|ref|record|row|path|image"
    r"|mask|rle|geometry|polygon|keypoints|vtt|srt|limit|output|io|crowd|shape|label|option)\.[a-z0-9_]+"
)
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
LINK = re.compile(r"\[[^\]\[]*(?:\[[^\]]*\])?[^\]\[]*\]\(([^)\s]+)\)")
# Fields of the report and of conditions look like codes.
FIELDS = {
    "geometry.validity",  # a module
    "image.id",
    "image.metadata",
    "image.added",
    "image.missing",
    *filter_fields.FIELDS,
    *filter_fields.ALIASES,
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """Return a page without its code blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def fences(path: Path) -> list[tuple[str, str]]:
    """Return what stands behind the opening marks, and the text, of each code block."""
    return FENCE.findall(path.read_text(encoding="utf-8"))


def codes_named(path: Path) -> set[str]:
    spans = {span for span in SPAN.findall(prose(path)) if CODE.fullmatch(span)}
    files = (".json", ".md", ".py", ".txt", ".xml")
    spans -= FIELDS
    return {span for span in spans if not span.endswith(files)} - FIELDS


@cache
def codes_of_package() -> frozenset[str]:
    """Return all strings of the package that look like a code."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and CODE.fullmatch(text):
                found.add(text)
    return frozenset(found - FIELDS)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def make_tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "docs" / "make_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "formats").glob("*.md")), ids=name_of)
def test_tables_are_those_of_the_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert make_tables().PLACE.search(text), "no table between markers"
    assert make_tables().renewed(text) == text, "out of date: run python docs/make_tables.py"


@pytest.mark.parametrize("name", FORMATS)
def test_each_own_format_has_a_page_with_its_options(name: str) -> None:
    page = ROOT / "docs" / "formats" / f"{name}.md"
    assert registry.find_format(name).name == name
    assert f"<!-- table: options {name} -->" in page.read_text(encoding="utf-8")
    overview = (page.parent / "README.md").read_text(encoding="utf-8")
    assert f"({name}.md)" in overview


@pytest.mark.parametrize("name", FORMATS)
def test_page_lists_each_loss_of_its_writer_and_no_other(name: str) -> None:
    text = prose(ROOT / "docs" / "formats" / f"{name}.md")
    table = text.partition("approximated or dropped\n")[2].partition("## Options")[0]
    listed = re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE)
    assert sorted(listed) == sorted(code for code, _ in FORMATS[name])


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_codes_that_a_page_names_exist(path: Path) -> None:
    assert codes_named(path) <= codes_of_package()


def test_every_code_is_documented() -> None:
    named = set().union(*(codes_named(path) for path in PAGES))
    assert codes_of_package() <= named


def test_every_limit_is_documented() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    table = text.partition("## Limits")[2]
    assert re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE) == list(Limits.__struct_fields__)


def test_options_that_pages_name_exist() -> None:
    options = {
        f"--{option.name.replace('_', '-')}"
        for entry in registry.formats().values()
        for option in entry.options
    }
    prefixes = tuple(f"--{name}-" for name in FORMATS)
    for path in PAGES:
        for option in re.findall(r"--[a-z][a-z0-9-]+", prose(path)):
            if option.startswith(prefixes):
                assert option in options, f"{name_of(path)}: {option}"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path if not file else path.parent / file
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def test_each_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\(([a-z-]+\.md)\)", index)) == pages
    for name in sorted(pages):
        text = (folder / name).read_text(encoding="utf-8")
        for part in ("**Question.**", "**Choice.**", "**Price.**"):
            assert part in text, f"{name}: no {part}"


def samples(name: str) -> dict[str, str]:
    """Return file -> text of the sample of a format's page: blocks that name a file."""
    found = {}
    for info, text in fences(ROOT / "docs" / "formats" / f"{name}.md"):
        _, _, file = info.strip().partition(" ")
        if file:
            found[file] = text
    return found


@pytest.mark.parametrize(
    ("name", "records", "area"), [("coco", 2, 6), ("yolo", 1, 32), ("voc", 1, 36)]
)
def test_sample_of_a_page_is_read_without_a_word(
    name: str, records: int, area: float, tmp_path: Path
) -> None:
    files = samples(name)
    assert files
    source = tmp_path / "source"
    for file, text in files.items():
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_text(text, encoding="utf-8", newline="")
    with dlgeom.open_dataset(source) as data:
        found = [annotation for _, annotations in data for annotation in annotations]
        assert data.problems.entries == []
    assert len(found) == records
    assert {annotation.annotation_definition.area for annotation in found} == {area}


def test_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [text for info, text in fences(ROOT / "README.md") if info.strip() == "python"]
    assert blocks
    shutil.copytree(PACKAGE / "sample" / "coco", tmp_path / "coco")
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})  # our own text


@pytest.mark.parametrize(
    "path", [path for path in PAGES if ">>> " in path.read_text(encoding="utf-8")], ids=name_of
)
def test_examples_of_a_page_give_what_they_show(path: Path) -> None:
    blocks = [text for info, text in fences(path) if info.strip() == "python" and ">>> " in text]
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, path.name, str(path), 0)
    shown: list[str] = []
    result = doctest.DocTestRunner().run(examples, out=shown.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(shown)
