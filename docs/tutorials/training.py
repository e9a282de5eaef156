"""Training: read COCO, augment, draw one batch, fit a model; with NumPy, and PyTorch if installed.

python docs/tutorials/training.py [picture.png]
"""

import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import dlgeom
from dlgeom.training import (
    DatasetGenerator,
    Letterbox,
    RandomCrop,
    RandomFlip,
    RandomRotate,
    collate_default,
    collate_detection,
)

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"

# Mirror, turn, crop, and make all images one size. Image and annotations move together.
augment = [
    RandomFlip(p=0.5),
    RandomRotate(degrees=15),
    RandomCrop(scale=(0.7, 1.0)),
    Letterbox(size=(192, 192)),
]

# One batch as a picture: what the model is going to see.
shown = DatasetGenerator(SAMPLE, "segment", transforms=augment, seed=4)
rows = []
for epoch in range(2):
    shown.set_epoch(epoch)  # another order, other augmentations
    samples = [shown.visualize(index) for index in range(4)]
    framed = [np.pad(one, ((2, 2), (2, 2), (0, 0)), constant_values=255) for one in samples]
    rows.append(np.hstack(framed))
picture = np.vstack(rows)
assert picture.shape == (2 * 196, 4 * 196, 3)
with tempfile.TemporaryDirectory() as folder:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "batch.png"
    Image.fromarray(picture).save(place)

# Class ids of each pixel, as stacked arrays. The labels, sorted by name, have the ids 1, 2, ...
train = DatasetGenerator(
    SAMPLE, "binary", transforms=augment, batch_size=4, collate_fn=collate_default, num_workers=2
)
batch = train[0]
assert batch["image"].shape == (4, 192, 192, 3)
assert batch["annotations"].shape == (4, 192, 192)
assert set(np.unique(batch["annotations"])) <= set(train.id_to_label_map) | {0}

# NumPy only: a linear model that tells the class of a pixel by its colour.
classes = train.num_classes + 1
weights = np.zeros((4, classes))
losses = []
for epoch in range(12):
    train.set_epoch(epoch)
    for batch in train:
        colors = batch["image"].reshape(-1, 3) / 255
        inputs = np.column_stack((colors, np.ones(len(colors))))
        wanted = np.eye(classes)[batch["annotations"].reshape(-1)]
        scores = inputs @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        losses.append(float(-np.log((odds * wanted).sum(axis=1)).mean()))
        weights -= 4.0 * inputs.T @ (odds - wanted) / len(inputs)
assert losses[-1] < 0.6 * losses[0]

# PyTorch: samples are (image, target), in the layout of torchvision's detection models.
if importlib.util.find_spec("torch") is not None:
    import torch

    torch.manual_seed(0)
    detect = DatasetGenerator(
        SAMPLE,
        "segment",
        transforms=augment,
        batch_size=2,
        collate_fn=collate_detection,
        output="torch",
    )
    images, targets = detect[0]
    assert images[0].shape == (3, 192, 192)
    assert {"boxes", "labels", "masks", "image_id", "area", "iscrowd"} == set(targets[0])

    pixels = DatasetGenerator(SAMPLE, "binary", transforms=augment)
    loader = torch.utils.data.DataLoader(pixels, batch_size=4, collate_fn=collate_default)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, classes, 1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for epoch in range(6):
        pixels.set_epoch(epoch)
        for batch in loader:
            inputs = torch.from_numpy(batch["image"]).permute(0, 3, 1, 2) / 255
            wanted = torch.from_numpy(batch["annotations"]).long()
            loss = torch.nn.functional.cross_entropy(model(inputs), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]

print("training: all as expected")
