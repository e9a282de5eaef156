"""The class that augmentations are made from."""

from __future__ import annotations

import numpy as np

import dlgeom as dl
from dlgeom.training.augment import Augmentation


class Right(Augmentation, frozen=True, kw_only=True):
    """Moves everything to the right, as a user's own augmentation."""

    def draw(self, size: tuple[int, int], random: np.random.Generator) -> dl.Affine:
        return dl.Affine.translate(3, 0, size=size)


def test_a_step_changes_what_it_draws_and_nothing_without() -> None:
    image = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    found = dl.Item(name="a.jpg", width=10, height=10).annotations.builder()
    found.add(dl.Box(1, 1, 4, 4, "cat"))
    random = np.random.default_rng(0)
    same, kept = Augmentation()(image, found, random)
    assert same is image
    assert kept is found
    moved, after = Right()(image, found, random)
    assert np.array_equal(moved[:, 3:], image[:, :-3])
    assert after[0].bounds == (4, 1, 7, 4)
