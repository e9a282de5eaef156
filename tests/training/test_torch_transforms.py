"""Transforms of ``torchvision.transforms.v2``: rows stay aligned, key points move along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training.sets import HEIGHT, WIDTH, dataset_of, write_images

from dlgeom.definitions import Definition, Point, Polygon, Pose
from dlgeom.errors import MissingDependencyError, UsageError
from dlgeom.training import DatasetGenerator, RandomFlip

tv = pytest.importorskip("torchvision.tv_tensors")
v2 = pytest.importorskip("torchvision.transforms.v2")

SQUARES = [
    Polygon([[x, y], [x + 4, y], [x + 4, y + 4], [x, y + 4]], label)
    for x, y, label in ((0, 0, "car"), (18, 14, "cat"), (34, 26, "dog"))
]
FACE = Pose(
    "cat",
    None,
    points=[
        Point(10.5, 8, "left_eye", visibility=2),
        Point(20, 9, "right_eye", visibility=1),
        Point(0, 0, "nose", visibility=0),
        Point(2, 30, "tail", visibility=2),
    ],
)


def target_of(
    folder: Path, shapes: list[Definition], kind: str, transforms: Any
) -> tuple[Any, dict[str, Any]]:
    images = write_images(folder, 1)
    made: tuple[Any, dict[str, Any]] = DatasetGenerator(
        dataset_of([shapes]), kind, output="torch", images=images, transforms=transforms
    )[0]
    return made


@pytest.mark.parametrize("inside", [True, False])
def test_rows_that_are_dropped_are_dropped_everywhere(tmp_path: Path, inside: bool) -> None:
    steps = [v2.CenterCrop((12, 16)), v2.SanitizeBoundingBoxes()]
    target = target_of(tmp_path, [*SQUARES], "segment", v2.Compose(steps) if inside else steps)[1]
    assert target["labels"].tolist() == [2]
    assert target["boxes"].tolist() == [[6, 4, 10, 8]]
    assert target["masks"].sum().item() == 16
    assert target["area"].tolist() == [16]
    assert target["iscrowd"].tolist() == [0]


def test_areas_are_those_of_what_moved(tmp_path: Path) -> None:
    half = v2.Resize((HEIGHT // 2, WIDTH // 2))
    assert target_of(tmp_path, [*SQUARES], "segment", half)[1]["area"].tolist() == [4, 4, 4]
    assert target_of(tmp_path, [*SQUARES], "box", half)[1]["area"].tolist() == [4, 4, 4]
    centre = v2.ConvertBoundingBoxFormat("CXCYWH")
    assert target_of(tmp_path, [*SQUARES], "box", centre)[1]["area"].tolist() == [16, 16, 16]


def test_mirrors_agree_with_ours(tmp_path: Path) -> None:
    for direction, theirs in (
        ("horizontal", [v2.RandomHorizontalFlip(p=1)]),
        ("vertical", [v2.RandomVerticalFlip(p=1)]),
        ("both", v2.Compose([v2.RandomVerticalFlip(p=1), v2.RandomHorizontalFlip(p=1)])),
    ):
        image, target = target_of(tmp_path, [FACE], "pose", theirs)
        ours = target_of(tmp_path, [FACE], "pose", RandomFlip(p=1, direction=direction))
        assert (image == ours[0]).all()
        assert target["keypoints"].tolist() == ours[1]["keypoints"].tolist()
        assert type(target["keypoints"]) is type(ours[1]["keypoints"])
        assert set(target) == set(ours[1])


def test_key_points_move_with_the_image(tmp_path: Path) -> None:
    def points(transforms: Any, shapes: list[Definition] | None = None) -> Any:
        return target_of(tmp_path, shapes or [FACE], "pose", transforms)[1]["keypoints"].tolist()

    half = points(v2.Resize((HEIGHT // 2, WIDTH // 2)))
    assert half == [[[5.25, 4, 2], [10, 4.5, 1], [0, 0, 0], [1, 15, 2]]]
    # What leaves the image is not visible: columns from 8 on are left, of 24 rows the first.
    cut = points([v2.Lambda(lambda x: x), v2.CenterCrop((HEIGHT, 24))])
    assert cut == [[[2.5, 8, 2], [12, 9, 1], [0, 0, 0], [0, 0, 0]]]
    same = points(v2.ToDtype(tv.torch.float32, scale=True))
    assert same == [FACE.keypoints.tolist()]
    gone = [Pose("dog", None, points=[Point(1, 1, "a"), Point(3, 4, "b")]), FACE]
    rows = points([v2.CenterCrop((HEIGHT, 24)), v2.SanitizeBoundingBoxes()], gone)
    assert rows == cut


def test_transforms_that_cannot_be_followed_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="Leave it out"):
        target_of(tmp_path, [FACE], "pose", v2.Compose([v2.SanitizeKeyPoints()]))
    drop = [v2.CenterCrop((12, 16)), v2.SanitizeBoundingBoxes(labels_getter=None)]
    with pytest.raises(UsageError, match="3 labels, but 1 boxes, 1 masks;"):
        target_of(tmp_path, [*SQUARES], "segment", drop)
    monkeypatch.delattr(tv, "KeyPoints")
    with pytest.raises(MissingDependencyError, match=r"0\.23 or later"):
        target_of(tmp_path, [FACE], "pose", v2.RandomHorizontalFlip())
