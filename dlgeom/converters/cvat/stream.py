"""CVAT's XML element by element: what was dealt with is let go.

Files of tracks can be large, so that no tree of the whole file is ever made: one track or one
image with all below it is held at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlgeom.converters.inputs import check_regular, unreadable
from dlgeom.converters.voc.xmlio import Element, check_doctype, check_tree, syntax_error
from dlgeom.errors import FormatError, LimitError, OutputError
from dlgeom.limits import Limits

__all__ = ["elements", "safe_parser"]

_HEAD = 1 << 16


def safe_parser() -> Any:
    """Return a parser for fragments that fetches and expands nothing."""
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def elements(path: Path, *, limits: Limits, shown: str) -> Iterator[Element]:
    """Yield the children of the root, each complete, and forget them afterwards.

    Parameters
    ----------
    path : Path
        The file.
    limits : Limits
        ``file_bytes``, ``depth`` and ``text``.
    shown : str
        Path for messages.

    Raises
    ------
    FormatError
        ``xml.syntax``, ``xml.entity``, ``xml.namespace``, ``schema.root``, ``encoding.invalid``,
        ``file.empty``, ``file.not_regular``, ``limit.depth``, ``limit.bytes``.
    OutputError
        ``io.read``.
    """
    from lxml import etree

    file = _open(path, limits, shown)
    try:
        head = file.read(_HEAD)
        file.seek(0)
        walk = etree.iterparse(
            file,
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        root: Element = None
        try:
            for event, element in walk:
                if root is None:
                    root = element
                    check_doctype(root.getroottree(), shown)
                    _check_root(root, shown)
                elif event == "end" and element.getparent() is root:
                    check_tree(element, limits=limits, shown=shown)
                    _check_text(element, limits, shown)
                    yield element
                    element.clear()
                    while element.getprevious() is not None:
                        del root[0]
        except etree.XMLSyntaxError as error:
            raise syntax_error(str(error), head, shown) from error
        except (LookupError, UnicodeError) as error:
            raise FormatError(
                f"cannot be decoded ({error}). Save it as UTF-8",
                code="encoding.invalid",
                path=shown,
            ) from error
    finally:
        file.close()


def _open(path: Path, limits: Limits, shown: str) -> Any:
    """Open a regular file within the limits; a pipe in its place would block."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise unreadable(error, shown) from error
    try:
        status = os.fstat(descriptor)
        check_regular(status, shown)
        if status.st_size > limits.file_bytes:
            raise LimitError(
                f"has {status.st_size} bytes; an annotation file may have {limits.file_bytes} "
                f"(limit file_bytes). Raise it with --limit file_bytes={status.st_size}",
                code="limit.bytes",
                path=shown,
            )
        if not status.st_size:
            raise FormatError(
                "has 0 bytes; there is nothing to read. Was it written completely?",
                code="file.empty",
                path=shown,
            )
        return os.fdopen(descriptor, "rb")
    except (FormatError, OutputError):
        os.close(descriptor)
        raise


def _check_root(root: Element, shown: str) -> None:
    name = str(root.tag)
    if name == "annotations":
        return
    if name.startswith("{"):
        raise FormatError(
            f"root is {name[:80]!r}; CVAT's elements have no namespace. Remove it",
            code="xml.namespace",
            path=shown,
        )
    raise FormatError(
        f"root is <{name[:40]}>; CVAT's XML has <annotations>. Is it another format?",
        code="schema.root",
        path=shown,
    )


_LONG = frozenset({"points", "rle"})
"""Attributes that have limits of their own: numbers of points and of runs."""


def _check_text(top: Element, limits: Limits, shown: str) -> None:
    for element in top.iter():
        values = [value for key, value in element.attrib.items() if key not in _LONG]
        longest = max(map(len, (element.text or "", *values)))
        if longest > limits.text and element.tag != "svg":
            limits.check(
                "text",
                longest,
                code="limit.text",
                what=f"length of the text of <{element.tag}>",
                path=shown,
            )
