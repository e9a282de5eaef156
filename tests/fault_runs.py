"""Small conversions to each format, for tests that let the system fail or end them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from dlgeom.converters.pipeline import convert

__all__ = ["RUNS", "FaultRun", "make_sources", "tree"]


class FaultRun(NamedTuple):
    """A conversion of one of the sources that `make_sources` makes."""

    source: str
    target: str
    options: Mapping[str, Any] = MappingProxyType({})

    def __call__(self, root: Path, target: Path, **more: Any) -> Any:
        """Run it; the target is a folder, or a file in one."""
        options = {**self.options, **more}
        if "images" in options:
            options["images"] = root / options["images"]
        return convert(root / self.source, target / self.target, **options)


RUNS = {
    "yolo": FaultRun(
        "coco.json", "out", {"to_format": "yolo", "images": "images", "image_files": "copy"}
    ),
    "darknet": FaultRun(
        "coco.json", "out", {"to_format": "yolo", "yolo_layout": "darknet", "task": "detect"}
    ),
    "voc": FaultRun(
        "coco.json",
        "out",
        {"to_format": "voc", "task": "segment", "images": "images", "image_files": "link"},
    ),
    "coco-folder": FaultRun(
        "coco.json", "out", {"to_format": "coco", "images": "images", "image_files": "copy"}
    ),
    "coco-file": FaultRun("yolo", "out.json"),
    "coco-packed": FaultRun("coco.json", "out.json.gz"),
    "panoptic": FaultRun("coco.json", "out.json", {"coco_task": "panoptic"}),
    "dataloop": FaultRun(
        "voc", "out", {"to_format": "dataloop", "images": "images", "image_files": "copy"}
    ),
    "vtt-folder": FaultRun("vtt", "out", {"to_format": "vtt"}),
    "vtt-file": FaultRun("vtt/a.vtt", "out.vtt"),
    "srt": FaultRun("vtt", "out", {"to_format": "srt"}),
    "cvat": FaultRun("coco.json", "out", {"to_format": "cvat"}),
}
"""By the name of what they write."""

_CUES = """WEBVTT

1
00:00:01.000 --> 00:00:02.000
<v Ann>Hello

2
00:00:03.000 --> 00:00:04.500
World
"""


def make_sources(root: Path, images: int = 4) -> None:
    """Make the sources: ``coco.json``, ``images/``, ``yolo/``, ``voc/`` and ``vtt/``."""
    from PIL import Image

    (root / "images").mkdir(parents=True)
    content: dict[str, list[dict[str, Any]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}],
    }
    for number in range(images):
        name = f"{'day' if number % 2 else 'night'}/{number:05d}.png"
        path = root / "images" / name
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (32, 24), number % 256).save(path)
        content["images"].append({"id": number + 1, "file_name": name, "width": 32, "height": 24})
        for more in range(2):
            x, y = 2 + 9 * more, 3 + number % 5
            content["annotations"].append(
                {
                    "id": 2 * number + more + 1,
                    "image_id": number + 1,
                    "category_id": (3, 7)[more],
                    "bbox": [x, y, 8, 6],
                    "area": 48,
                    "iscrowd": 0,
                    "segmentation": [[x, y, x + 8, y, x + 8, y + 6, x, y + 6]],
                }
            )
    (root / "coco.json").write_text(json.dumps(content))
    for name in ("yolo", "voc"):
        convert(root / "coco.json", root / name, to_format=name)
    (root / "vtt").mkdir()
    for name in ("a", "b"):
        (root / "vtt" / f"{name}.vtt").write_text(_CUES)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file and folder below, with the contents of files."""
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }
