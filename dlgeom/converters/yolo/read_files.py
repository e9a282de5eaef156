"""Label files of a window, read with as few calls to the system as it takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from dlgeom.converters.inputs import check_inside, read_bytes, unreadable
from dlgeom.converters.yolo.read_splits import Entry
from dlgeom.converters.yolo.read_tree import FILE, Tree
from dlgeom.errors import FormatError, OutputError
from dlgeom.limits import Limits

__all__ = ["read_labels"]

SMALL = 1 << 16
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def read_labels(
    tree: Tree,
    entries: list[Entry],
    limits: Limits,
    refuse: Callable[[FormatError | OutputError], None],
) -> Iterator[tuple[int, bytes]]:
    """Yield position and content of each label file that can be read, b"" where there is none.

    Parameters
    ----------
    tree : Tree
        The data set; its listings tell regular files from links, pipes and devices.
    entries : list of Entry
        The window.
    limits : Limits
        ``label_bytes`` holds.
    refuse : callable
        Told of a file that cannot be read or trusted; it may raise.
    """
    root = f"{tree.root}/"
    opened, read, close = os.open, os.read, os.close
    folder, listed = None, {}
    small = min(SMALL, limits.label_bytes + 1)
    for position, entry in enumerate(entries):
        label = entry.label
        if label is None:
            yield position, b""
            continue
        place, _, base = label.rpartition("/")
        if place != folder:
            folder, listed = place, tree.listing(place)
        try:
            if listed.get(base) != FILE:
                yield position, _read_carefully(tree, label, limits)
                continue
            descriptor = opened(root + label, _FLAGS)
            try:
                data = read(descriptor, SMALL)
            finally:
                close(descriptor)
            yield position, (data if len(data) < small else _read_carefully(tree, label, limits))
        except OutputError as error:
            refuse(error)
        except OSError as error:
            refuse(unreadable(error, label))
        except FormatError as error:
            refuse(error)


def _read_carefully(tree: Tree, label: str, limits: Limits) -> bytes:
    """Read a file that is large or a link, or anything but a file."""
    path = tree.path(label)
    check_inside(path, tree.root, label)
    return read_bytes(path, limits=limits, shown=label, empty=True)
