"""Files of a private folder whose content comes when it is needed, and what stands for that folder.

A data set in an archive or at an address is laid out in a private folder. Its images are empty
files there until somebody asks for one of them: `fetched` before it is opened, `peeked` where the
header is enough. In messages the folder is named as the user named the source: `told`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol, TypeVar

from dlgeom.errors import DlgeomError

__all__ = [
    "Store",
    "add",
    "fetch_all",
    "fetched",
    "forget",
    "is_private",
    "peeked",
    "told",
    "told_error",
]

P = TypeVar("P", bound=str | Path)


class Store(Protocol):
    """Where the files of a private folder come from."""

    def fetch(self, path: str) -> None:
        """Fill a file of the folder, if it is not filled yet."""
        ...

    def peek(self, path: str) -> IO[bytes] | None:
        """Open a file that is not filled yet where its content lies; None if it is filled."""
        ...

    def fill_all(self) -> None:
        """Fill all files."""
        ...

    def told(self, path: str) -> str:
        """Return how messages name a file of the folder."""
        ...


_stores: dict[str, Store] = {}


def add(root: str, store: Store) -> None:
    """Make a private folder known."""
    _stores[root] = store


def forget(root: str) -> None:
    """Forget a private folder."""
    _stores.pop(root, None)


def _store(path: str) -> Store | None:
    for root, store in _stores.items():
        if path.startswith(root):
            return store
    return None


def is_private(path: str | os.PathLike[str] | None) -> bool:
    """Whether a path lies in a private folder, which ends with the source."""
    return path is not None and bool(_stores) and _store(os.fspath(path)) is not None


def fetched(path: P) -> P:
    """Return a path whose content is there.

    Raises
    ------
    FormatError, OutputError
        If it is in an archive, or at an address, from which it cannot be read.
    """
    if _stores:
        text = str(path)
        store = _store(text)
        if store is not None:
            store.fetch(text)
    return path


def fetch_all(path: str | os.PathLike[str] | None) -> None:
    """Fill all files of the private folder that a path lies in, for other processes to see."""
    store = None if path is None or not _stores else _store(os.fspath(path))
    if store is not None:
        store.fill_all()


def peeked(path: str | os.PathLike[str]) -> IO[bytes] | None:
    """Open a file whose content did not come yet, None for any other."""
    if not _stores:
        return None
    text = os.fspath(path)
    store = _store(text)
    return None if store is None else store.peek(text)


def told(text: str) -> str:
    """Return a text in which private folders are named as the user named the source."""
    for root, store in list(_stores.items()):
        at = text.find(root)
        while at >= 0:
            end = at + len(root)
            while end < len(text) and text[end] not in "\n'\";:,)":
                end += 1
            name = store.told(text[at:end])
            text = text[:at] + name + text[end:]
            at = text.find(root, at + len(name))
    return text


def told_error(error: BaseException, name: Callable[[str], str] | None = None) -> None:
    """Name private folders in an error as the user named the source.

    Parameters
    ----------
    error : BaseException
        Changed in place, where it is an error of ours.
    name : callable, optional
        Says how a path relative to the source is named.
    """
    if not isinstance(error, DlgeomError):
        return
    path = getattr(error, "path", None)
    old = str(error)
    new = told(old)
    if path is not None:
        error.path = told(path)  # type: ignore[attr-defined]
        if name is not None and error.path == path:  # type: ignore[attr-defined]
            named = name(path)
            error.path = named  # type: ignore[attr-defined]
            if named != path and new.startswith(path):
                new = named + new[len(path) :]
    message = getattr(error, "message", None)
    if isinstance(message, str):
        error.message = told(message)  # type: ignore[attr-defined]
    if new != old:
        error.args = (new, *error.args[1:])
