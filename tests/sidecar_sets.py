"""Data sets with odd values for the tests of sidecars, and edits of the files they become."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from lxml import etree

FEW = settings(max_examples=max(25, settings().max_examples // 10))
"""Each example writes and reads a handful of files several times."""

CELL = 40
"""Pixels of the square that each record of an image has to itself."""
COLUMNS, LINES = 4, 4
SIDE = CELL * COLUMNS
NAMES = ["cat", "dog", "traffic light", "héron 鷺", "no", "1.0"]

keys = st.text("abcXYZ_ é", min_size=1, max_size=6).map(lambda text: f"x_{text}")
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
unknown = st.dictionaries(keys, plain, max_size=3)
ids = st.integers(1, 50) | st.integers(2**31, 2**70)


@st.composite
def corners(draw: st.DrawFn, cell: int) -> tuple[float, float, float, float]:
    """Draw a box, left, top, width, height, well inside of one cell."""
    left, top = CELL * (cell % COLUMNS) + 5.0, CELL * (cell // COLUMNS) + 5.0
    quarter = st.integers(0, 12).map(lambda n: n / 4)
    return (
        left + draw(quarter),
        top + draw(quarter),
        20.0 + draw(st.integers(0, 500)) / 100,
        20.0 + draw(quarter),
    )


def _mask(left: int, top: int, size: int) -> dict[str, Any]:
    """Return an uncompressed RLE of a square."""
    counts = [left * SIDE + top]
    for _ in range(size - 1):
        counts += [size, SIDE - size]
    counts.append(size)
    return {"size": [SIDE, SIDE], "counts": [*counts, SIDE * SIDE - sum(counts)]}


@st.composite
def coco_records(draw: st.DrawFn, number: Any, image: Any, cell: int, categories: list[Any]) -> Any:
    """Draw one annotation of any kind, in a cell of its own."""
    x, y, w, h = draw(corners(cell))
    kind = draw(st.sampled_from(["box", "polygon", "parts", "crowd", "caption", "pose", "bare"]))
    record: dict[str, Any] = {"image_id": image, "id": number}
    record.update(draw(unknown))
    if kind == "caption":
        record.update(draw(st.sampled_from([{}, {"category_id": None}])))
        return {**record, "caption": draw(st.text("ab <&\n é", max_size=9))}
    record["category_id"] = draw(st.sampled_from(categories))
    if kind != "bare":
        record["bbox"] = [x, y, w, h]
        record["area"] = draw(st.sampled_from([w * h, 1, 17.123456789, 2**60]))
        record["iscrowd"] = 0
    ring = [x, y, x + w, y, x + w, y + h, x, y + h]
    if kind == "polygon":
        record["segmentation"] = [ring]
    elif kind == "parts":
        half = w / 4
        far = x + w - half
        record["segmentation"] = [
            [x, y, x + half, y, x + half, y + h],
            [far, y, x + w, y, x + w, y + h],
        ]
    elif kind == "crowd":
        record["iscrowd"] = 1
        record["segmentation"] = _mask(int(x), int(y), 20)
    elif kind == "pose":
        record["segmentation"] = [ring]
        record["keypoints"] = [x + 1, y + 1, 2, 0, 0, 0, x + 3.5, y + 4, 1]
        record["num_keypoints"] = 2
    elif kind == "bare":
        record["segmentation"] = [ring]
    if draw(st.booleans()):
        record["attributes"] = draw(st.dictionaries(keys, plain, max_size=2))
    if draw(st.integers(0, 4)) == 0:
        record["score"] = draw(st.integers(0, 1000)) / 1000
    return record


IMAGES = [
    *("a.jpg", "b.png", "sub/a.jpg", "sub/b b.jpg", "A.jpg", "a.png", "héron.jpg"),
    *("con.jpg", "0001.jpeg", "x.rf.12ab.jpg", "no ending"),
]


@st.composite
def coco_sets(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a COCO file: odd ids, unknown keys everywhere, any order of sections."""
    numbers = draw(st.lists(ids, min_size=2, max_size=4, unique=True))
    categories = [
        {"id": number, "name": name, **draw(unknown)}
        for number, name in zip(numbers, draw(st.permutations(NAMES)), strict=False)
    ]
    for category in categories:
        category["keypoints"], category["skeleton"] = ["p", "q", "r"], [[1, 2], [2, 3]]
    names = draw(st.lists(st.sampled_from(IMAGES), min_size=1, max_size=4, unique=True))
    image_ids = draw(st.lists(ids, min_size=len(names), max_size=len(names), unique=True))
    images = [
        {"file_name": name, "id": number, "height": SIDE, "width": SIDE, **draw(unknown)}
        for name, number in zip(names, image_ids, strict=True)
    ]
    taken = draw(
        st.lists(st.tuples(st.sampled_from(image_ids), st.integers(0, 15)), max_size=7, unique=True)
    )
    known = draw(st.lists(ids, min_size=len(taken), max_size=len(taken), unique=True))
    records = [
        draw(coco_records(number, image, cell, numbers))
        for number, (image, cell) in zip(known, taken, strict=True)
    ]
    root = {
        "info": draw(plain),
        "licenses": draw(st.lists(unknown, max_size=2)),
        "images": images,
        "annotations": records,
        "categories": categories,
        **draw(unknown),
    }
    return {key: root[key] for key in draw(st.permutations(list(root)))}


def held(record: dict[str, Any], task: str | None) -> bool:
    """Whether a target of YOLO or VOC has a row for a record."""
    return "caption" not in record


# The files of targets, as lists of rows.


class LabelFile:
    """A YOLO label file of boxes or outlines."""

    def __init__(self, path: Path, *, boxes: bool) -> None:
        self.path, self.boxes = path, boxes
        self.rows: list[Any] = [line.split() for line in path.read_text().splitlines()]

    def move(self, row: int, dx: float, dy: float) -> None:
        values = [float(text) for text in self.rows[row][1:]]
        if len(values) == 4:
            values[0], values[1] = values[0] + dx / SIDE, values[1] + dy / SIDE
        else:
            values[0::2] = [v + dx / SIDE for v in values[0::2]]
            values[1::2] = [v + dy / SIDE for v in values[1::2]]
        self.rows[row][1:] = [f"{value:.6f}" for value in values]

    def relabel(self, row: int, index: int, name: str) -> None:
        self.rows[row][0] = str(index)

    def new(self, index: int, name: str, box: tuple[float, float, float, float]) -> Any:
        x, y, w, h = (value / SIDE for value in box)
        row = [x, y, x + w, y, x + w, y + h, x, y + h]
        if self.boxes:
            row = [x + w / 2, y + h / 2, w, h]
        self.rows.append([str(index), *(f"{value:.6f}" for value in row)])

    def save(self) -> None:
        text = "\n".join(" ".join(row) for row in self.rows)
        self.path.write_text(text + "\n" if text else "")


class XmlFile:
    """A VOC file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = etree.parse(path)
        self.rows: list[Any] = list(self.tree.getroot().findall("object"))

    def move(self, row: int, dx: float, dy: float) -> None:
        for number in self.rows[row].iter():
            if number.tag.startswith("x") and number.text and number.text.strip():
                number.text = repr(float(number.text) + dx)
            elif number.tag.startswith("y") and number.text and number.text.strip():
                number.text = repr(float(number.text) + dy)

    def relabel(self, row: int, index: int, name: str) -> None:
        self.rows[row].find("name").text = name

    def new(self, index: int, name: str, box: tuple[float, float, float, float]) -> None:
        x, y, w, h = box
        made = etree.fromstring("<object><name/><bndbox/></object>")
        made[0].text = name
        for tag, value in (("xmin", x), ("ymin", y), ("xmax", x + w), ("ymax", y + h)):
            etree.SubElement(made[1], tag).text = repr(value)
        self.rows.append(made)

    def save(self) -> None:
        root = self.tree.getroot()
        for element in root.findall("object"):
            root.remove(element)
        for element in self.rows:
            root.append(element)
        self.tree.write(self.path, encoding="utf-8")


class Records:
    """The records of one image in a COCO file."""

    def __init__(self, path: Path, image: Any) -> None:
        self.path, self.image = path, image
        self.root = json.loads(path.read_text())
        self.rows = [r for r in self.root["annotations"] if r["image_id"] == image]
        self.others = [r for r in self.root["annotations"] if r["image_id"] != image]

    def move(self, row: int, dx: float, dy: float) -> None:
        record = self.rows[row]
        if "bbox" not in record:
            return
        record["bbox"][0] += dx
        record["bbox"][1] += dy
        if isinstance(record.get("segmentation"), list):
            for ring in record["segmentation"]:
                ring[0::2] = [v + dx for v in ring[0::2]]
                ring[1::2] = [v + dy for v in ring[1::2]]

    def relabel(self, row: int, index: int, name: str) -> None:
        [number] = [c["id"] for c in self.root["categories"] if c["name"] == name]
        self.rows[row]["category_id"] = number

    def new(self, index: int, name: str, box: tuple[float, float, float, float]) -> None:
        record = {"id": 10**6, "image_id": self.image, "bbox": list(box), "iscrowd": 0}
        self.rows.append({**record, "area": box[2] * box[3], "segmentation": []})
        self.relabel(len(self.rows) - 1, index, name)

    def save(self) -> None:
        self.root["annotations"] = [*self.others, *self.rows]
        self.path.write_text(json.dumps(self.root))


class Done:
    """What was done to the rows of a file, told by their places before."""

    def __init__(self, file: Any, names: list[str], seed: int) -> None:
        choose = random.Random(seed)
        self.before = len(file.rows)
        self.deleted: set[int] = set()
        self.moved: dict[int, tuple[float, float]] = {}
        self.relabelled: dict[int, str] = {}
        self.added = 0
        for row in range(self.before):
            what = choose.choice(["", "", "delete", "move", "relabel"])
            if what == "delete":
                self.deleted.add(row)
            elif what == "move":
                self.moved[row] = choose.choice([(2.0, 1.0), (-3.0, 0.0), (0.0, 2.5)])
                file.move(row, *self.moved[row])
            elif what == "relabel":
                index = choose.randrange(len(names))
                self.relabelled[row] = names[index]
                file.relabel(row, index, names[index])
        keep = [k for k in range(self.before) if k not in self.deleted]
        file.rows = [file.rows[k] for k in keep]
        if choose.random() < 0.4:
            index = choose.randrange(len(names))
            # Where no record is: far from the cells of all others.
            file.new(index, names[index], (SIDE - 8.0, SIDE - 8.0, 4.0, 6.0))
            self.added = 1
        if choose.random() < 0.4:
            choose.shuffle(file.rows)
        file.save()


# The platform's JSON.

_LABELS = ["cat", "animal.dog", "héron", "no"]


def _points(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in pairs]


@st.composite
def platform_records(draw: st.DrawFn, number: int, cell: int) -> dict[str, Any]:
    """Draw one annotation of the platform, in a cell of its own."""
    x, y, w, h = draw(corners(cell))
    ring = _points((x, y), (x + w, y), (x + w, y + h), (x, y + h))
    kind = draw(
        st.sampled_from(
            ["box", "rotated", "segment", "hole", "ellipse", "polyline", "class", "point"]
        )
    )
    record: dict[str, Any] = {
        "id": f"{number:024x}",
        "type": "box" if kind == "rotated" else "segment" if kind == "hole" else kind,
        "label": draw(st.sampled_from(_LABELS)),
        "attributes": draw(st.just([]) | st.lists(keys, max_size=2)),
        "metadata": {
            "system": draw(st.fixed_dictionaries({"automated": st.booleans(), "x_y": plain})),
            "user": draw(unknown),
        },
        "creator": draw(st.text("ab@é", max_size=5)),
        "createdAt": "2024-05-26T15:20:09.313Z",
        **draw(unknown),
    }
    if kind == "box":
        record["coordinates"] = _points((x, y), (x + w, y + h))
    elif kind == "rotated":
        record["coordinates"] = _points((x, y), (x + w, y + h))
        record["angle"] = draw(st.integers(0, 40)) / 2
    elif kind == "segment":
        record["coordinates"] = [ring]
    elif kind == "hole":
        inside = _points((x + 5, y + 5), (x + 12, y + 5), (x + 12, y + 12))
        record["coordinates"] = [ring, inside]
    elif kind == "ellipse":
        record["coordinates"] = {
            "center": {"x": x + w / 2, "y": y + h / 2},
            "rx": 9.5,
            "ry": 6,
            "angle": draw(st.sampled_from([0, 30.5])),
        }
    elif kind == "polyline":
        record["coordinates"] = [ring[:3]]
    elif kind == "point":
        record["coordinates"] = {"x": x, "y": y}
    if draw(st.booleans()):
        record["description"] = draw(st.text("ab é\n", max_size=6))
    return record


@st.composite
def platform_sets(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Draw items of the platform: name of the JSON file -> its root."""
    names = draw(
        st.lists(st.sampled_from([*IMAGES[:4], "e.jpg"]), min_size=1, max_size=3, unique=True)
    )
    found: dict[str, dict[str, Any]] = {}
    number = 1
    for name in names:
        cells = draw(st.lists(st.integers(0, 15), max_size=5, unique=True))
        records = []
        for cell in cells:
            records.append(draw(platform_records(number, cell)))
            number += 1
        found[f"{name.rpartition('.')[0]}.json"] = {
            "id": f"{number + 10**6:024x}",
            "filename": f"/{name}",
            "metadata": {
                "system": {"width": SIDE, "height": SIDE, "mimetype": "image/jpeg"},
                "user": draw(unknown),
            },
            **draw(unknown),
            "annotations": records,
        }
    return found


def write_platform(folder: Path, files: dict[str, dict[str, Any]]) -> None:
    """Write the files of a platform set."""
    for name, root in files.items():
        place = folder / "json" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(root))


def read_platform(folder: Path) -> dict[str, Any]:
    """Read the files of a platform set."""
    base = folder / "json"
    return {
        place.relative_to(base).as_posix(): json.loads(place.read_text())
        for place in sorted(base.rglob("*.json"))
    }
