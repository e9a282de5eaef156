"""What the floor scripts share: windows of a COCO file, numbers to text, one write a file.

A floor is the least that a conversion can cost in Python: typed decode, numpy for all numbers,
one write a file; no model, no checks, no report.
"""

from __future__ import annotations

import gc
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

WINDOW = 8 << 20
TABLE = np.frombuffer(b"".join(b"%03d" % k for k in range(1000)), dtype=np.uint8).reshape(-1, 3)


class Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: int
    height: int


class Category(msgspec.Struct, gc=False):
    id: int
    name: str


class Boxed(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]


class Head(msgspec.Struct, gc=False):
    images: list[Image]
    categories: list[Category]


def open_coco(path: str) -> tuple[mmap.mmap, Head, int, int]:
    """Return the bytes of a file, images and categories, and where its annotations are."""
    gc.disable()
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    mark = b'"annotations": ['
    start = data.find(mark) + len(mark)
    stop = data.rfind(b"]", 0, data.rfind(b'"categories"'))
    head = msgspec.json.decode(data[: start - 1] + b"[]" + data[stop + 1 :], type=Head)
    return data, head, start, stop


def windows(data: mmap.mmap, start: int, stop: int) -> Iterator[bytes]:
    """Yield JSON lists of whole records."""
    while start < stop:
        end = min(start + WINDOW, stop)
        if end < stop:
            end = data.rfind(b"},{", start, end) + 1
        yield b"[" + data[start:end] + b"]"
        start = end + 1


def six_decimals(scaled: np.ndarray) -> np.ndarray:
    """Turn round(value * 10**6) into text of 9 characters each: a blank, a digit, '.', six."""
    text = np.empty((*scaled.shape, 9), dtype=np.uint8)
    text[..., 0] = 32
    text[..., 2] = 46
    text[..., 1] = scaled // 1_000_000 + 48
    rest = scaled % 1_000_000
    text[..., 3:6] = TABLE[rest // 1000]
    text[..., 6:9] = TABLE[rest % 1000]
    return text


def write_files(root: Path, names: list[str], texts: Iterator[bytes]) -> None:
    root.mkdir(parents=True)
    folder = os.open(root, os.O_RDONLY)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for name, text in zip(names, texts, strict=True):
        file = os.open(name, flags, 0o644, dir_fd=folder)
        os.write(file, text)
        os.close(file)
    os.close(folder)


def subset_of(source: str) -> str:
    """Return the split that the file's name tells, as the conversion does."""
    return "val" if "val" in Path(source).name else "train"


def write_class_file(root: Path, categories: list[Category], subset: str, task: str) -> None:
    lines = ["path: .", f"train: images/{subset}", f"val: images/{subset}"]
    lines += [f"task: {task}", f"nc: {len(categories)}", "names:"]
    lines += [f'  {k}: "{c.name}"' for k, c in enumerate(categories)]
    lines += ["category_ids:", *(f"- {c.id}" for c in categories)]
    (root / "data.yaml").write_text("\n".join(lines) + "\n")


def write_table(root: Path, images: list[Image], subset: str) -> None:
    lines = ["label_file,file_name,width,height,orientation"]
    lines += [
        f"labels/{subset}/{i.file_name[:-4]}.txt,{i.file_name},{i.width},{i.height},1"
        for i in images
    ]
    (root / "images.csv").write_text("\n".join(lines) + "\n")
