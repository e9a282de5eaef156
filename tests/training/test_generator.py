"""Laws of the generator: rows aligned, any format the same, pickles, seeds, balance."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import shutil
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.sets import (
    FORMATS,
    HEIGHT,
    LABELS,
    WIDTH,
    areas,
    dataset_of,
    items_of,
    whole_boxes,
    write_images,
)

import dlgeom
from dlgeom.conversions import to_segmentation
from dlgeom.dataset import Dataset
from dlgeom.definitions import (
    Box,
    Classification,
    Definition,
    Ellipse,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import FormatError, UsageError
from dlgeom.filters import Filters
from dlgeom.item import Item
from dlgeom.training import DatasetGenerator, RandomFlip, collate_default, to_categorical

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
KINDS = ("box", "class", "segment", "binary", "pose", "polyline", "point")


def same(a: Any, b: Any) -> bool:
    """Whether two samples are equal, arrays of arrays included."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) and a.dtype == object:
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def bare(dataset: Any, kind: str | None = "box", **more: Any) -> DatasetGenerator:
    """Return a generator without images, in the order of the source."""
    return DatasetGenerator(dataset, kind, with_images=False, shuffle=False, **more)


mixed = (
    whole_boxes()
    | areas()
    | st.sampled_from(LABELS).map(Classification)
    | st.builds(lambda label: Polyline([[1, 2], [5, 9]], label), st.sampled_from(LABELS))
    | st.builds(lambda label: Point(3, 4, label), st.sampled_from([*LABELS, "other"]))
    | st.builds(lambda: Ellipse(9, 9, 4, 2, 30, "cat"))
    | st.builds(lambda: Pose("dog", None, points=[Point(1, 2, "a"), Point(3, 4, "b")]))
)


@given(items_of(mixed), st.sampled_from(KINDS), st.sampled_from(["type", "any"]), st.booleans())
def test_rows_are_always_aligned(
    shapes: list[list[Definition]], kind: str, match: Any, one_hot: bool
) -> None:
    ids = {"$default": 0, "car": 1, "cat": 1, "dog": 3}
    generator = bare(
        dataset_of(shapes), kind, label_to_id_map=ids, match=match, to_categorical=one_hot
    )
    for sample in generator:
        count = len(sample["labels"])
        assert count > 0
        assert sample["box"].shape == (count, 4)
        assert sample["box"].dtype == np.float64
        found = sample["class"]
        if one_hot:
            assert found.shape == (count, generator.num_classes + 1)
            assert (found.sum(axis=1) == 1).all()
            found = found.argmax(axis=1)
        assert found.tolist() == [ids[label] for label in sample["labels"]]
        if kind == "binary":
            assert sample["annotations"].shape[:2] == (HEIGHT, WIDTH)
        else:
            assert len(sample["annotations"]) == count
        assert sample["annotations"] is sample[kind]
    # Nothing is lost in silence: what has no id is counted.
    kept = sum(len(sample["labels"]) for sample in generator)
    wanted = bare(dataset_of(shapes), kind, match=match)
    assert kept + generator.skipped["label 'other' has no class id"] == sum(
        len(sample["labels"]) for sample in wanted
    )


@given(items_of(whole_boxes()))
def test_box_samples_are_the_boxes(shapes: list[list[Definition]]) -> None:
    generator = bare(dataset_of(shapes), ignore_empty=False)
    assert len(generator) == len(shapes)
    for sample, definitions in zip(generator, shapes, strict=True):
        assert sample["box"].tolist() == [list(shape.bounds) for shape in definitions]
        assert sample["labels"] == [shape.label for shape in definitions]
    full = bare(dataset_of(shapes))
    assert len(full) == sum(bool(definitions) for definitions in shapes)


@given(items_of(areas()))
def test_id_masks_are_painted_exactly(shapes: list[list[Definition]]) -> None:
    generator = bare(dataset_of(shapes), "binary", ignore_empty=False)
    for sample, definitions in zip(generator, shapes, strict=True):
        kept = [s for s in definitions if not (isinstance(s, Segmentation) and not s.area)]
        wanted = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        for shape in kept:
            number = generator.label_to_id_map[str(shape.label)]
            wanted[to_segmentation(shape, (HEIGHT, WIDTH)).to_mask()] = number
        assert sample["annotations"].dtype == np.uint8
        assert np.array_equal(sample["annotations"], wanted)


@given(items_of(areas()))
def test_segments_fill_to_the_same_pixels(shapes: list[list[Definition]]) -> None:
    generator = bare(dataset_of(shapes), "segment", ignore_empty=False)
    for sample, definitions in zip(generator, shapes, strict=True):
        assert sample["segment"].dtype == object
        assert sample["segment"].shape == (len(sample["labels"]),)
        for ring, shape in zip(sample["segment"], definitions, strict=True):
            assert ring.shape[1] == 2
            filled = Segmentation.from_polygon(ring, "x", (HEIGHT, WIDTH)).to_mask()
            wanted = to_segmentation(shape, (HEIGHT, WIDTH)).to_mask()
            assert np.array_equal(filled, wanted)


def _by_name(generator: DatasetGenerator) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for item, sample in zip(generator.items, generator, strict=True):
        rows = zip(sample["box"].tolist(), sample["class"].tolist(), sample["labels"], strict=True)
        name = Path(str(item.name)).stem
        found[name] = sorted((*map(round_6, box), number, label) for box, number, label in rows)
    return found


def round_6(value: float) -> float:
    return round(value, 3)


@settings(max_examples=15)
@given(items_of(whole_boxes()))
def test_all_formats_give_the_same_boxes_and_classes(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[Definition]]
) -> None:
    folder = tmp_path_factory.mktemp("set")
    dataset = dataset_of(shapes)
    wanted = _by_name(bare(dataset))
    ids = {label: k for k, label in enumerate(LABELS, 1)}
    for name in FORMATS:
        dataset.write(folder / name, format=name)
        found = bare(folder / name, label_to_id_map=ids)
        assert _by_name(found) == wanted, name
        assert found.skipped == {}
    shutil.rmtree(folder)


@settings(max_examples=10)
@given(items_of(areas()))
def test_formats_of_masks_give_the_same_id_masks(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[Definition]]
) -> None:
    folder = tmp_path_factory.mktemp("set")
    dataset = dataset_of(shapes)
    wanted = [sample["binary"] for sample in bare(dataset, "binary")]
    for name, options in (("coco", {}), ("yolo", {"task": "segment"}), ("dataloop", {})):
        dataset.write(folder / name, format=name, **options)
        ids = {label: k for k, label in enumerate(LABELS, 1)}
        found = bare(folder / name, "binary", label_to_id_map=ids, match="any")
        by_name = sorted(zip([i.name for i in found.items], found, strict=True), key=lambda p: p[0])
        assert same([sample["binary"] for _, sample in by_name], wanted), name
    shutil.rmtree(folder)


@settings(max_examples=300)
@given(items_of(whole_boxes()), st.integers(-3, 3), st.integers(0, 2))
def test_the_same_seed_gives_the_same_order(
    shapes: list[list[Definition]], seed: int, epoch: int
) -> None:
    def order(generator: DatasetGenerator) -> list[str | None]:
        generator.set_epoch(epoch)
        return [item.name for item in generator.items]

    first, second = (
        DatasetGenerator(dataset_of(shapes), "box", with_images=False, seed=seed) for _ in range(2)
    )
    assert order(first) == order(second)
    assert sorted(order(first), key=str) == [item.name for item in bare(dataset_of(shapes)).items]


def test_seeds_and_epochs_differ_and_256_is_the_default() -> None:
    shapes = [[Box(0, 0, 4, 4, "cat")] for _ in range(30)]

    def names(seed: int | None, epoch: int = 0) -> list[str | None]:
        generator = DatasetGenerator(dataset_of(shapes), "box", with_images=False, seed=seed)
        generator.set_epoch(epoch)
        return [item.name for item in generator.items]

    assert names(None) == names(256)
    assert len({tuple(names(seed, epoch)) for seed in (1, -1, 2) for epoch in (0, 1)}) == 6


@given(items_of(whole_boxes()).filter(any), st.integers(0, 99), st.booleans())
def test_class_balancing_balances(shapes: list[list[Definition]], seed: int, shuffle: bool) -> None:
    generator = DatasetGenerator(
        dataset_of(shapes),
        "box",
        class_balancing=True,
        seed=seed,
        shuffle=shuffle,
        with_images=False,
    )
    assert generator.targets is not None
    drawn = Counter(generator.targets.tolist())
    assert set(drawn) == set(generator.class_counts)
    assert set(drawn.values()) == {max(generator.class_counts.values())}
    for sample, target in zip(generator, generator.targets.tolist(), strict=True):
        assert target in sample["class"]
    again = DatasetGenerator(
        dataset_of(shapes),
        "box",
        class_balancing=True,
        seed=seed,
        shuffle=shuffle,
        with_images=False,
    )
    assert [i.name for i in again.items] == [i.name for i in generator.items]


@settings(max_examples=300)
@given(items_of(mixed), st.sampled_from(KINDS))
def test_a_pickled_generator_gives_the_same(shapes: list[list[Definition]], kind: str) -> None:
    generator = bare(dataset_of(shapes), kind)
    again = pickle.loads(pickle.dumps(generator))
    assert same(list(again), list(generator))
    assert repr(again) == repr(generator)


def test_an_image_is_upright_rgb_and_the_rest_is_as_documented(tmp_path: Path) -> None:
    generator = DatasetGenerator(SAMPLE, "box", shuffle=False)
    sample = generator[0]
    assert list(sample) == [
        "image_filepath",
        "item_id",
        "box",
        "class",
        "labels",
        "crowd",
        "annotation_filepath",
        "image",
        "annotations",
    ]
    assert Path(sample["image_filepath"]) == SAMPLE / "images" / "street" / "0001.png"
    assert Path(sample["annotation_filepath"]) == SAMPLE / "annotations" / "instances_train.json"
    assert sample["item_id"] == 1
    assert sample["image"].shape == (120, 160, 3)
    assert sample["image"].dtype == np.uint8
    assert len(generator) == 4
    assert len(DatasetGenerator(SAMPLE, "box", ignore_empty=False)) == 5
    assert generator.label_to_id_map == {
        "bicycle": 1,
        "car": 2,
        "person": 3,
        "sign": 4,
        "tyre": 5,
    } or (sorted(generator.label_to_id_map.values()) == [1, 2, 3, 4, 5])


def test_a_generator_is_a_sequence() -> None:
    shapes = [[Box(k, 0, k + 2, 4, "cat")] for k in range(7)]
    generator = bare(dataset_of(shapes))

    def lefts(samples: Any) -> list[float]:
        return [float(sample["box"][0, 0]) for sample in samples]

    assert lefts([generator[-1], generator[np.int64(2)], generator[np.uint8(0)]]) == [6, 2, 0]
    for rows in (
        slice(None),
        slice(2, None),
        slice(None, -2),
        slice(None, None, 3),
        slice(5, 1, -2),
    ):
        assert lefts(generator[rows]) == list(range(7))[rows]
    assert generator[7:] == []
    for wrong in (7, -8, np.int64(7)):
        with pytest.raises(IndexError, match="generator of 7"):
            generator[wrong]
    for wrong in ("1", 1.0, None):
        with pytest.raises(TypeError, match="whole numbers and slices"):
            generator[wrong]
    batches = bare(dataset_of(shapes), batch_size=3)
    assert len(batches) == 3
    assert [lefts(batch) for batch in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert lefts(batches[-1]) == [6]
    assert [lefts(batch) for batch in batches[::2]] == [[0, 1, 2], [6]]
    joined = bare(dataset_of(shapes), batch_size=3, collate_fn=collate_default)
    assert joined[0]["box"].shape == (3, 1, 4)
    assert [batch["box"].shape[0] for batch in joined] == [3, 3, 1]
    assert bare(dataset_of(shapes), collate_fn=collate_default)[1:3]["box"].shape == (2, 1, 4)


def test_threads_keep_the_order(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 9)
    shapes = [[Box(k, 0, k + 2, 4, "cat")] for k in range(9)]
    plain = DatasetGenerator(dataset_of(shapes), "box", images=images)
    threads = DatasetGenerator(dataset_of(shapes), "box", images=images, num_workers=3)
    assert same(list(threads), list(plain))
    assert same(threads[2:8], plain[2:8])
    for _, sample in zip(range(2), threads, strict=False):  # left before its end
        assert sample["image"].shape == (HEIGHT, WIDTH, 3)
    batched = DatasetGenerator(
        dataset_of(shapes), "box", images=images, num_workers=2, batch_size=4
    )
    assert same([s for batch in batched for s in batch], list(plain))


def _one(generator: DatasetGenerator, index: int) -> Any:
    return generator[index]


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_worker_processes_give_the_same(tmp_path: Path, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    context = multiprocessing.get_context(method)
    generator = DatasetGenerator(SAMPLE, "binary", num_workers=2)
    list(generator)  # with a pool of threads, which stays at home
    wanted = [generator[k] for k in range(len(generator))]
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        found = list(pool.map(_one, [generator] * len(generator), range(len(generator))))
    assert same(found, wanted)


def _send_all(generator: DatasetGenerator, pipe: Any) -> None:
    pipe.send([sample["box"].tolist() for sample in generator])


def test_threads_do_not_wait_for_those_of_a_parent() -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    context = multiprocessing.get_context("fork")
    generator = DatasetGenerator(SAMPLE, "box", num_workers=2)
    wanted = [sample["box"].tolist() for sample in generator]  # starts threads here
    ours, theirs = context.Pipe()
    process = context.Process(target=_send_all, args=(generator, theirs))
    process.start()
    assert ours.poll(60), "hangs"
    assert ours.recv() == wanted
    process.join()


def test_several_samples_are_given_at_once() -> None:
    shapes = [[Box(k, 0, k + 2, 4, "cat")] for k in range(5)]
    generator = bare(dataset_of(shapes), num_workers=2)
    assert same(generator.__getitems__([3, -1, np.int64(0)]), [generator[k] for k in (3, 4, 0)])
    with pytest.raises(IndexError):
        generator.__getitems__([5])
    batches = bare(dataset_of(shapes), batch_size=2)
    assert same(batches.__getitems__([1]), [batches[1]])


def test_labels_that_are_missing_go_with_their_whole_row(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shapes = [[Box(0, 0, 1, 1, "cat"), Box(1, 1, 2, 2, "dog"), Box(2, 2, 3, 3, "car")]]
    with caplog.at_level(logging.WARNING):
        generator = bare(dataset_of(shapes), label_to_id_map={"cat": 1, "car": 1, "$default": 0})
    [sample] = generator
    assert sample["box"][:, 0].tolist() == [0, 2]
    assert sample["class"].tolist() == [1, 1]
    assert sample["labels"] == ["cat", "car"]
    assert generator.skipped == {"label 'dog' has no class id": 1}
    assert "'dog' (1); the map has 'cat', 'car', '$default'" in caplog.text
    assert generator.id_to_label_map == {1: "cat", 0: "$default"}
    with pytest.raises(UsageError, match="'dog'"):
        bare(dataset_of(shapes), label_to_id_map={"cat": 1}, missing_labels="raise")
    none = bare(dataset_of([[Box(0, 0, 1, 1)]]))
    assert len(none) == 0
    assert none.skipped == {"no label": 1}


def test_predictions_are_left_out_unless_asked_for() -> None:
    item = Item(name="a.png", width=9, height=9)
    builder = item.annotations.builder()
    builder.add(Box(0, 0, 1, 1, "cat"), model_info={"name": "m", "confidence": 0.5})
    builder.add([Box(1, 1, 2, 2, "cat"), Point(1, 1, "cat")])
    dataset = Dataset.from_pairs([(item, builder)])
    assert bare(dataset)[0]["box"].tolist() == [[1, 1, 2, 2]]
    assert bare(dataset).skipped == {"prediction of a model": 1}
    assert len(bare(dataset, predictions=True)[0]["box"]) == 2


def _platform(folder: Path) -> Path:
    write_images(folder / "items" / "deep", 3)
    shapes: list[list[Definition]] = [
        [
            Box(1, 2, 3, 4, "cat"),
            Polygon([[0, 0], [8, 0], [8, 8]], "dog"),
            Classification("car"),
            Segmentation(np.eye(HEIGHT, WIDTH), "cat"),
            Note(1, 1, 5, 5, "cat"),
        ],
        [Classification("dog")],
    ]
    pairs = []
    for (item, collection), name in zip(dataset_of(shapes), ("00", "01"), strict=True):
        item.name = f"deep/{name}.png"
        pairs.append((item, collection))
    Dataset.from_pairs(pairs).write(folder / "made", format="dataloop")
    for source in (folder / "made" / "json").rglob("*.json"):
        place = folder / "json" / "deep" / source.name.replace(".png.json", ".json")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    shutil.rmtree(folder / "made")
    return folder


def test_a_platform_folder_gives_the_type_that_is_asked_for(tmp_path: Path) -> None:
    folder = _platform(tmp_path / "set")
    for kind, count in (("box", 1), ("segment", 1), ("class", 2), ("binary", 1)):
        generator = DatasetGenerator(folder, kind, shuffle=False)
        assert sum(len(sample["labels"]) for sample in generator) == count, kind
        assert generator.label_to_id_map == {"car": 1, "cat": 2, "dog": 3}
    sample = DatasetGenerator(folder, "box", shuffle=False)[0]
    assert sample["image_filepath"] == str(folder / "items" / "deep" / "00.png")
    assert Path(sample["annotation_filepath"]) == folder / "json" / "deep" / "00.json"
    assert sample["image"].shape == (HEIGHT, WIDTH, 3)
    # All that can become one, without inventing a shape.
    assert len(DatasetGenerator(folder, "box", match="any")[0]["labels"]) == 4
    # An image without a file of annotations is empty.
    empty = DatasetGenerator(folder, "box", ignore_empty=False, shuffle=False)
    assert [len(sample["labels"]) for sample in empty] == [1, 0, 0]
    assert empty[2]["image_filepath"].endswith("02.png")
    assert empty[2]["annotation_filepath"] == ""
    pictures = DatasetGenerator(folder, None, ignore_empty=False)
    assert len(pictures) == 3
    assert pictures[0]["annotations"] is None


def test_nothing_that_matches_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        generator = bare(dataset_of([[Box(0, 0, 1, 1, "cat")]]), "pose")
    assert len(generator) == 0
    assert list(generator) == generator[:] == []
    assert "no item has an annotation of the type 'pose'" in caplog.text


def test_filters_choose_items_and_annotations() -> None:
    shapes = [[Box(0, 0, 4, 4, "cat"), Box(0, 0, 2, 2, "dog")], [Box(0, 0, 3, 3, "dog")]]
    assert [s["labels"] for s in bare(dataset_of(shapes), filters="label == 'dog'")] == [
        ["dog"],
        ["dog"],
    ]
    filters = Filters(field="filename", values="/01.png")
    [sample] = bare(dataset_of(shapes), filters=filters)
    assert sample["box"].tolist() == [[0, 0, 3, 3]]
    # The map is that of the whole data set.
    assert bare(dataset_of(shapes), filters=filters).label_to_id_map == {
        "car": 1,
        "cat": 2,
        "dog": 3,
    }


def test_ids_widen_masks_and_the_background_has_its_own() -> None:
    square = Polygon([[0, 0], [4, 0], [4, 4], [0, 4]], "cat")
    for ids, dtype in (
        ({"cat": 255}, np.uint8),
        ({"cat": 256}, np.uint16),
        ({"cat": 70_000}, np.uint32),
        ({"cat": 1, "$default": 255}, np.uint8),
        ({"cat": 1, "$default": -1}, np.int16),
    ):
        generator = bare(dataset_of([[square]]), "binary", label_to_id_map=ids)
        mask = generator[0]["annotations"]
        assert mask.dtype == dtype
        assert (mask[:4, :4] == ids["cat"]).all()
        assert (mask[4:] == ids.get("$default", 0)).all()
    one_hot = bare(dataset_of([[square]]), "binary", to_categorical=True)[0]["annotations"]
    assert one_hot.shape == (HEIGHT, WIDTH, 4)
    assert (one_hot.sum(axis=2) == 1).all()


def test_originals_are_kept_beside_what_transforms_make(tmp_path: Path) -> None:
    images = write_images(tmp_path, 1)

    def dark(image: Any) -> Any:
        return image // 2

    generator = DatasetGenerator(
        dataset_of([[Box(0, 0, 4, 4, "cat")]]),
        "box",
        transforms=[dark, lambda image, annotations: (image, annotations[:0])],
        images=images,
        return_originals=True,
    )
    sample = generator[0]
    assert np.array_equal(sample["image"], sample["orig_image"] // 2)
    assert sample["annotations"].shape == (0, 4)
    assert sample["orig_annotations"].tolist() == [[0, 0, 4, 4]]
    assert sample["labels"] == []
    plain = DatasetGenerator(
        dataset_of([[Box(0, 0, 4, 4, "cat")]]), "box", images=images, return_originals=True
    )[0]
    assert np.array_equal(plain["orig_image"], plain["image"])
    assert plain["orig_image"] is not plain["image"]


def test_images_that_are_missing_or_broken_are_named_or_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = write_images(tmp_path / "images", 4)
    (images / "01.png").unlink()
    (images / "02.png").write_bytes(b"no image")
    whole = (images / "03.png").read_bytes()
    (images / "03.png").write_bytes(whole[: len(whole) // 2])
    shapes = [[Box(0, 0, 4, 4, "cat")] for _ in range(4)]
    generator = DatasetGenerator(dataset_of(shapes), "box", shuffle=False, images=images)
    assert generator[0]["image"].shape == (HEIGHT, WIDTH, 3)
    for index, match in (
        (1, r"01\.png: is the image of item 2, and it is not there"),
        (2, r"02\.png"),
        (3, r"03\.png"),
    ):
        with pytest.raises(FormatError, match=match) as caught:
            generator[index]
        assert caught.value.code == "image.unreadable"
    with caplog.at_level(logging.WARNING):
        skipping = DatasetGenerator(
            dataset_of(shapes), "box", shuffle=False, images=images, missing_images="skip"
        )
        assert len(skipping) == 2  # the header of the last is fine
        assert len(list(skipping)) == 1
        assert len(list(skipping)) == 1
    assert skipping.skipped == {"image cannot be read": 3}
    assert len(skipping.bad_images) == 3
    assert "03.png" in caplog.text
    nobody = DatasetGenerator(dataset_of(shapes), "box")
    with pytest.raises(FormatError, match="nobody said where the images are"):
        nobody[0]


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    images = write_images(tmp_path, 1, (10, 10))
    generator = DatasetGenerator(dataset_of([[Box(0, 0, 4, 4, "cat")]]), "box", images=images)
    with pytest.raises(
        FormatError, match="10 x 10 pixels upright, its annotations are for 40 x 32"
    ):
        generator[0]


def test_an_item_without_a_size_takes_that_of_its_image(tmp_path: Path) -> None:
    images = write_images(tmp_path, 1)
    item = Item(name="00.png")
    builder = item.annotations.builder()
    builder.add(Polygon([[0, 0], [4, 0], [4, 4], [0, 4]], "cat"))
    dataset = Dataset.from_pairs([(item, builder)])
    assert DatasetGenerator(dataset, "binary", images=images)[0]["annotations"].shape == (
        HEIGHT,
        WIDTH,
    )
    with pytest.raises(dlgeom.GeometryError, match="size of the image is not known"):
        bare(dataset, "binary")[0]


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    images = write_images(tmp_path / "images", 1)
    for name in ("../00.png", str(tmp_path / "00.png")):
        item = Item(name=name, width=WIDTH, height=HEIGHT)
        builder = item.annotations.builder()
        builder.add(Box(0, 0, 4, 4, "cat"))
        generator = DatasetGenerator(Dataset.from_pairs([(item, builder)]), "box", images=images)
        with pytest.raises(FormatError, match=r"path\.escape"):
            generator[0]
        unread = bare(Dataset.from_pairs([(item, builder)]), images=images)
        assert unread[0]["image_filepath"] is None
    assert bare(dataset_of([[Box(0, 0, 4, 4, "cat")]]))[0]["image_filepath"] is None
    found = bare(dataset_of([[Box(0, 0, 4, 4, "cat")]]), images=images)[0]
    assert found["image_filepath"] == str(images / "00.png")
    (images / "link.png").symlink_to(tmp_path / "00.png")
    item = Item(name="link.png", width=WIDTH, height=HEIGHT)
    builder = item.annotations.builder()
    builder.add(Box(0, 0, 4, 4, "cat"))
    generator = DatasetGenerator(Dataset.from_pairs([(item, builder)]), "box", images=images)
    with pytest.raises(FormatError, match=r"path\.symlink"):
        generator[0]


def test_shapes_become_what_is_asked_for_without_inventing_any() -> None:
    pose = Pose(
        "dog", None, points=[Point(1, 2, "a"), Point(3, 4, "b"), Point(0, 0, "c", visibility=0)]
    )
    shapes: list[Definition] = [
        Box(0, 0, 4, 4, "cat"),
        Box(4, 4, 8, 6, "cat", angle=45),
        Ellipse(9, 9, 4, 2, 0, "cat"),
        Polyline([[1, 1], [5, 9]], "car"),
        Polyline([[[1, 1], [5, 9]], [[2, 2], [3, 3]]], "car"),
        Point(3, 4, "dog"),
        Classification("dog"),
        pose,
        Segmentation(np.zeros((HEIGHT, WIDTH)), "cat"),
    ]
    dataset = dataset_of([shapes])
    counts = {kind: len(bare(dataset, kind)[0]["labels"]) for kind in KINDS}
    assert counts == {
        "box": 6,
        "class": 9,
        "segment": 2,
        "binary": 2,
        "pose": 1,
        "polyline": 2,
        "point": 1,
    }
    assert bare(dataset, "box").skipped == {"empty shape": 1}
    assert bare(dataset, "pose")[0]["annotations"].tolist() == [[[1, 2, 2], [3, 4, 2], [0, 0, 0]]]
    lines = bare(dataset, "polyline")[0]["annotations"]
    assert lines[0].tolist() == [[1, 1], [5, 9]]
    np.testing.assert_equal(lines[1], [[1, 1], [5, 9], [np.nan, np.nan], [2, 2], [3, 3]])
    assert bare(dataset, "point")[0]["annotations"].tolist() == [[3, 4]]
    turned = bare(dataset, "box")[0]["box"][1]
    np.testing.assert_allclose(turned, Box(4, 4, 8, 6, angle=45).bounds)
    # Of that very type only.
    by_type = {
        kind: bare(dataset, kind, match="type") for kind in ("box", "segment", "binary", "class")
    }
    assert [len(g[0]["labels"]) if len(g) else 0 for g in by_type.values()] == [2, 0, 0, 1]


def test_bytes_of_an_annotation_are_few() -> None:
    shapes = [[Box(0, 0, 4, 4, "cat") for _ in range(100)] for _ in range(20)]
    assert bare(dataset_of(shapes)).nbytes / 2000 < 38
    rings = [[Polygon([[0, 0], [4, 0], [4, 4], [0, 4]], "cat") for _ in range(100)]]
    assert bare(dataset_of(rings), "segment").nbytes / 100 < 4 * 16 + 32


def test_visualize_draws_on_a_copy() -> None:
    for kind in ("box", "segment", "class", "pose"):
        generator = DatasetGenerator(SAMPLE, kind, shuffle=False, batch_size=2)
        plain = generator.sample(0)["image"]
        for index in (0, -generator.n_items, None):
            picture = generator.visualize(index)
            assert picture.shape[2] == 3
            assert picture.dtype == np.uint8
        assert (generator.visualize(0) != plain).any()
    with pytest.raises(IndexError):
        generator.visualize(99)
    with pytest.raises(UsageError, match="nothing to draw"):
        bare(dataset_of([[Box(0, 0, 4, 4, "cat")]])).visualize(0)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"annotation_type": "boxes"}, "Did you mean 'box'"),
        ({"annotation_type": "cube_3d"}, "a generator gives box, class"),
        ({"match": "all"}, "match is 'all'"),
        ({"missing_labels": "x"}, "missing_labels is 'x'"),
        ({"missing_images": None}, "missing_images is None"),
        ({"output": "tf"}, "output is 'tf'"),
        ({"batch_size": 0}, "batch_size is 0; it is a whole number from 1"),
        ({"num_workers": -1}, "num_workers is -1"),
        ({"transforms": len, "with_images": False}, "transforms move images too"),
        ({"transforms": 3}, "transforms has 3"),
        ({"format": "coco"}, "go to dlgeom.open_dataset"),
        ({"label_to_id_map": {"cat": 1.5}}, "class ids are whole numbers"),
        ({"label_to_id_map": {"cat": True}}, "class ids are whole numbers"),
        ({"label_to_id_map": {1: 1}}, "is no text"),
        ({"label_to_id_map": {"cat": 1}, "id_to_label_map": {2: "cat"}}, "inverse of each other"),
        ({"id_to_label_map": {1: "cat", 2: "cat"}}, "a label has one id"),
        ({"label_to_id_map": ["cat"]}, "label_to_id_map is a list; it is a dict"),
        ({"id_to_label_map": ["cat"]}, "id_to_label_map is a list; it is a dict"),
        ({"seed": 1.5}, "seed is 1.5; it is a whole number"),
        ({"transforms": RandomFlip}, r"the class RandomFlip; .* Write RandomFlip\(...\)"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], match: str) -> None:
    given_arguments = {"annotation_type": "box", **arguments}
    with pytest.raises(UsageError, match=match):
        DatasetGenerator(dataset_of([[Box(0, 0, 4, 4, "cat")]]), **given_arguments)


def test_types_have_the_names_of_the_platform_and_common_ones() -> None:
    names = {
        "polygon": "segment",
        "segmentation": "binary",
        "MASK": "binary",
        "classification": "class",
        "keypoints": "pose",
        dlgeom.AnnotationType.BOX: "box",
    }
    for name, wanted in names.items():
        kind = bare(dataset_of([[Box(0, 0, 4, 4, "cat")]]), name, match="any").kind
        assert kind is not None
        assert kind.name == wanted


def test_classes_that_look_like_the_background_are_told(caplog: pytest.LogCaptureFixture) -> None:
    shapes = dataset_of([[Polygon([[0, 0], [4, 0], [4, 4]], "cat")]])
    for kind, ids, told in (
        ("binary", {"cat": 0}, True),
        ("binary", {"cat": 2, "$default": 2}, True),
        ("binary", {"cat": 0, "$default": 255}, False),
        ("segment", {"cat": 0}, False),
    ):
        caplog.clear()
        bare(shapes, kind, label_to_id_map=ids)
        assert ("is that of the background too" in caplog.text) == told


labels = st.sampled_from(["a", "b", "c", "$default"])


@given(st.dictionaries(labels, st.integers(0, 5)))
def test_the_maps_are_inverse_to_each_other(ids: dict[str, int]) -> None:
    from dlgeom.training import Classes

    classes = Classes.of(ids, None, ())
    assert classes.label_to_id == ids
    assert set(classes.id_to_label) == set(ids.values())
    assert all(ids[label] == number for number, label in classes.id_to_label.items())
    again = Classes.of(None, classes.id_to_label, ())
    assert again.id_to_label == classes.id_to_label
    both = Classes.of(ids, classes.id_to_label, ())
    assert both == classes
    assert all(number <= classes.num_classes for number in ids.values())


@given(st.lists(st.integers(0, 6)), st.integers(6, 9))
def test_one_hot_rows_sum_to_one(ids: list[int], count: int) -> None:
    rows = to_categorical(ids, count)
    assert rows.shape == (len(ids), count + 1)
    assert (rows.sum(axis=1) == 1).all()
    assert rows.argmax(axis=1).tolist() == ids


@pytest.mark.parametrize(
    ("ids", "match"), [([7], "id 7 has no"), ([-1], "id -1 has"), ([0.5], "whole")]
)
def test_ids_without_a_column_are_refused(ids: list[Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        to_categorical(ids, 6)


def test_ids_of_a_database_do_not_fill_the_memory() -> None:
    for ids, count in (([20180000001], None), ([1], 20180000001)):
        with pytest.raises(UsageError, match=r"go up to 20180000001; .* Number the classes anew"):
            to_categorical(ids, count)


def test_parts_that_overlap_become_one_ring_along_their_pixels() -> None:
    square = [[0, 0], [8, 0], [8, 8], [0, 8]]
    shifted = [[4, 4], [12, 4], [12, 12], [4, 12]]
    polygon = Polygon.from_parts([[square], [shifted]], "cat")
    hollow = Polygon([square, [[2, 2], [4, 2], [4, 4], [2, 4]]], "cat")
    rings = bare(dataset_of([[polygon, hollow]]), "segment")[0]["annotations"]
    for ring, shape in zip(rings, (polygon, hollow), strict=True):
        filled = Segmentation.from_polygon(ring, "x", (HEIGHT, WIDTH)).to_mask()
        assert np.array_equal(filled, to_segmentation(shape, (HEIGHT, WIDTH)).to_mask())
    item = Item(name="a.png")
    builder = item.annotations.builder()
    builder.add(polygon)
    [ring] = bare(Dataset.from_pairs([(item, builder)]), "segment")[0]["annotations"]
    inner = Polygon.from_parts([[square], [[[2, 2], [4, 2], [4, 4], [2, 4]]]], "cat")
    [whole] = bare(dataset_of([[inner]]), "segment")[0]["annotations"]
    assert sorted(whole.tolist()) == sorted(map(list, square))
    builder[0].annotation_definition = inner
    with pytest.raises(dlgeom.GeometryError, match="no one ring stands for the parts"):
        bare(Dataset.from_pairs([(item, builder)]), "segment")[0]
    assert {tuple(vertex) for vertex in ring.tolist()} == {*map(tuple, square + shifted)}


def test_poses_with_points_of_their_own_attributes_keep_their_places() -> None:
    rich = Pose("dog", "t", points=[Point(1, 2, "a", {"x": 1}), Point(3, 4, "b")])
    plain = Pose("dog", "t", points=[Point(k, k, str(k)) for k in range(4)])
    generator = bare(dataset_of([[rich], [plain, rich]]), "pose")
    assert [sample["annotations"].shape for sample in generator] == [(1, 4, 3), (2, 4, 3)]
    assert generator[0]["annotations"][0].tolist() == [[1, 2, 2], [3, 4, 2], [0] * 3, [0] * 3]


def test_items_that_are_no_images_are_left_out_and_counted() -> None:
    pairs = []
    for name, media in (("a.png", "image"), ("b.mp4", "video"), ("c.png", "image")):
        item = Item(name=name, width=WIDTH, height=HEIGHT, media=media)
        builder = item.annotations.builder()
        builder.add(Box(0, 0, len(pairs) + 1, 4, "cat"))
        pairs.append((item, builder))
    generator = bare(Dataset.from_pairs(pairs))
    assert [item.name for item in generator.items] == ["a.png", "c.png"]
    assert [sample["box"][0, 2] for sample in generator] == [1, 3]
    assert generator.skipped == {"item is no image": 1}


def test_all_kinds_are_drawn(tmp_path: Path) -> None:
    images = write_images(tmp_path, 1)
    pose = Pose("dog", None, points=[Point(9, 9, "a"), Point(20, 20, "b", visibility=1)])
    shapes = [
        [Point(5, 5, "cat"), Polyline([[1, 1], [30, 20]], "car"), pose, Classification("cat")]
    ]
    plain = DatasetGenerator(dataset_of(shapes), None, images=images).visualize(0)
    for kind in ("point", "polyline", "pose", "class"):
        found = DatasetGenerator(dataset_of(shapes), kind, images=images)
        assert (found.visualize(0) != plain).any(), kind
    boxes = dataset_of([[Box(4, 4, 20, 20, "cat")]])
    wanted = DatasetGenerator(boxes, "box", images=images).visualize(0)
    changes = {
        "floats": lambda image: image / 255,
        "channels first": lambda image: np.ascontiguousarray(image.transpose(2, 0, 1)),
    }
    for name, change in changes.items():

        def step(image: Any, annotations: Any, change: Any = change) -> Any:
            return change(image), annotations

        found = DatasetGenerator(boxes, "box", images=images, transforms=step)
        assert np.array_equal(found.visualize(0), wanted), name
    odd = DatasetGenerator(boxes, "box", images=images, transforms=lambda i: np.dstack([i, i]))
    with pytest.raises(UsageError, match="cannot be drawn"):
        odd.visualize(0)
