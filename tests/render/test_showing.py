"""``show``: masks of colours and ids, with the documented names, and the laws of compositing."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scenes import SOME, scenes

import dlgeom as dl
from dlgeom import render
from dlgeom.colors import color_of_name
from dlgeom.render.canvas import over
from dlgeom.render.scene import in_order

THICKNESSES = st.sampled_from((None, -1, 1, 3))
MODES = st.sampled_from(("gray", "rgb", "rgba", "16 bit", "float"))


def picture(mode: str, shape: tuple[int, int]) -> np.ndarray:
    random = np.random.default_rng(len(mode))
    if mode == "gray":
        return random.integers(0, 256, shape, dtype=np.uint8)
    if mode == "16 bit":
        return random.integers(0, 65_536, shape, dtype=np.uint16)
    if mode == "float":
        return random.random((*shape, 3))
    return random.integers(0, 256, (*shape, len(mode)), dtype=np.uint8)


@SOME
@given(scenes(), THICKNESSES)
def test_opaque_masks_have_the_colours_of_labels_only(scene, thickness) -> None:
    found = scene.show(thickness=thickness)
    assert found.shape == (*scene.item.shape, 4)
    assert found.dtype == np.uint8
    allowed = {(0, 0, 0, 0)} | {(*color_of_name(one.label), 255) for one in scene}
    assert set(map(tuple, found.reshape(-1, 4).tolist())) <= allowed
    # What is painted is what the id maps have.
    assert_array_equal(found[..., 3] > 0, scene.show(annotation_format="instance",
                                                     thickness=thickness) > 0)  # fmt: skip


@given(scenes(), MODES, st.floats(0, 1), THICKNESSES)
@settings(max_examples=200)
def test_annotations_are_put_over_the_image_one_after_the_other(
    scene, mode, alpha, thickness
) -> None:
    image = picture(mode, scene.item.shape)
    before = image.copy()
    found = scene.show(image, alpha=alpha, thickness=thickness)
    assert_array_equal(image, before)
    expected = dl.AnnotationCollection().show(image)
    stack = render.instance_stack(scene, thickness=thickness)
    for place in in_order(list(scene)):
        ink = (*color_of_name(scene[place].label), round(255 * alpha))
        upper = np.zeros_like(expected)
        upper[stack[place]] = ink
        expected = np.where(stack[place][..., None], over(upper, expected), expected)
    assert np.abs(found.astype(int) - expected).max(initial=0) <= 1
    if alpha == 0:
        assert_array_equal(found, dl.AnnotationCollection().show(image))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_over_is_that_of_pillow(seed) -> None:
    from PIL import Image

    random = np.random.default_rng(seed)
    upper, lower = random.integers(0, 256, (2, 8, 8, 4), dtype=np.uint8)
    theirs = np.asarray(Image.alpha_composite(Image.fromarray(lower), Image.fromarray(upper)))
    ours = over(upper, lower)
    seen = theirs[..., 3] > 0
    assert np.abs(ours[..., 3].astype(int) - theirs[..., 3]).max() <= 1
    # Pillow keeps fewer bits, which shows where almost nothing is to be seen.
    error = np.abs(ours[seen].astype(int) - theirs[seen]) * theirs[seen][..., 3:] / 255
    assert error.max(initial=0) <= 2


def test_alpha_keeps_the_colour_and_not_the_darkness() -> None:
    box = dl.Box(0, 0, 2, 2, "a")
    found = box.show(width=2, height=2, thickness=-1, color=(255, 0, 0), alpha=0.5)
    assert_array_equal(found[0, 0], (255, 0, 0, 128))


def test_empty_collections_give_the_empty_canvas() -> None:
    empty = dl.Item(width=5, height=4).annotations.builder()
    assert_array_equal(empty.show(), np.zeros((4, 5, 4), dtype=np.uint8))
    assert_array_equal(empty.show(annotation_format="instance"), np.zeros((4, 5)))
    assert_array_equal(empty.show(annotation_format="object_id"), np.zeros((4, 5)))
    assert dl.AnnotationCollection().show(width=3, height=2).shape == (2, 3, 4)
    image = np.full((4, 5, 3), 9, dtype=np.uint8)
    found = empty.show(image, annotation_format="img_mask")
    assert_array_equal(found, np.dstack((image, np.full((4, 5), 255))))
    with pytest.raises(dl.UsageError, match="size of the picture is not known"):
        dl.AnnotationCollection().show()


@pytest.mark.parametrize(
    "definition",
    [
        dl.Classification("a"),
        dl.Pose("a", "t"),
        dl.Subtitle("words", "a"),
        dl.Description("words"),
        dl.FreeText("words"),
        dl.Comparison({"a": 1}),
        dl.Cube3d("a", [1, 2, 3], [1, 1, 1], [0, 0, 0]),
        dl.Gis("point", [1, 2]),
        dl.UndefinedAnnotationType("new", "a", {"x": 1}),
    ],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("view", ["mask", "instance", "img_mask"])
def test_what_has_no_place_leaves_the_canvas_as_it_is(definition, view) -> None:
    image = np.full((4, 5), 9, dtype=np.uint8)
    for one in (definition, dl.Annotation(definition), dl.AnnotationCollection(
        None, [dl.Annotation(definition)]
    )):  # fmt: skip
        expected = dl.AnnotationCollection().show(image, annotation_format=view)
        found = one.show(image=image, annotation_format=view, with_text=True)
        assert_array_equal(found, expected)


def test_explicit_colours_are_opaque() -> None:
    item = dl.Item(width=640, height=480)
    annotation = dl.Annotation.new(item, dl.Box(10, 10, 50, 50, "a"))
    found = annotation.show(width=640, height=480, thickness=3, color=(255, 0, 0))
    assert_array_equal(np.unique(found.reshape(-1, 4), axis=0), [(0, 0, 0, 0), (255, 0, 0, 255)])
    for color in ("#ff0000", [255, 0, 0], np.array([255, 0, 0]), (255, 0, 0, 255)):
        assert_array_equal(annotation.show(thickness=3, color=color), found)
    half = annotation.show(thickness=3, color=(255, 0, 0, 128))
    assert_array_equal(np.unique(half.reshape(-1, 4), axis=0), [(0, 0, 0, 0), (255, 0, 0, 128)])


def test_colours_of_labels_and_of_the_background() -> None:
    labels = dl.LabelTable(
        [dl.Label(name="a", color=(1, 2, 3)), dl.Label(name="$default", color=(7, 8, 9))]
    )
    box = dl.Annotation(dl.Box(0, 0, 1, 1, "a"))
    collection = dl.AnnotationCollection(dl.Item(width=2, height=1), [box], labels)
    assert_array_equal(collection.show(thickness=-1), [[(1, 2, 3, 255), (7, 8, 9, 255)]])
    other = render.color_mask(collection, thickness=-1, colors={"a": "#0a0b0c"})
    assert_array_equal(other[0, 0], (10, 11, 12, 255))
    # Nothing is known about a thing without a label: white.
    assert_array_equal(dl.Box(0, 0, 1, 1).show(width=1, height=1), [[(255,) * 4]])


def test_ids_of_the_documented_map() -> None:
    collection = dl.Item(width=3, height=1).annotations.builder()
    collection.add([dl.Box(0, 0, 1, 1, "b"), dl.Box(1, 0, 2, 1, "a")])
    show = collection.show
    instance = dl.VIEW_ANNOTATION_OPTIONS_INSTANCE
    assert_array_equal(show(annotation_format=instance, thickness=-1), [[2, 1, 0]])
    ids = {"a": 5, "b": 6, "$default": 7}
    found = show(annotation_format=instance, thickness=-1, label_instance_dict=ids)
    assert_array_equal(found, [[6, 5, 7]])
    with pytest.raises(dl.UsageError, match="label 'b' is missing"):
        show(annotation_format=instance, label_instance_dict={"a": 1})
    base = np.array([[9, 9, 300]], dtype=np.uint16)
    on_ids = show(base, annotation_format=instance, thickness=-1)
    assert_array_equal(on_ids, [[2, 1, 300]])
    assert_array_equal(base, [[9, 9, 300]])
    alone = collection[0].show(annotation_format=instance, thickness=-1, color=77)
    assert_array_equal(alone, [[77, 0, 0]])


def test_frames_are_shown_in_their_state() -> None:
    item = dl.Item(name="v.mp4", media="video", width=8, height=1)
    builder = item.annotations.builder()
    for frame in range(6):
        builder.add(dl.Box(frame, 0, frame + 1, 1, "a"), object_id=1, frame_num=frame)
    found = builder.show(frame_num=5, thickness=-1, annotation_format="instance")
    assert found.ravel().tolist() == [0, 0, 0, 0, 0, 1, 0, 0]
    assert_array_equal(builder.get_frame(5).show(thickness=-1)[..., 3] > 0, found > 0)
    assert_array_equal(builder[0].show(frame_num=5, thickness=-1)[..., 3] > 0, found > 0)
    state = builder[0].frames[5].show(width=8, height=1, thickness=-1)
    assert_array_equal(state[..., 3] > 0, found > 0)
    assert not builder.show(frame_num=6).any()
    assert builder[0].left == 0


def test_text_stays_in_the_picture_and_out_of_id_maps() -> None:
    builder = dl.Item(width=120, height=60).annotations.builder()
    builder.add(dl.Box(100, 50, 200, 90, "a very long name of a class indeed", {"k": ["x", "y"]}))
    plain, written = builder.show(), builder.show(with_text=True)
    assert (plain != written).any()
    assert_array_equal(builder.show(annotation_format="instance", with_text=True),
                       builder.show(annotation_format="instance"))  # fmt: skip


def test_wrong_arguments_are_told() -> None:
    box = dl.Box(0, 0, 2, 2, "a")
    for options, message in (
        ({"annotation_format": "json"}, "Use download"),
        ({"annotation_format": "picture"}, "is one of json, mask"),
        ({"annotation_format": "img_mask"}, "image is not given"),
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"alpha": "x"}, "alpha is 'x'"),
        ({"thickness": "x"}, "thickness is 'x'"),
        ({"color": (1, 2)}, "colour"),
        ({"image": np.zeros((2, 2, 7))}, "image has shape"),
        ({"image": np.full((2, 2, 3), 7.0)}, "floats outside of 0 to 1"),
        ({"image": np.full((2, 2, 3), -7)}, "int64 from -7"),
    ):
        with pytest.raises(dl.UsageError, match=message):
            box.show(width=2, height=2, **options)


COMMON = {"image": None, "thickness": None, "with_text": False, "height": None, "width": None}
MASK = dl.ViewAnnotationOptions.MASK


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (dl.Box, COMMON | {"annotation_format": MASK, "color": None, "alpha": 1}),
        (
            dl.Annotation,
            COMMON | {"annotation_format": MASK, "color": None, "label_instance_dict": None,
                      "alpha": 1, "frame_num": None},
        ),
        (
            dl.AnnotationCollection,
            COMMON | {"annotation_format": MASK, "label_instance_dict": None, "color": None,
                      "alpha": 1, "frame_num": None},
        ),
    ],
    ids=["definition", "annotation", "collection"],
)  # fmt: skip
def test_signatures_are_the_documented_ones(owner, expected) -> None:
    parameters = list(inspect.signature(owner.show).parameters.values())[1:]
    assert [(one.name, one.default) for one in parameters] == list(expected.items())


def test_masks_paste_with_themselves() -> None:
    from PIL import Image

    builder = dl.Item(width=64, height=48).annotations.builder()
    builder.add(dl.Box(5, 5, 40, 30, "a"))
    mask = Image.fromarray(builder.show(width=64, height=48, thickness=3))
    image = Image.new("RGB", (64, 48), (10, 20, 30))
    image.paste(mask, (0, 0), mask)
    assert image.getpixel((5, 15)) == color_of_name("a")
    assert image.getpixel((20, 15)) == (10, 20, 30)


def test_label_trees_give_colours_and_ids() -> None:
    tree = dl.Ontology()
    tree.add_label("b", color="#010203")
    tree.add_label("a", color="#040506")
    boxes = [dl.Box(0, 0, 1, 1, "b"), dl.Box(1, 0, 2, 1, "a")]
    size = {"width": 3, "height": 1}
    found = render.color_mask(boxes, colors=tree, thickness=-1, **size)
    assert_array_equal(found[0, :2, :3], [(1, 2, 3), (4, 5, 6)])
    assert_array_equal(render.label_ids(boxes, tree, **size), [[2, 1, 0]])
    assert render.one_hot(boxes, tree, **size).shape == (3, 1, 3)
    tree.color_map = {"$default": (7, 8, 9)}
    found = render.color_mask(boxes, colors=tree, thickness=-1, **size)
    assert_array_equal(found[0, 2], (7, 8, 9, 255))
