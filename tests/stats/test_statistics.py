"""Statistics: counts and distributions agree with the data set read as objects."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chunk_strategies import chunks
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.chunk import Chunk
from dlgeom.stats.measures import KINDS, MEASURES, kinds_of, measure
from dlgeom.stats.plot import plot, save_plot
from dlgeom.stats.values import Distribution

few = settings(max_examples=min(200, settings.default.max_examples))
"""Costly laws: each example walks through many frames or records."""

numbers = st.floats(0, 1e9, allow_subnormal=False) | st.just(float("nan"))


@given(st.lists(numbers, max_size=30), st.booleans())
def test_a_histogram_counts_each_value_once(values: list[float], logarithmic: bool) -> None:
    array = np.array(values, dtype=np.float64)
    found = Distribution.of(array, logarithmic=logarithmic)
    known = array[~np.isnan(array)]
    if not len(known):
        assert found is None
        return
    assert found is not None
    assert sum(found.counts) == found.count == len(known)
    assert list(found.edges) == sorted(set(found.edges))
    assert found.minimum <= found.lower <= found.median <= found.upper <= found.maximum
    assert (found.minimum, found.maximum) == (known.min(), known.max())


@few
@given(chunks())
def test_measures_agree_with_the_objects(chunk: Chunk) -> None:
    found = measure(chunk)
    assert set(found) == set(MEASURES)
    kinds = kinds_of(chunk)
    for row in range(len(chunk)):
        definition = chunk.annotation(row).annotation_definition
        if isinstance(definition, dl.Polygon):
            assert kinds[row] == "polygon"
            assert found["vertices"][row] == len(definition.x)
            assert found["area"][row] == pytest.approx(definition.area, abs=1e-9)
        elif isinstance(definition, dl.Segmentation):
            assert kinds[row] == "mask"
            assert found["area"][row] == definition.area
            assert found["width"][row] == definition.width
        elif isinstance(definition, dl.Pose):
            assert kinds[row] == "keypoints"
            assert found["keypoints"][row] == (definition.keypoints[:, 2] > 0).sum()
        elif isinstance(definition, dl.Box):
            assert kinds[row] in ("box", "rotated box")
            assert found["area"][row] == pytest.approx(definition.area)


def _collection(labels: list[str]) -> dl.AnnotationCollection:
    item = dl.Item(name="a.jpg", width=100, height=50)
    return dl.AnnotationCollection(
        item,
        [dl.Annotation(dl.Box(0, 0, 10 * (k + 1), 5, name)) for k, name in enumerate(labels)],
    )


def _written(folder: Path, *collections: dl.AnnotationCollection) -> Path:
    path = folder / "data.json"
    pairs = [(dl.Item(name=f"{k}.jpg", width=100, height=50), c) for k, c in enumerate(collections)]
    dl.Dataset.from_pairs(pairs).write(path, format="coco")
    return path


def test_labels_are_counted_by_record_and_image(tmp_path: Path) -> None:
    path = _written(tmp_path, _collection(["cat", "cat", "dog"]), _collection(["cat"]))
    found = dl.statistics(path)
    counts = {entry.name: (entry.annotations, entry.images) for entry in found.labels}
    assert counts == {"cat": (3, 2), "dog": (1, 1)}
    assert found.labels[0].kinds == {"box": 3}
    assert sorted(found.per_image.tolist()) == [1, 3]
    area = found.distribution("area", "cat")
    assert area is not None
    assert (area.minimum, area.median, area.maximum) == (50, 50, 100)
    share = found.distribution("share", "dog")
    assert share is not None
    assert share.mean == pytest.approx(30 * 5 / 5000)
    with pytest.raises(KeyError):
        found.distribution("area", "bird")


def test_tracks_are_counted_with_their_frames(tmp_path: Path) -> None:
    item = dl.Item(name="v.mp4", width=100, height=50, media="video", fps=25)
    collection = dl.AnnotationCollection(item)
    for frame in (3, 7):
        collection.add(dl.Box(frame, 0, 20, 5, "car"), object_id=1, frame_num=frame)
    dl.Dataset.from_pairs([(item, collection)]).write(tmp_path / "out", format="dataloop")
    found = dl.statistics(tmp_path / "out")
    frames, keyframes = found.distribution("frames"), found.distribution("keyframes")
    assert frames is not None
    assert keyframes is not None
    assert (frames.maximum, keyframes.maximum) == (5, 2)
    assert found.labels[0].tracks == 1
    assert "frames" in found.table()


def test_an_empty_data_set_has_empty_statistics(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text('{"images": [], "annotations": [], "categories": []}')
    found = dl.statistics(path)
    assert (found.images, found.annotations, found.labels) == (0, 0, [])
    assert found.distribution("area") is None
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["measures"] == {}
    assert "annotations  0" in found.table()
    save_plot(found, tmp_path / "empty.png")


def test_a_plot_is_a_picture_and_is_never_overwritten_unasked(tmp_path: Path) -> None:
    path = _written(tmp_path, _collection(["cat", "$x_1$", "猫" * 40, "b\nc"]))
    found = dl.statistics(path)
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        target = tmp_path / f"chart{suffix}"
        save_plot(found, target)
        first = target.read_bytes()
        assert first.startswith(magic)
        with pytest.raises(dl.OutputError):
            save_plot(found, target)
        save_plot(found, target, overwrite=True)
        assert target.read_bytes() == first
    with pytest.raises(dl.UsageError, match="txt"):
        save_plot(found, tmp_path / "chart.txt")


def test_many_labels_become_one_bar(tmp_path: Path) -> None:
    found = dl.statistics(_written(tmp_path, _collection([f"label {k}" for k in range(60)])))
    axes = plot(found).axes[0]
    texts = [text.get_text() for text in axes.get_yticklabels()]
    assert texts[-1] == "36 others"
    assert len(texts) == 25


def test_a_missing_matplotlib_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dl.statistics(_written(tmp_path, _collection(["cat"])))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(dl.MissingDependencyError, match=r"dlgeom\[plot\]"):
        plot(found)


def test_kinds_and_counts_agree_with_info_on_real_data(shared_data: Path) -> None:
    from dlgeom.converters.survey import survey

    for name in ("coco/coco_mini", "voc/voc100", "coco/keypoints_2213"):
        facts: Any = survey(shared_data / name)
        found = dl.statistics(shared_data / name)
        assert (found.images, found.annotations) == (facts.images, facts.annotations)
        counted = {
            "(none)" if entry.name is None else entry.name: entry.annotations
            for entry in found.labels
        }
        assert counted == facts.labels
        assert sum(entry.crowds for entry in found.labels) == facts.crowds
        assert all(sum(entry.kinds.values()) == entry.annotations for entry in found.labels)
        held = {kind for entry in found.labels for kind in entry.kinds}
        assert held <= {*KINDS, "item_description"}
