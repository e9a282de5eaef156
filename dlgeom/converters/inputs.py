"""Reading of input files: regular files only, within limits, as text in a known encoding."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from dlgeom.converters.lazy import fetched
from dlgeom.errors import FormatError, LimitError, OutputError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["check_inside", "check_regular", "check_size", "decode_text", "read_bytes", "unreadable"]

_OPTION = {
    "file_bytes": "an annotation file",
    "label_bytes": "a label, XML or subtitle file",
    "yaml_bytes": "a class file",
}


def unreadable(error: OSError, shown: str) -> OutputError:
    """Return the error for an input that the system does not let us read."""
    return OutputError(
        f"cannot be read ({error.strerror or error}). Check the path and its permissions",
        code="io.read",
        path=shown,
    )


def check_regular(status: os.stat_result, shown: str) -> None:
    """Refuse what is not a regular file: a pipe would hang, a device never ends."""
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
        raise FormatError(
            f"is {kind}; inputs are regular files. Name the file itself",
            code="file.not_regular",
            path=shown,
        )


def check_inside(path: Path, root: Path, shown: str) -> None:
    """Refuse a path that leads out of `root` through a symbolic link.

    Raises
    ------
    FormatError
        ``path.symlink``.
    """
    real, base = os.path.realpath(path), os.path.realpath(root)
    if real != base and not real.startswith(base.rstrip(os.sep) + os.sep):
        raise FormatError(
            "is a symbolic link that leads out of the data set; it is not followed. "
            "Put the file itself there",
            code="path.symlink",
            path=shown,
        )


def check_size(data: bytes, limits: Limits, shown: str, limit_name: str = "label_bytes") -> None:
    """Refuse to write a file that is too large to be read again with the same limits.

    Raises
    ------
    LimitError
        ``limit.bytes``.
    """
    limits.check(
        limit_name,
        len(data),
        code="limit.bytes",
        what=f"the size of {_OPTION[limit_name]} to write, in bytes,",
        path=shown,
    )


def read_bytes(
    path: Path | str,
    *,
    limit_name: str = "label_bytes",
    limits: Limits = DEFAULT_LIMITS,
    shown: str | None = None,
    empty: bool = False,
) -> bytes:
    """Read a whole file after a look at its kind and size.

    Parameters
    ----------
    path : Path or str
        The file.
    limit_name : str
        The field of `limits` that holds for it.
    shown : str, optional
        Path for messages; `path` if not given.
    empty : bool
        Whether a file of 0 bytes is fine.

    Raises
    ------
    FormatError
        ``file.not_regular`` or ``file.empty``.
    LimitError
        ``limit.bytes``.
    OutputError
        ``io.read`` where the system refuses.
    """
    shown = str(path) if shown is None else shown
    path = fetched(path)
    try:
        # A pipe opened for reading blocks until somebody writes; O_NONBLOCK returns at once.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise unreadable(error, shown) from error
    try:
        status = os.fstat(descriptor)
        check_regular(status, shown)
        allowed = getattr(limits, limit_name)
        if status.st_size > allowed:
            raise LimitError(
                f"has {status.st_size} bytes; {_OPTION.get(limit_name, 'it')} may have {allowed} "
                f"(limit {limit_name}). Raise it with --limit {limit_name}={status.st_size}",
                code="limit.bytes",
                path=shown,
            )
        pieces = []
        left = allowed + 1
        while left > 0 and (piece := os.read(descriptor, min(left, 1 << 24))):
            pieces.append(piece)
            left -= len(piece)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise unreadable(error, shown) from error
    finally:
        os.close(descriptor)
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if not data and not empty:
        raise FormatError(
            "has 0 bytes; there is nothing to read. Was it written completely?",
            code="file.empty",
            path=shown,
        )
    return data


def decode_text(data: bytes, shown: str) -> tuple[str, str]:
    """Decode UTF-8 with or without a byte order mark, or UTF-16 with one.

    Returns
    -------
    text : str
        Without the mark.
    note : str
        "" or ``encoding.not_utf8``.

    Raises
    ------
    FormatError
        ``encoding.invalid``.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, note = "utf-16", "encoding.not_utf8"
    else:
        encoding, note = "utf-8-sig", ""
    try:
        return data.decode(encoding), note
    except UnicodeDecodeError as error:
        raise FormatError(
            f"is not valid {encoding.upper().removesuffix('-SIG')} at byte {error.start}; "
            "text files are UTF-8. Save it as UTF-8",
            code="encoding.invalid",
            path=shown,
        ) from error
