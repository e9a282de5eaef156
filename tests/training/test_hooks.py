"""Transforms of samples: rows stay aligned whatever a transform drops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.sets import HEIGHT, LABELS, WIDTH, areas, dataset_of, whole_boxes, write_images

import dlgeom
from dlgeom.annotation import AnnotationCollection
from dlgeom.definitions import (
    Box,
    Classification,
    Definition,
    Ellipse,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.training import (
    DatasetGenerator,
    KeywordTransform,
    Letterbox,
    RandomCrop,
    RandomFlip,
    RandomResize,
    RandomRotate,
    Resize,
    steps_of,
)
from dlgeom.transforms import Affine

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
SIZE = (WIDTH, HEIGHT)
IMAGE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def collection_of(*shapes: Definition) -> AnnotationCollection:
    collection = Item(name="a.png", width=WIDTH, height=HEIGHT).annotations.builder()
    collection.add(list(shapes))
    return collection


def through(transforms: Any, collection: AnnotationCollection, seed: int = 0) -> Any:
    image, random = IMAGE, np.random.default_rng(seed)
    for step in steps_of(transforms):
        image, collection = step.transform(image, collection, random)
    return image, collection


augmentations = st.sampled_from(
    [
        RandomFlip(),
        RandomFlip(p=1, direction="vertical"),
        RandomRotate(degrees=30),
        RandomRotate(degrees=(80, 100), expand=True),
        RandomCrop(),
        RandomCrop(size=(16, 500)),
        RandomResize(),
        Resize(size=(20, 30)),
        Letterbox(size=(24, 24)),
        Affine.flip(size=SIZE),
    ]
)


@settings(max_examples=300)
@given(
    st.lists(whole_boxes() | areas(), max_size=4),
    st.lists(augmentations, max_size=3),
    st.integers(0, 9),
)
def test_augmented_shapes_lie_in_the_image(
    shapes: list[Definition], steps: list[Any], seed: int
) -> None:
    if any(isinstance(step, Affine) for step in steps[1:]):
        steps = [step for step in steps if not isinstance(step, Affine)]
    image, found = through(steps, collection_of(*shapes), seed)
    height, width = image.shape[:2]
    assert image.dtype == np.uint8
    assert (found.item.width, found.item.height) == (width, height)
    boxes = found.boxes_xyxy()
    assert not np.isnan(boxes).any() or not steps
    inside = boxes[~np.isnan(boxes[:, 0])]
    assert (inside >= -1e-6).all()
    assert (inside[:, 2:] <= np.array([width, height]) + 1e-6).all()
    assert found.masks((height, width)).shape == (len(found), height, width)
    again = through(steps, collection_of(*shapes), seed)
    assert np.array_equal(again[0], image)
    assert again[1] == found


@settings(max_examples=200)
@given(st.lists(areas(), min_size=1, max_size=3), st.integers(0, 9))
def test_masks_move_with_their_image(shapes: list[Definition], seed: int) -> None:
    """Moves of whole pixels take image and mask to the same places."""
    steps = [RandomFlip(min_visibility=0), RandomCrop(scale=(0.5, 0.9), min_visibility=0)]
    masks = collection_of(*shapes).masks()
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[masks.any(axis=0)] = 255
    random = np.random.default_rng(seed)
    image: Any = pixels
    found = AnnotationCollection.from_arrays(
        list(map(str, range(len(masks)))), masks=masks, item=Item(width=WIDTH, height=HEIGHT)
    )
    for step in steps_of(steps):
        image, found = step.transform(image, found, random)
    assert np.array_equal(found.masks(image.shape[:2]).any(axis=0), image[..., 0] == 255)


def test_a_step_may_change_nothing_or_all() -> None:
    collection = collection_of(Box(0, 0, 4, 4, "cat"))
    assert through(None, collection)[1] == collection
    never = RandomFlip(p=0)
    image, found = through([never, [never]], collection)
    assert image is IMAGE
    assert found is collection
    assert through(never, collection)[1] is never(IMAGE, collection, np.random.default_rng(0))[1]


def test_key_points_exchange_their_sides() -> None:
    names = ["nose", "left_eye", "right_eye"]
    points = [Point(k, 1, name) for k, name in enumerate(names)]
    flipped = through(RandomFlip(p=1), collection_of(Pose("cat", None, points=points)))[1]
    xy = flipped[0].annotation_definition.keypoints[:, 0].tolist()
    assert xy == [WIDTH, WIDTH - 2, WIDTH - 1]


def test_functions_are_taken_by_their_parameters() -> None:
    collection = collection_of(Box(0, 0, 4, 4, "cat"), Box(1, 1, 2, 2, "dog"))

    def with_random(image: Any, annotations: Any, random: Any) -> Any:
        return image, annotations[:1]

    image, found = through([lambda image: 255 - image, with_random], collection)
    assert np.array_equal(image, 255 - IMAGE)
    assert [a.label for a in found] == ["cat"]
    assert through(lambda *pair: (pair[0], pair[1][1:]), collection)[1][0].label == "dog"
    assert through(np.flipud, collection_of())[0].shape == IMAGE.shape


@pytest.mark.parametrize(
    ("transform", "match"),
    [
        (lambda image: image[:5], "keeps its .height, width."),
        (lambda image, annotations: image, "returned ndarray; a transform returns"),
        (lambda image, annotations: (image, [1]), "a transform returns"),
        (lambda a, b, c, d: None, "takes 4 arguments"),
        ("flip", "transforms has 'flip'"),
        (lambda **values: None, "returned NoneType"),
        (lambda image, bboxes, labels: {"image": image}, "was given 'bboxes'"),
        (
            lambda image, bboxes, labels: {"image": image, "bboxes": bboxes, "labels": []},
            "each box keeps the one it came with",
        ),
    ],
)
def test_transforms_that_do_not_fit_are_refused(transform: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        through(transform, collection_of(Box(0, 0, 4, 4, "cat")))


# Transforms of keywords, in the manner of albumentations.


def half(drop_masks: bool = False) -> Callable[..., dict[str, Any]]:
    """Return a transform that keeps the left half, and boxes with their middle in it."""

    def transform(**data: Any) -> dict[str, Any]:
        middle = data["image"].shape[1] // 2
        kept = [k for k, b in enumerate(data["bboxes"]) if (b[0] + b[2]) / 2 < middle]
        data["image"] = data["image"][:, :middle]
        rows = [data["labels"][k] for k in kept]
        if "masks" in data:
            masks = [mask[:, :middle] for mask in data["masks"]]
            data["masks"] = [masks[k] for k in kept] if drop_masks else masks
        data["bboxes"] = [
            (b[0], b[1], min(b[2], middle), b[3]) for b in (data["bboxes"][k] for k in kept)
        ]
        data["labels"] = rows
        if "keypoints" in data:
            near = [k for k, (x, _) in enumerate(data["keypoints"]) if x < middle]
            data["keypoints"] = [data["keypoints"][k] for k in near]
            data["keypoint_labels"] = [data["keypoint_labels"][k] for k in near]
        return data

    return transform


@given(st.lists(whole_boxes(), max_size=5))
def test_boxes_that_a_transform_drops_take_their_rows_along(shapes: list[Definition]) -> None:
    image, found = through(half(), collection_of(*shapes))
    wanted = [shape for shape in shapes if (shape.left + shape.right) / 2 < WIDTH // 2]
    assert image.shape == (HEIGHT, WIDTH // 2, 3)
    assert [a.label for a in found] == [shape.label for shape in wanted]
    assert found.boxes_xyxy()[:, :2].tolist() == [[shape.left, shape.top] for shape in wanted]
    assert found.item.width == WIDTH // 2


@settings(max_examples=200)
@given(st.lists(areas(), max_size=4), st.booleans())
def test_masks_stay_with_their_boxes(shapes: list[Definition], drop: bool) -> None:
    shapes = [s for s in shapes if not (isinstance(s, Segmentation) and not s.area)]
    found = through(half(drop), collection_of(*shapes))[1]
    before = collection_of(*shapes).masks()[:, :, : WIDTH // 2]
    middles = [(shape.left + shape.right) / 2 for shape in shapes]
    rows = [k for k, x in enumerate(middles) if x < WIDTH // 2 and before[k].any()]
    assert [a.label for a in found] == [shapes[k].label for k in rows]
    assert np.array_equal(found.masks((HEIGHT, WIDTH // 2)), before[rows])
    assert [type(a.annotation_definition) for a in found] == [type(shapes[k]) for k in rows]


def test_key_points_and_the_rest_pass() -> None:
    points = [Point(3, 4, "a"), Point(30, 4, "b", visibility=1), Point(0, 0, "c", visibility=0)]
    collection = collection_of(
        Pose("cat", "t", points=points, skeleton=[(0, 1)]),
        Point(3, 4, "near"),
        Point(39, 4, "far"),
        Classification("whole"),
    )
    collection[0].score = 0.5
    found = through(half(), collection)[1]
    assert [a.label for a in found] == ["cat", "near", "whole"]
    pose = found[0].annotation_definition
    assert pose.keypoints.tolist() == [[3, 4, 2], [0, 0, 0], [0, 0, 0]]
    assert (pose.names, pose.skeleton, pose.template_id) == (("a", "b", "c"), ((0, 1),), "t")
    assert found[0].score == 0.5


def test_stored_boxes_move_too() -> None:
    collection = collection_of(Polygon([[0, 0], [8, 0], [8, 8]], "cat"))
    collection[0].stored_bounds, collection[0].stored_area = (0.0, 0.0, 9.0, 9.0), 40.0
    found = through(half(), collection)[1]
    assert found[0].stored_bounds == (0, 0, 8, 8)
    assert found[0].stored_area is None
    posed = collection_of(Pose("cat", None, points=[Point(1, 1, "a")]))
    posed[0].stored_bounds = (30.0, 0.0, 39.0, 9.0)
    assert len(through(half(), posed)[1]) == 0


def test_names_of_fields_come_from_the_transform() -> None:
    class Params:
        label_fields = ("rows",)

    class Processor:
        params = Params()

    class Transform:
        processors = {"bboxes": Processor()}  # noqa: RUF012

        def __call__(self, *args: Any, force_apply: bool = False, **data: Any) -> Any:
            assert set(data) == {"image", "bboxes", "rows"}
            return data

    collection = collection_of(Box(0, 0, 4, 4, "cat"))
    assert through(Transform(), collection)[1].boxes_xyxy().tolist() == [[0, 0, 4, 4]]
    named = KeywordTransform(lambda **data: data, label_field="mine")
    assert len(through(named, collection)[1]) == 1
    oval = through(half(), collection_of(Ellipse(5, 5, 3, 2, 0, "cat")))[1]
    assert isinstance(oval[0].annotation_definition, Polygon)
    with pytest.raises(UsageError, match="Polyline cannot pass"):
        through(half(), collection_of(Polyline([[1, 1], [5, 9]], "cat")))

    def few_masks(**data: Any) -> Any:
        return {**data, "masks": data["masks"][:1]}

    square = Polygon([[0, 0], [4, 0], [4, 4]], "cat")
    with pytest.raises(UsageError, match="1 masks of 2"):
        through(few_masks, collection_of(square, square))


def test_a_generator_gives_what_its_transforms_leave(tmp_path: Path) -> None:
    images = write_images(tmp_path, 3)
    shapes = [[Box(2, 2, 9, 9, "cat"), Box(30, 5, 39, 9, "dog")] for _ in range(3)]
    generator = DatasetGenerator(
        dataset_of(shapes), "box", transforms=[half(), RandomFlip(p=1)], images=images
    )
    for sample in generator:
        assert sample["labels"] == ["cat"]
        assert sample["class"].tolist() == [generator.label_to_id_map["cat"]]
        assert sample["box"].tolist() == [[11, 2, 18, 9]]
    assert set(LABELS) == set(generator.label_to_id_map)


def test_augmentations_follow_seed_and_epoch(tmp_path: Path) -> None:
    images = write_images(tmp_path, 4)
    shapes = [[Box(2, 2, 30, 30, "cat")] for _ in range(4)]
    steps = [RandomFlip(), RandomRotate(), RandomCrop(scale=(0.5, 0.9))]

    def boxes(workers: int, seed: int, epoch: int) -> list[Any]:
        generator = DatasetGenerator(
            dataset_of(shapes),
            "box",
            transforms=steps,
            images=images,
            num_workers=workers,
            seed=seed,
        )
        generator.set_epoch(epoch)
        return [(s["image"].tobytes(), s["box"].tolist()) for s in generator]

    assert boxes(0, 1, 0) == boxes(2, 1, 0)
    assert boxes(0, 1, 0) != boxes(0, 1, 1)
    assert boxes(0, 1, 0) != boxes(0, 2, 0)


@pytest.mark.parametrize(
    ("step", "match"),
    [
        (RandomRotate(degrees=(5, -5)), "it is a range"),
        (RandomRotate(degrees="x"), "it is a range"),
        (RandomCrop(scale=3), "it is a range"),
        (RandomResize(scale=(0, 1)), "factors are above 0"),
        (RandomFlip(p=1, direction="left"), "direction is 'left'"),
    ],
)
def test_augmentations_with_wrong_numbers_are_refused(step: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        through(step, collection_of(Box(0, 0, 4, 4, "cat")))


def test_a_transform_is_asked_for_what_its_settings_name() -> None:
    class Compose:
        def __init__(self, *kinds: str) -> None:
            self.processors = dict.fromkeys(kinds)
            self.keys: set[str] = set()

        def __call__(self, **data: Any) -> Any:
            self.keys = set(data)
            return data

    both = Compose("bboxes", "keypoints")
    assert len(through(KeywordTransform(both), collection_of(Box(0, 0, 4, 4, "cat")))[1]) == 1
    assert both.keys == {"image", "bboxes", "labels", "keypoints", "keypoint_labels"}
    neither = Compose()
    assert len(through(neither, collection_of())[1]) == 0
    assert neither.keys == {"image"}
    moved = KeywordTransform(lambda **data: data, keypoint_offset=0.5)
    points = collection_of(Point(3, 4, "a"))
    assert through(moved, points)[1] == through(lambda **data: data, points)[1] == points
    with pytest.raises(UsageError, match="Compose does not say how boxes are given"):
        through(neither, collection_of(Box(0, 0, 4, 4, "cat")))


@pytest.mark.parametrize("kind", ["box", "segment", "binary", "pose"])
def test_albumentations_mirrors_as_we_do(kind: str) -> None:
    album = pytest.importorskip("albumentations")
    flip = album.Compose(
        [album.HorizontalFlip(p=1)],
        bbox_params=album.BboxParams("pascal_voc", label_fields=["rows"]),
        keypoint_params=album.KeypointParams("xy", label_fields=["points"]),
    )
    theirs = DatasetGenerator(SAMPLE, kind, transforms=flip, shuffle=False)
    ours = DatasetGenerator(SAMPLE, kind, transforms=RandomFlip(p=1), shuffle=False)
    for a, b in zip(theirs, ours, strict=True):
        assert np.array_equal(a["image"], b["image"])
        assert a["labels"] == b["labels"]
        # A polygon passes as its pixels.
        np.testing.assert_allclose(a["box"], b["box"], atol=1e-3 if kind == "box" else 1)
        if kind == "pose":
            # Theirs does not know which are left and right.
            place = {tuple(row) for row in b["pose"].reshape(-1, 3).round(3).tolist()}
            assert {tuple(row) for row in a["pose"].reshape(-1, 3).round(3).tolist()} == place
        if kind == "binary":
            assert np.array_equal(a["binary"], b["binary"])


@pytest.mark.parametrize("order", ["coco", "yolo", "albumentations", "pascal_voc"])
def test_boxes_pass_albumentations_in_the_format_that_it_asks_for(order: str) -> None:
    album = pytest.importorskip("albumentations")
    shapes = album.BboxParams(order, label_fields=["kinds", "more"])
    flip = album.Compose([album.HorizontalFlip(p=1), album.Resize(60, 40)], bbox_params=shapes)
    theirs = DatasetGenerator(SAMPLE, "box", transforms=flip, shuffle=False)
    steps = [RandomFlip(p=1), Resize(size=(40, 60))]
    ours = DatasetGenerator(SAMPLE, "box", transforms=steps, shuffle=False)
    for a, b in zip(theirs, ours, strict=True):
        assert a["labels"] == b["labels"]
        np.testing.assert_allclose(a["box"], b["box"], atol=1e-3)


def test_key_points_that_albumentations_keeps_outside_are_not_seen() -> None:
    album = pytest.importorskip("albumentations")
    pose = Pose("cat", None, points=[Point(1, 1, "a"), Point(20, 15, "b")])

    def cut(order: str) -> Any:
        return album.Compose(
            [album.Crop(10, 10, 30, 30)],
            bbox_params=album.BboxParams("pascal_voc", label_fields=["labels"]),
            keypoint_params=album.KeypointParams(order, remove_invisible=False),
        )

    found = through(cut("xy"), collection_of(pose))[1][0].annotation_definition
    np.testing.assert_allclose(found.keypoints, [[0, 0, 0], [10, 5, 2]], atol=1e-4)
    with pytest.raises(UsageError, match="takes key points as 'yx'; here they are x, y"):
        through(cut("yx"), collection_of(pose))
    boxes = album.BboxParams("pascal_voc", label_fields=["labels"])
    with pytest.raises(UsageError, match="does not say how key points are given"):
        through(album.Compose([album.Crop(0, 0, 9, 9)], bbox_params=boxes), collection_of(pose))


def test_arrays_come_before_tensors() -> None:
    class Tensor:
        shape = (3, 32, 40)

    def made(image: Any) -> Tensor:
        return Tensor()

    def keywords(image: Any, bboxes: Any, labels: Any) -> dict[str, Any]:
        return {"image": image, "bboxes": bboxes, "labels": labels}

    for after in (RandomFlip(p=1), keywords):
        with pytest.raises(UsageError, match="made a Tensor of the image; it takes arrays"):
            through([made, after], collection_of(Box(0, 0, 4, 4, "cat")))
