"""Which key points change places when an image is mirrored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlgeom.errors import UsageError

__all__ = ["checked_flip", "flip_for", "flip_pairs"]

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W_A-Za-z0-9]+")
_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l", "lt": "rt", "rt": "lt"}
_GLUED = re.compile(r"left|right")


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: left_eye, "left eye", leftEye, eye.L."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def _mirrored(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words with each side exchanged; the same words if they name no side."""
    swapped = tuple(_SIDES.get(word, word) for word in words)
    if swapped != words:
        return swapped
    # lefteye: without a mark between the words.
    return tuple(_GLUED.sub(lambda found: _SIDES[found[0]], word) for word in words)


def flip_pairs(names: Sequence[str]) -> tuple[int, ...]:
    """Return for each name the position of the one on the other side.

    Names are compared word by word, in any case and with any marks between: ``left_eye`` and
    ``right_eye``, ``Left Eye``, ``leftEye``, ``l_eye``, ``LEye``, ``eye.L``. A name whose partner
    is missing, or there twice, keeps its own position.

    Examples
    --------
    >>> flip_pairs(["nose", "left_eye", "right_eye", "ear.L", "ear.R", "left_knee"])
    (0, 2, 1, 4, 3, 5)
    """
    words = [_words(name) for name in names]
    places: dict[tuple[str, ...], list[int]] = {}
    for place, name in enumerate(words):
        places.setdefault(name, []).append(place)
    pairs = []
    for place, name in enumerate(words):
        partner = _mirrored(name)
        found = places.get(partner, [])
        alone = len(found) == 1 and len(places[name]) == 1 and _mirrored(partner) == name
        pairs.append(found[0] if alone else place)
    return tuple(pairs)


def checked_flip(value: Any, points: int, label: str | None) -> tuple[int, ...]:
    """Return positions of key points as a tuple, or raise `UsageError`."""
    try:
        given = tuple(int(place) for place in np.asarray(value).tolist())
        exact = list(given) == np.asarray(value).tolist()
    except (TypeError, ValueError):
        given, exact = (), False
    if not exact or sorted(given) != list(range(points)):
        raise UsageError(
            f"flip_idx of {label!r} is {value!r}; a pose of {points} points needs each of "
            f"0..{points - 1} once"
        )
    return given


def flip_for(
    flip_idx: Any, label: str | None, names: Sequence[str], known: Mapping[str, tuple[int, ...]]
) -> tuple[int, ...] | None:
    """Return which points of a pose change places, or None if none do.

    Parameters
    ----------
    flip_idx : sequence of int, mapping of label to sequence of int, False, or None
        What the caller asks for.
    label : str or None
        Class of the pose.
    names : sequence of str
        Names of its key points.
    known : mapping of str to tuple of int
        What the labels of the collection say.
    """
    if flip_idx is False:
        return None
    if flip_idx is not None:
        if not isinstance(flip_idx, Mapping):
            return checked_flip(flip_idx, len(names), label)
        if label in flip_idx:
            return checked_flip(flip_idx[label], len(names), label)
    if label is not None and len(known.get(label, ())) == len(names) > 0:
        return checked_flip(known[label], len(names), label)
    return flip_pairs(names)
