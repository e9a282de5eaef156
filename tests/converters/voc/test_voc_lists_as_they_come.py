"""Image sets made as the images come are those that plain lists in memory give."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters.base import Meta
from dlgeom.converters.voc import write_sets
from dlgeom.converters.voc.write_sets import SetWriter
from dlgeom.labels import LabelTable

LABELS = ("cat", "d/g", "ö")
FILES = ("cat", "d_g", "ö")
STEMS = st.text("ab1é日𝄞 /", min_size=1, max_size=6)
META = Meta(format="coco", labels=LabelTable(LABELS))
OBJECTS = st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=4)
IMAGES = st.lists(
    st.tuples(st.sampled_from([None, "train", "val", "t/x"]), STEMS, st.booleans(), OBJECTS),
    max_size=30,
)


class Texts(dict):
    """Stands for the target: file -> text."""

    def write(self, name: str, data: bytes) -> None:
        assert name not in self
        self[name] = data

    def file(self, name: str) -> Texts:
        self.write(name, b"")
        self.last = name
        return self

    def __enter__(self) -> Texts:
        return Pieces(self, self.last)

    def __exit__(self, *error: object) -> None:
        pass


class Pieces:
    """A file that is written piece by piece."""

    def __init__(self, texts: Texts, name: str) -> None:
        self.texts, self.name = texts, name

    def write(self, data: bytes) -> None:
        self.texts[self.name] += data


def _fill(sets: SetWriter, images: list, cut: int) -> None:
    """Note images in chunks; those without masks in bulk."""
    for first in range(0, len(images), cut):
        chunk = images[first : first + cut]
        rows = [(k, *found) for k, image in enumerate(chunk) for found in image[3]]
        table = np.array(rows, dtype=np.int32).reshape(-1, 3)
        sets.add_classes(table[:, 0], table[:, 1], table[:, 2] != 0)
        if not any(image[2] for image in chunk):
            sets.add_many([image[0] for image in chunk], [image[1] for image in chunk])
            continue
        for subset, stem, segmented, objects in chunk:
            for number, (label, difficult) in enumerate(objects, 1):
                if difficult:
                    sets.add_actions(number, ["jumping"] if label else [])
            sets.add(subset, stem, stem, segmented=segmented)


def _expected(images: list, *, actions: bool) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for subset, stem, segmented, objects in images:
        split = (subset or "train").replace("/", "_")
        files.setdefault(f"Main/{split}", []).append(stem)
        if segmented:
            files.setdefault(f"Segmentation/{split}", []).append(stem)
        for label, name in enumerate(FILES):
            found = [difficult for index, difficult in objects if index == label]
            flag = " -1" if not found else "  0" if all(found) else "  1"
            files.setdefault(f"Main/{name}_{split}", []).append(stem + flag)
        for number, (label, difficult) in enumerate(objects, 1):
            if difficult and actions:
                files.setdefault(f"Action/{split}", []).append(f"{stem} {number:2d}")
                flag = "  1" if label else " -1"
                lines = files.setdefault(f"Action/jumping_{split}", [])
                lines.append(f"{stem} {number:2d}{flag}")
    return files


@given(IMAGES, st.integers(1, 8), st.integers(0, 600), st.integers(1, 9), st.integers(0, 30))
def test_lists_are_those_of_a_plain_writer(
    images: list, cut: int, share: int, at_once: int, parts_at: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_sets, "_AT_ONCE", at_once)
        patch.setattr(write_sets, "_WAITING", 3)
        sets = SetWriter(META, "train", share)
        other = SetWriter(META, "train", share)
        _fill(sets, images[:parts_at], cut)
        _fill(other, images[parts_at:], cut)
        sets.merge(pickle.loads(pickle.dumps(other)))
        texts = Texts()
        sets.write(texts, LabelTable(LABELS), every=True)
    # Actions come with masks here; chunks without any are noted in bulk.
    bulk = []
    for half in (images[:parts_at], images[parts_at:]):
        for first in range(0, len(half), cut):
            chunk = half[first : first + cut]
            bulk += [not any(image[2] for image in chunk)] * len(chunk)
    noted = [
        (*image[:3], [] if alone else image[3]) for image, alone in zip(images, bulk, strict=True)
    ]
    expected = {
        **_expected(images, actions=False),
        **{k: v for k, v in _expected(noted, actions=True).items() if k.startswith("Action")},
    }
    found = {
        name[len("ImageSets/") : -len(".txt")]: text.decode().split("\n")[:-1]
        for name, text in texts.items()
    }
    known = {name: lines for name, lines in found.items() if name in expected}
    assert known == expected
    # Of the other actions of VOC no object has any.
    for name in found.keys() - expected.keys():
        assert name.startswith("Action/")
        assert all(line.endswith(" -1") for line in found[name])
