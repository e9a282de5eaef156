"""Batches: stacked where shapes are equal, padded, or lists; tensors where torch is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.sets import HEIGHT, WIDTH, dataset_of, write_images

import dlgeom
from dlgeom.definitions import Box, Classification, Point, Polygon, Pose
from dlgeom.errors import MissingDependencyError, UsageError
from dlgeom.training import (
    DatasetGenerator,
    Letterbox,
    RandomFlip,
    RandomRotate,
    collate_default,
    collate_detection,
    collate_lists,
    collate_pad,
    collate_torch,
)

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
BATCH: list[dict[str, Any]] = [
    {"box": np.zeros((2, 4)), "class": np.array([1, 2]), "labels": ["a", "b"], "x": 1},
    {"box": np.ones((1, 4)), "class": np.array([3]), "labels": ["c"], "x": 2},
]


def test_equal_shapes_are_stacked_and_others_stay_lists() -> None:
    whole = collate_default(
        DatasetGenerator(SAMPLE, "binary", transforms=Letterbox(size=(32, 24)))[:]
    )
    assert whole["image"].shape == (4, 24, 32, 3)
    assert whole["annotations"].shape == (4, 24, 32)
    assert isinstance(whole["box"], list)
    assert isinstance(whole["labels"][0], list)
    mixed = collate_default(BATCH)
    assert mixed["x"] == [1, 2]
    assert len(mixed["box"]) == 2
    assert collate_default([{"n": np.float64(1)}, {"n": np.float64(2)}])["n"].tolist() == [1, 2]
    assert collate_default([]) == {}
    assert collate_lists(BATCH)["labels"] == [["a", "b"], ["c"]]
    # Rings of equal length are not stacked: they are arrays of objects.
    rings = DatasetGenerator(
        dataset_of([[Polygon([[0, 0], [4, 0], [4, 4]], "cat")]] * 2), "segment", with_images=False
    )
    assert isinstance(collate_default(rings[:])["segment"], list)


def test_padding_fills_up_and_counts() -> None:
    padded = collate_pad(BATCH)
    assert padded["box"].shape == (2, 2, 4)
    assert padded["box"][1].tolist() == [[1] * 4, [-1] * 4]
    assert padded["class"].tolist() == [[1, 2], [3, -1]]
    assert padded["count"].tolist() == [2, 1]
    assert padded["x"] == [1, 2]
    images = collate_pad([{"image": np.ones((2, 3, 3))}, {"image": np.ones((4, 1, 3))}], fill=9)
    assert images["image"].shape == (2, 4, 3, 3)
    assert images["image"][1, 0, 1:].tolist() == [[9] * 3] * 2
    assert isinstance(collate_pad([{"x": np.ones(1)}, {"x": np.ones((1, 1))}])["x"], list)


def test_samples_that_are_no_pairs_or_dicts_are_refused() -> None:
    with pytest.raises(UsageError, match="no pairs"):
        collate_detection(BATCH)
    with pytest.raises(UsageError, match="cannot be joined by keys"):
        collate_default([(1, 2)])
    assert collate_detection([(1, {}), (2, {})]) == ([1, 2], [{}, {}])


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"dlgeom\[torch\]"):
        DatasetGenerator(SAMPLE, "box", output="torch")
    with pytest.raises(MissingDependencyError, match=r"dlgeom\[torch\]"):
        collate_torch(BATCH)


# With torch.


def test_tensors_in_the_layout_of_detection_models() -> None:
    torch = pytest.importorskip("torch")
    plain = DatasetGenerator(SAMPLE, "segment", shuffle=False)
    generator = DatasetGenerator(SAMPLE, "segment", shuffle=False, output="torch")
    for (image, target), sample in zip(generator, plain, strict=True):
        count = len(sample["labels"])
        height, width = sample["image"].shape[:2]
        assert image.shape == (3, height, width)
        assert image.dtype == torch.uint8
        assert np.array_equal(np.asarray(image).transpose(1, 2, 0), sample["image"])
        assert target["boxes"].dtype == torch.float32
        assert np.array_equal(np.asarray(target["boxes"]), sample["box"].astype(np.float32))
        assert target["labels"].dtype == torch.int64
        assert target["labels"].tolist() == sample["class"].tolist()
        assert target["masks"].shape == (count, height, width)
        assert target["masks"].dtype == torch.uint8
        assert target["image_id"] == sample["item_id"]
        assert target["area"].shape == target["iscrowd"].shape == (count,)
        assert target["iscrowd"].tolist() == sample["crowd"].astype(int).tolist()
    posed = DatasetGenerator(SAMPLE, "pose", output="torch")[0][1]
    assert posed["keypoints"].shape == (1, 6, 3)
    assert posed["keypoints"].dtype == torch.float32
    assert "masks" not in posed
    labelled = DatasetGenerator(SAMPLE, "class", output="torch")[0][1]
    assert set(labelled) == {"labels", "image_id"}


def test_rows_that_detection_models_refuse_are_left_out(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    images = write_images(tmp_path, 1)
    shapes = [[Box(1, 1, 1, 5, "cat"), Box(2, 2, 4, 4, "dog"), Box(3, 3, 3 + 1e-9, 9, "cat")]]
    target = DatasetGenerator(dataset_of(shapes), "box", output="torch", images=images)[0][1]
    assert target["boxes"].tolist() == [[2, 2, 4, 4]]
    assert target["labels"].tolist() == [3]
    assert target["area"].tolist() == [4]
    points = [[Pose("cat", None, points=[Point(1, 1, "a")]), Classification("dog")]]
    posed = DatasetGenerator(dataset_of(points), "pose", output="torch", images=images)[0][1]
    assert posed["keypoints"].shape == (0, 1, 3)


def test_tv_tensors_where_torchvision_is_installed() -> None:
    tv = pytest.importorskip("torchvision.tv_tensors")
    from torchvision.transforms import v2

    image, target = DatasetGenerator(SAMPLE, "binary", output="torch", shuffle=False)[0]
    assert isinstance(image, tv.Image)
    assert isinstance(target["boxes"], tv.BoundingBoxes)
    assert target["boxes"].canvas_size == tuple(image.shape[-2:])
    assert isinstance(target["masks"], tv.Mask)
    flip = v2.RandomHorizontalFlip(p=1)
    flipped, moved = DatasetGenerator(
        SAMPLE, "binary", output="torch", shuffle=False, transforms=[flip]
    )[0]
    assert (flipped == image.flip(-1)).all()
    assert (moved["masks"] == target["masks"].flip(-1)).all()
    width = image.shape[-1]
    assert moved["boxes"][:, 0].tolist() == (width - target["boxes"][:, 2]).tolist()
    ours = DatasetGenerator(
        SAMPLE, "binary", output="torch", shuffle=False, transforms=[RandomFlip(p=1)]
    )[0]
    assert (ours[0] == flipped).all()
    assert (ours[1]["masks"] == moved["masks"]).all()
    assert ours[1]["boxes"].tolist() == moved["boxes"].tolist()
    with pytest.raises(UsageError, match="would leave arrays as"):
        DatasetGenerator(SAMPLE, "box", transforms=[flip])
    with pytest.raises(UsageError, match="Put it last"):
        DatasetGenerator(SAMPLE, "box", output="torch", transforms=[flip, RandomFlip()])


def test_modules_and_older_transforms_get_the_image_alone() -> None:
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("torchvision.transforms")

    class Half(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, image: Any) -> Any:
            return image // 2

    generator = DatasetGenerator(
        SAMPLE, "box", shuffle=False, transforms=[Half(), transforms.ToTensor()]
    )
    plain = DatasetGenerator(SAMPLE, "box", shuffle=False)
    assert generator[0]["image"].shape == (3, 120, 160)
    half = torch.from_numpy(plain[0]["image"] // 2).permute(2, 0, 1) / 255
    assert torch.equal(generator[0]["image"], half)


def test_a_detection_model_takes_a_batch() -> None:
    torch = pytest.importorskip("torch")
    detection = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    model = detection.maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=6, min_size=64, max_size=96
    )
    generator = DatasetGenerator(
        SAMPLE, "segment", output="torch", transforms=[RandomRotate()], batch_size=2
    )
    images, targets = collate_detection(generator[0])
    losses = model([image / 255 for image in images], targets)
    assert all(torch.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_data_loader_with_workers_gives_the_same(method: str) -> None:
    torch = pytest.importorskip("torch")
    generator = DatasetGenerator(
        SAMPLE, "binary", transforms=[RandomFlip(), Letterbox(size=(64, 48))]
    )
    loader = torch.utils.data.DataLoader(
        generator,
        batch_size=3,
        num_workers=2,
        collate_fn=collate_torch,
        multiprocessing_context=method,
    )
    batches = list(loader)
    assert [len(batch["image"]) for batch in batches] == [3, 1]
    images = torch.cat([batch["image"] for batch in batches])
    assert np.array_equal(images.numpy(), np.stack([sample["image"] for sample in generator]))
    masks = torch.cat([batch["annotations"] for batch in batches])
    assert np.array_equal(masks.numpy(), np.stack([sample["annotations"] for sample in generator]))


def test_tensors_are_stacked_where_their_shapes_are_equal() -> None:
    torch = pytest.importorskip("torch")
    batch = collate_torch(BATCH)
    assert [box.shape for box in batch["box"]] == [(2, 4), (1, 4)]
    assert batch["labels"] == [["a", "b"], ["c"]]
    same = [{"a": torch.zeros(2), "b": np.zeros(3)}, {"a": torch.ones(2), "b": np.ones(3)}]
    assert collate_torch(same)["a"].tolist() == [[0, 0], [1, 1]]
    assert collate_torch(same)["b"].shape == (2, 3)
    ragged = [{"a": torch.zeros(2)}, {"a": torch.zeros(1)}]
    assert len(collate_torch(ragged)["a"]) == 2
    assert (HEIGHT, WIDTH) == (32, 40)
