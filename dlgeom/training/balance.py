"""The order of a generator: shuffled, and balanced over the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEFAULT_SEED", "balanced_rows", "generator_of", "shuffled"]

DEFAULT_SEED = 256
"""The documented seed where none is given."""

Ints = NDArray[np.int64]


def generator_of(seed: int, *more: int) -> np.random.Generator:
    """Return a generator of random numbers that some whole numbers say."""
    return np.random.default_rng([abs(seed), int(seed < 0), *more])


def balanced_rows(class_ids: Ints, random: np.random.Generator) -> Ints:
    """Draw rows so that each class has as many as the largest one.

    Parameters
    ----------
    class_ids : ndarray of int64, shape (N,)
        Class of each row.
    random : Generator
        Draws the further rows of the smaller classes, with replacement.

    Returns
    -------
    ndarray of int64
        Indexes of rows: each row once, ascending, then the further ones, class by class.
    """
    ids, counts = np.unique(class_ids, return_counts=True)
    most = int(counts.max()) if len(counts) else 0
    drawn = [np.arange(len(class_ids), dtype=np.int64)]
    for number, count in zip(ids.tolist(), counts.tolist(), strict=True):
        if count < most:
            drawn.append(random.choice(np.flatnonzero(class_ids == number), most - count))
    return np.concatenate(drawn).astype(np.int64)


def shuffled(entries: Ints, random: np.random.Generator) -> Ints:
    """Return the entries in a random order."""
    return entries[random.permutation(len(entries))]
