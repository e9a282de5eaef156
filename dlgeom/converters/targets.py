"""Where a target lies: on disk, or at an address."""

from __future__ import annotations

import os
from pathlib import Path

from dlgeom.converters.output import Output
from dlgeom.converters.places import local_path, shown_source, url_of
from dlgeom.converters.resume import Run
from dlgeom.errors import OutputError, UsageError

__all__ = ["check_apart", "output_at"]

PathLike = str | os.PathLike[str]


def output_at(
    target: PathLike,
    *,
    single: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
    run: Run | None = None,
    resume: bool = False,
    staged: bool = False,
) -> Output:
    """Start a target, on disk or at an address.

    Parameters
    ----------
    target : path or str
        File or folder to write.
    single, overwrite, dry_run, run, resume
        As for `Output`.
    staged : bool
        Whether a target at an address is made on disk first.

    Raises
    ------
    UsageError
        For an address that cannot be written, or to be resumed.
    OutputError
        As `Output`.
    """
    url = url_of(target)
    here = None if url is None else local_path(url)
    if url is None or here is not None:
        return Output(
            here or Path(target),
            single=single,
            overwrite=overwrite,
            dry_run=dry_run,
            run=run,
            resume=resume,
        )
    if resume:
        raise UsageError(
            f"{shown_source(url)}: a target at an address is written anew, there is no going on "
            "with it. Leave out --resume, and give --overwrite if something is there"
        )
    from dlgeom.converters.remote.writing import remote_output

    return remote_output(url, single=single, overwrite=overwrite, dry_run=dry_run, staged=staged)


def check_apart(source: PathLike, target: PathLike) -> None:
    """Refuse a target that is the source, or a folder around it.

    Raises
    ------
    OutputError
        ``output.overlaps_input``.
    """
    one, other = _place(source), _place(target)
    step = "/" if "://" in one else os.sep
    if other == one or one.startswith(other.rstrip(step) + step):
        raise OutputError(
            "is or holds the source; inputs are never changed. Choose another target",
            code="output.overlaps_input",
            path=shown_source(target),
        )


def _place(path: PathLike) -> str:
    """Return the real path, or the address of what is there: of a chain, its archive."""
    url = url_of(path)
    if url is None:
        return os.path.realpath(path)
    last = url.rpartition("::")[2]
    if "://" not in last:
        return os.path.realpath(last)
    here = local_path(last)
    return last.rstrip("/") if here is None else os.path.realpath(here)
