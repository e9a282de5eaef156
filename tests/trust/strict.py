"""Independent strict readers of what dlgeom writes: P7.

Nothing of dlgeom is used here: JSON by `json` with duplicate keys and non-finite numbers refused,
XML by lxml, YAML by PyYAML's safe loader with duplicate keys refused, CSV by `csv`, WebVTT by
webvtt-py, pictures by Pillow and run lengths by pycocotools.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import webvtt
import yaml
from lxml import etree
from PIL import Image
from pycocotools import mask as coco_mask

# A row that nothing changed keeps its text, such as "0." or "+1".
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_SRT_TIME = re.compile(r"[0-9]{2,}:[0-5][0-9]:[0-5][0-9],[0-9]{3}")


def strict_json(data: bytes) -> Any:
    """Read JSON as RFC 8259 has it, without keys that are there twice."""

    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(entries)
        assert len(made) == len(entries), f"a key twice in {[key for key, _ in entries][:20]}"
        return made

    def refuse(word: str) -> None:
        raise AssertionError(f"JSON holds {word}")

    value = json.loads(
        data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=refuse, parse_float=_finite
    )
    assert not data.startswith(b"\xef\xbb\xbf")
    return value


def _finite(text: str) -> float:
    value = float(text)
    assert math.isfinite(value), text
    return value


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(set(keys)) == len(keys), f"a key twice in {keys}"
        return super().construct_mapping(node, deep)


def strict_yaml(data: bytes) -> Any:
    """Read YAML by the safe loader; no aliases, no tags, no keys twice."""
    text = data.decode("utf-8")
    for event in yaml.parse(text, _Loader):
        assert not isinstance(event, yaml.AliasEvent)
        assert getattr(event, "tag", None) is None, event
    return yaml.load(text, _Loader)  # noqa: S506 - a subclass of the safe loader


def strict_xml(data: bytes) -> etree._Element:
    """Read XML; no document type, no entities, no processing instructions."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(data, parser)
    assert root.getroottree().docinfo.internalDTD is None
    for element in root.iter():
        assert isinstance(element.tag, str), element.tag
    return root


def check_file(path: Path) -> None:
    """Read one written file by what its name says; raise if anything is wrong with it."""
    name, data = path.name.lower(), path.read_bytes()
    if name.endswith(".gz"):
        name, data = name[:-3], gzip.decompress(data)
    if name.endswith(".json"):
        check_coco(strict_json(data))
    elif name.endswith(".xml"):
        check_xml(strict_xml(data))
    elif name.endswith((".yaml", ".yml")):
        check_classes(strict_yaml(data))
    elif name.endswith(".csv"):
        check_table(data)
    elif name.endswith(".vtt"):
        check_vtt(data)
    elif name.endswith(".srt"):
        check_srt(data)
    elif name.endswith(".png"):
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            picture.load()
    elif name.endswith((".txt", ".ini", ".names", ".data")):
        text = data.decode("utf-8")
        # Names of classes and of images are as the source has them, "nan" too.
        if name == "labelmap.txt" or "ImageSets" in path.parts:
            return
        assert "\0" not in text
        assert "nan" not in re.findall(r"(?<![\w./-])nan(?![\w./-])", text) or "labels" in name


def check_coco(value: Any) -> None:
    """Check ids, references, boxes and run lengths of a COCO file; other JSON passes."""
    if not isinstance(value, dict) or not isinstance(value.get("annotations"), list):
        return
    if "images" not in value:
        return
    sizes = {image["id"]: (image.get("height"), image.get("width")) for image in value["images"]}
    names = [image["file_name"] for image in value["images"]]
    assert all(isinstance(name, str) and name for name in names)
    assert not any(name.startswith("/") or ".." in name.split("/") for name in names), names
    known = {category["id"] for category in value.get("categories", [])}
    assert all(isinstance(c["name"], str) for c in value.get("categories", []))
    for record in value["annotations"]:
        if not isinstance(record, dict) or "image_id" not in record:
            continue
        assert record["image_id"] in sizes
        if "category_id" in record:
            assert record["category_id"] in known, record["category_id"]
        if isinstance(record.get("segmentation"), dict):
            check_runs(record["segmentation"], sizes[record["image_id"]])


def check_runs(mask: dict[str, Any], size: tuple[Any, Any]) -> None:
    """Check that run lengths fill their size, and that pycocotools reads them."""
    height, width = mask["size"]
    assert all(type(side) is int and side > 0 for side in (height, width))
    if all(size):
        assert (height, width) == size
    counts = mask["counts"]
    if isinstance(counts, list):
        assert all(type(count) is int and count >= 0 for count in counts)
        assert sum(counts) == height * width
        if height * width > 1 << 24:
            return
        mask = coco_mask.frPyObjects(mask, height, width)
        assert coco_mask.area(mask) == sum(counts[1::2])
    else:
        assert sum(decoded(counts)) == height * width
        if height * width <= 1 << 24:
            assert coco_mask.decode(mask).sum() == sum(decoded(counts)[1::2])


def decoded(text: str) -> list[int]:
    """Return the counts of a compressed mask, by the rule of COCO's C code in Python's integers."""
    counts: list[int] = []
    place = 0
    while place < len(text):
        value = shift = 0
        more = True
        while more:
            code = ord(text[place]) - 48
            assert 0 <= code < 64
            value |= (code & 0x1F) << (5 * shift)
            more = bool(code & 0x20)
            place += 1
            shift += 1
            if not more and code & 0x10:
                value |= -1 << (5 * shift)
        if len(counts) > 2:
            value += counts[-2]
        assert value >= 0
        counts.append(value)
    return counts


def check_classes(value: Any) -> None:
    """Check that a class file names its classes by text, from 0."""
    if isinstance(value, dict) and "names" in value:
        names = value["names"]
        entries = names.values() if isinstance(names, dict) else names
        assert all(isinstance(name, str) for name in entries)
        if isinstance(names, dict):
            assert all(type(key) is int and key >= 0 for key in names)


def check_xml(root: etree._Element) -> None:
    """Check that numbers of boxes and points are finite; ``<meta>`` is handed on as it was."""
    for meta in root.findall("meta"):
        root.remove(meta)
    for tag in ("xmin", "ymin", "xmax", "ymax", "width", "height", "cx", "cy", "w", "h", "angle"):
        for element in root.iter(tag):
            assert _FLOAT.fullmatch((element.text or "").strip()), (tag, element.text)
    for element in root.iter():
        for key in ("xtl", "ytl", "xbr", "ybr", "rx", "ry", "cx", "cy", "rotation"):
            if key in element.attrib:
                assert math.isfinite(float(element.attrib[key])), (key, element.attrib[key])


def check_table(data: bytes) -> None:
    """Check that the lines of a table have equally many fields."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    assert len({len(row) for row in rows if row}) <= 1


def check_vtt(data: bytes) -> None:
    """Check a WebVTT file with another parser: times in order, no cue lost."""
    text = data.decode("utf-8")
    assert text.startswith("WEBVTT")
    cues = list(webvtt.from_buffer(io.StringIO(text)))
    arrows = len(re.findall(r"^[0-9:.]+ --> [0-9:.]+", text, re.MULTILINE))
    assert len(cues) <= arrows


def check_srt(data: bytes) -> None:
    """Check numbers and times of an SRT file."""
    text = data.decode("utf-8")
    for line in text.splitlines():
        if " --> " in line and line[:1].isdigit():
            start, _, rest = line.partition(" --> ")
            assert _SRT_TIME.fullmatch(start), line
            assert _SRT_TIME.fullmatch(rest.split(" ")[0]), line


def check_rows(path: Path, classes: int) -> None:
    """Check a YOLO label file: classes that have names, finite numbers."""
    for line in path.read_text("utf-8").splitlines():
        number, *rest = line.split(" ")
        assert number.isascii(), line[:80]
        assert number.isdigit(), line[:80]
        assert int(number) < classes, line[:80]
        assert all(_FLOAT.fullmatch(value) for value in rest), line[:80]
        assert np.isfinite(np.array(rest, dtype=float)).all()


def check_output(target: Path) -> int:
    """Check each file of a target; return how many there were."""
    files = [target] if target.is_file() else sorted(p for p in target.rglob("*") if p.is_file())
    for path in files:
        check_file(path)
    classes = target / "data.yaml"
    if target.is_dir() and classes.is_file():
        names = strict_yaml(classes.read_bytes()).get("names") or {}
        for path in (target / "labels").rglob("*.txt"):
            check_rows(path, len(names) if isinstance(names, list) else max(names, default=-1) + 1)
    return len(files)
