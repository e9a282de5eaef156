"""Small data sets for the tests of `dlgeom.training`: objects, files in four formats, images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from dlgeom.dataset import Dataset
from dlgeom.definitions import Box, Definition, Polygon, Segmentation
from dlgeom.item import Item

FORMATS = ("coco", "yolo", "voc", "dataloop")
LABELS = ("car", "cat", "dog")
WIDTH, HEIGHT = 40, 32


def dataset_of(
    shapes: Sequence[Sequence[Definition]], size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Dataset:
    """Return a data set in memory with the shapes of each item."""
    pairs = []
    for number, definitions in enumerate(shapes):
        item = Item(name=f"{number:02}.png", width=size[0], height=size[1], id=number + 1)
        collection = item.annotations.builder()
        collection.add(list(definitions))
        for k, annotation in enumerate(collection):
            annotation.id = 100 * number + k + 1
        pairs.append((item, collection))
    return Dataset.from_pairs(pairs, LABELS)


def write_images(folder: Path, count: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Write pictures of noise, each with its own seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return folder


@st.composite
def whole_boxes(draw: st.DrawFn) -> Box:
    """Draw a box with whole edges inside of the image, which all formats keep."""
    left, top = draw(st.integers(0, WIDTH - 2)), draw(st.integers(0, HEIGHT - 2))
    right, bottom = draw(st.integers(left + 1, WIDTH)), draw(st.integers(top + 1, HEIGHT))
    return Box(left, top, right, bottom, draw(st.sampled_from(LABELS)))


@st.composite
def areas(draw: st.DrawFn) -> Definition:
    """Draw a triangle or a mask."""
    label = draw(st.sampled_from(LABELS))
    if draw(st.booleans()):
        left, top = draw(st.integers(0, WIDTH - 8)), draw(st.integers(0, HEIGHT - 8))
        return Polygon(
            [[left, top], [left + 8, top + draw(st.integers(0, 4))], [left, top + 8]], label
        )
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for _ in range(draw(st.integers(1, 3))):
        top, left = draw(st.integers(0, HEIGHT - 1)), draw(st.integers(0, WIDTH - 1))
        mask[top : top + draw(st.integers(1, 9)), left : left + draw(st.integers(1, 9))] = True
    return Segmentation(mask, label)


def items_of(shapes: st.SearchStrategy[Definition]) -> st.SearchStrategy[list[list[Definition]]]:
    """Draw the shapes of a few items, some without any."""
    return st.lists(st.lists(shapes, max_size=4), min_size=1, max_size=4)
